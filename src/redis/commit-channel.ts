/**
 * commit-channel.ts – Hears of the commits of partitions that other processes own, by a channel for
 * each, named as the partition's `meta`.
 *
 * Keeps true: a channel is followed only while somebody waits for its partition, and a moment
 * longer. News may be lost, and nothing rests on it. The channels are sharded: on a cluster only
 * the partition's own nodes pass them on.
 */
import type { Redis } from 'ioredis';
import type { CommitChannel } from '../membership/commit-news.ts';
import { openConnection } from './connection.ts';
import type { PartitionKeys } from './keys.ts';

/** A channel for which nobody has waited so long is left at its next news. */
const FOLLOWED_MS = 5000;

export class RedisCommitChannel implements CommitChannel {
  readonly #url: string;
  readonly #onError: (error: Error) => void;
  readonly #channels: readonly string[];
  readonly #onCommit: (partition: number) => void;
  /** When a partition was last waited for; undefined: its channel is not followed. */
  readonly #awaitedMs: (number | undefined)[] = [];
  #redis: Redis | undefined;
  #opening: Promise<Redis> | undefined;
  #isClosed = false;

  constructor(
    url: string,
    keys: readonly PartitionKeys[],
    onCommit: (partition: number) => void,
    onError: (error: Error) => void,
  ) {
    this.#url = url;
    this.#channels = keys.map(({ meta }) => meta);
    this.#onCommit = onCommit;
    this.#onError = onError;
  }

  follow(partition: number): void {
    if (this.#isClosed) return;
    const isFollowed = this.#awaitedMs[partition] !== undefined;
    this.#awaitedMs[partition] = performance.now();
    if (isFollowed) return;
    void this.#subscribe(partition).catch(() => {
      this.#awaitedMs[partition] = undefined; // the next who waits tries again
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#redis?.disconnect();
  }

  async #subscribe(partition: number): Promise<void> {
    const redis = await (this.#opening ??= this.#open());
    await redis.ssubscribe(this.#channels[partition]!);
  }

  async #open(): Promise<Redis> {
    const redis = openConnection({ url: this.#url, onError: this.#onError });
    this.#redis = redis;
    redis.on('smessage', (channel: string) => this.#hear(this.#channels.indexOf(channel)));
    await redis.connect().catch(() => {}); // it goes on trying
    return redis;
  }

  #hear(partition: number): void {
    const awaitedMs = this.#awaitedMs[partition];
    if (awaitedMs === undefined) return;
    this.#onCommit(partition);
    if (performance.now() - awaitedMs < FOLLOWED_MS) return;
    this.#awaitedMs[partition] = undefined;
    this.#redis?.sunsubscribe(this.#channels[partition]!).catch(() => {});
  }
}

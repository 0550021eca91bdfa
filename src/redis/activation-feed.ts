/**
 * activation-feed.ts – The feeds of activations in Redis: a stream per partition.
 *
 * Keeps true: entries are read by a blocking connection of this object's own, so that a slow
 * webhook delays no partition. Unlike other streams these are trimmed by what was queued, never by
 * length.
 */

import type { Redis } from 'ioredis';
import { STREAM_START } from '../change/entry-order.ts';
import type { ActivationEntry, ActivationFeed } from '../jobs/activation-feed.ts';
import type { Keys } from './keys.ts';
import { readActivations } from './rows/activation-entry.ts';
import type { StreamTail } from './stream-tail.ts';

export class RedisActivationFeed implements ActivationFeed {
  readonly #redis: Redis;
  readonly #streams: readonly string[];
  readonly #tail: StreamTail;

  constructor(redis: Redis, keys: Keys, tail: StreamTail) {
    this.#redis = redis;
    this.#streams = keys.partitions.map(({ activations }) => activations);
    this.#tail = tail;
  }

  start(): void {
    this.#tail.start();
  }

  stop(): Promise<void> {
    return this.#tail.stop();
  }

  follow(partition: number, onEntries: (entries: readonly ActivationEntry[]) => void): void {
    this.#tail.follow(this.#streams[partition]!, STREAM_START, (entries) =>
      onEntries(entries.map(([id, fields]) => readActivations(id, fields))),
    );
  }

  unfollow(partition: number): void {
    this.#tail.unfollow(this.#streams[partition]!);
  }

  pause(partition: number): void {
    this.#tail.pause(this.#streams[partition]!);
  }

  resume(partition: number): void {
    this.#tail.resume(this.#streams[partition]!);
  }

  async dropThrough(partition: number, entry: string): Promise<void> {
    await this.#redis.xtrim(this.#streams[partition]!, 'MINID', after(entry));
  }

  async size(): Promise<number> {
    const lengths = await Promise.all(this.#streams.map((stream) => this.#redis.xlen(stream)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }
}

/** The first id that comes after an entry. */
function after(entry: string): string {
  const [ms, sequence] = entry.split('-');
  return `${ms}-${Number(sequence) + 1}`;
}

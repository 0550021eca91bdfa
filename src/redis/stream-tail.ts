/**
 * stream-tail.ts – Follows many streams with one blocking XREAD on a connection of its own.
 *
 * Keeps true: a follower sees every entry after its position, in order, once per call of `follow`.
 * A follower that left or was moved sees nothing of a reply that was under way. It reconnects until
 * it is stopped. A read may block for ever on a connection that died silently; the watchdog ends
 * it.
 */
import type { Redis } from 'ioredis';
import { Alarm } from '../alarm.ts';
import { openBlockingConnection, openConnection } from './connection.ts';
import { isWrongKind } from './failures.ts';

/** An entry's id and its fields and values, alternating. */
export type StreamEntry = readonly [id: string, fields: string[]];

/** Entries that one read may bring of each stream. */
const ENTRIES_A_READ_MAX = 64;
const BLOCK_MS = 1000;
const WATCHDOG_MS = BLOCK_MS + 4000;
const RETRY_MS = 100;

/**
 * Followers act on what came before the next read is sent: asking for 50 streams takes longer than
 * a lone change needs to be applied, and all that a busy follower could read meanwhile waits in the
 * same reply.
 */
function afterFollowers(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

interface Follower {
  position: string;
  paused: boolean;
  readonly onEntries: (entries: readonly StreamEntry[]) => void;
}

export class StreamTail {
  readonly #blocking: Redis;
  /** Sends CLIENT UNBLOCK when a stream was added while the read was blocked. */
  readonly #control: Redis;
  readonly #followers = new Map<string, Follower>();
  /** Streams whose keys hold another kind of value. */
  #foreign: ReadonlySet<string> = new Set();
  #clientId: number | undefined;
  #isBlocked = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  readonly #alarm = new Alarm();

  constructor(url: string, onError: (error: Error) => void) {
    this.#blocking = openBlockingConnection({ url, onError });
    this.#control = openConnection({ url, onError });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * From now on `onEntries` gets what comes after `position`; an earlier follower of the stream is
   * replaced.
   */
  follow(
    stream: string,
    position: string,
    onEntries: (entries: readonly StreamEntry[]) => void,
  ): void {
    this.#followers.set(stream, { position, paused: false, onEntries });
    this.#restart();
  }

  unfollow(stream: string): void {
    this.#followers.delete(stream);
  }

  /** Leaves a stream out of the reads until `resume`: its follower has enough to do. */
  pause(stream: string): void {
    const follower = this.#followers.get(stream);
    if (follower) follower.paused = true;
  }

  resume(stream: string): void {
    const follower = this.#followers.get(stream);
    if (!follower?.paused) return;
    follower.paused = false;
    this.#restart();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm.ring();
    this.#blocking.disconnect();
    this.#control.disconnect();
    await this.#running;
  }

  /** Ends a read that blocks without the streams that were just added. */
  #restart(): void {
    this.#alarm.ring();
    if (this.#isBlocked && this.#clientId !== undefined)
      this.#control.client('UNBLOCK', this.#clientId).catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#connect();
        while (!this.#stopped) {
          await this.#read();
          await afterFollowers();
        }
      } catch (error) {
        // One such key would keep all others from being read.
        if (isWrongKind(error)) await this.#findForeign().catch(() => {});
        // the connection's error listener has reported it; what was not read is read again from the
        // same positions
        this.#clientId = undefined;
        await this.#alarm.sleep(RETRY_MS);
      }
    }
  }

  /** Keys that hold something else are left out until they are streams again, or nothing. */
  async #findForeign(): Promise<void> {
    const streams = [...this.#followers.keys()];
    const kinds = await Promise.all(streams.map((stream) => this.#control.type(stream)));
    const isStream = (kind: string) => kind === 'stream' || kind === 'none';
    this.#foreign = new Set(streams.filter((_, at) => !isStream(kinds[at]!)));
  }

  async #connect(): Promise<void> {
    for (const redis of [this.#blocking, this.#control]) {
      if (redis.status === 'wait' || redis.status === 'end') await redis.connect();
    }
    this.#clientId ??= await this.#blocking.client('ID');
  }

  async #read(): Promise<void> {
    if (this.#foreign.size > 0) await this.#findForeign();
    const asked = [...this.#followers].filter(
      ([stream, follower]) => !follower.paused && !this.#foreign.has(stream),
    );
    if (asked.length === 0) return this.#alarm.sleep(BLOCK_MS);
    const streams = asked.map(([stream]) => stream);
    const positions = asked.map(([, follower]) => follower.position);
    const reply = await this.#blockedRead([...streams, ...positions]);
    const followers = new Map(asked);
    for (const [stream, entries] of reply ?? []) {
      const follower = followers.get(stream)!;
      const isCurrent = this.#followers.get(stream) === follower;
      if (!isCurrent || entries.length === 0) continue;
      follower.position = entries.at(-1)![0];
      follower.onEntries(entries);
    }
  }

  async #blockedRead(streams: string[]): Promise<[string, [string, string[]][]][] | null> {
    const watchdog = setTimeout(() => this.#blocking.disconnect(true), WATCHDOG_MS);
    this.#isBlocked = true;
    try {
      return await this.#blocking.xread(
        'COUNT',
        ENTRIES_A_READ_MAX,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        ...streams,
      );
    } finally {
      this.#isBlocked = false;
      clearTimeout(watchdog);
    }
  }
}

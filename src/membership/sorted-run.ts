/**
 * sorted-run.ts – The ids of a view in its order, put together once in a sorted set of Redis and read by their rank.
 *
 * Keeps true: a run never changes once it is put together, so that whoever pages through it meets every record that was there
 * at its start exactly once; it goes away by itself after TTL_S without a reader, also when its maker dies half-way.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Problem } from '../errors.ts';
import type { CatalogKeys } from '../redis/keys.ts';
import { idOfSortMember } from './sort-key.ts';

/** What a run may cost: about 150 bytes a row in Redis, and reading every row once before the first page. */
export const SORTED_ROWS_MAX = 1_000_000;
const TTL_S = 600;

interface RunCursor {
  readonly run: string;
  /** The rank at which it goes on. */
  readonly at: number;
}

export class SortedRun {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #name: string;

  private constructor(redis: Redis, keys: CatalogKeys, slug: string, name: string) {
    this.#redis = redis;
    this.#name = name;
    this.#key = keys.sortedRun(slug, name);
  }

  /** Puts a run of a view together. @throws Problem view_too_large */
  static async make(
    redis: Redis,
    keys: CatalogKeys,
    slug: string,
    members: AsyncIterable<readonly Buffer[]>,
  ): Promise<SortedRun> {
    const run = new SortedRun(redis, keys, slug, randomUUID());
    for await (const some of members) await run.#add(some);
    return run;
  }

  /** The run that a cursor goes on in, and where. @throws Problem cursor_invalid, also if it has gone away */
  static async resume(
    redis: Redis,
    keys: CatalogKeys,
    slug: string,
    cursor: string,
  ): Promise<{ readonly run: SortedRun; readonly at: number }> {
    const { run: name, at } = unpack(cursor);
    const run = new SortedRun(redis, keys, slug, name);
    if ((await redis.expire(run.#key, TTL_S)) === 1) return { run, at };
    throw refuse(`the cursor is older than ${TTL_S} seconds, or not of this view: begin with the first page`);
  }

  /** The ids from a rank on, at most `count`. */
  async read(at: number, count: number): Promise<string[]> {
    const members = await this.#redis.zrangeBuffer(this.#key, String(at), String(at + count - 1));
    return members.map(idOfSortMember);
  }

  /** Keeps it from going away while it is read for long. */
  async keep(): Promise<void> {
    await this.#redis.expire(this.#key, TTL_S);
  }

  async remove(): Promise<void> {
    await this.#redis.unlink(this.#key);
  }

  cursor(at: number): string {
    const cursor: RunCursor = { run: this.#name, at };
    return Buffer.from(JSON.stringify(cursor)).toString('base64url');
  }

  async #add(members: readonly Buffer[]): Promise<void> {
    if (members.length === 0) return;
    const scored = members.flatMap((member) => ['0', member]);
    const replies = await this.#redis
      .multi()
      .zadd(this.#key, ...scored)
      .expire(this.#key, TTL_S)
      .exec();
    for (const [error] of replies ?? []) if (error) throw error; // a run that lacks some must not pass for whole
  }
}

function unpack(cursor: string): RunCursor {
  try {
    const { run, at } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Partial<RunCursor>;
    const isRank = Number.isSafeInteger(at) && at! >= 0;
    if (typeof run === 'string' && /^[0-9a-f-]{36}$/.test(run) && isRank) return { run, at: at! };
  } catch {
    // falls through: what is not JSON is no cursor either
  }
  throw refuse('the cursor is not one that this endpoint gave out');
}

function refuse(detail: string): Problem {
  return new Problem('cursor_invalid', detail, [{ path: '/cursor', detail }]);
}

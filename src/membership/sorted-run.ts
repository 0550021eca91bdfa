/**
 * sorted-run.ts – The ids of a view in its order, put together once in a sorted set of Redis and
 * read by their rank.
 *
 * Keeps true: a run never changes once it is put together, so that whoever pages through it meets
 * every record that was there at its start exactly once; one that is not there any more is told
 * apart from one that ended; it goes away by itself after TTL_S without a reader, also when its
 * maker dies half-way.
 */
import type { Redis } from 'ioredis';
import { asOffset, cursorInvalid, packCursor, readCursor } from '../cursor.ts';
import { Problem } from '../errors.ts';
import type { CatalogKeys } from '../redis/keys.ts';
import { idOfSortMember } from './sort-key.ts';

/**
 * Reading every row once before the first page is not for more; what a run weighs is bounded apart
 * (sorted-runs.ts).
 */
export const SORTED_ROWS_MAX = 1_000_000;
const TTL_S = 600;
/**
 * What a sorted set of Redis takes for a member beside its bytes: 133 a row of 37 were measured.
 */
const MEMBER_OVERHEAD_BYTES = 96;

interface RunCursor {
  readonly run: string;
  /** The view that it is of. */
  readonly of: string;
  /** The rank at which it goes on, of how many. */
  readonly at: number;
  readonly rows: number;
}

export class SortedRun {
  readonly name: string;
  readonly #redis: Redis;
  readonly #key: string;
  readonly #slug: string;
  #rows: number;
  #bytes = 0;

  constructor(redis: Redis, keys: CatalogKeys, slug: string, name: string, rows: number) {
    this.name = name;
    this.#redis = redis;
    this.#slug = slug;
    this.#key = keys.sortedRun(slug, name);
    this.#rows = rows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** What was added weighs in Redis, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The run that a cursor goes on in, and where. @throws Problem cursor_invalid | cursor_expired if
   * it has gone away
   */
  static async resume(
    redis: Redis,
    keys: CatalogKeys,
    slug: string,
    cursor: string,
  ): Promise<{ readonly run: SortedRun; readonly at: number }> {
    const { run: name, of, at, rows } = readCursor(cursor, asRunCursor);
    if (of !== slug)
      throw cursorInvalid('the cursor is of another view: begin with the first page');
    const run = new SortedRun(redis, keys, slug, name, rows);
    if (await run.keep()) return { run, at };
    throw expired();
  }

  /**
   * The ids from a rank on, at most `count`; fewer only at the end. @throws Problem cursor_expired
   */
  async read(at: number, count: number): Promise<string[]> {
    const wanted = Math.min(count, this.#rows - at);
    if (wanted <= 0) return [];
    const members = await this.#redis.zrangeBuffer(this.#key, String(at), String(at + wanted - 1));
    if (members.length < wanted) throw expired();
    return members.map(idOfSortMember);
  }

  /** Keeps it from going away while it is read. @returns whether it is there */
  async keep(): Promise<boolean> {
    return this.#rows === 0 || (await this.#redis.expire(this.#key, TTL_S)) === 1;
  }

  async remove(): Promise<void> {
    await this.#redis.unlink(this.#key);
  }

  cursor(at: number): string {
    const cursor: RunCursor = { run: this.name, of: this.#slug, at, rows: this.#rows };
    return packCursor(cursor);
  }

  /** Caller: one that puts the run together, before anybody reads it. */
  async add(members: readonly Buffer[]): Promise<void> {
    if (members.length === 0) return;
    const scored = members.flatMap((member) => ['0', member]);
    const replies = await this.#redis
      .multi()
      .zadd(this.#key, ...scored)
      .expire(this.#key, TTL_S)
      .exec();
    for (const [error] of replies ?? []) if (error) throw error; // a run that lacks some must not pass for whole
    this.#rows += Number(replies?.[0]?.[1] ?? 0);
    for (const { length } of members) this.#bytes += length + MEMBER_OVERHEAD_BYTES;
  }
}

function asRunCursor(place: unknown): RunCursor | undefined {
  const { run, of, at, rows } = (place ?? {}) as Partial<RunCursor>;
  const areRanks = asOffset(at) !== undefined && asOffset(rows) !== undefined;
  const isRun = typeof run === 'string' && /^[0-9a-f-]{36}$/.test(run);
  return isRun && typeof of === 'string' && areRanks
    ? { run, of, at: at!, rows: rows! }
    : undefined;
}

function expired(): Problem {
  const detail = `the order that the cursor goes on in is not kept any more: it lasts ${TTL_S} seconds, and less if many views are read; begin with the first page`;
  return new Problem('cursor_expired', detail, [{ path: '/cursor', detail }]);
}

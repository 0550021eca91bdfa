/**
 * sorted-run-store.ts – Sorted runs in Redis: a sorted set each, and a hash that registers them.
 *
 * Keeps true: what membership/sorted-run-store.ts promises. All members have the score 0, so that a
 * set is in the order of their bytes. A run without rows has no key; it is there as long as its
 * entry is.
 */
import type { Redis } from 'ioredis';
import type {
  AddedRows,
  RunEntry,
  RunName,
  SortedRunStore,
} from '../membership/sorted-run-store.ts';
import type { CatalogKeys } from './keys.ts';
import { carriedOut } from './transaction.ts';

/** The memory of a member of a sorted set beside its bytes: 133 a row of 37 were measured. */
const MEMBER_OVERHEAD_BYTES = 96;

/** The hash field of a run: its entry without its name. */
type Registered = Omit<RunEntry, 'name'>;

export class RedisSortedRunStore implements SortedRunStore {
  readonly #redis: Redis;
  readonly #keys: CatalogKeys;

  constructor(redis: Redis, keys: CatalogKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async add(run: RunName, members: readonly Buffer[], ttlS: number): Promise<AddedRows> {
    const key = this.#keyOf(run);
    const scored = members.flatMap((member) => ['0', member]);
    const transaction = this.#redis
      .multi()
      .zadd(key, ...scored)
      .expire(key, ttlS);
    const [rows] = await carriedOut(transaction);
    const bytes = members.reduce((all, { length }) => all + length + MEMBER_OVERHEAD_BYTES, 0);
    return { rows: rows as number, bytes };
  }

  read(run: RunName, from: number, count: number): Promise<Buffer[]> {
    return this.#redis.zrangeBuffer(this.#keyOf(run), String(from), String(from + count - 1));
  }

  async keep(run: RunName, ttlS: number): Promise<boolean> {
    return (await this.#redis.expire(this.#keyOf(run), ttlS)) === 1;
  }

  async remove(run: RunName): Promise<void> {
    const { sortedRuns } = this.#keys;
    await carriedOut(this.#redis.multi().unlink(this.#keyOf(run)).hdel(sortedRuns, run.name));
  }

  async register({ name, ...registered }: RunEntry): Promise<void> {
    await this.#redis.hset(this.#keys.sortedRuns, name, JSON.stringify(registered));
  }

  async entries(): Promise<RunEntry[]> {
    const stored = Object.entries(await this.#redis.hgetall(this.#keys.sortedRuns));
    const entries = stored.map(([name, text]) => ({ ...(JSON.parse(text) as Registered), name }));
    const exists = await Promise.all(entries.map((run) => this.#redis.exists(this.#keyOf(run))));
    const isThere = ({ rows }: RunEntry, at: number) => exists[at] === 1 || rows === 0;
    const gone = entries.filter((entry, at) => !isThere(entry, at)).map(({ name }) => name);
    if (gone.length > 0) await this.#redis.hdel(this.#keys.sortedRuns, ...gone);
    return entries.filter(isThere);
  }

  #keyOf({ slug, name }: RunName): string {
    return this.#keys.sortedRun(slug, name);
  }
}

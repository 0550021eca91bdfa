/**
 * session-store.ts – Sessions in Redis: a string each, which expires, and per key the order in
 * which they began.
 *
 * Keeps true: what api/session-store.ts promises. A use is written only when the last one was noted
 * over `NOTED_MS` ago. The order may list what has expired; a new session clears that up.
 */
import type { Redis } from 'ioredis';
import type { SessionBounds, SessionEntry, SessionStore } from '../api/session-store.ts';
import type { CatalogKeys } from './keys.ts';
import { carriedOut } from './transaction.ts';

/** A use within so long of the last one is not noted again. */
const NOTED_MS = 60_000;

export class RedisSessionStore implements SessionStore {
  readonly #redis: Redis;
  readonly #keys: CatalogKeys;

  constructor(redis: Redis, keys: CatalogKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async begin(
    { session, key }: SessionEntry,
    nowMs: number,
    { idleMs, lifetimeMs, perKey }: SessionBounds,
  ): Promise<void> {
    const order = this.#keys.sessionsOf(key);
    const transaction = this.#redis
      .multi()
      .set(this.#keys.session(session), `${nowMs}:${key}`, 'PX', idleMs)
      .zremrangebyscore(order, '-inf', String(nowMs - lifetimeMs))
      .zadd(order, nowMs, session)
      .pexpire(order, lifetimeMs)
      .zcard(order);
    const count = (await carriedOut(transaction)).at(-1) as number;
    if (count <= perKey) return;
    const oldest = await this.#redis.zpopmin(order, count - perKey);
    const sessions = oldest.filter((_, at) => at % 2 === 0);
    await this.#redis.unlink(...sessions.map((each) => this.#keys.session(each)));
  }

  async use(
    session: string,
    nowMs: number,
    { idleMs, lifetimeMs }: SessionBounds,
  ): Promise<string | undefined> {
    const name = this.#keys.session(session);
    const read = this.#redis.multi().get(name).pttl(name);
    const [text, leftMs] = (await carriedOut(read)) as [string | null, number];
    const [, since, key] = /^(\d+):([0-9a-f]{64})$/.exec(text ?? '') ?? [];
    if (since === undefined) return undefined;
    const untilMs = Number(since) + lifetimeMs;
    if (nowMs >= untilMs) return undefined;
    const ttlMs = Math.min(idleMs, untilMs - nowMs);
    // Of one that was ended meanwhile nothing is left that could expire.
    if (leftMs < ttlMs - NOTED_MS) await this.#redis.pexpire(name, ttlMs);
    return key;
  }

  async end({ session, key }: SessionEntry): Promise<void> {
    const order = this.#keys.sessionsOf(key);
    await carriedOut(this.#redis.multi().unlink(this.#keys.session(session)).zrem(order, session));
  }

  async endAll(key: string): Promise<void> {
    const order = this.#keys.sessionsOf(key);
    const sessions = await this.#redis.zrange(order, '0', '-1');
    const names = sessions.map((each) => this.#keys.session(each));
    await this.#redis.unlink(order, ...names);
  }
}

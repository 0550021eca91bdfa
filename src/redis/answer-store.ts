/**
 * answer-store.ts – Answers for Idempotency-Keys in Redis: a string each, and per holder their
 * order.
 *
 * Keeps true: a reservation is the word `pending` under the request's key. An answer's weight
 * counts its key and its place in the order too.
 */
import type { Redis } from 'ioredis';
import type { AnsweredRequest, AnswerStore, StoredAnswer } from '../api/answer-store.ts';
import type { CatalogKeys } from './keys.ts';
import { runScript } from './scripts.ts';

const PENDING = 'pending';
/** What Redis takes for a kept answer beside its bytes: its key, and its place in the order. */
const OVERHEAD_BYTES = 400;
/** An answer or a reservation can end between two questions; then it is asked again. */
const ATTEMPTS_MAX = 3;

export class RedisAnswerStore implements AnswerStore {
  readonly #redis: Redis;
  readonly #keys: CatalogKeys;

  constructor(redis: Redis, keys: CatalogKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async reserve(digest: string, ttlMs: number): Promise<'reserved' | 'busy' | StoredAnswer> {
    const key = this.#keys.idempotency(digest);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (await this.#redis.set(key, PENDING, 'PX', ttlMs, 'NX')) return 'reserved';
      const found = await this.#redis.get(key);
      if (found === PENDING) break;
      if (found !== null) return JSON.parse(found) as StoredAnswer;
    }
    return 'busy';
  }

  async renew(digest: string, ttlMs: number): Promise<void> {
    await this.#redis.pexpire(this.#keys.idempotency(digest), ttlMs);
  }

  async release(digest: string): Promise<void> {
    await this.#redis.unlink(this.#keys.idempotency(digest));
  }

  async keep(
    { digest, holder }: AnsweredRequest,
    answer: StoredAnswer,
    ttlMs: number,
    bytesMax: number,
  ): Promise<void> {
    const text = JSON.stringify(answer);
    await this.#redis.set(this.#keys.idempotency(digest), text, 'PX', ttlMs);
    const gone = await runScript(this.#redis, 'keepAnswer', this.#keys.idempotencyOf(holder), {
      name: digest,
      size: Buffer.byteLength(text) + OVERHEAD_BYTES,
      nowMs: Date.now(),
      keptMs: ttlMs,
      bytesMax,
    });
    if (gone.length > 0)
      await this.#redis.unlink(...gone.map((name) => this.#keys.idempotency(name)));
  }
}

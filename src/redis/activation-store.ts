/**
 * activation-store.ts – Secrets of activations in a hash; activations that are gone in a sorted
 * set.
 *
 * Keeps true: both are written by write-catalog.lua, with the version that brings or removes an
 * activation. The sorted set is scored by the second in which an activation went.
 */
import type { Redis } from 'ioredis';
import type { ActivationStore } from '../catalog/activation-store.ts';
import type { CatalogKeys } from './keys.ts';

export class RedisActivationStore implements ActivationStore {
  readonly #redis: Redis;
  readonly #secrets: string;
  readonly #gone: string;

  constructor(redis: Redis, keys: CatalogKeys) {
    this.#redis = redis;
    this.#secrets = keys.webhookSecrets;
    this.#gone = keys.goneActivations;
  }

  async secretOf(activation: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#secrets, activation)) ?? undefined;
  }

  async withSecrets(): Promise<string[]> {
    return this.#redis.hkeys(this.#secrets);
  }

  async forgetSecrets(activations: readonly string[]): Promise<void> {
    if (activations.length > 0) await this.#redis.hdel(this.#secrets, ...activations);
  }

  async gone(): Promise<string[]> {
    return this.#redis.zrange(this.#gone, 0, '-1');
  }

  async forgetGone(beforeMs: number): Promise<void> {
    await this.#redis.zremrangebyscore(this.#gone, '-inf', Math.floor(beforeMs / 1000));
  }
}

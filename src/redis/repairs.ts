/**
 * repairs.ts – The parts of a repair that concern a partition as a whole.
 *
 * Keeps true: an owner that is expelled commits nothing more: the next owner reads what is stored.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Repairs } from '../membership/audit-store.ts';
import type { PartitionKeys } from './keys.ts';
import { META_FIELDS } from './partition-meta.ts';
import { runScript } from './scripts.ts';

const { broken, receiving } = META_FIELDS;

export class RedisRepairs implements Repairs {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  async expelOwner(partition: number): Promise<void> {
    const nonce = randomUUID();
    await runScript(this.#redis, 'expelOwner', this.#keys[partition]!, { nonce });
  }

  async forgetSource(partition: number, source: number): Promise<void> {
    const fields = [broken.name + source, receiving.name + source];
    await this.#redis.hdel(this.#keys[partition]!.meta, ...fields);
  }
}

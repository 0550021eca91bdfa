/**
 * scripts.ts – A connection with the scripts, and the keys of a partition that no other test has.
 */
import type { Redis } from 'ioredis';
import { inject } from 'vitest';
import { openConnection } from '../../src/redis/connection.ts';
import { Keys } from '../../src/redis/keys.ts';
import { freshPrefix } from './redis.ts';

export interface ScriptBench {
  readonly redis: Redis;
  readonly keys: Keys;
}

export async function openScriptBench(): Promise<ScriptBench> {
  const redis = openConnection({ url: inject('redisUrl') });
  await redis.connect();
  return { redis, keys: new Keys(freshPrefix(), 2) };
}

/**
 * deployments.ts – Lists, inspects and removes the deployments in a Redis, without opening one.
 *
 * Keeps true: looking founds nothing. A removal touches the keys of its prefix and no other.
 */
import type { Redis } from 'ioredis';
import { openConnection } from './connection.ts';
import { Keys } from './keys.ts';
import { reachRedis } from './reach.ts';

/** Keys that are removed at once. */
const UNLINKED_KEYS_MAX = 500;

export interface FoundDeployment {
  readonly partitions: number;
  readonly timeZone: string;
  /** Whether some process holds partitions. */
  readonly isServed: boolean;
}

/** The deployment with this prefix; undefined: there is none. @throws RedisServerError */
export function findDeployment(url: string, prefix: string): Promise<FoundDeployment | undefined> {
  return withRedis(url, async (redis) => {
    const { meta } = new Keys(prefix, 0).catalog;
    const [count, timeZone] = await redis.hmget(meta, 'partitions', 'time_zone');
    if (!count || !timeZone) return undefined;
    const { partitions } = new Keys(prefix, Number(count));
    const owners = await Promise.all(partitions.map(({ owner }) => redis.exists(owner)));
    const isServed = owners.some((owner) => owner === 1);
    return { partitions: partitions.length, timeZone, isServed };
  });
}

/** Removes all keys of a prefix. @throws RedisServerError */
export function removeDeployment(url: string, prefix: string): Promise<void> {
  return withRedis(url, async (redis) => {
    for await (const keys of keysOf(redis, prefix)) await redis.unlink(keys);
  });
}

async function* keysOf(redis: Redis, prefix: string): AsyncIterable<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(
      cursor,
      'MATCH',
      `${prefix}:*`,
      'COUNT',
      UNLINKED_KEYS_MAX,
    );
    if (keys.length > 0) yield keys;
    cursor = next;
  } while (cursor !== '0');
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  await reachRedis(url);
  const redis = openConnection({ url });
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

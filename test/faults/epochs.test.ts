/**
 * epochs.test.ts – A partition is taken over while a server that holds others refuses to write.
 */
import { afterEach, expect, it } from 'vitest';
import { Channels } from '../../src/engine/channels.ts';
import { freshEpoch } from '../../src/engine/epochs.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { isUnanswered } from '../../src/redis/failures.ts';
import { Keys } from '../../src/redis/keys.ts';
import { RedisPartitionStore } from '../../src/redis/partition-store.ts';
import { driven } from '../support/driven.ts';
import { type PrivateRedis, startPrivateRedis } from '../support/redis.ts';

const started: PrivateRedis[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

it('an epoch that no memory is left for is waited for like an answer: nobody stops for good', async () => {
  const server = await startPrivateRedis({ appendfsync: 'everysec' });
  started.push(server);
  const redis = openConnection({ url: server.url });
  await redis.connect();
  const keys = new Keys('t', 2);
  const stores = keys.partitions.map((each) => new RedisPartitionStore(redis, each));
  const begin = async () => {
    const channels = new Channels(2, freshEpoch);
    await driven(channels.beginEpochs(), { partition: 0, token: 't', stores });
    return channels.expected;
  };
  await redis.config('SET', 'maxmemory', '1');
  const refusal = await begin().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(Error);
  expect(isUnanswered(refusal), String(refusal)).toBe(true);
  await redis.config('SET', 'maxmemory', '0');
  expect([...(await begin()).keys()]).toEqual([0, 1]);
  redis.disconnect();
});

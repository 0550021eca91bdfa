/** redis-world.ts – Two partitions on a real Redis, for the conformance suite. */
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { StoredLogEntry } from '../../src/engine/partition-store.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { RedisMembershipStore } from '../../src/redis/membership-store.ts';
import { pairs } from '../../src/redis/pairs.ts';
import { RedisPartitionStore } from '../../src/redis/partition-store.ts';
import { RedisPartitionTail } from '../../src/redis/partition-tail.ts';
import { readActivations } from '../../src/redis/rows/activation-entry.ts';
import { FEED_FIELD, readFeed } from '../../src/redis/rows/feed-entry.ts';
import { packLogEntry } from '../../src/redis/rows/stream-entry.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { freshPrefix } from '../support/redis.ts';
import type { Seen, StoreWorld } from './store-world.ts';

const PARTITIONS = 2;
type Connection = ReturnType<typeof openConnection>;

export interface RedisWorld extends StoreWorld {
  /** Rows that could not be read, as they were reported. */
  readonly unreadable: { readonly key: string; readonly field: string }[];
  readonly url: string;
  readonly redis: Connection;
  readonly keys: Keys;
}

export async function openRedisWorld(): Promise<RedisWorld> {
  const redis = openConnection({ url: inject('redisUrl') });
  await redis.connect();
  const keys = new Keys(freshPrefix(), PARTITIONS);
  const install = randomUUID();
  const tail = new StreamTail(inject('redisUrl'), () => {});
  tail.start();
  const unreadable: RedisWorld['unreadable'] = [];
  for (const own of keys.partitions) await runScript(redis, 'foundPartition', own, { install });
  const of = (partition: number) => keys.partitions[partition]!;
  return {
    install,
    unreadable,
    url: inject('redisUrl'),
    redis,
    keys,
    stores: keys.partitions.map(
      (own) => new RedisPartitionStore(redis, own, (key, field) => unreadable.push({ key, field })),
    ),
    statuses: new RedisMembershipStore(redis, keys.partitions),
    tails: keys.partitions.map((own) => new RedisPartitionTail(tail, own)),
    seen: (partition) => seen(redis, of(partition)),
    appendLog: async (partition, entry: Omit<StoredLogEntry, 'id'>) =>
      (await redis.xadd(of(partition).log, '*', ...packLogEntry(entry)))!,
    loseLease: async (partition) => void (await redis.del(of(partition).owner)),
    wipe: async (partition) => void (await redis.del(...(await keysOf(redis, of(partition))))),
    snapshot: (partition) => snapshot(redis, of(partition)),
    close: async () => {
      await tail.stop();
      redis.disconnect();
    },
  };
}

function keysOf(redis: Connection, { base }: PartitionKeys): Promise<string[]> {
  return redis.keys(`${base.replace(/[{}]/g, '\\$&')}*`);
}

async function snapshot(redis: Connection, own: PartitionKeys): Promise<() => Promise<void>> {
  const held = async () => (await keysOf(redis, own)).filter((name) => name !== own.owner);
  const names = await held();
  const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
  return async () => {
    const now = await held();
    if (now.length > 0) await redis.del(...now);
    for (const [at, name] of names.entries()) await redis.restore(name, 0, dumps[at]!);
  };
}

async function seen(redis: Connection, own: PartitionKeys): Promise<Seen> {
  const counts = Object.entries(await redis.hgetall(own.counts));
  const members: Record<number, string[]> = {};
  for (const key of await keysOf(redis, own)) {
    if (!key.startsWith(`${own.base}segment:`)) continue;
    members[Number(key.slice(`${own.base}segment:`.length))] = (await redis.smembers(key)).sort();
  }
  const entries = async (key: string) => await redis.xrange(key, '-', '+');
  const ids = async (key: string) => (await entries(key)).map(([id]) => id);
  const fields = async (key: string) => (await entries(key)).map(([, flat]) => pairs(flat));
  return {
    owner: (await redis.get(own.owner)) ?? undefined,
    counts: Object.fromEntries(counts.map(([id, count]) => [id, Number(count)])),
    members,
    log: await ids(own.log),
    inbox: await ids(own.inbox),
    readers: {
      feed: (await entries(own.feed)).map(([id, flat]) => ({
        id,
        ...readFeed(pairs(flat).get(FEED_FIELD)!),
      })),
      activations: (await entries(own.activations)).map(([id, flat]) => {
        const { at, flips } = readActivations(id, flat);
        const told = flips.map(
          (flip) => `${flip.id} ${flip.entered ? 'entered' : 'left'} ${flip.cause}`,
        );
        return { at, told: [...new Set(told)], followers: flips.length };
      }),
      outcomes: (await fields(own.outcomes)).flatMap((entry) => [...entry.keys()]),
      dead: (await fields(own.dead)).map((entry) => ({
        code: entry.get('code')!,
        letter: entry.get('letter')!,
        at: Number(entry.get('at')),
      })),
    },
  };
}

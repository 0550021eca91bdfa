/**
 * repair.ts – Makes good what an audit has found to be wrong.
 *
 * Keeps true: nothing of what is kept of segments and relationships is trusted: it is built anew from the records, beside live
 * changes, and until that is done nobody is told a number. The lists of ids come first, for builds go along them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { exists, unpackRecord } from '../change/record.ts';
import { readStanding } from '../membership/standing.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import type { Deployment } from './deployment.ts';
import { askForResync } from './generations.ts';
import { partitionIn } from './resyncs.ts';

const POLL_MS = 50;

/** @throws Error if it is not done within `timeoutMs`; it goes on nevertheless. */
export async function repair(deployment: Deployment, timeoutMs: number): Promise<void> {
  await repairIds(deployment);
  await deployment.objectTypes.rebuild();
  await askBroken(deployment);
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await isRepaired(deployment))) {
    if (Date.now() > deadlineMs)
      throw new Error(`segments are still being built after ${timeoutMs / 1000} s; they go on, audit again later`);
    await sleep(POLL_MS);
  }
}

/** Lists the ids of the records that there are. On a connection of its own, whose WATCH gives way to whatever is committed meanwhile. */
async function repairIds({ redis, keys, store }: Deployment): Promise<void> {
  const watching = redis.duplicate();
  try {
    await watching.connect();
    for (const partition of keys.partitions) {
      for (const objectType of store.catalog.objectTypes.keys())
        while (!(await repairIdsOf(watching, partition, objectType)));
    }
  } finally {
    watching.disconnect();
  }
}

/** @returns false if the partition has moved on meanwhile. Reads all ids and rows of a type in one partition: a repair is rare. */
async function repairIdsOf(watching: Redis, partition: PartitionKeys, objectType: string): Promise<boolean> {
  const [listed, stored] = [partition.ids(objectType), partition.records(objectType)];
  await watching.watch(listed, stored);
  const ids = new Set(await watching.zrange(listed, '0', '-1'));
  const rows = Object.entries(await watching.hgetall(stored));
  const existing = new Set(rows.filter(([, row]) => exists(unpackRecord(row))).map(([id]) => id));
  const transaction = watching.multi();
  for (const id of existing) if (!ids.has(id)) transaction.zadd(listed, 0, id);
  for (const id of ids) if (!existing.has(id)) transaction.zrem(listed, id);
  return (await transaction.exec()) !== null;
}

/** Where a message could not be applied, its source says everything anew. */
async function askBroken({ redis, keys }: Deployment): Promise<void> {
  for (const [target, { meta }] of keys.partitions.entries()) {
    for (const field of await redis.hkeys(meta)) {
      const source = partitionIn(field, 'broken');
      if (source !== undefined) await askForResync(redis, keys, source, target);
    }
  }
}

async function isRepaired({ redis, keys, store }: Deployment): Promise<boolean> {
  await store.refresh();
  for (const { status } of store.catalog.ordinals.values()) if (status !== 'ready') return false;
  const standings = await Promise.all(keys.partitions.map((partition) => readStanding(redis, partition, [])));
  return standings.every(({ loss }) => loss === undefined);
}

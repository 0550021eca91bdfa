/**
 * activation-feed.test.ts – The feeds of activations: what was not dropped is told again, in order.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { CAUSES } from '../../src/change/cause.ts';
import type { ActivationEntry } from '../../src/jobs/activation-feed.ts';
import { RedisActivationFeed } from '../../src/redis/activation-feed.ts';
import { Keys } from '../../src/redis/keys.ts';
import { packActivations } from '../../src/redis/rows/activation-entry.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: Keys;
let feed: RedisActivationFeed;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 2);
  feed = open();
});

function open(): RedisActivationFeed {
  const tail = new StreamTail(inject('redisUrl'), () => {});
  return new RedisActivationFeed(bench.redis, keys, tail);
}

/** As a commit adds it: a record that entered what two activations follow. */
async function commit(partition: number, id: string): Promise<string> {
  const told = ['contacts', id, true, CAUSES.created, ['x', 'y']] as const;
  const fields = packActivations(1000, 7, [told]);
  return (await bench.redis.xadd(keys.partitions[partition]!.activations, '*', ...fields))!;
}

async function brought(of: RedisActivationFeed, partition: number, count: number) {
  const entries: ActivationEntry[] = [];
  of.follow(partition, (some) => entries.push(...some));
  of.start();
  await eventually('the entries come', () => entries.length >= count);
  await of.stop();
  return entries;
}

describe('a feed of activations', () => {
  it('brings what each commit had for which activation, at which version', async () => {
    const id = await commit(0, 'a');
    const [entry] = await brought(feed, 0, 1);
    expect(entry).toMatchObject({ id, at: 1000, version: 7 });
    expect(entry!.flips.map(({ activation, id: record }) => [activation, record])).toEqual([
      ['x', 'a'],
      ['y', 'a'],
    ]);
  });

  it('brings again what was not dropped, and nothing that was', async () => {
    const ids = [await commit(0, 'a'), await commit(0, 'b'), await commit(0, 'c')];
    expect((await brought(feed, 0, 3)).map(({ id }) => id)).toEqual(ids);
    await feed.dropThrough(0, ids[1]!);
    expect((await brought(open(), 0, 1)).map(({ id }) => id)).toEqual([ids[2]]);
  });

  it('has a size that counts the entries of all partitions', async () => {
    for (const partition of [0, 1, 1]) await commit(partition, 'a');
    expect(await feed.size()).toBe(3);
    await feed.stop();
  });
});

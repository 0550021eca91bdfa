import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LookRequest } from '../../src/membership/partition-status.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { lookAtPartition } from '../../src/redis/partition-status.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
});

function look(request: Partial<LookRequest> = {}) {
  const nothing = { channels: false, counted: [], since: undefined, failures: '' };
  return lookAtPartition(bench.redis, keys, 1, { ...nothing, ...request });
}

describe('the standing of a partition', () => {
  it('is at the start when there is nothing', async () => {
    const status = await look({ counted: [1] });
    expect(status).toMatchObject({
      number: 0,
      position: '0-0',
      end: '0-0',
      inboxPosition: '0-0',
      inboxEnd: '0-0',
      counts: [null],
    });
  });

  it('tells the last entry of the log from the last that is applied', async () => {
    await bench.redis.xadd(keys.log, '5-1', 'c', '[]');
    await bench.redis.xadd(keys.log, '6-1', 'c', '[]');
    await bench.redis.hset(keys.meta, 'log', '5-1', 'number', 3, 'clock', 42, 'catalog', 9);
    const status = await look();
    expect(status).toMatchObject({
      number: 3,
      position: '5-1',
      end: '6-1',
      clockMs: 42,
      catalogVersion: 9,
    });
  });

  it('says how old the news is that a fan-out brings, however many run', async () => {
    expect((await look({ channels: true })).fanning).toBeUndefined();
    await bench.redis.zadd(keys.fanoutsSince, 12, '9:a', 7, '9:b', 30, '9:c');
    expect((await look({ channels: true })).fanning).toBe(7);
  });

  it('is caught up when all that was applied is trimmed', async () => {
    await bench.redis.xadd(keys.log, '5-1', 'c', '[]');
    await bench.redis.xtrim(keys.log, 'MAXLEN', 0);
    await bench.redis.hset(keys.meta, 'log', '5-1');
    expect(await look()).toMatchObject({
      position: '5-1',
      end: '5-1',
    });
  });

  it('has a count exactly for the predicate ids that the partition answers for, more of them than Lua unpacks at once', async () => {
    await bench.redis.hset(keys.counts, '3', 0, '9000', 17);
    const counted = Array.from({ length: 9001 }, (_, predicateId) => predicateId);
    const { counts } = await look({ counted });
    expect(
      counts.flatMap((count, predicateId) => (count === null ? [] : [[predicateId, count]])),
    ).toEqual([
      [3, 0],
      [9000, 17],
    ]);
  });
});

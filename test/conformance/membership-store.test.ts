/**
 * membership-store.test.ts – Reads out of Redis come in the order that was promised, from wherever
 * records live.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/change/partition.ts';
import { packRecord, type RecordRow } from '../../src/change/record.ts';
import { BLOCK_IDS_MAX, predicateIds } from '../../src/query/network/predicate-ids.ts';
import { RedisMembershipStore } from '../../src/redis/membership-store.ts';
import { packRow } from '../../src/redis/rows/neighbour-row.ts';
import { blockField, NO_STATE, stateChange } from '../../src/redis/rows/state-row.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

const PARTITIONS = 2;
const TYPE = 'things';
const SMALL = 1;
/** In three blocks. */
const HELD = [1, 2, 3 * BLOCK_IDS_MAX, 7 * BLOCK_IDS_MAX + 5];
const LARGE = 2;
/** More than are sorted in memory. */
const MEMBERS = 2500;

const row = (at: number): RecordRow => ({
  data: { at },
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  fits: 1,
});
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** In both partitions the order of bytes is not that of JavaScript's strings. */
const ODD = [
  'z',
  'Z',
  'é',
  'aa',
  'a',
  ...['', '1', '2', '3'].flatMap((n) => [`\u{1F600}${n}`, `\uFF5E${n}`]),
];

let bench: ScriptBench;
let store: RedisMembershipStore;
const idsIn = (partition: number) =>
  [...ODD, ...Array.from({ length: MEMBERS }, (_, at) => `r${at}`)]
    .filter((id) => partitionOf(id, PARTITIONS) === partition)
    .sort(byBytes);

beforeAll(async () => {
  bench = await openScriptBench();
  store = new RedisMembershipStore(bench.redis, bench.keys.partitions);
  for (const [partition, keys] of bench.keys.partitions.entries()) {
    const ids = idsIn(partition);
    const odd = ids.filter((id) => ODD.includes(id));
    await bench.redis.zadd(keys.ids(TYPE), ...ids.flatMap((id) => [0, id]));
    await bench.redis.sadd(keys.segment(LARGE), ...ids);
    if (odd.length > 0) await bench.redis.sadd(keys.segment(SMALL), ...odd);
    const records = ids.flatMap((id, at) => [id, packRecord(row(at))]);
    await bench.redis.hset(keys.records(TYPE), ...records);
    for (const id of odd) {
      const { head, blocks } = stateChange(NO_STATE, { ...NO_STATE, truth: predicateIds(HELD) });
      await bench.redis.hset(keys.state(TYPE), id, head!);
      for (const [number, packed] of blocks)
        await bench.redis.hset(keys.blocks(TYPE), blockField(number, id), packed!);
    }
  }
});
afterAll(() => bench.redis.disconnect());

async function walked(read: (after: string) => Promise<string[]>): Promise<string[]> {
  const all: string[] = [];
  for (let after = ''; ; ) {
    const ids = await read(after);
    if (ids.length === 0) return all;
    all.push(...ids);
    after = ids.at(-1)!;
  }
}

describe.each([0, 1])('in partition %i', (partition) => {
  it('ids of a type come in the order of their bytes', async () => {
    const ids = await walked((after) => store.recordIds(partition, TYPE, after, 300));
    expect(ids).toEqual(idsIn(partition));
    expect(await store.recordCount(partition, TYPE)).toBe(ids.length);
  });

  it.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('members of a %s set come in the order of their bytes', async (name, predicateId) => {
    const set = { objectType: TYPE, predicateId };
    const wanted = idsIn(partition).filter((id) => name === 'large' || ODD.includes(id));
    for (const count of [1000, 7]) {
      const read = (after: string) => store.memberIds(partition, set, after, count);
      const some = count === 7 && name === 'large' ? await read('') : await walked(read);
      expect(some).toEqual(wanted.slice(0, some.length));
      if (some.length < wanted.length) expect(some).toHaveLength(count);
    }
    expect(await store.memberCount(partition, predicateId)).toBe(wanted.length);
  });
});

describe('of some ids, wherever they live,', () => {
  const asked = ['r7', 'nobody', 'z', 'r7', 'é'];

  it('records come in the order of the ids', async () => {
    const found = await store.records(TYPE, asked);
    expect(found.map((one) => one !== undefined)).toEqual([true, false, true, true, true]);
    expect(found[0]).toEqual(found[3]);
    expect(found[0]!.size).toBe(packRecord(found[0]!.record).length);
    expect(await store.weights(TYPE, ['r7', 'nobody'])).toEqual([found[0]!.size, 0]);
  });

  it('memberships do', async () => {
    expect(await store.areMembers(SMALL, asked)).toEqual([false, false, true, false, true]);
    const truths = await store.truths(TYPE, asked);
    expect(truths.map((truth) => [...truth])).toEqual([[], [], HELD, [], HELD]);
  });
});

it('who points at a target is found in the partitions that the target knows of', async () => {
  const target = 't';
  const own = bench.keys.partitions[partitionOf(target, PARTITIONS)]!;
  const local = { counts: { 9: 1 }, sums: {}, lows: {}, highs: {} };
  await bench.redis.hset(own.related(9), target, packRow({ 1: local }));
  await bench.redis.zadd(bench.keys.partitions[1]!.holders(9, target), 0, 'b', 0, 'a');
  expect(await store.holderPartitions(9, [target, 'other'])).toEqual([[1], []]);
  expect(await store.holderIds(1, 9, target, '', 1)).toEqual(['a']);
  expect(await store.holderIds(1, 9, target, 'a', 9)).toEqual(['b']);
});

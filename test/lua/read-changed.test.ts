/**
 * read-changed.test.ts – What was written in a partition since a commit, as its commits say it; and
 * the walk along all of its records.
 */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { RecordSource } from '../../src/preview/record-source.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { openRecordSource } from '../../src/redis/record-source.ts';
import { CHANGED_RING, changedField, packChanged } from '../../src/redis/rows/changed.ts';
import { eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;
let source: RecordSource;
/** How the server calls the connection of the source. */
let connection: string;

const connections = async () =>
  [...String(await bench.redis.client('LIST')).matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(async () => {
  const prefix = freshPrefix();
  keys = new Keys(prefix, 1).partitions[0]!;
  source?.close();
  const before = await connections();
  source = await openRecordSource({ url: inject('redisUrl'), prefix, partitions: 1 });
  connection = (await connections()).find((id) => !before.includes(id))!;
});
afterAll(() => source.close());

/** A commit that wrote some records; the last one is that of `meta`. */
async function commit(number: number, members: readonly string[]): Promise<void> {
  for (const member of members) {
    const [type, id] = member.split(/:(.*)/s) as [string, string];
    await bench.redis.hset(keys.records(type), id, `${member} at ${number}`);
  }
  const nonce = `n${number}`;
  await bench.redis.hset(keys.counted, changedField(number), packChanged(number, nonce, members));
  await bench.redis.hset(keys.meta, 'number', number, 'nonce', nonce);
}

const since = (number: number, nonce = `n${number}`) =>
  source.changes(0, { number, nonce }, ['people', 'teams']);

describe('what was written since a commit', () => {
  it('is nothing at that commit, and unknown of a partition that nobody knows', async () => {
    expect(await source.changes(0, undefined, [])).toEqual({
      ...{ commit: { number: 0, nonce: '' }, written: undefined },
    });
    await commit(3, ['people:a']);
    expect(await since(3)).toEqual({ commit: { number: 3, nonce: 'n3' }, written: [] });
  });

  it('is each record of the asked types once, as it is now, whatever its id holds', async () => {
    await commit(3, ['people:a']);
    await commit(4, ['people:b', 'orders:c', 'teams:a b:c*']);
    await commit(5, []);
    await commit(6, ['people:b', 'people:é']);
    await bench.redis.hdel(keys.records('teams'), 'a b:c*');
    const { commit: now, written } = await since(3);
    expect(now).toEqual({ number: 6, nonce: 'n6' });
    expect(written).toEqual([
      { typeAt: 0, id: 'b', row: Buffer.from('people:b at 6') },
      { typeAt: 1, id: 'a b:c*', row: null },
      { typeAt: 0, id: 'é', row: Buffer.from('people:é at 6') },
    ]);
  });

  it('is only named where it is many', async () => {
    await commit(3, []);
    for (let each = 4; each < 104; each++) await commit(each, [`people:${each}`]);
    const { written } = await since(3);
    const many = Array.from({ length: 100 }, (_, at) => ({ typeAt: 0, id: String(4 + at) }));
    expect(written).toEqual({ many });
  });

  it('is unknown after a commit that wrote too much to be told', async () => {
    await commit(3, []);
    const members = Array.from({ length: 500 }, (_, at) => `people:${at}-of-many`);
    await commit(4, members);
    await commit(5, []);
    expect((await since(3)).written).toBeUndefined();
    expect((await since(4)).written).toEqual([]);
  });

  it('is unknown once the ring has gone round, and not one commit before', async () => {
    for (let each = 1; each <= CHANGED_RING; each++) await commit(each, []);
    expect((await since(1)).written).toEqual([]);
    await commit(CHANGED_RING + 1, []);
    expect((await since(1)).written).toBeUndefined();
    expect((await since(2)).written).toEqual([]);
  });

  it.each([
    ['the commit was rolled back and another one has its number', 3, 'other'],
    ['the partition is behind it', 9, 'n9'],
  ])('is unknown if %s', async (_, number, nonce) => {
    for (const each of [3, 4, 5]) await commit(each, []);
    expect((await since(number, nonce)).written).toBeUndefined();
  });

  it('is unknown if somebody wrote who made no commit, or a commit said nothing', async () => {
    for (const each of [3, 4]) await commit(each, []);
    await bench.redis.hset(keys.meta, 'nonce', 'of a repair');
    expect((await since(3)).written).toBeUndefined();
    await commit(5, []);
    await bench.redis.hset(keys.meta, 'number', 6, 'nonce', 'of an older release');
    expect((await since(5)).written).toBeUndefined();
  });
});

describe('the walk along the records of a type', () => {
  it('meets each of them, heavy ones a few at a time', async () => {
    const rows = Object.fromEntries(
      Array.from({ length: 3000 }, (_, at) => [`r${at}`, 'x'.repeat(at % 100 === 0 ? 50_000 : 9)]),
    );
    await bench.redis.hset(keys.records('people'), rows);
    const met = new Map<string, number>();
    let heaviest = 0;
    for await (const { ids, rows: some } of source.pieces(0, 'people')) {
      heaviest = Math.max(
        heaviest,
        some.reduce((sum, row) => sum + row.length, 0),
      );
      for (const [at, id] of ids.entries()) met.set(id.toString(), some[at]!.length);
    }
    expect(met).toEqual(new Map(Object.entries(rows).map(([id, row]) => [id, row.length])));
    expect(heaviest).toBeLessThan(1_000_000);
  });

  it('is broken off when the connection is lost: no cursor may be trusted then', async () => {
    const rows = Array.from({ length: 2000 }, (_, at) => [`r${at}`, 'x']).flat();
    await bench.redis.hset(keys.records('people'), ...rows);
    const walk = async () => {
      for await (const { ids } of source.pieces(0, 'people')) {
        expect(ids.length).toBeGreaterThan(0);
        await setTimeout(20); // the next piece has come meanwhile
        await bench.redis.client('KILL', 'ID', connection);
        const isBack = () =>
          source.sizes(['people']).then(
            () => true,
            () => false,
          );
        await eventually('the connection is back', isBack);
      }
    };
    await expect(walk()).rejects.toThrow('Connection is closed');
  });
});

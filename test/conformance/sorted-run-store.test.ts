/**
 * sorted-run-store.test.ts – A run is in the order of its members' bytes, and is gone as a whole.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisSortedRunStore } from '../../src/redis/sorted-run-store.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

const RUN = { slug: 'a-view', name: 'a-run' };
const ENTRY = { ...RUN, label: 'l', bytes: 9, at: 1, rows: 3 };

let bench: ScriptBench;
let store: RedisSortedRunStore;
beforeAll(async () => {
  bench = await openScriptBench();
  store = new RedisSortedRunStore(bench.redis, bench.keys.catalog);
});
afterAll(() => bench.redis.disconnect());

const bytes = (...values: number[]) => Buffer.from(values);

it('a run is read in the order of bytes, each member once', async () => {
  const added = await store.add(RUN, [bytes(200, 1), bytes(7), bytes(200)], 60);
  expect(added.rows).toBe(3);
  expect((await store.add(RUN, [bytes(7)], 60)).rows).toBe(0);
  expect(await store.read(RUN, 0, 2)).toEqual([bytes(7), bytes(200)]);
  expect(await store.read(RUN, 2, 2)).toEqual([bytes(200, 1)]);
});

it('a run that is removed has no members and no entry', async () => {
  await store.register(ENTRY);
  expect(await store.entries()).toEqual([ENTRY]);
  expect(await store.keep(RUN, 60)).toBe(true);
  await store.remove(RUN);
  expect(await store.keep(RUN, 60)).toBe(false);
  expect(await store.read(RUN, 0, 2)).toEqual([]);
  expect(await store.entries()).toEqual([]);
});

it('an entry goes with its run, unless it has no rows', async () => {
  const empty = { ...ENTRY, name: 'an-empty-run', rows: 0 };
  await store.register(ENTRY);
  await store.register(empty);
  expect(await store.entries()).toEqual([empty]);
  expect(await store.entries()).toEqual([empty]);
});

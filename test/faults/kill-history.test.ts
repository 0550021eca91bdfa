/**
 * kill-history.test.ts – Workers are ended as the kernel does it, again and again, while changes go
 * on and while others fold the same feeds: each entry is folded once. At rest the history has the
 * number of members, and who entered and left is what the entries say.
 */
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import type { TestDeployment } from '../support/client.ts';
import { built, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { startVictims, type Victims } from '../support/victims.ts';
import { isWhole } from '../support/whole.ts';

const PARTITIONS = 2;
const KILLS = isWhole ? 12 : 1;
/** Rounds of changes before the end, however long they take. */
const TURNS_LEAST = 20;
const prefix = freshPrefix();
let deployment: TestDeployment;
let victims: Victims;

beforeEach(async () => {
  deployment = await openTestDeployment({ prefix, partitions: PARTITIONS, runsWorker: false });
  const redisUrl = inject('redisUrl');
  const never = { fatal: -1, how: 'exit', when: 'live' } as const;
  victims = startVictims({ redisUrl, prefix, partitions: PARTITIONS, ...never });
});
afterEach(async () => {
  await victims.stop();
  await deployment.close();
});

it('a worker that is killed folds nothing twice, and leaves nothing out', async () => {
  const { historyFolder, history, redis } = deployment;
  await deployment.objectTypes.put('things', { attributes: { n: { type: 'number' } } });
  const rules = [{ field: 'n', operator: '>=', value: 50 }];
  const high = { slug: 'high', title: 'High', object_type: 'things' };
  await deployment.segments.create({ ...high, query: { combinator: 'and', rules } });
  await eventually(
    'the segment is ready',
    () => deployment.store.catalog.segments.get('high')?.predicateId !== null,
    30_000,
  );
  let isOver = false;
  let turn = 0;
  const changing = (async () => {
    for (; !isOver; turn++)
      await send(
        deployment,
        Array.from({ length: 40 }, (_, at) => {
          const id = `t${(turn * 17 + at) % 200}`;
          return { op: 'put', object_type: 'things', id, data: { n: (turn * 31 + at * 7) % 100 } };
        }),
        'accepted',
      );
  })();
  const folding = (async () => {
    while (!isOver) for (let p = 0; p < PARTITIONS; p++) await historyFolder.foldAll(p);
  })();
  const length = async (p: number) => redis.xlen(`${prefix}:{${p}}:feed`);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await length(1);
    await eventually('members enter and leave', async () => (await length(1)) > before + 5, 30_000);
    await victims.kill9();
  }
  await eventually('enough is sent', () => turn >= TURNS_LEAST, 60_000);
  isOver = true;
  await Promise.all([changing, folding]);
  // A strong read waits for all that was sent.
  await deployment.segmentCounts.read(['high'], { consistency: 'strong', timeoutMs: 30_000 });
  await built(deployment);
  const [sums, sizes] = [
    [0, 0],
    [0, 0],
  ] as [number[], number[]];
  for (let p = 0; p < PARTITIONS; p++) {
    for (const [, [, packed]] of await redis.xrange(`${prefix}:{${p}}:feed`, '-', '+'))
      for (const [, , , flips] of JSON.parse(packed!).events as [
        string,
        string,
        number,
        number[],
      ][])
        for (const flip of flips) sums[flip % 2] = sums[flip % 2]! + 1;
    const { predicateId } = deployment.store.catalog.segments.get('high')!;
    sizes[p] = await redis.scard(`${prefix}:{${p}}:segment:${predicateId}`);
  }
  const span = { fromMs: Date.now() - 3_600_000, toMs: Date.now() + 1, step: 'hour' } as const;
  const points = (await history.read(['high'], span)).get('high')!;
  const sum = (each: 'entered' | 'left') =>
    points.reduce((all, point) => all + (point[each] ?? 0), 0);
  expect([sum('left'), sum('entered')]).toEqual(sums);
  for (const flips of sums) expect(flips).toBeGreaterThan(0);
  expect(points.at(-1)!.count).toBe(sizes[0]! + sizes[1]!);
});

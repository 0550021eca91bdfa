/**
 * mended-counts.test.ts – A process that knows a count by its commit, and looks again only after
 * the count was mended and another commit has come, has the mended one.
 */
import { afterEach, expect, it } from 'vitest';
import type { TestDeployment } from '../support/client.ts';
import { createSegment, openTestDeployment, send } from '../support/deployment.ts';

const opened: TestDeployment[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

it('a count that was known before it was mended is read anew', async () => {
  const owner = await openTestDeployment({ partitions: 1 });
  opened.push(owner);
  await owner.objectTypes.put('things', { attributes: { n: { type: 'number' } } });
  const put = (id: string, n: number) => ({
    ...{ op: 'put' as const, object_type: 'things', id },
    data: { n },
  });
  await send(owner, [put('a', 1), put('b', 2)]);
  const rule = { field: 'n', operator: '>', value: 0 };
  await createSegment(owner, 'positive', 'things', { combinator: 'and', rules: [rule] });

  const { redis, keys, store } = owner;
  const [{ counts } = { counts: '' }] = keys.partitions;
  const predicateId = store.catalog.segments.get('positive')!.predicateId!;
  await redis.hset(counts, String(predicateId), '7');
  const reader = await openTestDeployment({
    ...{ partitions: 1, prefix: keys.prefix, runsWorker: false },
  });
  opened.push(reader);
  const countOf = async () =>
    (await reader.segmentCounts.read(['positive'])).counts.map(({ count }) => count);
  expect(await countOf()).toEqual([7]);

  const mend = owner.stores.audits.keys.countMend(0, String(predicateId), '7', 2);
  expect(await mend.carryOut()).toBe('mended');
  expect(await redis.hget(counts, String(predicateId))).toBe('2');
  await send(owner, [put('c', -1)]); // a commit that counts nothing of it
  expect(await countOf()).toEqual([2]);
});

/**
 * feed-repair.test.ts – The feed tells what a repair makes different: who took the members while
 * they were wrong, and goes by the feed, has the right ones after it.
 */
import { afterEach, expect, it } from 'vitest';
import { CAUSE_NAMES } from '../../src/change/cause.ts';
import { enters } from '../../src/change/feed-event.ts';
import { FEED_FIELD, readFeed } from '../../src/redis/rows/feed-entry.ts';
import type { TestDeployment } from '../support/client.ts';
import {
  built,
  createSegment,
  eventually,
  openTestDeployment,
  send,
} from '../support/deployment.ts';

let deployment: TestDeployment;
afterEach(() => deployment.close());

/** `id entered cause`, of all partitions. */
async function told(): Promise<string[]> {
  const { redis, keys } = deployment;
  const entries = await Promise.all(
    keys.partitions.map(({ feed }) => redis.xrange(feed, '-', '+')),
  );
  return entries
    .flat()
    .flatMap(([, fields]) =>
      readFeed(fields[fields.indexOf(FEED_FIELD) + 1]!).events.flatMap(([, id, cause, flips]) =>
        flips.map((flip) => `${id} ${enters(flip) ? 'entered' : 'left'} ${CAUSE_NAMES[cause]}`),
      ),
    );
}

it('a member that was lost enters, and one that was planted leaves', async () => {
  deployment = await openTestDeployment();
  await deployment.objectTypes.put('contacts', { attributes: { age: { type: 'number' } } });
  const query = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };
  await createSegment(deployment, 'adults', 'contacts', query);
  await built(deployment);
  const put = (id: string, age: number) =>
    ({ op: 'put', object_type: 'contacts', id, data: { age } }) as const;
  await send(deployment, [put('lost', 40), put('kept', 50), put('planted', 3), put('child', 4)]);
  const { redis, keys, store, objectTypes } = deployment;
  const { predicateId } = store.catalog.segments.get('adults')!;
  const sets = keys.partitions.map((partition) => partition.segment(predicateId!));
  for (const set of sets) await redis.srem(set, 'lost');
  for (const partition of keys.partitions)
    if (await redis.hexists(partition.records('contacts'), 'planted'))
      await redis.sadd(partition.segment(predicateId!), 'planted');
  await objectTypes.rebuild();
  await built(deployment);
  await eventually('all is told', async () => {
    const left = await Promise.all(keys.partitions.map(({ meta }) => redis.hget(meta, 'telling')));
    return left.every((since) => since === null) && (await told()).length > 2;
  });
  expect((await told()).sort()).toEqual([
    'kept entered created',
    'lost entered created',
    'lost entered repaired',
    'planted left repaired',
  ]);
});

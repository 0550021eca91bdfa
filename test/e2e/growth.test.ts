/**
 * growth.test.ts – What is kept for a predicate, a measure or a timer goes when it is given up, by
 * bytes of what Redis holds.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import type { DeploymentOptions } from '../../src/engine/deployment.ts';
import { audit } from '../../src/membership/audit.ts';
import { CHANGED_RING } from '../../src/redis/rows/changed.ts';
import { COUNTED_RING } from '../../src/redis/rows/counted.ts';
import type { TestDeployment } from '../support/client.ts';
import {
  built,
  createSegment,
  eventually,
  openTestDeployment,
  send,
} from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const EDITS = isWhole ? 250 : 150;
const organizations = { attributes: { industry: { type: 'string' } } };
const relationships = {
  organization: {
    to: 'organizations',
    key: 'organization_id',
    cardinality: 'one',
    inverse: 'contacts',
  },
};
const contacts = {
  attributes: { age: { type: 'number' }, seen: { type: 'datetime' } },
  relationships,
};
const all = (...rules: object[]) => ({ combinator: 'and', rules });
/**
 * Another predicate of contacts, and other values, for each edit; all of them hold of every
 * contact.
 */
const aged = (aggregate: string, over: number) =>
  all({
    field: 'contacts.age',
    aggregate,
    operator: '>',
    value: 10,
    where: all({ field: 'age', operator: '>', value: -over }),
  });
const inIndustry = (name: string) =>
  all({ field: 'organization.industry', operator: '!=', value: name });

let deployment: TestDeployment;
afterEach(() => deployment.close());

async function open(options: Partial<DeploymentOptions> = {}): Promise<void> {
  deployment = await openTestDeployment({ partitions: 2, ...options });
  await deployment.objectTypes.put('organizations', organizations);
  await deployment.objectTypes.put('contacts', contacts);
}

const records: Change[] = [
  ...Array.from({ length: 3 }, (_, at) => ({
    op: 'put' as const,
    object_type: 'organizations',
    id: `o${at}`,
    data: { industry: 'SaaS' },
  })),
  ...Array.from({ length: 30 }, (_, at) => ({
    op: 'put' as const,
    object_type: 'contacts',
    id: `c${at}`,
    data: { age: at, organization_id: `o${at % 3}`, seen: new Date().toISOString() },
  })),
];

/** Bytes of all that the deployment keeps, by kind of key; streams and the ring of commits aside. */
/** What is kept of the past grows with it, up to bounds of its own (lua/history, e2e/revisions). */
const PAST = new Set([
  'history',
  'history-months',
  'history-sizes',
  'histories',
  'revisions',
  'feed-ids',
]);

async function bytes(): Promise<Record<string, number>> {
  const { redis, keys } = deployment;
  const sizes: Record<string, number> = {};
  for (const key of await redis.keys(`${keys.prefix}:*`)) {
    const kind = key
      .slice(keys.prefix.length + 1)
      .replace(/^\{\w+\}:/, '')
      .split(':')[0]!;
    if (kind === 'counted' || PAST.has(kind)) continue;
    const type = await redis.type(key);
    const stored =
      type === 'hash'
        ? await redis.hgetall(key)
        : type === 'zset'
          ? await redis.zrange(key, '0', '-1', 'WITHSCORES')
          : type === 'set'
            ? await redis.smembers(key)
            : [];
    sizes[kind] = (sizes[kind] ?? 0) + JSON.stringify(stored).length;
  }
  return sizes;
}

async function edit(slug: string, query: object): Promise<void> {
  await deployment.segments.patch(slug, { query });
  await built(deployment);
}

describe(`${EDITS} edits of segments over a relationship`, () => {
  it('leave every row, field and set at the size of the first', { timeout: 240_000 }, async () => {
    await open();
    await createSegment(deployment, 'sums', 'organizations', aged('sum', 1));
    await createSegment(deployment, 'tops', 'organizations', aged('max', 1001));
    await createSegment(deployment, 'others', 'contacts', inIndustry('n1'));
    await send(deployment, records);
    const touch = () =>
      send(
        deployment,
        records.map(
          (change) => ({ ...change, data: { ...change.data, extra: Math.random() } }) as Change,
        ),
      );
    await edit('sums', aged('sum', 2));
    await edit('tops', aged('max', 1002));
    await edit('others', inIndustry('n2'));
    await touch();
    const first = await bytes();
    const predicateIds = deployment.store.catalog.predicateIds.size;
    for (let at = 3; at < EDITS / 3 + 3; at++) {
      await edit('sums', aged('sum', at));
      await edit('tops', aged('max', 1000 + at));
      await edit('others', inIndustry(`n${at}`));
    }
    await touch();
    const last = await bytes();
    expect(deployment.store.catalog.predicateIds.size).toBe(predicateIds);
    // Numbers have more digits by now, no more than that.
    for (const [kind, size] of Object.entries(last))
      expect(size, kind).toBeLessThan((first[kind] ?? 0) * 1.3 + 60);
    for (const { counted } of deployment.keys.partitions)
      expect(await deployment.redis.hlen(counted)).toBeLessThanOrEqual(COUNTED_RING + CHANGED_RING);
    const report = await audit(deployment, { timeoutMs: 10_000 });
    expect(report).toMatchObject({ differences: 0, segments: 3 });
  });
});

describe('what rows still hold of what was given up', () => {
  it('is told of by an audit, is no difference, and goes with the next write of the row', {
    timeout: 60_000,
  }, async () => {
    await open();
    await createSegment(deployment, 'sums', 'organizations', aged('sum', 1));
    await createSegment(deployment, 'others', 'contacts', inIndustry('n1'));
    await send(deployment, records);
    await edit('sums', aged('sum', 2));
    await edit('others', inIndustry('n2'));
    const audited = () => audit(deployment, { timeoutMs: 10_000 });
    const report = await audited();
    expect(report).toMatchObject({ differences: 0 });
    expect(report.leftOver).toBeGreaterThan(0);
    const older = (change: Change): Change =>
      ({
        ...change,
        data: { ...change.data, age: Number(change.data!['age'] ?? 0) + 1 },
      }) as Change;
    await send(deployment, records.map(older));
    expect(await audited()).toMatchObject({ differences: 0, leftOver: 0 });
  });
});

describe('when nothing of a type moves with time any more', () => {
  const seen = (amount: number) =>
    all({ field: 'seen', operator: 'inLast', value: { amount, unit: 'day' } });
  const due = async () => {
    const { redis, keys } = deployment;
    return (
      await Promise.all(keys.partitions.map((partition) => redis.zcard(partition.due)))
    ).reduce((a, b) => a + b);
  };

  it.each([
    ['deleted', () => deployment.segments.remove('lately')],
    [
      'edited',
      () =>
        deployment.segments.patch('lately', {
          query: all({ field: 'age', operator: '>', value: 3 }),
        }),
    ],
  ])('because the last such segment was %s, no record is due', async (_, giveUp) => {
    await open();
    await createSegment(deployment, 'lately', 'contacts', seen(3));
    await createSegment(
      deployment,
      'adults',
      'contacts',
      all({ field: 'age', operator: '>', value: 20 }),
    );
    await send(deployment, records);
    expect(await due()).toBe(30);
    await giveUp();
    await built(deployment);
    await eventually('no record is due', async () => (await due()) === 0);
    const { redis, keys } = deployment;
    await eventually('nothing is noted', async () => {
      const fields = await Promise.all(keys.partitions.map(({ meta }) => redis.hkeys(meta)));
      return !fields.flat().some((field) => field.startsWith('timed:'));
    });
    const states = await Promise.all(
      keys.partitions.map((partition) => redis.hvals(partition.state('contacts'))),
    );
    expect(states.flat().filter((state) => !state.startsWith(';'))).toEqual([]);
    expect(await audit(deployment, { timeoutMs: 10_000 })).toMatchObject({
      differences: 0,
    });
    await createSegment(deployment, 'lately-again', 'contacts', seen(5));
    expect(await due()).toBe(30);
  });

  it('a worker that comes later removes what was due', async () => {
    await open();
    await createSegment(deployment, 'lately', 'contacts', seen(3));
    await send(deployment, records);
    const { prefix } = deployment.keys;
    await deployment.close();
    deployment = await openTestDeployment({ partitions: 2, prefix, runsWorker: false });
    await deployment.segments.remove('lately');
    expect(await due()).toBe(30);
    await deployment.close();
    deployment = await openTestDeployment({ partitions: 2, prefix });
    await eventually('no record is due', async () => (await due()) === 0);
    await built(deployment);
  });

  it('more records than one batch looks at are no longer due in the end', async () => {
    await open({ partitions: 1 });
    await createSegment(deployment, 'lately', 'contacts', seen(3));
    const many = Array.from({ length: 1500 }, (_, at) => ({ ...records[5]!, id: `m${at}` }));
    await send(deployment, many);
    expect(await due()).toBe(1500);
    await deployment.segments.remove('lately');
    await eventually('no record is due', async () => (await due()) === 0);
  });
});

describe('the place of a process in the logs', () => {
  it('goes when the process was killed long ago; one that lives and was quiet goes on', async () => {
    await open({ partitions: 1 });
    await createSegment(
      deployment,
      'adults',
      'contacts',
      all({ field: 'age', operator: '>', value: 20 }),
    );
    await send(deployment, records);
    const { redis, keys } = deployment;
    const [{ delivered } = { delivered: '' }] = keys.partitions;
    const row = (at: number) => `1 5 0-0 ${at}`;
    await redis.hset(delivered, 'killed-long-ago', row(Date.now() - 8 * 24 * 3600 * 1000));
    await redis.hset(delivered, 'killed-lately', row(Date.now() - 1000));
    const { source } = deployment.delivery;
    const mine = (await redis.hget(delivered, source))!;
    await redis.hset(delivered, source, mine.replace(/\d+$/, '1'));
    const other = await openTestDeployment({
      partitions: 1,
      prefix: keys.prefix,
      runsWorker: false,
    });
    await other.close();
    const kept = (await redis.hkeys(delivered)).filter((each) => !/^p\d/.test(each));
    expect(kept).toEqual(['killed-lately']);
    const older = { op: 'put', object_type: 'contacts', id: 'c0', data: { age: 50 } } as const;
    expect(await send(deployment, [older])).toBe(1);
    expect((await deployment.segmentCounts.read(['adults'])).counts).toMatchObject([{ count: 10 }]);
  });
});

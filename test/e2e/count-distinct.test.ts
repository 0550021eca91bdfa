/**
 * count-distinct.test.ts – How many different values related records have: in rules, in JsonLogic
 * and in columns of views, kept as records move, bounded, and mended where it is broken.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { repair } from '../../src/engine/repair.ts';
import { audit } from '../../src/membership/audit.ts';
import { DIFFERENT_VALUES_MAX } from '../../src/query/budget.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';

const TIMEOUT_MS = 120_000;
const all = (...rules: object[]) => ({ combinator: 'and', rules });
const different = (field: string, operator: string, value: unknown, more: object = {}) =>
  all({ field, aggregate: 'countDistinct', operator, value, ...more });
const paid = { where: all({ field: 'paid', operator: '=', value: true }) };

const SEGMENTS: Readonly<Record<string, unknown>> = {
  several: different('orders.status', '>=', 2),
  one: different('orders.status', '=', 1),
  paid: different('orders.status', '>=', 2, paid),
  amounts: different('orders.total', '>', 1),
  days: different('orders.ordered_at', '=', 2),
  flags: different('orders.paid', 'between', [2, 3]),
  written: {
    '<': [1, { countDistinct: [{ map: [{ var: 'orders' }, { var: 'status' }] }] }],
  },
  tags: different('groups.level', '=', 1),
};

let api: TestApi;
const order = (id: string, data: Record<string, unknown>): Change => ({
  op: 'put',
  object_type: 'orders',
  id,
  data,
});
const membersOf = async (slug: string) => {
  const { data } = await api.deployment.members.page(slug, { limit: 100, cursor: undefined });
  return data.map(({ id }) => id).sort();
};
const report = () => audit(api.deployment, { timeoutMs: 60_000 });

beforeAll(async () => {
  api = await openTestApi({ partitions: 4 });
  const { objectTypes, segments } = api.deployment;
  await objectTypes.put('groups', { attributes: { level: { type: 'number' } } });
  await objectTypes.put('customers', {
    attributes: { name: { type: 'string' } },
    relationships: {
      groups: { to: 'groups', key: 'group_ids', cardinality: 'many', inverse: 'members' },
    },
  });
  await objectTypes.put('orders', {
    attributes: {
      status: { type: 'string' },
      total: { type: 'number' },
      paid: { type: 'boolean' },
      ordered_at: { type: 'datetime' },
    },
    relationships: {
      customer: { to: 'customers', key: 'customer_id', cardinality: 'one', inverse: 'orders' },
    },
  });
  for (const [slug, query] of Object.entries(SEGMENTS))
    await segments.create({ title: slug, slug, object_type: 'customers', query });
  await built(api.deployment);
});
afterAll(() => api.close());

describe('a value', { timeout: TIMEOUT_MS }, () => {
  it('counts once, whichever partitions its holders are in, and missing ones do not', async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `o${at}`);
    expect(new Set(ids.map((id) => partitionOf(id, 4))).size).toBe(4);
    await send(api.deployment, [
      { op: 'put', object_type: 'customers', id: 'ada', data: { name: 'Ada' } },
      { op: 'put', object_type: 'customers', id: 'bob', data: { name: 'Bob' } },
      ...ids.map((id) => order(id, { customer_id: 'ada', status: 'open', paid: id === 'o1' })),
      order('b1', { customer_id: 'bob' }),
    ]);
    expect(await membersOf('one')).toEqual(['ada']);
    expect(await membersOf('several')).toEqual([]);
    expect(await membersOf('flags')).toEqual(['ada']);
    await send(api.deployment, [order('o3', { customer_id: 'ada', status: 'Open', total: 1 })]);
    expect(await membersOf('several')).toEqual(['ada']);
    expect(await membersOf('written')).toEqual(['ada']);
    expect(await membersOf('paid')).toEqual([]);
    const moved = { customer_id: 'bob', status: 'open', total: 2, paid: true };
    await send(api.deployment, [order('o3', { ...moved, ordered_at: '2026-01-01T00:00:00Z' })]);
    expect(await membersOf('several')).toEqual([]);
    expect(await membersOf('one')).toEqual(['ada', 'bob']);
  });

  it('is told from another by its code points, however many they are', async () => {
    const long = 'x'.repeat(5000);
    await send(api.deployment, [
      order('l1', { customer_id: 'bob', status: `${long}a` }),
      order('l2', { customer_id: 'bob', status: `${long}b` }),
      order('h1', { customer_id: 'bob', status: '\u00e9' }),
      order('h2', { customer_id: 'bob', status: 'e\u0301' }),
    ]);
    expect(await membersOf('several')).toEqual(['bob']);
    const row = await rowOf('bob');
    expect(row).toMatchObject({ statuses: 5, 'countDistinct of orders.total': 1, paid: 1 });
  });

  it('is as the reference says, of every segment and row', async () => {
    await send(api.deployment, [
      { op: 'put', object_type: 'groups', id: 'g1', data: { level: 1 } },
      { op: 'put', object_type: 'groups', id: 'g2', data: { level: 1 } },
      { op: 'patch', object_type: 'customers', id: 'ada', data: { group_ids: ['g1', 'g2'] } },
      { op: 'delete', object_type: 'orders', id: 'o1' },
      { op: 'archive', object_type: 'orders', id: 'o2' },
    ]);
    expect(await membersOf('tags')).toEqual(['ada']);
    expect(await report()).toMatchObject({ differences: 0, faults: [] });
  });
});

async function rowOf(id: string): Promise<Record<string, unknown>> {
  const columns = [
    { path: 'orders.status', aggregate: 'countDistinct', label: 'statuses' },
    { path: 'orders.total', aggregate: 'countDistinct' },
    { path: 'orders.status', aggregate: 'countDistinct', label: 'paid', ...paid },
  ];
  const body = {
    title: 'Orders',
    slug: 'orders',
    object_type: 'customers',
    segment: 'several',
    columns,
  };
  const made = await api.call('POST', '/v1/views', body);
  expect(made.statusCode, made.body).toBeLessThan(300);
  const answer = await api.call('GET', '/v1/views/orders/rows');
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ data: Record<string, unknown>[] }>().data.find((row) => row.id === id)!;
}

describe('what is kept of it', { timeout: TIMEOUT_MS }, () => {
  it.each(['valueCounts', 'valueSources', 'valueTotals'] as const)(
    'is found broken (%s), and is mended',
    async (kind) => {
      const { redis, keys, store } = api.deployment;
      const shared = [...store.catalog.predicateIds].filter(
        ([, each]) => each.shared?.keeps === 'values',
      );
      const names = keys.partitions.flatMap((own) => shared.map(([id]) => own[kind](id)));
      for (const name of names) {
        const [field] = await redis.hkeys(name);
        if (field !== undefined) await redis.hset(name, field, '77');
      }
      const broken = await report();
      expect(broken.differences).toBeGreaterThan(0);
      expect(new Set(broken.inEdges.map(({ place }) => place))).toEqual(
        new Set([kind === 'valueCounts' ? 'value-counts' : 'value-sources']),
      );
      await repair(api.deployment, broken, { timeoutMs: 60_000, unattendedMs: 10_000 });
      expect(await report()).toMatchObject({ differences: 0, faults: [] });
    },
  );

  it('goes when nobody asks for it any more', async () => {
    const { segments, redis, keys, store } = api.deployment;
    const before = await valueKeys();
    expect(before.length).toBeGreaterThan(0);
    await api.deployment.views.remove('orders');
    for (const slug of Object.keys(SEGMENTS)) await segments.remove(slug);
    await eventually('no predicate keeps values', () =>
      [...store.catalog.predicateIds.values()].every(({ shared }) => shared?.keeps !== 'values'),
    );
    await eventually('nothing is kept', async () => (await valueKeys()).length === 0);

    async function valueKeys(): Promise<string[]> {
      return redis.keys(`${keys.prefix}:{*}:value-*`);
    }
  });
});

describe('too many values', { timeout: TIMEOUT_MS }, () => {
  it('of one record make the segment fail, with the reason', async () => {
    const { segments } = api.deployment;
    const query = different('orders.total', '>', 1);
    await segments.create({ title: 'all', slug: 'all', object_type: 'customers', query });
    const many = Array.from({ length: DIFFERENT_VALUES_MAX + 1 }, (_, at) =>
      order(`m${at}`, { customer_id: 'bob', total: at }),
    );
    await send(api.deployment, many);
    const read = async () => (await api.call('GET', '/v1/segments/all')).json<object>();
    await eventually('it has failed', async () => 'reason' in (await read()), 60_000);
    expect(await read()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining(
        "more than 10,000 different values are counted: the record 'bob' of customers",
      ),
    });
  });
});

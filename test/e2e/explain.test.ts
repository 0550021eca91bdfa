/**
 * explain.test.ts – Over HTTP: why a record is in a segment or not, of members, others, archived
 * and unknown records, saved and unsaved queries; a planted fault is told.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import type { PartitionKeys } from '../../src/redis/keys.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';

let api: TestApi;

const TYPES = {
  organizations: { attributes: { name: { type: 'string' }, industry: { type: 'string' } } },
  contacts: {
    attributes: {
      name: { type: 'string' },
      country: { type: 'string' },
      score: { type: 'number' },
      score_before: { type: 'number' },
      last_seen_at: { type: 'datetime' },
    },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  },
  orders: {
    attributes: {
      total: { type: 'number' },
      status: { type: 'string' },
      placed_at: { type: 'datetime' },
    },
    relationships: {
      customer: { to: 'contacts', key: 'customer_id', cardinality: 'one', inverse: 'orders' },
    },
  },
};

const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const group = (...rules: object[]) => ({ combinator: 'and', rules });

const LAPSING = group(
  { field: 'organization.industry', operator: 'in', value: ['Retail', 'Hospitality'] },
  {
    field: 'orders',
    match: { mode: 'atLeast', threshold: 3 },
    value: group(
      { field: 'total', operator: '>', value: 500 },
      { field: 'placed_at', operator: 'inLast', value: { amount: 90, unit: 'day' } },
    ),
  },
  {
    combinator: 'or',
    rules: [
      {
        field: 'last_seen_at',
        operator: '<',
        value: { mode: 'relative', anchor: 'now', offset: -14, unit: 'day' },
      },
      { field: 'score', operator: '<', valueSource: 'field', value: 'score_before' },
    ],
  },
  { field: '', operator: 'notInSegment', value: 'do-not-contact' },
);

const placedAt = { a1: ago(88), a2: ago(62), a3: ago(24), a4: ago(100) };

async function put(type: string, id: string, data: object): Promise<void> {
  await send(api.deployment, [{ op: 'put', object_type: type, id, data } as Change]);
}

/** The id of the edge of contacts to their organization, or of orders to their customer. */
function edge(at: 0 | 1): number {
  const names = ['contacts.organization', 'orders.customer'] as const;
  return api.deployment.store.catalog.edgeIdOf(names[at])!;
}

const READERS: Readonly<Record<string, string>> = {
  records: '/v1/records/contacts/c1',
  state: '/v1/records/contacts/c1/segments',
};

interface AnsweredPart {
  readonly path: string;
  readonly passed: boolean;
  readonly children: readonly AnsweredPart[];
  readonly related: readonly { readonly id: string }[];
}

interface Answered {
  readonly member: boolean;
  readonly agrees: boolean;
  readonly at?: string;
  readonly as_of_time: string;
  readonly since: string | null;
  readonly next: { readonly at: string | null; readonly searched_until?: string } | null;
  readonly words: string;
  readonly tree: AnsweredPart;
}

async function explained(url: string, body?: object): Promise<Answered> {
  const patient = `${url}${url.includes('?') ? '&' : '?'}timeout_ms=60000`;
  const answer = body
    ? await api.call('POST', url, { ...body, timeout_ms: 60_000 })
    : await api.call('GET', patient);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Answered>();
}

beforeAll(async () => {
  api = await openTestApi({ limits: { explainedRecords: 1250 } });
  for (const [name, type] of Object.entries(TYPES))
    expect((await api.call('PUT', `/v1/object-types/${name}`, type)).statusCode).toBeLessThan(300);
  const never = group({ field: 'country', operator: '=', value: 'XX' });
  for (const [slug, title, query] of [
    ['do-not-contact', 'Do not contact', never],
    ['lapsing', 'Lapsing big accounts', LAPSING],
  ] as const) {
    const segment = { slug, title, object_type: 'contacts', query };
    const created = await api.call('POST', '/v1/segments', segment);
    expect(created.statusCode, created.body).toBe(201);
  }
  await put('organizations', 'o1', { name: 'Northwind Kitchens', industry: 'Hospitality' });
  await put('contacts', 'c1', {
    name: 'Maya Okafor',
    organization_id: 'o1',
    last_seen_at: ago(28),
    score: 58,
    score_before: 51,
  });
  await put('contacts', 'c2', { name: 'Bo', country: 'CH', score: 1 });
  const totals = { a1: 1240, a2: 812.5, a3: 655, a4: 900 };
  for (const [id, total] of Object.entries(totals))
    await put('orders', id, {
      total,
      customer_id: 'c1',
      placed_at: placedAt[id as keyof typeof placedAt],
    });
  await built(api.deployment);
}, 120_000);

afterAll(() => api.close());

describe('the explanation of a membership', () => {
  it('tells of a member what holds, what was seen, and when the clock takes it out', async () => {
    const answer = await explained('/v1/segments/lapsing/explain/c1');
    const leavesAt = new Date(Date.parse(placedAt.a1) + 90 * DAY_MS).toISOString();
    expect(answer).toMatchObject({
      member: true,
      stored: true,
      agrees: true,
      title: 'Maya Okafor',
      exists: true,
      archived: false,
      revision: 1,
      next: { at: leavesAt, member: false },
    });
    const [industry, orders, either, segment] = answer.tree.children as AnsweredPart[];
    expect(industry).toMatchObject({
      path: '/rules/0',
      kind: 'rule',
      words: 'Organization’s industry is one of Retail or Hospitality',
      passed: true,
      seen: 'Hospitality',
      expected: ['Retail', 'Hospitality'],
      seen_words: 'Northwind Kitchens has Hospitality',
    });
    expect(orders).toMatchObject({
      kind: 'match',
      passed: true,
      matching: 3,
      of: 4,
      value: 3,
      flips_at: leavesAt,
      seen_words: '3 of 4 orders do',
    });
    expect(orders!.related.map(({ id }) => id)).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(orders!.related[0]).toMatchObject({ passed: true, flips_at: leavesAt });
    expect(either!.children.map(({ passed }) => passed)).toEqual([true, false]);
    expect(either!.children[1]).toMatchObject({ seen: 58, expected: 51 });
    expect(segment).toMatchObject({ kind: 'segment', passed: true, seen: false });
    expect(answer.words).toContain('Contacts whose organization’s industry is one of');
  });

  it('works for those that are no members, archived, or unknown', async () => {
    expect(await explained('/v1/segments/lapsing/explain/c2')).toMatchObject({
      member: false,
      stored: false,
      agrees: true,
      next: null,
    });
    const unknown = await explained('/v1/segments/lapsing/explain/nobody');
    expect(unknown).toMatchObject({ member: false, exists: false, agrees: true, title: 'nobody' });
    await put('contacts', 'c3', { country: 'XX', last_seen_at: ago(1) });
    const before = await explained('/v1/segments/do-not-contact/explain/c3');
    expect(before).toMatchObject({ member: true, agrees: true });
    await send(api.deployment, [{ op: 'archive', object_type: 'contacts', id: 'c3' } as Change]);
    const after = await explained('/v1/segments/do-not-contact/explain/c3');
    expect(after).toMatchObject({ member: false, stored: false, agrees: true, archived: true });
    expect(after.tree.passed).toBe(true);
    // The clock lets nobody in who is archived, though it turns what is asked.
    const value = { amount: 30, unit: 'day' };
    const query = group({ field: 'last_seen_at', operator: 'inLast', value });
    const asked = { object_type: 'contacts', query, id: 'c3' };
    const timed = await explained('/v1/segments/explain', asked);
    expect(timed).toMatchObject({ member: false, archived: true, next: null });
    expect(timed.tree.children[0]).toMatchObject({ flips_at: expect.any(String) });
  });

  it('tells what will be at a later moment', async () => {
    const at = new Date(Date.parse(placedAt.a1) + 90 * DAY_MS).toISOString();
    const then = await explained(`/v1/segments/lapsing/explain/c1?at=${at}`);
    expect(then).toMatchObject({ member: false, stored: true, agrees: true, at });
    expect(then.as_of_time).toBe(at); // as a preview's
    expect(then.tree.children[1]).toMatchObject({ passed: false, matching: 2, of: 4 });
    const past = await api.call('GET', '/v1/segments/lapsing/explain/c1?at=2020-01-01');
    expect([past.statusCode, past.json().code]).toEqual([400, 'parameter_invalid']);
  });

  it('takes the now of a clock that is behind, and refuses the past in a body', async () => {
    const behindMs = Date.now() - 2000;
    const behind = new Date(behindMs).toISOString();
    const now = await explained(`/v1/segments/lapsing/explain/c2?at=${behind}`);
    expect(now).toMatchObject({ agrees: true });
    expect(Date.parse(now.at!)).toBeGreaterThan(behindMs);
    for (const at of ['2020-01-01', 'soon']) {
      const body = { object_type: 'contacts', query: group(), id: 'c1', at };
      const refused = await api.call('POST', '/v1/segments/explain', body);
      expect([refused.statusCode, refused.json().code]).toEqual([422, 'body_invalid']);
      expect(refused.json().errors[0].path).toBe('/at');
    }
  });

  it('names the moment at which the clock moves it, and since when it is so', async () => {
    const recent = { amount: 3, unit: 'second' };
    const query = group({
      field: 'orders',
      match: { mode: 'some' },
      value: group({ field: 'placed_at', operator: 'inLast', value: recent }),
    });
    const segment = { slug: 'just-ordered', title: 'Just ordered', object_type: 'contacts', query };
    await api.call('POST', '/v1/segments', segment);
    await built(api.deployment);
    const placedMs = Date.now();
    await put('contacts', 'c9', { name: 'Cy' });
    const placed = { customer_id: 'c9', placed_at: new Date(placedMs).toISOString() };
    await put('orders', 'b1', placed);
    const leavesMs = placedMs + 3000;
    const before = await explained('/v1/segments/just-ordered/explain/c9');
    // A machine that is too slow for this says nothing.
    if (Date.now() < leavesMs) {
      expect(before).toMatchObject({
        member: true,
        agrees: true,
        next: { at: new Date(leavesMs).toISOString(), member: false },
      });
      expect(Date.parse(before.since!)).toBeGreaterThanOrEqual(placedMs);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, leavesMs - Date.now())));
    const after = await explained('/v1/segments/just-ordered/explain/c9');
    expect(after).toMatchObject({ member: false, stored: false, agrees: true, next: null });
    expect(Date.parse(after.since!)).toBeGreaterThanOrEqual(leavesMs);
  });

  it('works for a query that is not saved, in every dialect, and refuses faults', async () => {
    const rules = group(
      { field: 'orders.total', aggregate: 'sum', operator: '>', value: 1000 },
      { field: 'orders.status', operator: '!=', value: 'paid' },
    );
    const items = {
      type: 'group',
      operator: 'and',
      items: [{ type: 'attribute', slug: 'country', operator: '==', value: 'CH' }],
    };
    const logic = { and: [{ '<': [{ var: 'score' }, 60] }, { some: [{ var: 'orders' }, true] }] };
    const ask = (query: object, id = 'c1') =>
      explained('/v1/segments/explain', { object_type: 'contacts', query, id });
    const byRules = await ask(rules);
    expect(byRules).toMatchObject({ member: true, stored: null, agrees: true, revision: null });
    expect(byRules.tree.children[0]).toMatchObject({ value: 3607.5, matching: 4, of: 4 });
    const shared = group({
      field: 'orders',
      match: { mode: 'atMost', threshold: 0.5 },
      value: group({ field: 'total', operator: '>', value: 1000 }),
    });
    const share = (await ask(shared)).tree.children[0];
    expect(share).toMatchObject({ passed: true, matching: 1, of: 4, value: 0.25 });
    // Of all that have to, those that do not decide.
    const every = group({
      field: 'orders',
      match: { mode: 'all' },
      value: group({ field: 'total', operator: '>', value: 700 }),
    });
    const all = (await ask(every)).tree.children[0]!;
    expect(all).toMatchObject({ passed: false, matching: 3, of: 4, value: 3 });
    expect(all.related.map(({ id }) => id)).toEqual(['a3', 'a1', 'a2', 'a4']);
    const none = (await ask(shared, 'c2')).tree.children[0];
    expect(none).toMatchObject({ passed: true, matching: 0, of: 0, value: null });
    // Of a sum, the largest parts.
    const parts = byRules.tree.children[0]!.related.map(({ id }) => id);
    expect(parts).toEqual(['a1', 'a4', 'a2', 'a3']);
    expect((await ask(items)).tree.children[0]).toMatchObject({ path: '/items/0', seen: null });
    const byLogic = await ask(logic);
    expect(byLogic.member).toBe(true);
    expect(byLogic.tree.children.map(({ path }) => path)).toEqual(['/and/0', '/and/1']);
    const query = group({ field: 'nothing', operator: '=', value: 1 });
    const fault = await api.call('POST', '/v1/segments/explain', {
      object_type: 'contacts',
      query,
      id: 'c1',
    });
    expect(fault.statusCode).toBe(422);
    expect(fault.json().errors[0].path).toBe('/query/rules/0/field');
    expect((await api.call('GET', '/v1/segments/none/explain/c1')).statusCode).toBe(404);
  });

  it('says up to when nothing changes, where that is as far as it looks', async () => {
    const query = group({
      field: 'orders',
      match: { mode: 'some' },
      value: group({
        field: 'placed_at',
        operator: 'inLast',
        value: { amount: 90, unit: 'day' },
      }),
    });
    await put('contacts', 'c10', { name: 'Di' });
    const firstMs = Date.now() - 10 * DAY_MS;
    const many = Array.from({ length: 1200 }, (_, at) => ({
      ...{ op: 'put', object_type: 'orders', id: `d${at}` },
      data: { customer_id: 'c10', placed_at: new Date(firstMs + at * 1000).toISOString() },
    }));
    await send(api.deployment, many as Change[]);
    const answer = await explained('/v1/segments/explain', {
      ...{ object_type: 'contacts', query, id: 'c10' },
    });
    const lapseMs = (at: number) => firstMs + at * 1000 + 90 * DAY_MS;
    expect(answer).toMatchObject({ member: true, next: { at: null } });
    expect(answer.next).not.toHaveProperty('member');
    const untilMs = Date.parse(answer.next!.searched_until!);
    expect(untilMs).toBeGreaterThan(lapseMs(100));
    expect(untilMs).toBeLessThan(lapseMs(1199));
    expect(answer.tree.children[0]).toMatchObject({ flips_at: null, matching: 1200 });
    const more = many.slice(0, 100).map((each) => ({ ...each, id: `more-${each.id}` }));
    await send(api.deployment, more as Change[]);
    const body = { object_type: 'contacts', query, id: 'c10', timeout_ms: 60_000 };
    const refused = await api.call('POST', '/v1/segments/explain', body);
    expect([refused.statusCode, refused.json().code]).toEqual([422, 'query_too_costly']);
    expect(refused.json().detail).toContain('1,250');
  });

  it.each([
    ['the record', (own: PartitionKeys) => [own.records('contacts'), 'c1']],
    ['its state', (own: PartitionKeys) => [own.state('contacts'), 'c1']],
    ['what it knows of its organization', (own: PartitionKeys) => [own.neighbours(edge(0)), 'o1']],
    ['what its orders add up to', (own: PartitionKeys) => [own.related(edge(1)), 'c1']],
  ] as const)('names the row that somebody has written over: %s', async (_, rowOf) => {
    const { redis, keys } = api.deployment;
    const [key, field] = rowOf(keys.partitions[partitionOf('c1', keys.partitions.length)]!);
    const row = await redis.hget(key!, field!);
    for (const garbage of ['garbage', '5', '{}', ';']) {
      if (garbage === '{}' && key!.includes('related')) continue; // it says that there are none
      await redis.hset(key!, field!, garbage);
      const answer = await api.call('GET', '/v1/segments/lapsing/explain/c1');
      expect([answer.statusCode, answer.json().code], garbage).toEqual([500, 'row_unreadable']);
      expect(answer.json().detail).toContain(`'${field}' of ${key}`);
      expect(answer.json().detail).toContain('audit --repair');
    }
    // Whoever reads the same row is told the same.
    const reader = READERS[key!.split(':')[2]!];
    if (reader) expect((await api.call('GET', reader)).json().code).toBe('row_unreadable');
    await redis.hset(key!, field!, row!);
    expect(await explained('/v1/segments/lapsing/explain/c1')).toMatchObject({ agrees: true });
  });

  it('says that a planted membership does not agree, and counts it', async () => {
    const { redis, keys, store } = api.deployment;
    const { predicateId } = store.catalog.segments.get('lapsing')!;
    const sets = keys.partitions.map((each) => each.segment(predicateId!));
    const held = await Promise.all(sets.map((set) => redis.sismember(set, 'c1')));
    const set = sets[held.indexOf(1)]!;
    await redis.srem(set, 'c1');
    const answer = await explained('/v1/segments/lapsing/explain/c1');
    expect(answer).toMatchObject({ member: true, stored: false, agrees: false });
    const metrics = await api.call('GET', '/metrics');
    expect(metrics.body).toContain('rollcall_explain_differences_total 1');
    await redis.sadd(set, 'c1');
    // Nor does a state that says otherwise than the set.
    const state = keys.partitions[held.indexOf(1)]!.state('contacts');
    const row = await redis.hget(state, 'c1');
    await redis.hdel(state, 'c1');
    const stateless = await explained('/v1/segments/lapsing/explain/c1');
    expect(stateless).toMatchObject({ member: true, stored: true, agrees: false });
    await redis.hset(state, 'c1', row!);
    expect((await explained('/v1/segments/lapsing/explain/c1')).agrees).toBe(true);
  });
});

describe('before the first build', () => {
  it('a segment is not explained, and it says when to ask again', async () => {
    const idle = await openTestApi({ runsWorker: false });
    const ask = (method: string, url: string, body?: object) => idle.call(method, url, body);
    for (const [name, type] of Object.entries(TYPES))
      expect((await ask('PUT', `/v1/object-types/${name}`, type)).statusCode).toBeLessThan(300);
    const query = group({ field: 'orders.total', aggregate: 'sum', operator: '>', value: 1 });
    const segment = { slug: 'new', title: 'New', object_type: 'contacts', query };
    expect((await ask('POST', '/v1/segments', segment)).statusCode).toBe(201);
    const saved = await ask('GET', '/v1/segments/new/explain/c1');
    expect([saved.statusCode, saved.json().code]).toEqual([503, 'segment_building']);
    expect(saved.headers['retry-after']).toBe('1');
    await idle.close();
  });
});

describe('while an edit is built', () => {
  it('the revision before it is explained: that is what decides', async () => {
    // From here on nobody builds.
    await api.deployment.worker!.stop();
    const url = '/v1/segments/do-not-contact';
    const query = group({ field: 'country', operator: '=', value: 'CH' });
    expect((await api.call('PATCH', url, { query })).statusCode).toBe(200);
    expect(await explained(`${url}/explain/c2`)).toMatchObject({
      ...{ member: false, stored: false, agrees: true, revision: 1 },
      tree: { children: [{ passed: false, seen: 'CH', expected: 'XX' }] },
    });
    // Others that use it mean what answers, too.
    const lapsing = await explained('/v1/segments/lapsing/explain/c2');
    expect(lapsing).toMatchObject({ agrees: true, revision: 1 });
    expect(lapsing.tree.children[3]).toMatchObject({ kind: 'segment', passed: true });
  });
});

/**
 * preview.test.ts – A preview over HTTP: what it answers, at rest and while changes go on; what
 * it refuses; and that nothing is left of it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { ERRORS } from '../../src/errors.ts';
import type { WrittenRecord } from '../../src/preview/record-source.ts';
import { openRecordSource } from '../../src/redis/record-source.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, createSegment, eventually, send } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const CONTACTS = isWhole ? 100_000 : 600;
const DAY_MS = 86_400_000;
const SAAS = { field: 'organization.industry', operator: '=', value: 'saas' };
const ADULT = { field: 'age', operator: '>=', value: 18 };
const EMAIL = { field: 'email', operator: '=', value: '' };
const SPENDS = { field: 'orders.total', aggregate: 'sum', operator: '>=', value: 30 };
/** Costs more than it may for a record with so long a text. */
const COSTS_BY_LENGTH = { in: ['q', { cat: Array(40).fill({ var: 'email' }) }] };
const LONG = 'x'.repeat(900_000);
const SEEN = { field: 'seen_at', operator: 'inLast', value: { amount: 30, unit: 'day' } };

let api: TestApi;
/** A second process of the deployment, which runs no engine. */
let reader: TestApi;

const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const contactId = (n: number) => `c${String(n).padStart(6, '0')}`;

function* changes(): Iterable<Change> {
  for (let n = 0; n < 10; n++) {
    const data = { name: `Org ${n}`, industry: n % 2 === 0 ? 'saas' : 'steel' };
    yield { op: 'put', object_type: 'organizations', id: `o${n}`, data };
  }
  for (let n = 0; n < CONTACTS; n++) {
    const seen_at = new Date(Date.now() - (n % 60) * DAY_MS).toISOString();
    const data = { email: `${n}@x.example`, age: n % 40, seen_at, organization_id: `o${n % 11}` };
    yield { op: 'put', object_type: 'contacts', id: contactId(n), data };
    const order = { total: n % 7, contact_id: contactId(n % 100) };
    yield { op: 'put', object_type: 'orders', id: `p${n}`, data: order };
  }
  yield { op: 'archive', object_type: 'contacts', id: contactId(3) };
  yield { op: 'archive', object_type: 'organizations', id: 'o4' };
}

beforeAll(async () => {
  api = await openTestApi({
    limits: { previewsWaiting: 2, previews: 1, previewsPerConnection: 1, streamsPerKey: 2 },
  });
  const { deployment } = api;
  const text = { type: 'string' } as const;
  await deployment.objectTypes.put('organizations', {
    attributes: { name: text, industry: text },
  });
  await deployment.objectTypes.put('contacts', {
    attributes: { email: text, age: { type: 'number' }, seen_at: { type: 'datetime' } },
    relationships: {
      organization: { to: 'organizations', key: 'organization_id', inverse: 'contacts' },
    },
  });
  await deployment.objectTypes.put('orders', {
    attributes: { total: { type: 'number' } },
    relationships: { contact: { to: 'contacts', key: 'contact_id', inverse: 'orders' } },
  });
  await send(deployment, changes());
  reader = await openTestApi({ prefix: deployment.keys.prefix, runsWorker: false });
}, 600_000);
afterAll(async () => {
  await reader.close();
  await api.close();
});

interface Previewed {
  readonly status: string;
  readonly count: number;
  readonly of: number;
  readonly sample: { id: string; title: string }[];
  readonly added?: { count: number; sample: { id: string }[] };
  readonly removed?: { count: number; sample: { id: string }[] };
  readonly breakdown?: { path: string; count: number }[];
  readonly as_of: string;
  readonly as_of_time: string;
}

async function preview(body: Record<string, unknown>, by = api): Promise<Previewed> {
  const answer = await by.call(
    'POST',
    '/v1/segments/preview',
    { object_type: 'contacts', timeout_ms: 60_000, ...body },
    { role: 'viewer' },
  );
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Previewed>();
}

/** How many members a segment of the query has, once it is saved; then it is deleted again. */
async function saved(query: unknown): Promise<number> {
  await createSegment(api.deployment, 'saved', 'contacts', query);
  const { counts } = await api.deployment.segmentCounts.read(['saved']);
  await api.deployment.segments.remove('saved');
  await built(api.deployment);
  return counts[0]!.count!;
}

describe('a preview', () => {
  it('answers, where no engine runs, what the saved segment has, part by part', async () => {
    const either = { combinator: 'or', not: true, rules: [SPENDS, SAAS] };
    const query = all(ADULT, SEEN, either);
    const { version } = await api.deployment.store.refresh();
    const shown = await preview({ query, breakdown: true }, reader);
    expect((await api.deployment.store.refresh()).version).toBe(version);
    expect(shown).toMatchObject({ status: 'ready', count: await saved(query), of: CONTACTS - 1 });
    const parts: [string, unknown][] = [
      ['/rules/0', ADULT],
      ['/rules/1', SEEN],
      ['/rules/2', either],
      ['/rules/2/rules/0', SPENDS],
      ['/rules/2/rules/1', SAAS],
    ];
    expect(shown.breakdown).toEqual([
      ...(await parts.reduce<Promise<unknown[]>>(
        async (before, [path, rule]) => [
          ...(await before),
          { path, count: await saved(all(rule)) },
        ],
        Promise.resolve([]),
      )),
    ]);
    expect(shown.sample).toHaveLength(10);
    for (const { id, title } of shown.sample)
      expect(title).toBe(`${Number(id.slice(1))}@x.example`);
  });

  it('compares with a saved segment, and samples as it is told', async () => {
    await createSegment(api.deployment, 'saas', 'contacts', all(SAAS));
    const { count } = await preview({ query: all(SAAS) });
    const both = await preview({ query: all(SAAS, ADULT), compare_to: 'saas', sample: 2 });
    const { count: adults } = await preview({ query: all(ADULT) });
    expect(both.added).toEqual({ count: 0, sample: [] });
    expect(both.removed!.count).toBe(count - both.count);
    expect(both.removed!.sample).toHaveLength(2);
    const other = await preview({ query: all(ADULT), compare_to: 'saas', sample: 0 });
    expect(other.sample).toEqual([]);
    expect(other.added!.count).toBe(adults - both.count);
    const of = all({ field: '', operator: 'inSegment', value: 'saas' });
    expect(await preview({ query: of, compare_to: 'saas' })).toMatchObject({
      ...{ count, added: { count: 0 }, removed: { count: 0 } },
    });
  });

  it('reads every dialect', async () => {
    const { count } = await preview({ query: all(ADULT) });
    const logic = { and: [{ '!=': [{ var: 'age' }, null] }, { '>=': [{ var: 'age' }, 18] }] };
    const leaf = { type: 'attribute', slug: 'age', operator: '>=', value: 18 };
    const tree = { type: 'group', operator: 'and', items: [leaf] };
    for (const query of [logic, tree])
      expect(await preview({ query, breakdown: true })).toMatchObject({ count, breakdown: [] });
  });

  it('tells its progress, then the same result, as events', async () => {
    const body = { object_type: 'contacts', query: all(SAAS) };
    const sent = { accept: 'text/event-stream' };
    const answer = await api.call('POST', '/v1/segments/preview', body, sent);
    expect(answer.headers['content-type']).toContain('text/event-stream');
    const events = answer.body
      .trim()
      .split('\n\n')
      .map((text) => /^event: (\w+)\ndata: (.*)$/.exec(text)!)
      .map(([, name, data]) => ({ name, data: JSON.parse(data!) as Previewed & { done: number } }));
    expect(events.map(({ name }) => name).slice(-2)).toEqual(['progress', 'result']);
    for (const { data } of events.slice(0, -1)) expect(data.done).toBeLessThanOrEqual(data.of);
    const { as_of_time: _, ...expected } = await preview({ query: all(SAAS) });
    expect(events.at(-1)!.data).toMatchObject(expected);
    const faulty = { ...body, query: all({ ...SAAS, operator: '~' }) };
    expect((await api.call('POST', '/v1/segments/preview', faulty, sent)).statusCode).toBe(422);
  });

  it('is one of the streams that a key may have, as long as it tells', async () => {
    const body = { object_type: 'contacts', query: all(SAAS), timeout_ms: 60_000 };
    const sent = { accept: 'text/event-stream' };
    const ask = () => api.call('POST', '/v1/segments/preview', body, sent);
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 429]);
    const refused = answers.find(({ statusCode }) => statusCode === 429)!;
    expect(refused.json()).toMatchObject({ detail: '2 streams of this key are open' });
    expect(refused.headers['retry-after']).toBe('5');
    for (const each of await Promise.all([ask(), ask()])) expect(each.statusCode).toBe(200);
  });

  it('tells as its last event, and whole, of a problem that comes after the first', async () => {
    const long = { op: 'put', object_type: 'contacts', id: 'long', data: { email: LONG } };
    await createSegment(api.deployment, 'costly', 'contacts', COSTS_BY_LENGTH);
    await send(api.deployment, [long as Change]);
    const body = { object_type: 'contacts', query: COSTS_BY_LENGTH };
    const { body: events } = await api.call('POST', '/v1/segments/preview', body, {
      accept: 'text/event-stream',
    });
    const compared = { ...body, query: all(ADULT), compare_to: 'costly' };
    const refused = await api.call('POST', '/v1/segments/preview', compared);
    expect(refused.json()).toMatchObject({
      code: 'query_too_costly',
      errors: [{ path: '/compare_to' }],
    });
    await api.deployment.segments.remove('costly');
    await send(api.deployment, [{ op: 'delete', object_type: 'contacts', id: 'long' }]);
    const [, last] = /event: problem\ndata: (.*)\n\n$/.exec(events)!;
    expect(JSON.parse(last!)).toMatchObject({
      type: 'urn:rollcall:problem:query_too_costly',
      title: ERRORS.query_too_costly.title,
      status: 422,
      code: 'query_too_costly',
      errors: [{ path: '/query' }],
    });
  });

  it('forecasts who leaves a window, relationships included', async () => {
    const soon = new Date(Date.now() + 10 * DAY_MS);
    const now = await preview({ query: all(SEEN) });
    const then = await preview({ query: all(SEEN), at: soon.toISOString() });
    const day = (each: number) => Math.ceil((CONTACTS - each) / 60);
    // seen today up to 29 days ago, and in ten days only those of up to 19 days ago
    const within = (days: number) =>
      Array.from({ length: days }, (_, each) => day(each)).reduce((sum, each) => sum + each, 0) - 1;
    expect([now.count, then.count]).toEqual([within(30), within(20)]);
    expect(then.as_of_time).toBe(soon.toISOString());
    const seen = { mode: 'atLeast', threshold: 1 };
    const query = all({ field: 'contacts', operator: '=', match: seen, value: all(SEEN, ADULT) });
    const far = new Date(Date.now() + 31 * DAY_MS).toISOString();
    expect((await preview({ object_type: 'organizations', query })).count).toBeGreaterThan(0);
    expect(await preview({ object_type: 'organizations', query, at: far })).toMatchObject({
      count: 0,
      of: 9,
    });
  });

  it('lies between before and after while changes go on', async () => {
    const teens = all({ field: 'age', operator: '<', value: 18 });
    const before = await preview({ query: teens });
    const older = (function* (): Iterable<Change> {
      for (let n = 0; n < CONTACTS; n += 2)
        yield { op: 'patch', object_type: 'contacts', id: contactId(n), data: { age: 20 } };
    })();
    const sent = send(api.deployment, older);
    const during: number[] = [];
    for (let each = 0; each < 5; each++) during.push((await preview({ query: teens })).count);
    await sent;
    const after = await preview({ query: teens });
    expect(after.count).toBe(await saved(teens));
    const counts = [before.count, ...during, after.count];
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
  });
});

describe('a commit', () => {
  it('names the records that it wrote, and no others', async () => {
    const { keys } = api.deployment;
    const partitions = keys.partitions.length;
    const source = await openRecordSource({
      ...{ url: inject('redisUrl'), prefix: keys.prefix, partitions },
    });
    const marks = async () =>
      Promise.all(
        keys.partitions.map(async (_, at) => (await source.changes(at, undefined, [])).commit),
      );
    const before = await marks();
    const [patched, deleted] = [contactId(40), 'p17'];
    await send(api.deployment, [
      { op: 'patch', object_type: 'contacts', id: patched, data: { email: 'new@x.example' } },
      { op: 'patch', object_type: 'contacts', id: contactId(41), data: { age: 2 } },
      { op: 'delete', object_type: 'orders', id: deleted },
    ]);
    const types = ['contacts', 'orders'];
    const found = await Promise.all(before.map((mark, at) => source.changes(at, mark, types)));
    const written = found.flatMap((each) => each.written as WrittenRecord[]);
    source.close();
    expect(written.map(({ typeAt, id }) => `${types[typeAt]} ${id}`).sort()).toEqual(
      [`contacts ${patched}`, `contacts ${contactId(41)}`, `orders ${deleted}`].sort(),
    );
    expect(String(written.find(({ id }) => id === patched)!.row)).toContain('new@x.example');
    const { count } = await preview({ query: all({ ...EMAIL, value: 'new@x.example' }) });
    expect(count).toBe(1);
  });
});

describe('what a preview refuses', () => {
  it.each([
    [422, 'query_invalid', '/query/rules/0/field', { query: all({ ...ADULT, field: 'x' }) }],
    [422, 'body_invalid', '/at', { query: all(), at: '2020-01-01T00:00:00Z' }],
    [422, 'body_invalid', '/at', { query: all(), at: 'tomorrow' }],
    [422, 'body_invalid', '/sample', { query: all(), sample: 101 }],
    [
      422,
      'body_invalid',
      '/compare_to',
      { object_type: 'orders', query: all(), compare_to: 'saas' },
    ],
    [404, 'segment_unknown', undefined, { query: all(), compare_to: 'nobody' }],
    [404, 'object_type_unknown', undefined, { object_type: 'nothing', query: all() }],
  ])('%i %s %s', async (status, code, path, body) => {
    const answer = await api.call('POST', '/v1/segments/preview', {
      object_type: 'contacts',
      ...body,
    });
    expect(answer.json()).toMatchObject({ status, code });
    expect(answer.json<{ errors?: { path: string }[] }>().errors?.[0]?.path).toBe(path);
  });

  it('a preview without time has no number, and says so', async () => {
    const asked = { query: all(SAAS), timeout_ms: 0 };
    const rest = { sample: [], as_of: '', as_of_time: expect.any(String) };
    const none = { status: 'timeout', count: null, of: null, ...rest };
    expect(await preview(asked)).toEqual(none);
    // What was asked for is there, and is as unknown.
    const unknown = { count: null, sample: [] };
    expect(await preview({ ...asked, compare_to: 'saas', breakdown: true })).toEqual({
      ...none,
      added: unknown,
      removed: unknown,
      breakdown: [{ path: '/rules/0', count: null }],
    });
    const at = new Date(Date.now() + DAY_MS).toISOString();
    expect((await preview({ ...asked, at })).as_of_time).toBe(at);
  });

  it('more than run and wait are refused; those whose client goes away leave nothing', async () => {
    const { previews } = api.deployment;
    await api.server.listen({ port: 0, host: '127.0.0.1' });
    const body = JSON.stringify({ object_type: 'contacts', query: all(SPENDS, SAAS) });
    const head = [
      'POST /v1/segments/preview HTTP/1.1',
      'host: x',
      'authorization: Bearer the-key-of-the-viewer',
      'content-type: application/json',
      `content-length: ${body.length}`,
    ];
    const ask = async (accept = 'application/json') => {
      const socket = connect((api.server.server.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`${[...head, `accept: ${accept}`].join('\r\n')}\r\n\r\n${body}`);
      return socket;
    };
    // All ask at once: one runs and two wait, so some of the six are refused.
    const sockets = await Promise.all(Array.from({ length: 6 }, () => ask()));
    const answers = await Promise.all(
      sockets.map(async (socket) => String((await once(socket, 'data'))[0])),
    );
    const refused = answers.filter((text) => text.startsWith('HTTP/1.1 429'));
    expect(refused.length).toBeGreaterThan(0);
    for (const text of refused) expect(text).toMatch(/retry-after: 1\r\n/i);
    const accepts = ['application/json', 'text/event-stream', 'text/event-stream'];
    const gone = await Promise.all(accepts.map(ask));
    for (const socket of [...gone, ...sockets]) socket.destroy();
    await eventually('nothing runs any more', () => previews.size === 0);
    expect((await preview({ query: all() })).count).toBe(CONTACTS - 1);
  });
});

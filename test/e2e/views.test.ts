/**
 * views.test.ts – Views over HTTP: what they may be, and that their rows are what plain JavaScript
 * and json-logic-js make of nested documents, on pages, as CSV and as NDJSON.
 */
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'csv-parse/sync';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import type { StoredView } from '../../src/catalog/catalog.ts';
import type { Change } from '../../src/change/change.ts';
import { ROLES } from '../../src/config.ts';
import { audit } from '../../src/membership/audit.ts';
import { STRONG } from '../../src/membership/read-options.ts';
import type { NamedRecord } from '../../src/membership/record-reader.ts';
import type { ViewRow } from '../../src/membership/view-rows.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import {
  document,
  type Graph,
  type GraphRecord,
} from '../../src/query/json-logic/reference-document.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? Date.now() % 100_000);
const KEYS = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
const IDS = { organizations: 12, groups: 5, contacts: 150, orders: 500 } as const;
type TypeName = keyof typeof IDS;

const TYPES: Readonly<Record<TypeName, { attributes: object; relationships?: object }>> = {
  organizations: {
    attributes: { name: { type: 'string' }, size: { type: 'number' } },
    relationships: {
      parent: { to: 'organizations', key: 'parent_id', cardinality: 'one', inverse: 'children' },
    },
  },
  groups: { attributes: { level: { type: 'number' } } },
  contacts: {
    attributes: {
      name: { type: 'string' },
      age: { type: 'number' },
      vip: { type: 'boolean' },
      born_on: { type: 'date' },
      tags: { type: 'list', of: 'string' },
    },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
      groups: { to: 'groups', key: 'group_ids', cardinality: 'many', inverse: 'members' },
    },
  },
  orders: {
    attributes: {
      total: { type: 'number' },
      status: { type: 'string' },
      paid_at: { type: 'datetime' },
    },
    relationships: {
      contact: { to: 'contacts', key: 'contact_id', cardinality: 'one', inverse: 'orders' },
    },
  },
};

const all = (...rules: object[]) => ({ combinator: 'and', rules });
const rule = (field: string, operator: string, value?: unknown) => ({ field, operator, value });
const paid = all(rule('status', '=', 'paid'));
const adults = all(rule('age', '>=', 30));

const PREFIX = freshPrefix();

let deployment: TestDeployment;
let server: FastifyInstance;

interface Sent {
  readonly role?: string;
  readonly accept?: string;
}

function call(
  method: string,
  url: string,
  body?: unknown,
  { role = 'master', accept }: Sent = {},
): Promise<LightMyRequestResponse> {
  return server.inject({
    method: method as 'GET',
    url: `/v1${url}`,
    headers: {
      authorization: `Bearer the-key-of-the-${role}`,
      ...(accept === undefined ? {} : { accept }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
}

/** Sends a request that has to succeed. */
async function done<T = Record<string, unknown>>(
  method: string,
  url: string,
  body?: unknown,
): Promise<T> {
  const response = await call(method, url, body);
  if (response.statusCode >= 300)
    throw new Error(`${method} ${url}: ${response.statusCode} ${response.body}`);
  return (response.body === '' ? undefined : response.json()) as T;
}

/** The status, the code and the pointers of a refusal. */
async function refusal(method: string, url: string, body?: unknown, sent?: Sent): Promise<unknown> {
  const response = await call(method, url, body, sent);
  const { code, errors = [], used_by: usedBy } = response.json();
  const paths = errors.map(({ path }: { path: string }) => path);
  return [response.statusCode, code, ...paths, ...(usedBy ? [usedBy] : [])];
}

const view = (slug: string, over: object = {}) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  columns: [{ path: 'name' }],
  ...over,
});

let made = 0;

/** Makes a view under a slug of its own and waits until it is built. */
async function makeView(over: object): Promise<string> {
  const slug = `view-${made++}`;
  await done('POST', '/views', view(slug, over));
  await built(deployment);
  return slug;
}

type Row = Record<string, unknown> & { readonly id: string };

async function pagesOf(slug: string, limit: number): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const page = await done<{ data: Row[]; next_cursor: string | null }>(
      'GET',
      `/views/${slug}/rows?limit=${limit}${query}`,
    );
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return rows;
}

/** The first rows of a view, as a process reads them. */
async function rowsOf({ viewRows }: TestDeployment, slug: string): Promise<ViewRow[]> {
  const rows: ViewRow[] = [];
  const show = (_: string, { id, record }: NamedRecord) => ({
    id,
    text: Buffer.from(JSON.stringify({ id, ...record })),
  });
  const opened = await viewRows.openPage(slug, undefined, STRONG);
  await opened.read(1000, { show, take: (row) => rows.push(row) > 0 });
  return rows;
}

/** The cells of one record, whether a view shows it or not. */
async function cellsOf(stored: StoredView, id: string): Promise<unknown[]> {
  const cells: unknown[] = [];
  for await (const part of deployment.viewRows.viewRowsOf(stored, [id])) cells.push(...part);
  return cells;
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

// ── random records ──

/** A stream of numbers below n that a seed determines (mulberry32). */
function chooser(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

const choose = chooser(SEED);
const often = <T>(value: T): T | undefined => (choose(5) > 0 ? value : undefined);
const pick = <T>(some: readonly T[]): T => some[choose(some.length)]!;
const idOf = (type: TypeName, at: number) => `${type.slice(0, 3)}-${at}`;
const anyId = (type: TypeName) => idOf(type, choose(IDS[type] + 1)); // the last one does not exist

const NAMES = [
  'Ada',
  'Böb',
  '=1+1',
  '+41',
  '-x',
  '@me',
  '\tq',
  'a,b',
  'say "hi"',
  'two\nlines',
  'cr\rlf\r\n',
  '',
  '"',
  '😀',
];
const VALUES: Readonly<Record<TypeName, () => Record<string, unknown>>> = {
  organizations: () => ({
    name: often(pick(NAMES)),
    size: often(choose(9)),
    parent_id: often(anyId('organizations')),
  }),
  groups: () => ({ level: often(choose(5)) }),
  contacts: () => ({
    name: often(pick(NAMES)),
    age: often(choose(90) - 5),
    vip: often(choose(2) === 1),
    born_on: often(`19${10 + choose(90)}-0${1 + choose(9)}-11`),
    tags: often(Array.from({ length: choose(3) }, () => pick(['x', 'y']))),
    organization_id: often(anyId('organizations')),
    group_ids: often(Array.from({ length: choose(4) }, () => anyId('groups'))),
  }),
  orders: () => ({
    total: often(choose(1000) / 10),
    status: often(pick(['paid', 'open'])),
    paid_at: often(new Date(Date.now() - pick([1, 90]) * 3_600_000).toISOString()),
    contact_id: often(anyId('contacts')),
  }),
};

const records = new Map<TypeName, GraphRecord[]>();
const archived = new Set<string>();

function* changes(): Generator<Change> {
  for (const type of Object.keys(IDS) as TypeName[]) {
    const made: GraphRecord[] = [];
    for (let at = 0; at < IDS[type]; at++) {
      const data = Object.fromEntries(
        Object.entries(VALUES[type]()).filter(([, value]) => value !== undefined),
      );
      const id = idOf(type, at);
      made.push({ id, data });
      yield { op: 'put', object_type: type, id, data };
      if (choose(12) > 0) continue;
      archived.add(id);
      yield { op: 'archive', object_type: type, id };
    }
    records.set(type, made);
  }
}

function graph(): Graph {
  const live = new Map(
    [...records].map(([type, some]) => [type, some.filter(({ id }) => !archived.has(id))]),
  );
  return {
    types: deployment.store.catalog.objectTypes,
    records: (type) => live.get(type as TypeName)!,
  };
}

// ── the reference: cells by plain JavaScript over nested documents ──

interface GivenColumn {
  readonly path: string;
  readonly label?: string;
  readonly aggregate?: string;
  readonly where?: unknown;
}

type Doc = Record<string, unknown>;

function cellOf({ path, aggregate, where }: GivenColumn, doc: Doc, of: string): unknown {
  const names = path.split('.');
  if (aggregate === undefined)
    return names.reduce<unknown>((at, name) => (at as Doc | null)?.[name], doc) ?? null;
  const { types } = graph();
  const isMany = (type: string, name: string) =>
    !types.get(type)!.relationships.has(name) ||
    types.get(type)!.relationships.get(name)!.cardinality === 'many';
  const targetOf = (type: string, name: string): string =>
    types.get(type)!.relationships.get(name)?.to ??
    [...types.values()].find(({ relationships }) =>
      [...relationships.values()].some(({ to, inverse }) => to === type && inverse === name),
    )!.name;
  let at: Doc | null | undefined = doc;
  let type = of;
  while (!isMany(type, names[0]!)) {
    at = at?.[names[0]!] as Doc | null;
    type = targetOf(type, names.shift()!);
  }
  const [many, attribute] = names;
  const target = targetOf(type, many!);
  const there = ((at?.[many!] ?? []) as Doc[]).filter(
    (each) => where === undefined || holds(logicOf(where, target), each, Date.now()),
  );
  const values = there.map((each) => each[attribute!]).filter((value) => typeof value === 'number');
  return aggregateOf(aggregate, there.length, values);
}

function logicOf(where: unknown, objectType: string): unknown {
  const { types } = graph();
  return compileQuery(where, {
    type: types.get(objectType)!,
    types,
    timeZone: 'UTC',
    segment: () => undefined,
  }).jsonLogic;
}

function aggregateOf(aggregate: string, count: number, values: readonly number[]): number | null {
  // totals have one decimal
  const tenths = values.reduce((sum, value) => sum + Math.round(value * 10), 0);
  if (aggregate === 'count') return count;
  if (aggregate === 'sum') return tenths / 10;
  if (values.length === 0) return null;
  if (aggregate === 'avg') return millionths(tenths, values.length);
  return aggregate === 'min' ? Math.min(...values) : Math.max(...values);
}

/** So many tenths divided, in millionths: half-even. */
function millionths(tenths: number, count: number): number {
  const whole = Math.floor((tenths * 100_000) / count);
  const twice = 2 * (tenths * 100_000 - whole * count);
  const isUp = twice > count || (twice === count && whole % 2 !== 0);
  return Number(`${isUp ? whole + 1 : whole}e-6`);
}

function expectedRows(
  columns: readonly GivenColumn[],
  query: unknown,
  of: TypeName = 'contacts',
): Row[] {
  const whole = graph();
  const logic = logicOf(query, of);
  return [...whole.records(of)].flatMap((record) => {
    const doc = document(of, record, whole) as Doc;
    if (!holds(logic, doc, Date.now())) return [];
    const cells = columns.map((column) => {
      const label =
        column.label ?? (column.aggregate ? `${column.aggregate} of ${column.path}` : column.path);
      return [column.aggregate ? label : column.path, cellOf(column, doc, of)];
    });
    return [{ id: record.id, ...Object.fromEntries(cells) } as Row];
  });
}

const COLUMNS: readonly GivenColumn[] = [
  { path: 'name', label: 'Name' },
  { path: 'age' },
  { path: 'vip' },
  { path: 'born_on' },
  { path: 'tags' },
  { path: 'organization.name', label: 'Company' },
  { path: 'organization.parent.name' },
  { path: 'organization.parent.parent.size' },
  { path: 'orders', aggregate: 'count', label: 'Orders' },
  { path: 'orders.total', aggregate: 'sum' },
  { path: 'orders.total', aggregate: 'sum', where: paid, label: 'Paid' },
  { path: 'orders.total', aggregate: 'avg', where: paid, label: 'Average paid' },
  { path: 'orders.total', aggregate: 'min' },
  { path: 'orders.total', aggregate: 'max' },
  {
    path: 'orders',
    aggregate: 'count',
    label: 'Odd',
    where: { ...all(rule('contact.organization.size', '>', 3)), not: true },
  },
  {
    path: 'orders',
    aggregate: 'count',
    label: 'Lately',
    where: all(rule('paid_at', 'inLast', { amount: 2, unit: 'day' })),
  },
  { path: 'groups.level', aggregate: 'sum' },
  {
    path: 'groups',
    aggregate: 'count',
    where: all({ field: 'members', aggregate: 'count', operator: '>', value: 50 }),
  },
  { path: 'organization.contacts', aggregate: 'count' },
  {
    path: 'organization.contacts.age',
    aggregate: 'avg',
    where: all(rule('orders.total', '>', 90)),
  },
  { path: 'organization.parent.children.size', aggregate: 'max' },
];

const mixed = {
  combinator: 'or',
  rules: [rule('age', '>=', 30), rule('organization.size', '>', 4), rule('name', 'null')],
};

beforeAll(async () => {
  deployment = await openTestDeployment({ prefix: PREFIX });
  server = await buildServer(deployment, { keys: KEYS, logger: pino({ level: 'silent' }) });
  for (const [name, type] of Object.entries(TYPES))
    await done('PUT', `/object-types/${name}`, type);
  await done('POST', '/segments', {
    title: 'Adults',
    slug: 'adults',
    object_type: 'contacts',
    query: adults,
  });
  await done('POST', '/segments', {
    title: 'Large',
    slug: 'large',
    object_type: 'organizations',
    query: all(rule('size', '>', 4)),
  });
  await built(deployment);
  await send(deployment, changes());
});
afterAll(async () => {
  await server.close();
  await deployment.close();
});

describe('a view', () => {
  it('is created, read, listed, replaced, changed and deleted', async () => {
    const given = view('crud', {
      description: 'what it is for',
      segment: 'adults',
      columns: [
        { path: 'name', label: 'Name' },
        { path: 'orders', aggregate: 'count', where: paid },
      ],
      relationships: ['organization'],
      sort: [{ path: 'age', direction: 'desc' }],
    });
    const response = await call('POST', '/views', given);
    expect([response.statusCode, response.headers['location']]).toEqual([201, '/v1/views/crud']);
    const created = response.json();
    expect(created).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ...given,
      revision: 1,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      updated_at: created.created_at,
    });
    expect(await done('GET', '/views/crud')).toEqual(created);
    expect(await done('GET', '/views')).toEqual({ data: [created], next_cursor: null });
    expect(await done('GET', '/views?object_type=orders')).toEqual({ data: [], next_cursor: null });

    const replaced = await done('PUT', '/views/crud', {
      ...view('crud', { segment: 'adults' }),
      title: 'Anew',
    });
    expect(replaced).toMatchObject({
      id: created.id,
      title: 'Anew',
      revision: 2,
      columns: [{ path: 'name' }],
    });
    expect(Object.keys(replaced)).not.toContain('description');
    const changed = await done('PATCH', '/views/crud', {
      description: 'again',
      sort: [{ path: 'id', direction: 'asc' }],
    });
    expect(changed).toMatchObject({
      title: 'Anew',
      description: 'again',
      revision: 3,
      segment: 'adults',
    });
    expect(
      Object.keys(await done('PATCH', '/views/crud', { description: null, sort: null })),
    ).not.toContain('sort');
    expect(await done('PUT', '/views/crud', await done('GET', '/views/crud'))).toMatchObject({
      revision: 4,
    });
    await done('DELETE', '/views/crud');
    expect(await refusal('GET', '/views/crud')).toEqual([404, 'view_unknown']);
    expect(await refusal('DELETE', '/views/crud')).toEqual([404, 'view_unknown']);
    expect(await refusal('PATCH', '/views/crud', { title: 'x' })).toEqual([404, 'view_unknown']);
    expect(await refusal('GET', '/views/crud/rows')).toEqual([404, 'view_unknown']);
  });

  it('is listed page by page, in the order of slugs', async () => {
    for (const slug of ['p-3', 'p-1', 'p-2'])
      await done('POST', '/views', view(slug, { segment: 'adults' }));
    const first = await done<{ data: { slug: string }[]; next_cursor: string }>(
      'GET',
      '/views?limit=2',
    );
    expect(first.data.map(({ slug }) => slug)).toEqual(['p-1', 'p-2']);
    const rest = await done<{ data: { slug: string }[]; next_cursor: null }>(
      'GET',
      `/views?limit=2&cursor=${first.next_cursor}`,
    );
    expect([rest.data.map(({ slug }) => slug), rest.next_cursor]).toEqual([['p-3'], null]);
    for (const slug of ['p-3', 'p-1', 'p-2']) await done('DELETE', `/views/${slug}`);
  });

  it.each([
    ['no segment and no query', {}, ['view_invalid', '/segment']],
    ['both', { segment: 'adults', query: adults }, ['view_invalid', '/query']],
    ['an unknown segment', { segment: 'nobody' }, ['view_invalid', '/segment']],
    ['a segment of another type', { segment: 'large' }, ['view_invalid', '/segment']],
    ['a segment that is no slug', { segment: 3 }, ['view_invalid', '/segment']],
    [
      'a query that does not compile',
      { query: all(rule('agee', '=', 1)) },
      ['query_invalid', '/query/rules/0/field'],
    ],
    [
      'an unknown type',
      { segment: 'adults', object_type: 'nobody' },
      ['view_invalid', '/object_type'],
    ],
    ['a bad slug', { segment: 'adults', slug: 'Not a slug' }, ['view_invalid', '/slug']],
    ['the name of an endpoint', { segment: 'adults', slug: 'counts' }, ['view_invalid', '/slug']],
    ['no title', { segment: 'adults', title: '' }, ['view_invalid', '/title']],
    ['no columns', { segment: 'adults', columns: undefined }, ['view_invalid', '/columns']],
    ['an unknown member', { segment: 'adults', filter: {} }, ['view_invalid', '/filter']],
    [
      'faults here and there',
      {
        segment: 'adults',
        columns: [{ path: 'name' }, { path: 'orders.total' }],
        sort: [{ path: 'x', direction: 'asc' }],
      },
      ['view_invalid', '/columns/1/path', '/sort/0/path'],
    ],
  ])('is refused with %s', async (_, over, fault) => {
    expect(await refusal('POST', '/views', view('refused', over))).toEqual([422, ...fault]);
    expect(await refusal('GET', '/views/refused')).toEqual([404, 'view_unknown']);
  });

  it('is known to another process, whether that was there before or starts after it', async () => {
    const open = () => openTestDeployment({ prefix: PREFIX, runsWorker: false });
    const before = await open();
    await done('POST', '/views', view('shared', { segment: 'adults', columns: [{ path: 'age' }] }));
    const after = await open();
    const data = await rowsOf(deployment, 'shared');
    expect(data.length).toBeGreaterThan(0);
    for (const other of [before, after]) {
      expect(await rowsOf(other, 'shared')).toEqual(data);
      await other.close();
    }
    await done('DELETE', '/views/shared');
  });

  it('keeps its slug and its object type, and no two have one slug', async () => {
    await done('POST', '/views', view('fixed', { segment: 'adults' }));
    expect(await refusal('POST', '/views', view('fixed', { segment: 'adults' }))).toEqual([
      409,
      'view_slug_taken',
      '/slug',
    ]);
    expect(await refusal('PATCH', '/views/fixed', { slug: 'other' })).toEqual([
      422,
      'view_invalid',
      '/slug',
    ]);
    expect(
      await refusal(
        'PUT',
        '/views/fixed',
        view('fixed', { segment: 'large', object_type: 'organizations' }),
      ),
    ).toEqual([422, 'view_invalid', '/object_type']);
    expect(await refusal('PUT', '/views/fixed', [])).toEqual([422, 'view_invalid', '']);
    await done('DELETE', '/views/fixed');
  });

  it('is edited by those alone who edit segments, and read by all', async () => {
    for (const role of ROLES) {
      const mayWrite = ['master', 'super_admin', 'service'].includes(role);
      const created = await call('POST', '/views', view(`by-${role}`, { segment: 'adults' }), {
        role,
      });
      expect([role, created.statusCode]).toEqual([role, mayWrite ? 201 : 403]);
      if (!mayWrite) await done('POST', '/views', view(`by-${role}`, { segment: 'adults' }));
      expect((await call('GET', `/views/by-${role}`, undefined, { role })).statusCode).toBe(200);
      expect((await call('GET', `/views/by-${role}/rows`, undefined, { role })).statusCode).toBe(
        200,
      );
      expect((await call('PATCH', `/views/by-${role}`, { title: 'x' }, { role })).statusCode).toBe(
        mayWrite ? 200 : 403,
      );
      expect((await call('DELETE', `/views/by-${role}`, undefined, { role })).statusCode).toBe(
        mayWrite ? 204 : 403,
      );
      if (!mayWrite) await done('DELETE', `/views/by-${role}`);
    }
  });
});

describe('what a view uses', () => {
  it('is a segment that lists the view, and that can not be deleted before it', async () => {
    await done('POST', '/segments', {
      title: 'Used',
      slug: 'used',
      object_type: 'contacts',
      query: adults,
    });
    await done('POST', '/views', view('user', { segment: 'used' }));
    expect(await done('GET', '/segments/used')).toMatchObject({ used_by: ['user'] });
    expect(await refusal('DELETE', '/segments/used')).toEqual([409, 'segment_in_use', ['user']]);
    await done('DELETE', '/views/user');
    expect(await done('GET', '/segments/used')).toMatchObject({ used_by: [] });
    await done('DELETE', '/segments/used');
  });

  it('is also a segment that its query or the condition of a column refers to', async () => {
    await done('POST', '/segments', {
      title: 'One',
      slug: 'one',
      object_type: 'contacts',
      query: adults,
    });
    await done('POST', '/segments', {
      title: 'Two',
      slug: 'two',
      object_type: 'orders',
      query: paid,
    });
    const columns = [
      {
        path: 'orders',
        aggregate: 'count',
        where: all({ field: '', operator: 'inSegment', value: 'two' }),
      },
    ];
    await done(
      'POST',
      '/views',
      view('both', { query: all({ field: '', operator: 'inSegment', value: 'one' }), columns }),
    );
    expect(await refusal('DELETE', '/segments/one')).toEqual([409, 'segment_in_use', ['both']]);
    expect(await refusal('DELETE', '/segments/two')).toEqual([409, 'segment_in_use', ['both']]);
    await done('DELETE', '/views/both');
    for (const slug of ['one', 'two']) await done('DELETE', `/segments/${slug}`);
  });

  it('is every attribute and relationship that it shows: a change of a type that would take one away is refused', async () => {
    const widgets = { attributes: { size: { type: 'number' }, color: { type: 'string' } } };
    const parts = {
      attributes: { weight: { type: 'number' } },
      relationships: {
        widget: { to: 'widgets', key: 'widget_id', cardinality: 'one', inverse: 'parts' },
      },
    };
    await done('PUT', '/object-types/widgets', widgets);
    await done('PUT', '/object-types/parts', parts);
    const every = { object_type: 'widgets', query: all() };
    await done(
      'POST',
      '/views',
      view('weights', { ...every, columns: [{ path: 'parts.weight', aggregate: 'sum' }] }),
    );
    await done(
      'POST',
      '/views',
      view('sizes', {
        ...every,
        columns: [{ path: 'size' }],
        sort: [{ path: 'color', direction: 'asc' }],
      }),
    );
    const inUse = (...slugs: string[]) => [409, 'object_type_in_use', slugs];
    expect(
      await refusal('PUT', '/object-types/widgets', { attributes: { color: { type: 'string' } } }),
    ).toEqual(inUse('sizes'));
    expect(
      await refusal('PUT', '/object-types/widgets', { attributes: { size: { type: 'number' } } }),
    ).toEqual(inUse('sizes'));
    expect(
      await refusal('PUT', '/object-types/parts', {
        ...parts,
        attributes: { weight: { type: 'string' } },
      }),
    ).toEqual(inUse('weights'));
    expect(await refusal('PUT', '/object-types/parts', { attributes: parts.attributes })).toEqual(
      inUse('weights'),
    );
    expect(await refusal('DELETE', '/object-types/parts')).toEqual(inUse('weights'));
    expect(await refusal('DELETE', '/object-types/widgets')).toEqual(
      inUse('parts', 'sizes', 'weights'),
    );
    for (const slug of ['sizes', 'weights']) await done('DELETE', `/views/${slug}`);
    for (const name of ['parts', 'widgets']) await done('DELETE', `/object-types/${name}`);
  });
});

describe('a query of its own', () => {
  it('is built like that of a segment, and shares what is kept with those that mean the same', async () => {
    const slug = await makeView({ query: all(rule('age', '>=', '30')) });
    expect(await done('GET', `/views/${slug}`)).toMatchObject({
      status: 'ready',
      progress: 1,
      json_logic: expect.anything(),
    });
    const stored = deployment.store.catalog.views.get(slug)!;
    const { catalog } = deployment.store;
    expect(catalog.filterOf(stored)!.predicateId).toBe(catalog.segments.get('adults')!.predicateId);
    await done('DELETE', `/views/${slug}`);
    expect(await done<{ count: number }>('GET', '/segments/counts?slug=adults')).toMatchObject({
      counts: [{ status: 'ready' }],
    });
  });

  it('gives up what it alone kept when it is deleted', async () => {
    const slug = await makeView({ query: all(rule('age', '>', 77)) });
    const { catalog } = deployment.store;
    const { predicateId } = catalog.filterOf(catalog.views.get(slug)!)!;
    await done('DELETE', `/views/${slug}`);
    await eventually('the predicate id is given up', () => !catalog.predicateIds.has(predicateId!));
  });

  it('answers 503 with Retry-After until it was built once', async () => {
    const idle = await openTestDeployment({ runsWorker: false });
    const other = await buildServer(idle, { keys: KEYS, logger: pino({ level: 'silent' }) });
    const ask = (method: string, url: string, payload?: object) =>
      other.inject({
        method: method as 'GET',
        url: `/v1${url}`,
        headers: { authorization: `Bearer ${KEYS[0]!.key}` },
        ...(payload ? { payload } : {}),
      });
    await ask('PUT', '/object-types/contacts', { attributes: { name: { type: 'string' } } });
    const created = await ask(
      'POST',
      '/views',
      view('slow', { query: all(rule('name', '=', 'x')) }),
    );
    expect(created.json()).toMatchObject({ status: 'building', progress: 0 });
    const answer = await ask('GET', '/views/slow/rows');
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([
      503,
      'segment_building',
      '1',
    ]);
    await other.close();
    await idle.close();
  });

  it('is audited as a segment is, under a name of its own', async () => {
    const slug = await makeView({ query: all(rule('age', '>', 60)) });
    const { redis, keys, store } = deployment;
    const run = () => audit(deployment, { timeoutMs: 10_000 });
    expect(await run()).toMatchObject({ differences: 0 });
    const { predicateId } = store.catalog.filterOf(store.catalog.views.get(slug)!)!;
    await redis.sadd(keys.partitions[0]!.segment(predicateId!), 'nobody');
    const { inSegments } = await run();
    expect(inSegments).toMatchObject([
      { slug: `views/${slug}`, engineOnly: { total: 1, first: ['nobody'] } },
    ]);
    await redis.srem(keys.partitions[0]!.segment(predicateId!), 'nobody');
    await done('DELETE', `/views/${slug}`);
  });

  it('is moved together with a segment that it refers to', async () => {
    await done('POST', '/segments', {
      title: 'Moved',
      slug: 'moved',
      object_type: 'contacts',
      query: all(rule('age', '<', 20)),
    });
    const slug = await makeView({
      query: all({ field: '', operator: 'inSegment', value: 'moved' }, rule('vip', '=', true)),
    });
    await done('PATCH', '/segments/moved', { query: all(rule('age', '<', 50)) });
    await built(deployment);
    const young = expectedRows(
      [{ path: 'name' }],
      all(rule('age', '<', 50), rule('vip', '=', true)),
    );
    expect((await pagesOf(slug, 50)).sort(byId)).toEqual(young.sort(byId));
    await done('DELETE', `/views/${slug}`);
    await done('DELETE', '/segments/moved');
  });

  it('may give way to a segment, and a segment to it, and what answered before answers until it is built', async () => {
    const slug = await makeView({ segment: 'adults' });
    expect(
      await done('PATCH', `/views/${slug}`, { query: all(rule('age', '<', 9)) }),
    ).not.toHaveProperty('segment');
    await built(deployment);
    expect((await pagesOf(slug, 50)).sort(byId)).toEqual(
      expectedRows([{ path: 'name' }], all(rule('age', '<', 9))).sort(byId),
    );
    expect(await done('PATCH', `/views/${slug}`, { segment: 'adults' })).not.toHaveProperty(
      'query',
    );
    expect((await pagesOf(slug, 50)).sort(byId)).toEqual(
      expectedRows([{ path: 'name' }], adults).sort(byId),
    );
    await done('DELETE', `/views/${slug}`);
  });
});

describe('rows', () => {
  it.each([7, 1000])(
    'are what plain JavaScript makes of nested documents, on pages of %i',
    async (limit) => {
      const slug = await makeView({ query: mixed, columns: COLUMNS });
      expect((await pagesOf(slug, limit)).sort(byId), `seed=${SEED}`).toEqual(
        expectedRows(COLUMNS, mixed).sort(byId),
      );
      await done('DELETE', `/views/${slug}`);
    },
  );

  it('are so from the other ends too', async () => {
    const columns = [
      { path: 'name' },
      { path: 'parent.parent.name' },
      { path: 'contacts', aggregate: 'count' },
      {
        path: 'contacts.age',
        aggregate: 'avg',
        where: all({ field: 'orders.total', aggregate: 'sum', operator: '>', value: 100 }),
      },
      { path: 'children.size', aggregate: 'sum' },
    ];
    const slug = await makeView({ object_type: 'organizations', query: all(), columns });
    expect((await pagesOf(slug, 5)).sort(byId), `seed=${SEED}`).toEqual(
      expectedRows(columns, all(), 'organizations').sort(byId),
    );
    await done('DELETE', `/views/${slug}`);
  });

  it('are the same as CSV, read back, and as NDJSON', async () => {
    const slug = await makeView({ query: mixed, columns: COLUMNS });
    const rows = await pagesOf(slug, 100);
    const ndjson = await call('GET', `/views/${slug}/rows`, undefined, {
      accept: 'application/x-ndjson',
    });
    expect(ndjson.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'content-disposition': `attachment; filename="${slug}.ndjson"`,
    });
    expect(
      ndjson.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(rows);

    const csv = await call('GET', `/views/${slug}/rows`, undefined, { accept: 'text/csv' });
    expect(csv.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${slug}.csv"`,
    });
    const [header, ...lines] = parse(csv.body, { record_delimiter: '\r\n' }) as string[][];
    expect(header).toEqual(
      COLUMNS.map(
        ({ path, label, aggregate }) => label ?? (aggregate ? `${aggregate} of ${path}` : path),
      ),
    );
    const text = (value: unknown) =>
      value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
    const guarded = (value: unknown) =>
      typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : text(value);
    const cells = rows.map((row) =>
      Object.entries(row)
        .slice(1)
        .map(([, value]) => guarded(value)),
    );
    expect(lines).toEqual(cells);
    expect(lines.flat().some((cell) => cell.startsWith("'="))).toBe(true);

    const marked = await call('GET', `/views/${slug}/rows?bom=true`, undefined, {
      accept: 'text/csv',
    });
    expect(marked.body).toBe(`\ufeff${csv.body}`);
    for (const delimiter of [';', '\t', '|', ',']) {
      const url = `/views/${slug}/rows?delimiter=${encodeURIComponent(delimiter)}`;
      const cut = await call('GET', url, undefined, { accept: 'text/csv' });
      expect(parse(cut.body, { record_delimiter: '\r\n', delimiter })).toEqual([header, ...lines]);
    }
    for (const [query, accept] of [
      ['delimiter=x', 'text/csv'],
      ['delimiter=', 'text/csv'],
      ['delimiter=;', 'application/json'],
      ['bom=true', 'application/x-ndjson'],
    ] as const) {
      const refused = await refusal('GET', `/views/${slug}/rows?${query}`, undefined, { accept });
      expect(refused).toEqual([400, 'parameter_invalid', ...(refused as unknown[]).slice(2)]);
    }
    await done('DELETE', `/views/${slug}`);
  });

  it('are asked for in one of three forms, and only JSON has pages', async () => {
    const slug = await makeView({ segment: 'adults' });
    expect(await refusal('GET', `/views/${slug}/rows`, undefined, { accept: 'text/html' })).toEqual(
      [406, 'not_acceptable'],
    );
    expect(
      await refusal('GET', `/views/${slug}/rows?limit=5`, undefined, { accept: 'text/csv' }),
    ).toEqual([400, 'parameter_invalid', '/limit']);
    expect(await refusal('GET', `/views/${slug}/rows?cursor=nonsense`)).toEqual([
      400,
      'cursor_invalid',
      '/cursor',
    ]);
    expect(
      (await call('HEAD', `/views/${slug}/rows`, undefined, { accept: 'text/csv' })).body,
    ).toBe('');
    await done('DELETE', `/views/${slug}`);
  });

  it('of a record with many neighbours are added up over all of them, exactly', async () => {
    const HELD = 3000;
    function* held(): Generator<Change> {
      yield {
        op: 'put',
        object_type: 'contacts',
        id: 'hub',
        data: { name: 'hub', group_ids: ['g-x', 'g-y', 'g-x'] },
      };
      for (const id of ['g-x', 'g-y'])
        yield { op: 'put', object_type: 'groups', id, data: { level: 0.7 } };
      for (let at = 0; at < HELD; at++)
        yield {
          op: 'put',
          object_type: 'orders',
          id: `held-${at}`,
          data: { total: 0.1, contact_id: 'hub', status: at % 3 ? 'open' : 'paid' },
        };
    }
    await send(deployment, held());
    const columns = [
      { path: 'orders', aggregate: 'count', label: 'orders' },
      { path: 'orders.total', aggregate: 'sum', label: 'sum' },
      { path: 'orders.total', aggregate: 'avg', label: 'paid', where: paid },
      { path: 'orders', aggregate: 'count', label: 'of paid', where: paid },
      { path: 'groups.level', aggregate: 'sum', label: 'levels' },
    ];
    const slug = await makeView({ query: all(rule('name', '=', 'hub')), columns });
    const sums = { orders: HELD, sum: 300, paid: 0.1, 'of paid': HELD / 3, levels: 1.4 };
    expect(await pagesOf(slug, 10)).toEqual([{ id: 'hub', ...sums }]);
    await send(
      deployment,
      Array.from({ length: HELD }, (_, at) => ({
        op: 'delete',
        object_type: 'orders',
        id: `held-${at}`,
      })),
    );
    expect(await pagesOf(slug, 10)).toEqual([
      { id: 'hub', orders: 0, sum: 0, paid: null, 'of paid': 0, levels: 1.4 },
    ]);
    await done('DELETE', '/records/contacts/hub');
    await done('DELETE', `/views/${slug}`);
  });

  it('count over a relationship that was declared after the records came, once it is built', async () => {
    await done('PUT', '/object-types/shelves', { attributes: {} });
    await done('PUT', '/object-types/books', { attributes: {} });
    const late = (at: number): Change => ({
      op: 'put',
      object_type: 'books',
      id: `b-${at}`,
      data: { shelf_id: 's' },
    });
    await send(deployment, [
      { op: 'put', object_type: 'shelves', id: 's', data: {} },
      ...Array.from({ length: 300 }, (_, at) => late(at)),
    ]);
    const shelf = { to: 'shelves', key: 'shelf_id', cardinality: 'one', inverse: 'books' };
    await done('PUT', '/object-types/books', { attributes: {}, relationships: { shelf } });
    const columns = [{ path: 'books', aggregate: 'count', label: 'books' }];
    await done(
      'POST',
      '/views',
      view('shelves', { object_type: 'shelves', query: all(), columns }),
    );
    let answer: LightMyRequestResponse;
    do {
      answer = await call('GET', '/views/shelves/rows');
      if (answer.statusCode !== 200) {
        expect(answer.statusCode).toBe(503);
        expect(answer.json().code).toMatch(/^(segment|relationship)_building$/);
      }
    } while (answer.statusCode !== 200);
    expect(answer.json().data).toEqual([{ id: 's', books: 300 }]);
    await done('DELETE', '/views/shelves');
  });

  it('bring the records along that the view names', async () => {
    const slug = await makeView({ segment: 'adults', relationships: ['organization', 'orders'] });
    const rows = await pagesOf(slug, 60);
    const whole = graph();
    for (const { id, relationships } of rows) {
      const { data } = [...whole.records('contacts')].find((record) => record.id === id)!;
      const organization = [...whole.records('organizations')].find(
        (record) => record.id === data['organization_id'],
      );
      const orders = [...whole.records('orders')].filter(
        (order) => order.data['contact_id'] === id,
      );
      const given = relationships as {
        organization: Row | null;
        orders: { data: Row[]; next_cursor: string | null };
      };
      expect(given.organization?.id).toBe(organization?.id);
      expect(given.organization?.['data']).toEqual(organization?.data);
      expect(given.orders.data.map((order) => order.id).sort()).toEqual(
        orders.map((order) => order.id).sort(),
      );
    }
    expect(rows.length).toBeGreaterThan(0);
    await done('DELETE', `/views/${slug}`);
  });

  it('include all that was acknowledged before, without waiting for it to be applied', async () => {
    const slug = await makeView({
      query: all(rule('name', '=', 'fresh')),
      columns: [{ path: 'orders.total', aggregate: 'sum', label: 'sum' }],
    });
    for (let round = 1; round <= 20; round++) {
      await done('PUT', '/records/contacts/fresh?wait=accepted', { name: 'fresh' });
      await done('PUT', `/records/orders/fresh-${round}?wait=accepted`, {
        total: round,
        contact_id: 'fresh',
      });
      expect(await pagesOf(slug, 10)).toEqual([{ id: 'fresh', sum: (round * (round + 1)) / 2 }]);
    }
    for (let round = 1; round <= 20; round++)
      await done('DELETE', `/records/orders/fresh-${round}`);
    await done('DELETE', '/records/contacts/fresh');
    await done('DELETE', `/views/${slug}`);
  });

  it('of one record are computed whether the view shows it or not', async () => {
    const slug = await makeView({ query: all(rule('age', '>', 1000)), columns: COLUMNS });
    const stored = deployment.store.catalog.views.get(slug)!;
    for (const row of expectedRows(COLUMNS, mixed).slice(0, 20)) {
      expect(await cellsOf(stored, row.id)).toEqual([row]);
    }
    expect(await cellsOf(stored, 'nobody')).toEqual([undefined]);
    await done('DELETE', `/views/${slug}`);
  });
});

describe('sorted rows', () => {
  const columns = [{ path: 'age' }, { path: 'name' }];
  const sort = [
    { path: 'age', direction: 'desc' },
    { path: 'name', direction: 'asc' },
  ];

  function compareRows(a: Row, b: Row): number {
    for (const { path, direction } of sort) {
      const [x, y] = [a[path], b[path]] as [string, string];
      if (x === y) continue;
      if (x === null || y === null) return x === null ? 1 : -1;
      return (x < y ? -1 : 1) * (direction === 'asc' ? 1 : -1);
    }
    return byId(a, b);
  }

  it('come in their order on pages and as a whole', async () => {
    const slug = await makeView({ query: all(), columns, sort });
    const expected = expectedRows(columns, all()).sort(compareRows);
    expect(await pagesOf(slug, 11), `seed=${SEED}`).toEqual(expected);
    const { body } = await call('GET', `/views/${slug}/rows`, undefined, {
      accept: 'application/x-ndjson',
    });
    expect(
      body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(expected);
    await done('DELETE', `/views/${slug}`);
  });

  it('of a whole view leave nothing behind in Redis, and of pages what goes away by itself', async () => {
    const slug = await makeView({ query: all(), columns, sort });
    await call('GET', `/views/${slug}/rows`, undefined, { accept: 'text/csv' });
    const runs = () => deployment.redis.keys(`*:sorted:${slug}:*`);
    expect(await runs()).toEqual([]);
    await done('GET', `/views/${slug}/rows?limit=5`);
    const [run] = await runs();
    expect(await deployment.redis.ttl(run!)).toBeGreaterThan(0);
    await done('DELETE', `/views/${slug}`);
  });

  it('go on only in the view that the cursor is of', async () => {
    const [one, other] = [
      await makeView({ query: all(), columns, sort }),
      await makeView({ query: all(), columns, sort }),
    ];
    const { next_cursor: cursor } = await done('GET', `/views/${one}/rows?limit=5`);
    expect((await call('GET', `/views/${one}/rows?limit=5&cursor=${cursor}`)).statusCode).toBe(200);
    expect(await refusal('GET', `/views/${other}/rows?limit=5&cursor=${cursor}`)).toEqual([
      400,
      'cursor_invalid',
      '/cursor',
    ]);
    for (const slug of [one, other]) await done('DELETE', `/views/${slug}`);
  });
});

describe('pages while records change', () => {
  it.each([[undefined], [[{ path: 'age', direction: 'asc' }]]])(
    'give every record that stays exactly once (sort: %j)',
    async (sort) => {
      await done('PUT', '/object-types/things', { attributes: { age: { type: 'number' } } });
      const thing = (id: string, age: number | null): Change => ({
        op: 'put',
        object_type: 'things',
        id,
        data: { age },
      });
      const stays = Array.from({ length: 200 }, (_, at) => `stays-${at}`);
      await send(
        deployment,
        stays.map((id, at) => thing(id, at % 7)),
      );
      await send(
        deployment,
        Array.from({ length: 100 }, (_, at) => thing(`goes-${at}`, 3)),
      );
      const slug = await makeView({
        object_type: 'things',
        query: all(rule('age', '<', 100)),
        columns: [{ path: 'age' }],
        ...(sort ? { sort } : {}),
      });
      const seen: string[] = [];
      const left = new Set<string>();
      let cursor = '';
      let round = 0;
      do {
        const page = await done<{ data: Row[]; next_cursor: string | null }>(
          'GET',
          `/views/${slug}/rows?limit=17${cursor}`,
        );
        seen.push(...page.data.map(({ id }) => id));
        expect(page.data.filter(({ id }) => left.has(id))).toEqual([]);
        cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
        round++;
        left.add(`goes-${round}`);
        // they stay, with other values; some come, some go
        await send(
          deployment,
          stays.map((id, at) => thing(id, (at + round) % 50)),
        );
        await send(deployment, [thing(`comes-${round}`, round), thing(`goes-${round}`, 1000)]);
      } while (cursor !== '');
      expect(seen.filter((id) => id.startsWith('stays')).sort()).toEqual([...stays].sort());
      expect(new Set(seen).size).toBe(seen.length);
      await done('DELETE', `/views/${slug}`);
    },
  );
});

describe('a large view', () => {
  const ROWS = 20_000;
  const TEXT = 'x'.repeat(1000);
  let slug: string;
  let port: number;

  beforeAll(async () => {
    await done('PUT', '/object-types/wide', {
      attributes: { text: { type: 'string' }, n: { type: 'number' } },
    });
    function* puts(): Generator<Change> {
      for (let n = 0; n < ROWS; n++)
        yield { op: 'put', object_type: 'wide', id: `w-${n}`, data: { n, text: TEXT } };
    }
    await send(deployment, puts());
    const every = { object_type: 'wide', query: all(rule('n', '>=', 0)) };
    await done('POST', '/segments', { title: 'Wide', slug: 'wide', ...every });
    slug = await makeView({
      object_type: 'wide',
      segment: 'wide',
      columns: [{ path: 'n' }, { path: 'text' }],
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    port = (server.server.address() as AddressInfo).port;
  });

  /** Begins to ask for all rows as CSV, and reads nothing of the answer yet. */
  function begin(): Promise<import('node:http').IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${KEYS[0]!.key}`, accept: 'text/csv' };
      get({ port, host: '127.0.0.1', path: `/v1/views/${slug}/rows`, headers }, resolve).on(
        'error',
        reject,
      );
    });
  }

  it('is made only as fast as it is read, and comes whole', async () => {
    // Of this deployment alone: others use the same server.
    const hmget = vi.spyOn(deployment.redis, 'hmget');
    const response = await begin();
    let last = -1;
    await eventually('nothing more is read for a reader who does not read', async () => {
      const now = hmget.mock.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
      const isStill = now === last;
      last = now;
      return isStill;
    });
    const whenStill = last;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const whole = hmget.mock.calls.length;
    hmget.mockRestore();
    const rows = parse(Buffer.concat(chunks)) as string[][];
    expect(rows.length).toBe(ROWS + 1);
    expect(new Set(rows.slice(1).map(([n]) => n)).size).toBe(ROWS);
    expect(rows.slice(1).every(([, text]) => text === TEXT)).toBe(true);
    const { counts } = await done<{ counts: unknown[] }>('POST', '/segments/counts', {
      slugs: ['wide'],
    });
    expect(counts).toMatchObject([{ count: rows.length - 1 }]);
    expect(whenStill).toBeLessThan(whole / 2); // what fits into the sockets is read ahead
  });

  it('is cut off, not shortened, when it is deleted meanwhile', async () => {
    const response = await begin();
    await done('DELETE', `/views/${slug}`);
    const read = async () => {
      for await (const _ of response);
    };
    await expect(read()).rejects.toThrow('aborted');
  });
});

/**
 * relationships.test.ts – Random histories of records that point at each other, over HTTP as a
 * stranger would send them, at the end of each stretch compared with json-logic-js on nested
 * documents.
 *
 * Links come, move and go; targets come after their holders; both ends are archived, restored and
 * deleted. A failure names the seed; ROLLCALL_SEED=<seed> replays it.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import type { Change } from '../../src/change/change.ts';
import { audit } from '../../src/membership/audit.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import {
  document,
  type Graph,
  type GraphRecord,
} from '../../src/query/json-logic/reference-document.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, openTestDeployment } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? (isWhole ? Date.now() % 100_000 : 1));
const CHANGES = isWhole ? 30_000 : 5_000;
const POINTS = isWhole ? 20 : 8;
/** How often a third of the segments is removed and comes back. */
const REBUILDS = isWhole ? 10 : 4;
const KEY = 'a-master-key-for-the-tests';
/** Ids that there may be, per type; few enough that links meet and many holders share a target. */
const IDS = { organizations: 40, groups: 12, contacts: 300, orders: 600 } as const;
type TypeName = keyof typeof IDS;
const TYPE_NAMES = Object.keys(IDS) as TypeName[];

const TYPES: Readonly<Record<TypeName, { attributes: object; relationships?: object }>> = {
  organizations: {
    attributes: { industry: { type: 'string' }, size: { type: 'number' } },
    relationships: {
      parent: { to: 'organizations', key: 'parent_id', cardinality: 'one', inverse: 'children' },
    },
  },
  groups: { attributes: { level: { type: 'number' } } },
  contacts: {
    attributes: { age: { type: 'number' }, name: { type: 'string' } },
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
    attributes: { total: { type: 'number' }, status: { type: 'string' } },
    relationships: {
      contact: { to: 'contacts', key: 'contact_id', cardinality: 'one', inverse: 'orders' },
    },
  },
};

const all = (...rules: object[]) => ({ combinator: 'and', rules });
const rule = (field: string, operator: string, value?: unknown) => ({ field, operator, value });
const match = (field: string, mode: object, ...rules: object[]) => ({
  field,
  operator: '=',
  match: mode,
  value: all(...rules),
});
const sums = (
  aggregate: string,
  field: string,
  operator: string,
  value?: unknown,
  ...where: object[]
) => ({
  field,
  aggregate,
  operator,
  value,
  ...(where.length > 0 ? { where: all(...where) } : {}),
});
const paid = rule('status', '=', 'paid');
const over = (total: number) => rule('total', '>', total);
const inSaas = rule('organization.industry', '=', 'SaaS');

const QUERIES: readonly (readonly [TypeName, unknown])[] = [
  // one step to one, and two
  ['contacts', all(inSaas)],
  ['contacts', all(rule('organization.industry', '!=', 'SaaS'))],
  ['contacts', all(rule('organization', 'null'))],
  ['contacts', all(rule('organization.parent.size', '>', 4), rule('age', '<', 50))],
  ['contacts', { ...all(rule('organization.parent.industry', '=', 'Retail')), not: true }],
  ['orders', all(rule('contact.organization.industry', '=', 'SaaS'), over(20))],
  ['orders', all(rule('contact.organization.parent.industry', 'notNull'))],
  ['organizations', all(rule('parent.parent.size', '>=', 3))],
  // every way of counting
  ['contacts', all(match('orders', { mode: 'all' }, paid))],
  ['contacts', all(match('orders', { mode: 'some' }, over(80)))],
  ['contacts', all(match('orders', { mode: 'none' }, paid))],
  ['contacts', all(match('orders', { mode: 'atLeast', threshold: 2 }, over(30)))],
  ['contacts', all(match('orders', { mode: 'atMost', threshold: 1 }, paid, over(10)))],
  ['contacts', all(match('orders', { mode: 'exactly', threshold: 1 }, over(50)))],
  ['contacts', all(match('orders', { mode: 'atLeast', threshold: 0.5 }, paid))],
  ['groups', all(match('members', { mode: 'exactly', threshold: 0.5 }, rule('age', '>', 40)))],
  ['groups', all(match('members', { mode: 'atMost', threshold: 0.25 }, inSaas))],
  // every aggregate
  ['contacts', all(sums('count', 'orders', '>=', 3))],
  ['contacts', all(sums('sum', 'orders.total', '>', 100, paid))],
  ['contacts', all(sums('avg', 'orders.total', '<=', 40))],
  ['contacts', all(sums('min', 'orders.total', '<', 10))],
  ['contacts', all(sums('max', 'orders.total', 'between', [40, 70], paid))],
  ['contacts', all(sums('sum', 'groups.level', '>', 3))],
  ['contacts', all(sums('max', 'groups.level', 'null'))],
  ['organizations', all(sums('avg', 'contacts.age', '>', 40))],
  ['organizations', all(sums('min', 'contacts.age', '<', 5, rule('name', '!=', 'x')))],
  // there and back, several steps, many to many
  ['contacts', all(rule('organization.contacts.age', '>', 77))],
  ['contacts', all(sums('sum', 'organization.contacts.age', '>', 300))],
  [
    'organizations',
    all(
      match(
        'contacts',
        { mode: 'atLeast', threshold: 2 },
        match('orders', { mode: 'some' }, over(70)),
      ),
    ),
  ],
  ['organizations', all(match('children', { mode: 'some' }, rule('contacts.age', '>', 70)))],
  ['groups', all(rule('members.organization.industry', '=', 'SaaS'))],
  ['groups', all(match('members', { mode: 'none' }, sums('sum', 'orders.total', '>', 250)))],
  ['orders', all(rule('contact.groups.level', '>=', 4))],
  // other dialects, and segments in segments
  ['organizations', { some: [{ var: 'contacts' }, { '>': [{ var: 'age' }, 75] }] }],
  ['contacts', { '==': [{ var: 'organization.industry' }, 'Retail'] }],
  ['contacts', all({ field: '', operator: 'inSegment', value: 's-0' }, rule('age', '>=', 18))],
];
const DIALECTS: Readonly<Record<string, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
};

let deployment: TestDeployment;
let server: FastifyInstance;
let base: string;

beforeAll(async () => {
  deployment = await openTestDeployment({ partitions: 8 });
  server = await buildServer(deployment, {
    keys: [{ role: 'master', key: KEY }],
    logger: pino({ level: 'silent' }),
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/v1`;
  for (const name of TYPE_NAMES) await call('PUT', `/object-types/${name}`, TYPES[name]);
  for (const at of QUERIES.keys()) await create(at);
  await built(deployment);
});
afterAll(async () => {
  await server.close();
  await deployment.close();
});

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  type = DIALECTS['json']!,
): Promise<T> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${KEY}`,
    ...(body === undefined ? {} : { 'content-type': type }),
  };
  const response = await fetch(`${base}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
  return JSON.parse(answer) as T;
}

// ── random changes ──

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

function idOf(type: TypeName, at: number): string {
  return `${type.slice(0, 2)}-${at}`;
}

function allIds(type: TypeName): string[] {
  return Array.from({ length: IDS[type] }, (_, at) => idOf(type, at));
}

/** The records as the changes leave them. */
class History {
  readonly #choose: (n: number) => number;
  readonly #records = new Map<
    TypeName,
    Map<string, { data: Record<string, unknown>; isArchived: boolean }>
  >();

  constructor(seed: number) {
    this.#choose = chooser(seed);
    for (const name of TYPE_NAMES) this.#records.set(name, new Map());
  }

  /** Makes a change and applies it. */
  next(): Change {
    const type = this.#pick<TypeName>([
      'organizations',
      'groups',
      'contacts',
      'contacts',
      'contacts',
      'orders',
      'orders',
      'orders',
    ]);
    const id = this.#id(type);
    const records = this.#records.get(type)!;
    const record = records.get(id);
    const op = record
      ? this.#pick([
          'put',
          'patch',
          'patch',
          'patch',
          'patch',
          'archive',
          'restore',
          'restore',
          'delete',
        ] as const)
      : 'put';
    if (op === 'put') {
      const data = this.#values(type);
      records.set(id, { data, isArchived: record?.isArchived ?? false });
      return { op, object_type: type, id, data };
    }
    if (op === 'patch') {
      const fresh = this.#values(type);
      const name = this.#pick(Object.keys({ ...record!.data, ...fresh, unused: 1 }));
      const { [name]: _, ...rest } = record!.data;
      record!.data = fresh[name] === undefined ? rest : { ...rest, [name]: fresh[name] };
      return { op, object_type: type, id, data: { [name]: fresh[name] ?? null } };
    }
    if (op === 'delete') records.delete(id);
    else record!.isArchived = op === 'archive';
    return { op, object_type: type, id };
  }

  graph(): Graph {
    const live = new Map<string, GraphRecord[]>();
    for (const [type, records] of this.#records) {
      const some = [...records].filter(([, { isArchived }]) => !isArchived);
      live.set(
        type,
        some.map(([id, { data }]) => ({ id, data })),
      );
    }
    return { types: deployment.store.catalog.objectTypes, records: (type) => live.get(type)! };
  }

  #values(type: TypeName): Record<string, unknown> {
    const often = <T>(value: T): T | undefined => (this.#choose(4) > 0 ? value : undefined);
    const all = {
      organizations: () => ({
        industry: often(this.#pick(['SaaS', 'Retail', 'Steel'])),
        size: often(this.#choose(8)),
        parent_id: often(this.#id('organizations')),
      }),
      groups: () => ({ level: often(this.#choose(5)) }),
      contacts: () => ({
        age: often(this.#choose(80)),
        name: often(this.#pick(['x', 'y'])),
        organization_id: often(this.#id('organizations')),
        group_ids: often(Array.from({ length: this.#choose(4) }, () => this.#id('groups'))),
      }),
      orders: () => ({
        total: often(this.#choose(1000) / 10),
        status: often(this.#pick(['paid', 'open'])),
        contact_id: often(this.#id('contacts')),
      }),
    };
    return Object.fromEntries(
      Object.entries(all[type]()).filter(([, value]) => value !== undefined),
    );
  }

  #id(type: TypeName): string {
    return idOf(type, this.#choose(IDS[type]));
  }

  #pick<T>(some: readonly T[]): T {
    return some[this.#choose(some.length)]!;
  }
}

// ── comparison ──

interface Segment {
  readonly slug: string;
  readonly object_type: string;
  readonly json_logic: unknown;
}

function members(segments: readonly Segment[], graph: Graph): Map<string, string[]> {
  return new Map(
    segments.map(({ slug, object_type: type, json_logic: logic }) => {
      const ids = [...graph.records(type)].filter((record) =>
        holds(logic, document(type, record, graph)),
      );
      return [slug, ids.map(({ id }) => id).sort()];
    }),
  );
}

async function compareCounts(
  expected: ReadonlyMap<string, readonly string[]>,
  point: number,
): Promise<void> {
  const { counts } = await call<{ counts: { slug: string; count: number }[] }>(
    'POST',
    '/segments/counts',
    {
      timeout_ms: 30_000,
    },
  );
  const wrong = counts.filter(({ slug, count }) => count !== expected.get(slug)!.length);
  const told = wrong.map(
    ({ slug, count }) => `${slug}: engine=${count} reference=${expected.get(slug)!.length}`,
  );
  expect(told, `seed=${SEED} point=${point}`).toEqual([]);
  expect(counts).toHaveLength(expected.size);
}

async function compareMembers(expected: ReadonlyMap<string, readonly string[]>): Promise<void> {
  for (const [slug, reference] of expected) {
    const { data } = await call<{ data: { id: string }[] }>(
      'GET',
      `/segments/${slug}/members?limit=1000`,
    );
    expect(data.map(({ id }) => id).sort(), `seed=${SEED} segment=${slug}`).toEqual(reference);
  }
}

/** Both ends of a relationship as records show them. */
async function compareIncluded(graph: Graph): Promise<void> {
  for (const record of [...graph.records('contacts')].slice(0, 20)) {
    const seen = document('contacts', record, graph) as {
      orders: unknown[];
      groups: unknown[];
      organization: unknown;
    };
    const { included } = await call<{
      included: Record<'orders' | 'groups', { data: unknown[] }> & { organization: unknown };
    }>(
      'GET',
      `/records/contacts/${record.id}?include=orders,groups,organization&include_limit=1000`,
    );
    const sizes = [
      included.orders.data.length,
      included.groups.data.length,
      included.organization === null,
    ];
    expect(sizes, `seed=${SEED} record=${record.id}`).toEqual([
      seen.orders.length,
      seen.groups.length,
      seen.organization === null,
    ]);
  }
}

function create(at: number): Promise<Segment> {
  const [object_type, query] = QUERIES[at]!;
  return call('POST', '/segments', { title: `S ${at}`, slug: `s-${at}`, object_type, query });
}

function send(changes: readonly string[]): Promise<{ accepted: number; rejected: unknown[] }> {
  return call('POST', '/changes?timeout_ms=60000', changes.join('\n'), DIALECTS['ndjson']);
}

it(`${CHANGES} changes of related records: every count is that of json-logic-js at ${POINTS} points, every membership at the end (seed=${SEED})`, {
  timeout: 180_000,
}, async () => {
  const segments = [...deployment.store.catalog.segments.values()];
  const history = new History(SEED);
  const met = new Set<string>();
  for (let point = 0; point < POINTS; point++) {
    const changes = Array.from({ length: CHANGES / POINTS }, () => JSON.stringify(history.next()));
    expect(await send(changes)).toMatchObject({ accepted: changes.length, rejected: [] });
    const expected = members(segments, history.graph());
    await compareCounts(expected, point);
    for (const [slug, ids] of expected) if (ids.length > 0) met.add(slug);
    if (point < POINTS - 1) continue;
    await compareMembers(expected);
    await compareIncluded(history.graph());
  }
  // a segment that is always empty tests nothing
  expect(segments.filter(({ slug }) => !met.has(slug))).toEqual([]);
  expect(await audit(deployment, { timeoutMs: 30_000 })).toMatchObject({
    differences: 0,
    segments: QUERIES.length,
    edges: 4,
  });
});

it(`segments that are removed and come back while changes flow are exact again (seed=${SEED + 1})`, {
  timeout: 180_000,
}, async () => {
  for (const name of TYPE_NAMES)
    await send(allIds(name).map((id) => JSON.stringify({ op: 'delete', object_type: name, id })));
  const choose = chooser(SEED + 1);
  const history = new History(SEED + 1);
  for (let point = 0; point < REBUILDS; point++) {
    // s-0 is in use
    const moved = QUERIES.map((_, at) => at).filter((at) => at > 0 && choose(3) === 0);
    const flow = (async () => {
      for (let some = 0; some < 5; some++) {
        const changes = Array.from({ length: 200 }, () => JSON.stringify(history.next()));
        expect(await send(changes)).toMatchObject({ accepted: changes.length, rejected: [] });
      }
    })();
    for (const at of moved) await deployment.segments.remove(`s-${at}`);
    for (const at of moved) await create(at);
    await flow;
    await built(deployment);
    const segments = [...deployment.store.catalog.segments.values()];
    await compareCounts(members(segments, history.graph()), point);
  }
  expect(await audit(deployment, { timeoutMs: 30_000 })).toMatchObject({ differences: 0 });
});

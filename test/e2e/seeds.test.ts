/**
 * seeds.test.ts – Definitions and records from one deployment to another: the same catalog and the
 * same counts after it, nothing changed by a second time, nothing changed by a seed with a fault,
 * whatever the order of its items.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobAnswer, openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';

interface Item {
  readonly object_type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const NDJSON = 'application/x-ndjson';
const group = (...rules: unknown[]) => ({ combinator: 'and', rules });
const type = (name: string, attributes: object, relationships: object = {}): Item => ({
  object_type: 'object_types',
  data: { name, attributes, relationships },
});
const segment = (slug: string, objectType: string, query: unknown, more: object = {}): Item => ({
  object_type: 'segments',
  data: { title: `The ${slug}`, slug, object_type: objectType, query, ...more },
});
const record = (objectType: string, id: string, data: object): Item => ({
  object_type: objectType,
  data: { id, ...data },
});

/**
 * Companies have a head, who is a contact; contacts have a company: types that refer to each other
 * in a circle.
 */
const COMPANIES = type(
  'companies',
  { name: { type: 'string' }, founded_on: { type: 'date' } },
  { head: { to: 'contacts', key: 'head_id', cardinality: 'one', inverse: 'heads' } },
);
const CONTACTS = type(
  'contacts',
  { age: { type: 'number' }, name: { type: 'string' } },
  { company: { to: 'companies', key: 'company_id', cardinality: 'one', inverse: 'contacts' } },
);
const ADULTS = segment('adults', 'contacts', group({ field: 'age', operator: '>=', value: 18 }), {
  description: 'Old',
});
const ACME = segment(
  'acme-adults',
  'contacts',
  group(
    { field: '', operator: 'inSegment', value: 'adults' },
    { field: 'company.name', operator: '=', value: 'Acme' },
  ),
);
const HEADED = segment(
  'headed',
  'companies',
  group({ field: 'head.age', operator: '>', value: 50 }),
);
const VIEW: Item = {
  object_type: 'views',
  data: {
    title: 'Adults',
    slug: 'adults',
    object_type: 'contacts',
    segment: 'adults',
    columns: [{ path: 'name', label: 'Name' }, { path: 'company.name' }],
  },
};
const DEFINITIONS = [COMPANIES, CONTACTS, ADULTS, HEADED, ACME, VIEW];
const RECORDS = [
  record('companies', 'c1', {
    name: 'Acme',
    founded_on: '2001-01-01',
    head_id: '{{getRecordAttribute(contacts, name, "Ada")}}',
  }),
  record('companies', 'c2', { name: 'Bell, "Sons"' }),
  record('contacts', 'a', {
    name: 'Ada',
    age: 60,
    company_id: '{{ getRecordAttribute(companies, name, Acme) }}',
  }),
  record('contacts', 'b', {
    name: 'Bob',
    age: 17,
    company_id: '{{getRecordAttribute(companies, founded_on, 2001-01-01)}}',
  }),
  record('contacts', 'c', {
    name: 'Cy',
    age: 30,
    company_id: `{{getRecordAttribute(companies, name, 'Bell, "Sons"')}}`,
  }),
];

const apis: TestApi[] = [];
let api: TestApi;

async function open(): Promise<TestApi> {
  const opened = await openTestApi();
  apis.push(opened);
  return opened;
}

beforeEach(async () => {
  api = await open();
});
afterEach(async () => {
  for (const each of apis.splice(0)) await each.close();
});

async function seed(items: readonly unknown[], query = '', to = api) {
  const answer = await to.call('POST', `/v1/seeds${query}`, items);
  return { status: answer.statusCode, ...answer.json() };
}

/** What is declared, without what is of this deployment alone. */
async function catalogOf({ call }: TestApi): Promise<unknown> {
  const types = (await call('GET', '/v1/object-types')).json().data;
  const segments = (await call('GET', '/v1/segments')).json().data;
  return {
    types,
    segments: segments.map(
      ({ title, slug, description, query, json_logic, used_by }: Record<string, unknown>) => [
        title,
        slug,
        description,
        query,
        json_logic,
        used_by,
      ],
    ),
    seed: (await call('GET', '/v1/seeds')).json(),
  };
}

async function counts({ call, deployment }: TestApi): Promise<unknown> {
  await built(deployment);
  const { counts: all } = (await call('POST', '/v1/segments/counts')).json();
  return Object.fromEntries(
    all.map(({ slug, count }: { slug: string; count: number }) => [slug, count]),
  );
}

/** All that a second import must not touch. */
async function revisions({ call, deployment }: TestApi): Promise<unknown> {
  const segments = (await call('GET', '/v1/segments')).json().data;
  const { views } = deployment.store.catalog;
  const contacts = (await call('GET', '/v1/records/contacts')).json().data;
  return [
    deployment.store.catalog.version,
    segments.map(({ id, revision, updated_at: at }: Record<string, unknown>) => [id, revision, at]),
    [...views.values()].map(({ id, revision }) => [id, revision]),
    contacts.map(({ id, version }: Record<string, unknown>) => [id, version]),
  ];
}

/** In every order that a rotation or a reversal gives. */
function orders<T>(items: readonly T[]): T[][] {
  const rotated = items.map((_, at) => [...items.slice(at), ...items.slice(0, at)]);
  return [...rotated, ...rotated.map((each) => [...each].reverse())];
}

describe('a seed that was exported', () => {
  it('makes an empty deployment equal, with equal counts, and changes nothing when it is imported again', async () => {
    expect(await seed([...RECORDS, ...DEFINITIONS])).toMatchObject({
      status: 200,
      errors: [],
      totals: { create: 11 },
    });
    const include = '?include=object_types,segments,views,records:companies,records:contacts';
    const exported: Item[] = (
      await api.call('GET', `/v1/seeds${include}`, undefined, { role: 'viewer' })
    ).json();
    expect(exported).toHaveLength(11);
    expect(JSON.stringify(exported)).not.toMatch(
      /"(created_at|updated_at|revision|json_logic|status)"/,
    );

    const other = await open();
    expect(await seed(exported, '', other)).toMatchObject({
      status: 200,
      totals: { create: 11, update: 0, unchanged: 0 },
    });
    expect(await catalogOf(other)).toEqual(await catalogOf(api));
    expect(await counts(other)).toEqual({ adults: 2, 'acme-adults': 1, headed: 1 });
    expect(await counts(other)).toEqual(await counts(api));

    const before = await revisions(other);
    expect(await seed(exported, '', other)).toMatchObject({
      status: 200,
      totals: { create: 0, update: 0, unchanged: 11 },
    });
    expect(await revisions(other)).toEqual(before);
    expect((await other.call('GET', `/v1/seeds${include}`)).body).toBe(
      (await api.call('GET', `/v1/seeds${include}`)).body,
    );
  });

  it('lists each definition after those that it refers to', async () => {
    await seed(DEFINITIONS);
    const items: Item[] = (await api.call('GET', '/v1/seeds')).json();
    expect(items.map(({ object_type: kind, data }) => `${kind} ${data.name ?? data.slug}`)).toEqual(
      [
        'object_types contacts',
        'object_types companies',
        'segments adults',
        'segments acme-adults',
        'segments headed',
        'views adults',
      ],
    );
    expect(items[2]).toEqual(ADULTS);
    expect(items[5]).toEqual(VIEW);
  });

  it('may be of some kinds, and may be lines', async () => {
    await seed(DEFINITIONS);
    const some = (await api.call('GET', '/v1/seeds?include=views')).json();
    expect(some).toEqual([VIEW]);
    const { server } = api;
    const headers = { authorization: 'Bearer the-key-of-the-viewer', accept: NDJSON };
    const lines = (await server.inject({ url: '/v1/seeds', headers })).body;
    expect(lines.trimEnd().split('\n')).toHaveLength(6);
    expect((await api.call('POST', '/v1/seeds', lines, { type: NDJSON })).json()).toMatchObject({
      totals: { unchanged: 6 },
    });
    for (const [include, code] of [
      ['nothing', 'parameter_invalid'],
      ['records:nobody', 'object_type_unknown'],
    ])
      expect((await api.call('GET', `/v1/seeds?include=${include}`)).json()).toMatchObject({
        code,
      });
    const empty = await open();
    expect((await empty.call('GET', '/v1/seeds')).json()).toEqual([]);
  });
});

describe('the items of a seed', () => {
  it.each(orders(DEFINITIONS.slice(0, 5)).map((items, at) => ({ at, items })))(
    'may come in any order: $at',
    async ({ items }) => {
      expect(await seed([VIEW, ...items])).toMatchObject({ status: 200, totals: { create: 6 } });
      expect(api.deployment.store.catalog.version).toBeGreaterThan(0);
      await seed(RECORDS);
      expect(await counts(api)).toEqual({ adults: 2, 'acme-adults': 1, headed: 1 });
    },
  );

  it('are one write of the catalog', async () => {
    const { redis, keys } = api.deployment;
    await seed(DEFINITIONS);
    const [first] = await redis.xrange(keys.catalog.log, '-', '+');
    const { writes } = JSON.parse(first![1]![3]!);
    const written = writes.map(([hash]: [string]) => hash);
    expect(written.filter((hash: string) => hash === 'object-types')).toHaveLength(2);
    expect(written.filter((hash: string) => hash === 'segments')).toHaveLength(3);
    expect(written.filter((hash: string) => hash === 'views')).toHaveLength(1);
  });

  it('update what is there otherwise, and say which members', async () => {
    await seed([...DEFINITIONS, ...RECORDS]);
    expect(await counts(api)).toMatchObject({ adults: 2, 'acme-adults': 1 });
    const older = segment('adults', 'contacts', group({ field: 'age', operator: '>=', value: 40 }));
    const items = [older, CONTACTS, record('contacts', 'b', { name: 'Bob', age: 18 })];
    const expected = {
      create: [],
      update: [
        { object_type: 'segments', slug: 'adults', changed: ['description', 'query'] },
        { object_type: 'contacts', id: 'b', changed: ['company_id', 'age'] },
      ],
      unchanged: [{ object_type: 'object_types', name: 'contacts' }],
      errors: [],
    };
    const sorted = ({ update, ...rest }: typeof expected) => ({
      ...rest,
      update: update.map((entry) => ({ ...entry, changed: [...entry.changed].sort() })),
    });
    const before = await revisions(api);
    const dry = await seed(items, '?dry_run=true');
    expect(sorted(dry)).toMatchObject({ status: 200, ...sorted(expected) });
    expect(await revisions(api)).toEqual(before);
    expect(sorted(await seed(items))).toMatchObject({ status: 200, ...sorted(expected) });
    expect(await counts(api)).toMatchObject({ adults: 1, 'acme-adults': 1 });
    expect((await api.call('GET', '/v1/segments/adults')).json()).toMatchObject({ revision: 2 });
  });

  it('may change a type and, with it, the segments and views that would break', async () => {
    await seed([...DEFINITIONS, ...RECORDS]);
    const aged = type(
      'contacts',
      { years: { type: 'number' }, name: { type: 'string' } },
      {
        company: CONTACTS.data.relationships && {
          to: 'companies',
          key: 'company_id',
          cardinality: 'one',
          inverse: 'contacts',
        },
      },
    );
    const alone = await seed([aged]);
    expect(alone).toMatchObject({ status: 422, code: 'seed_invalid' });
    expect(alone.detail).toContain("'adults'");
    const together = [
      segment('headed', 'companies', group({ field: 'head.years', operator: '>', value: 50 })),
      segment('adults', 'contacts', group({ field: 'years', operator: '>=', value: 18 })),
      aged,
      record('contacts', 'a', { name: 'Ada', years: 60, company_id: 'c1' }),
    ];
    expect(await seed(together)).toMatchObject({ status: 200, totals: { update: 4 } });
    expect(await counts(api)).toEqual({ adults: 1, 'acme-adults': 1, headed: 1 });
  });

  it('in the form of the documented original are taken as they are', async () => {
    await seed([CONTACTS, COMPANIES]);
    const item = {
      object_type: 'segments',
      data: {
        title: 'Minors',
        slug: 'minors',
        description: 'Under 18',
        object_type: 'contacts',
        query: {
          type: 'group',
          operator: 'and',
          items: [{ type: 'attribute', slug: 'age', operator: '<', value: 18 }],
        },
      },
    };
    expect(await seed([item])).toMatchObject({
      status: 200,
      create: [{ object_type: 'segments', slug: 'minors' }],
    });
    expect((await api.call('GET', '/v1/seeds?include=segments')).json()).toEqual([item]);
  });
});

describe('a seed with a fault', () => {
  const bad = (item: unknown) => [...DEFINITIONS, item, ...RECORDS];
  const AT = DEFINITIONS.length;

  it.each([
    ['no item', 7, 'seed_invalid', [`/${AT}`]],
    [
      'an item of no kind',
      { object_type: 'nobodies', data: { id: '1' } },
      'object_type_unknown',
      [`/${AT}/object_type`],
    ],
    ['an item without data', { object_type: 'segments' }, 'seed_invalid', [`/${AT}/data`]],
    ['an item with another member', { ...ADULTS, id: 1 }, 'seed_invalid', [`/${AT}/id`]],
    ['an item twice', ADULTS, 'seed_invalid', [`/${AT}/data/slug`]],
    [
      'a query that can not be read',
      segment(
        'x',
        'contacts',
        group(
          { field: 'age', operator: '>', value: 1 },
          { field: 'age', operator: '>', value: 'old' },
        ),
      ),
      'query_invalid',
      [`/${AT}/data/query/rules/1/value`],
    ],
    [
      'a segment of no type',
      segment('x', 'nobodies', group()),
      'segment_invalid',
      [`/${AT}/data/object_type`],
    ],
    [
      'a segment that refers to none',
      segment('x', 'contacts', group({ field: '', operator: 'inSegment', value: 'nobody' })),
      'query_invalid',
      [`/${AT}/data/query/rules/0/value`],
    ],
    [
      'a segment that refers to itself',
      segment('x', 'contacts', group({ field: '', operator: 'inSegment', value: 'x' })),
      'query_invalid',
      [`/${AT}/data/query`],
    ],
    [
      'a view of no segment',
      { ...VIEW, data: { ...VIEW.data, slug: 'x', segment: 'x' } },
      'view_invalid',
      [`/${AT}/data/segment`],
    ],
    [
      'a type without a name',
      { object_type: 'object_types', data: {} },
      'object_type_invalid',
      [`/${AT}/data/name`],
    ],
    [
      'a type that points nowhere',
      type('xs', {}, { y: { to: 'ys', key: 'y_id', inverse: 'xs' } }),
      'object_type_invalid',
      [`/${AT}/data/relationships/y/to`],
    ],
    [
      'a type whose inverse is taken by another of the seed',
      type('xs', {}, { company: { to: 'companies', key: 'c_id', inverse: 'contacts' } }),
      'object_type_invalid',
      [`/1/data/relationships/company/inverse`, `/${AT}/data/relationships/company/inverse`],
    ],
    [
      'a record without an id',
      { object_type: 'contacts', data: { age: 1 } },
      'record_id_invalid',
      [`/${AT}/data/id`],
    ],
    [
      'a record that does not fit',
      record('contacts', 'x', { age: '1' }),
      'attribute_invalid',
      [`/${AT}/data/age`],
    ],
    [
      'an expression that names no record',
      record('contacts', 'x', { company_id: '{{getRecordAttribute(companies, name, "Nobody")}}' }),
      'seed_invalid',
      [`/${AT}/data/company_id`],
    ],
    [
      'an expression that can not be read',
      record('contacts', 'x', { company_id: '{{getRecordAttribute(companies)}}' }),
      'seed_invalid',
      [`/${AT}/data/company_id`],
    ],
  ])('that is %s changes nothing and names it', async (_, item, code, paths) => {
    const { status, ...problem } = await seed(bad(item));
    expect([status, problem.code]).toEqual([422, 'seed_invalid']);
    expect(problem.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
    expect(problem.detail).toMatch(/^item \d+/);
    expect(api.deployment.store.catalog.version).toBe(0);
    const dry = await seed(bad(item), '?dry_run=true');
    expect(dry.status).toBe(200);
    expect(dry.errors.at(-1)).toMatchObject({ index: AT, code });
    const { create, update, unchanged, errors } = dry;
    expect(create.length + update.length + unchanged.length + errors.length).toBe(
      DEFINITIONS.length + RECORDS.length + 1,
    );
  });

  it('may refer in a circle only among types', async () => {
    const a = segment('a', 'contacts', group({ field: '', operator: 'inSegment', value: 'b' }));
    const b = segment('b', 'contacts', group({ field: '', operator: 'inSegment', value: 'a' }));
    const { status, detail } = await seed([CONTACTS, COMPANIES, a, b]);
    expect(status).toBe(422);
    expect(detail).toContain('a → b → a');
  });

  it('is refused for an expression that names several records, stored ones too', async () => {
    await seed(
      [...DEFINITIONS, ...RECORDS, record('companies', 'c3', { name: 'Acme' })].filter(
        ({ data }) => !JSON.stringify(data).includes('{{'),
      ),
    );
    await api.call('PUT', '/v1/records/companies/c1', { name: 'Acme' });
    const asked = record('contacts', 'x', {
      company_id: '{{getRecordAttribute(companies, name, "Acme")}}',
    });
    expect(await seed([asked])).toMatchObject({
      status: 422,
      errors: [{ path: '/0/data/company_id' }],
    });
    const renamed = record('companies', 'c3', { name: 'Other' });
    expect(await seed([asked, renamed])).toMatchObject({ status: 200 });
    expect((await api.call('GET', '/v1/records/contacts/x')).json().data).toEqual({
      company_id: 'c1',
    });
  });

  it.each([
    ['{}', 'application/json', 'body_invalid'],
    ['[', 'application/json', 'body_malformed'],
    ['{"object_type":"segments"', NDJSON, 'body_malformed'],
    ['x', 'text/plain', 'content_type_unsupported'],
  ])('is no seed as %s of %s', async (body, contentType, code) => {
    for (const query of ['', '?async=true'])
      expect(
        (await api.call('POST', `/v1/seeds${query}`, body, { type: contentType })).json(),
      ).toMatchObject({ code });
  });
});

describe('a seed as a job', () => {
  const ended = async (items: readonly unknown[], query = ''): Promise<JobAnswer> => {
    const body = items.map((item) => JSON.stringify(item)).join('\n');
    const answer = await api.call('POST', `/v1/seeds?async=true${query}`, body, { type: NDJSON });
    expect(answer.headers.location).toBe(`/v1/jobs/${answer.json().id}`);
    return api.ended(answer);
  };

  it('is taken over piece by piece, definitions first, and changes nothing the second time', async () => {
    const many = Array.from({ length: 2_000 }, (_, n) =>
      record('contacts', `n${n}`, {
        name: `N${n}`,
        age: n,
        company_id: '{{getRecordAttribute(companies, name, "Acme")}}',
      }),
    );
    const items = [...many, ...RECORDS, ...DEFINITIONS];
    const total = items.length;
    const first = await ended(items);
    expect(first).toMatchObject({
      status: 'completed',
      progress: { done: total, total },
      errors_total: 0,
    });
    expect(first.result).toMatchObject({ totals: { create: total, update: 0, unchanged: 0 } });
    expect(await counts(api)).toMatchObject({ adults: 2 + 1_982, 'acme-adults': 1 + 1_982 });
    const before = await revisions(api);
    expect((await ended(items)).result).toMatchObject({
      totals: { create: 0, update: 0, unchanged: total },
    });
    expect(await revisions(api)).toEqual(before);
  });

  it('fails with its faults and changes nothing; a dry run tells of them', async () => {
    const items = [...DEFINITIONS, record('contacts', 'x', { age: 'old' })];
    expect(await ended(items)).toMatchObject({
      status: 'failed',
      problem: { code: 'seed_invalid' },
      errors: [{ path: '/6/data/age' }],
    });
    expect(await ended(items, '&dry_run=true')).toMatchObject({
      status: 'completed',
      result: {
        totals: { create: 6 },
        errors: [{ index: 6, object_type: 'contacts', id: 'x', code: 'attribute_invalid' }],
      },
    });
    expect(api.deployment.store.catalog.version).toBe(0);
  });
});

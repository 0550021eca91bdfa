/**
 * type-changes.test.ts – A change of a type that would break filters is refused with everybody who
 * would break, direct or not: through `inSegment`, over relationships from other types, through
 * views. Asked as a PUT, a DELETE or a seed, dry or not.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';

const organization = {
  to: 'organizations',
  key: 'organization_id',
  cardinality: 'one',
  inverse: 'contacts',
};
const attributes = { age: { type: 'number' }, tags: { type: 'list', of: 'string' } };
const contacts = { attributes, relationships: { organization } };
const without = (name: 'age' | 'tags') =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name));

const all = (...rules: object[]) => ({ combinator: 'and', rules });
const uses = (...slugs: string[]) =>
  all(...slugs.map((value) => ({ field: '', operator: 'inSegment', value })));

const SEGMENTS: Readonly<Record<string, readonly [type: string, query: unknown]>> = {
  saas: ['contacts', all({ field: 'organization.industry', operator: '=', value: 'SaaS' })],
  adults: ['contacts', all({ field: 'age', operator: '>', value: 18 })],
  tagged: ['contacts', all({ field: 'tags', operator: 'contains', value: 'early' })],
  everyone: ['contacts', all()],
  'in-saas': ['contacts', uses('saas', 'everyone')],
  'in-in-saas': ['contacts', { ...uses('in-saas'), not: true }],
  'in-adults': ['contacts', { '!': [{ '>': [{ var: 'age' }, 18] }] }],
  'in-tagged': ['contacts', uses('tagged')],
  'some-adult': [
    'organizations',
    all({
      field: 'contacts',
      match: { mode: 'some' },
      value: all({ field: 'age', operator: '>', value: 3 }),
    }),
  ],
  'in-some-adult': ['organizations', uses('some-adult')],
};

const VIEWS: readonly object[] = [
  {
    slug: 'view-of-in-in-saas',
    object_type: 'contacts',
    segment: 'in-in-saas',
    columns: [{ path: 'id' }],
  },
  {
    slug: 'view-of-query',
    object_type: 'contacts',
    query: uses('in-saas'),
    columns: [{ path: 'id' }],
  },
  {
    slug: 'view-of-ages',
    object_type: 'contacts',
    segment: 'everyone',
    columns: [{ path: 'age' }],
  },
  {
    slug: 'view-of-many',
    object_type: 'organizations',
    segment: 'in-some-adult',
    columns: [{ path: 'contacts', aggregate: 'count', label: 'n', where: uses('tagged') }],
  },
];

let api: TestApi;
const answers = async (method: string, url: string, body?: unknown) =>
  (await api.call(method, url, body)).json();

beforeAll(async () => {
  api = await openTestApi();
  await api.call('PUT', '/v1/object-types/organizations', {
    attributes: { industry: { type: 'string' } },
  });
  await api.call('PUT', '/v1/object-types/contacts', contacts);
  for (const [slug, [object_type, query]] of Object.entries(SEGMENTS)) {
    expect(
      await answers('POST', '/v1/segments', { title: slug, slug, object_type, query }),
    ).toMatchObject({ slug });
  }
  for (const view of VIEWS)
    expect(await answers('POST', '/v1/views', { title: 'v', ...view })).toMatchObject(view);
  await api.call('PUT', '/v1/records/organizations/acme', { industry: 'SaaS' });
  await api.call('PUT', '/v1/records/contacts/ada', {
    age: 36,
    tags: ['early'],
    organization_id: 'acme',
  });
});
afterAll(() => api.close());

const SAAS = ['in-in-saas', 'in-saas', 'saas', 'view-of-in-in-saas', 'view-of-query'];
const MANY = ['in-some-adult', 'some-adult', 'view-of-many'];
const TAGGED = ['in-tagged', 'tagged', 'view-of-many'];
const AGE = ['adults', 'in-some-adult', 'some-adult', 'view-of-ages', 'view-of-many'];

/** What a change would break, sorted. */
const BREAKING: readonly (readonly [what: string, body: object, usedBy: readonly string[]])[] = [
  ['a relationship is removed', { attributes }, [...SAAS, ...MANY]],
  [
    'a relationship is renamed',
    { attributes, relationships: { company: { ...organization, inverse: 'contacts' } } },
    SAAS,
  ],
  [
    'an inverse is renamed',
    { attributes, relationships: { organization: { ...organization, inverse: 'people' } } },
    MANY,
  ],
  [
    'a relationship points at another type',
    { attributes, relationships: { organization: { ...organization, to: 'contacts' } } },
    [...SAAS, ...MANY],
  ],
  ['an attribute is removed', { ...contacts, attributes: without('age') }, [...AGE, 'in-adults']],
  [
    'an attribute becomes an object',
    { ...contacts, attributes: { ...attributes, age: { type: 'object' } } },
    ['adults', 'in-some-adult', 'some-adult', 'view-of-many'],
  ],
  [
    'a list holds something else',
    { ...contacts, attributes: { ...attributes, tags: { type: 'list', of: 'number' } } },
    TAGGED,
  ],
  ['a list is removed', { ...contacts, attributes: without('tags') }, TAGGED],
  ['everything is removed', { attributes: {} }, [...SAAS, ...AGE, 'in-adults', ...TAGGED]],
];

describe.each(BREAKING)('when %s', (_, body, usedBy) => {
  const named = [...new Set(usedBy)].sort();
  const item = { object_type: 'object_types', data: { name: 'contacts', ...body } };
  /** A segment and a view of the seed that stand on what would break. */
  const users = [
    {
      object_type: 'segments',
      data: {
        title: 'n',
        slug: 'new',
        object_type: 'contacts',
        query: uses(...Object.keys(SEGMENTS).slice(0, 8)),
      },
    },
    {
      object_type: 'views',
      data: {
        title: 'n',
        slug: 'new',
        object_type: 'contacts',
        query: uses('in-saas', 'in-tagged', 'adults'),
        columns: [{ path: 'id' }],
      },
    },
  ];

  it('a PUT is 409 and names every user, and what is there goes on', async () => {
    const refused = await answers('PUT', '/v1/object-types/contacts', body);
    expect(refused).toMatchObject({ status: 409, code: 'object_type_in_use', used_by: named });
    expect(await answers('GET', '/v1/object-types/contacts')).toMatchObject(contacts);
    const { counts } = await answers('POST', '/v1/segments/counts', {
      slugs: ['in-in-saas', 'in-saas', 'in-some-adult'],
    });
    expect(counts).toMatchObject([{ count: 0 }, { count: 1 }, { count: 1 }]);
  });

  it.each([
    ['alone', [item]],
    ['with definitions that stand on it', [item, ...users]],
    ['after definitions that stand on it', [...users, item]],
  ])('a seed %s tells of it, and changes nothing', async (_, seed) => {
    const before = await answers('GET', '/v1/seeds');
    const dry = await api.call('POST', '/v1/seeds?dry_run=true', seed);
    expect(dry.statusCode).toBe(200);
    expect(dry.json<{ errors: unknown[] }>().errors).not.toEqual([]);
    expect(await answers('POST', '/v1/seeds', seed)).toMatchObject({
      status: 422,
      code: 'seed_invalid',
    });
    expect(await answers('GET', '/v1/seeds')).toEqual(before);
  });
});

it('a type that others look at through inverses is not deleted, and its users are named', async () => {
  const lonely = {
    attributes: {},
    relationships: { boss: { to: 'organizations', key: 'k', inverse: 'staff' } },
  };
  await api.call('PUT', '/v1/object-types/workers', lonely);
  const some = all({ field: 'staff', match: { mode: 'some' }, value: all() });
  for (const [slug, query] of [
    ['staffed', some],
    ['in-staffed', uses('staffed')],
    ['in-in-staffed', uses('in-staffed')],
  ]) {
    await api.call('POST', '/v1/segments', {
      title: 'x',
      slug,
      object_type: 'organizations',
      query,
    });
  }
  const refused = await answers('DELETE', '/v1/object-types/workers');
  expect(refused).toMatchObject({
    status: 409,
    used_by: ['in-in-staffed', 'in-staffed', 'staffed'],
  });
  expect(await answers('GET', '/v1/object-types/workers')).toMatchObject({ name: 'workers' });
});

it('a seed may change a type and, in the same go, what stood on the old one: its other users follow', async () => {
  await api.call('PUT', '/v1/object-types/things', { attributes: { x: { type: 'string' } } });
  const is = (value: unknown) => all({ field: 'x', operator: '=', value });
  const segment = (slug: string, query: unknown) => ({
    title: slug,
    slug,
    object_type: 'things',
    query,
  });
  await api.call('POST', '/v1/segments', segment('seven', is('7')));
  await api.call('POST', '/v1/segments', segment('in-seven', uses('seven')));
  const seed = [
    {
      object_type: 'object_types',
      data: { name: 'things', attributes: { x: { type: 'number' } } },
    },
    { object_type: 'segments', data: segment('new', uses('in-seven')) },
    { object_type: 'views', data: { ...segment('new', uses('seven')), columns: [{ path: 'x' }] } },
    { object_type: 'things', data: { id: 'a', x: 7 } },
  ];
  expect(await answers('POST', '/v1/seeds', seed)).toMatchObject({
    errors: [],
    totals: { create: 3, update: 1 },
  });
  const counts = async () =>
    (await answers('GET', '/v1/segments/counts?slug=seven&slug=in-seven&slug=new')).counts;
  await expect
    .poll(counts, { timeout: 20_000 })
    .toMatchObject([{ count: 1 }, { count: 1 }, { count: 1 }]);
  await expect
    .poll(() => answers('GET', '/v1/views/new/rows'), { timeout: 20_000 })
    .toMatchObject({ data: [{ id: 'a' }] });
});

it('an edit of a segment that would break its users says whom', async () => {
  for (let link = 1; link <= 12; link++) {
    const before =
      link === 1
        ? ['everyone']
        : [`link-${link - 1}`, `link-${link - 1}`, `link-${link - 1}`, `link-${link - 1}`];
    const answer = await answers('POST', '/v1/segments', {
      title: 'l',
      slug: `link-${link}`,
      object_type: 'contacts',
      query: uses(...before),
    });
    if (answer.status === 422) break;
  }
  const wide = all(
    ...Array.from({ length: 30 }, (_, at) => ({ field: 'age', operator: '=', value: at })),
  );
  const refused = await answers('PATCH', '/v1/segments/everyone', { query: wide });
  expect(refused).toMatchObject({
    status: 422,
    code: 'query_invalid',
    errors: [{ path: '/query' }],
  });
  expect(refused.detail).toMatch(
    /^the edit would break 'link-\d+', which uses 'everyone': the query is too large/,
  );
});

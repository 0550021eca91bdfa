/**
 * values.test.ts – What a page asks for beside segments: values to choose from, records by the
 * beginning of their ids, activations of all views, and what server this is.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
const json = async (url: string) => (await api.call('GET', url)).json();

beforeAll(async () => {
  api = await openTestApi();
  await api.call('PUT', '/v1/object-types/organizations', {
    attributes: { industry: { type: 'string' }, extra: { type: 'object' } },
  });
  const employer = {
    to: 'organizations',
    key: 'organization_id',
    cardinality: 'one',
    inverse: 'people',
  };
  await api.call('PUT', '/v1/object-types/contacts', {
    attributes: {
      country: { type: 'string' },
      age: { type: 'number' },
      active: { type: 'boolean' },
      tags: { type: 'list', of: 'string' },
    },
    relationships: { employer },
  });
  const lines = [
    ...['Retail', 'Retail', 'retail banking', 'x'.repeat(201)].map((industry, at) => ({
      ...{ op: 'put', object_type: 'organizations', id: `o-${at}` },
      data: { industry },
    })),
    ...Array.from({ length: 30 }, (_, at) => ({
      ...{ op: 'put', object_type: 'contacts', id: `c-${at}` },
      data: {
        country: ['CH', 'CH', 'DE'][at % 3],
        age: at % 2,
        active: at % 2 === 0,
        tags: at % 5 === 0 ? ['a', 'b', 'a'] : ['b'],
      },
    })),
  ];
  await api.call('POST', '/v1/changes', lines);
  await api.call('POST', '/v1/records/contacts/c-29/archive');
});
afterAll(() => api.close());

describe('values of an attribute', () => {
  const values = (path: string, more = '') =>
    json(`/v1/object-types/contacts/values?path=${path}${more}`);

  it('are listed by how many live records have them', async () => {
    expect(await values('country')).toEqual({
      data: [
        { value: 'CH', count: 20 },
        { value: 'DE', count: 9 },
      ],
      sampled: 29,
      of: 30,
    });
    expect((await values('age')).data.map(({ value }: { value: unknown }) => value)).toEqual([
      0, 1,
    ]);
    expect((await values('active')).data).toEqual([
      { value: true, count: 15 },
      { value: false, count: 14 },
    ]);
  });

  it('of a list are its items, each once a record', async () => {
    expect((await values('tags')).data).toEqual([
      { value: 'b', count: 29 },
      { value: 'a', count: 6 },
    ]);
  });

  it('along a relationship are those of the other type, but for long ones', async () => {
    const asked = await values('employer.industry', '&prefix=RETAIL');
    expect(asked).toEqual({
      data: [
        { value: 'Retail', count: 2 },
        { value: 'retail banking', count: 1 },
      ],
      sampled: 4,
      of: 4,
    });
    expect((await values('employer.industry')).data).toHaveLength(2);
  });

  it.each([
    ['nothing', /no attribute 'nothing'/],
    ['employer', /not an attribute/],
    ['employer.nothing', /no attribute 'nothing'/],
    ['nobody.industry', /nobody/],
    ['employer.extra', /no values to choose from/],
  ])('are refused of %s', async (path, words) => {
    const refused = await values(path);
    expect(refused).toMatchObject({ status: 400, code: 'parameter_invalid' });
    expect(refused.errors[0]).toMatchObject({
      path: '/path',
      detail: expect.stringMatching(words),
    });
  });

  it('of a large type are those of some records', async () => {
    await api.call('PUT', '/v1/object-types/many', { attributes: { n: { type: 'number' } } });
    const all = Array.from({ length: 5000 }, (_, at) => ({
      ...{ op: 'put', object_type: 'many', id: `m-${at}` },
      data: { n: at % 2 },
    }));
    for (let from = 0; from < all.length; from += 1000)
      await api.call('POST', '/v1/changes', all.slice(from, from + 1000));
    const { sampled, of, data } = await json('/v1/object-types/many/values?path=n');
    expect(of).toBe(5000);
    expect(sampled).toBeGreaterThanOrEqual(2000);
    expect(sampled).toBeLessThanOrEqual(2000 + api.deployment.founding.partitions);
    // One of two values is not left out of 2,000 records by chance.
    expect(data).toHaveLength(2);
  });
});

describe('records by the beginning of their ids', () => {
  it('are all those and no others, page by page', async () => {
    const ids: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await json(`/v1/records/contacts?q=c-1&limit=3&cursor=${cursor}`);
      ids.push(...page.data.map(({ id }: { id: string }) => id));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    const expected = ['c-1', ...Array.from({ length: 10 }, (_, at) => `c-1${at}`)];
    expect(ids.sort()).toEqual(expected.sort());
  });

  it('are none for what no id begins with, and for what is longer than any', async () => {
    for (const q of ['d', 'c-111', 'é', '%ff'])
      expect(['[]', undefined]).toContain(
        JSON.stringify((await json(`/v1/records/contacts?q=${encodeURIComponent(q)}`)).data),
      );
  });

  it('are not looked for in a segment', async () => {
    expect(await json('/v1/records/contacts?q=c&segment=s')).toMatchObject({ status: 400 });
  });
});

it('activations of all views are listed by view, with how they stand', async () => {
  const query = { combinator: 'and', rules: [] };
  for (const slug of ['second', 'first']) {
    const named = { title: slug, slug, object_type: 'contacts' };
    await api.call('POST', '/v1/segments', { ...named, query });
    await api.call('POST', '/v1/views', { ...named, segment: slug, columns: [{ path: 'age' }] });
    for (const at of [1, 2])
      await api.call('POST', `/v1/views/${slug}/activations`, {
        url: `https://93.184.216.34/${at}`,
      });
  }
  const first = await json('/v1/activations?limit=3');
  const rest = await json(`/v1/activations?limit=3&cursor=${first.next_cursor}`);
  const seen = [...first.data, ...rest.data].map(({ view, url }) => `${view} ${url}`);
  expect(seen).toEqual(
    ['first', 'second'].flatMap((view) =>
      [1, 2].map((at) => `${view} https://93.184.216.34/${at}`),
    ),
  );
  expect(first.data[0]).toMatchObject({ delivered: 0, pending: 0, dead_letters: { count: 0 } });
  const asViewer = await api.call('GET', '/v1/activations', undefined, { role: 'viewer' });
  expect(asViewer.json().data[0].url).toBe('https://93.184.216.34');
});

it('says what server this is', async () => {
  expect(await json('/v1/info')).toMatchObject({
    name: 'rollcall',
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    time_zone: 'UTC',
    now: expect.stringMatching(/Z$/),
    limits: { page_bytes: 8_388_608 },
  });
});

/**
 * records-query.test.ts – The records that a filter holds of, page by page, without a segment: each
 * of them once, and no other, in the three dialects, over a relationship, and among segments.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';

const RECORDS = 900;
const group = (...rules: unknown[]) => ({ combinator: 'and', rules });
const rule = (field: string, operator: string, value: unknown) => ({ field, operator, value });

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.call('PUT', '/v1/object-types/companies', {
    attributes: { size: { type: 'number' } },
  });
  await api.call('PUT', '/v1/object-types/people', {
    attributes: { n: { type: 'number' }, three: { type: 'number' } },
    relationships: {
      employer: { to: 'companies', key: 'company_id', cardinality: 'one', inverse: 'people' },
    },
  });
  const changes = [
    ...Array.from({ length: 10 }, (_, size) => ({
      ...{ op: 'put', object_type: 'companies', id: `k-${size}` },
      data: { size },
    })),
    ...Array.from({ length: RECORDS }, (_, n) => ({
      ...{ op: 'put', object_type: 'people', id: `p-${n}` },
      data: { n, three: n % 3, company_id: `k-${n % 10}` },
    })),
  ];
  await api.call('POST', '/v1/changes', changes);
  await api.call('POST', '/v1/records/people/p-12/archive');
  await api.call('POST', '/v1/segments', {
    ...{ title: 't', slug: 'third', object_type: 'people' },
    query: group(rule('three', '=', 0)),
  });
  await api.call('POST', '/v1/segments', {
    ...{ title: 'c', slug: 'companies', object_type: 'companies', query: group() },
  });
  await built(api.deployment);
});
afterAll(() => api.close());

/** All pages of a query, and how many there were. */
async function allOf(body: object, limit: number): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let cursor: string | null = '';
  let pages = 0;
  for (; cursor !== null; pages++) {
    const answer = await api.call('POST', '/v1/records/people/query', { ...body, limit, cursor });
    expect(answer.statusCode, answer.body).toBe(200);
    const page = answer.json<{
      data: { id: string; data: object }[];
      next_cursor: string | null;
    }>();
    expect(page.data.length).toBeLessThanOrEqual(limit);
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
    expect(pages).toBeLessThan(100);
  }
  return { ids, pages };
}

const peopleWith = (holds: (n: number) => boolean) =>
  Array.from({ length: RECORDS }, (_, n) => n)
    .filter((n) => n !== 12 && holds(n))
    .map((n) => `p-${n}`)
    .sort();

describe.each<[name: string, body: object, holds: (n: number) => boolean]>([
  ['all', {}, () => true],
  ['an own attribute', { query: group(rule('n', '<', 100)) }, (n) => n < 100],
  ['JsonLogic', { query: { '<': [{ var: 'n' }, 100] } }, (n) => n < 100],
  ['a relationship', { query: group(rule('employer.size', '>', 6)) }, (n) => n % 10 > 6],
  ['none', { query: group(rule('n', '<', 0)) }, () => false],
  ['a segment', { in: ['third'] }, (n) => n % 3 === 0],
  [
    'what is not in a segment',
    { query: group(rule('employer.size', '<=', 1)), not_in: ['third'] },
    (n) => n % 10 <= 1 && n % 3 !== 0,
  ],
])('the records of %s', (_, body, holds) => {
  it('come once each, whatever the length of a page', async () => {
    const expected = peopleWith(holds);
    for (const limit of [97, 1000]) {
      const { ids, pages } = await allOf(body, limit);
      expect(ids.toSorted()).toEqual(expected);
      expect(pages).toBeGreaterThanOrEqual(Math.ceil(expected.length / limit));
    }
  });
});

it('a page that has no time is empty, and its cursor goes on from the same place', async () => {
  const body = { query: group(rule('n', '<', 5)), timeout_ms: 0 };
  const page = (await api.call('POST', '/v1/records/people/query', body)).json();
  expect(page.data).toEqual([]);
  const { ids } = await allOf({ query: body.query }, 100);
  const rest = { query: body.query, cursor: page.next_cursor };
  const after = (await api.call('POST', '/v1/records/people/query', rest)).json();
  expect(after.data.map(({ id }: { id: string }) => id)).toEqual(ids);
});

it.each([
  [{ query: { combinator: 'and', rules: [{ field: 'nobody' }] } }, 422, 'query_invalid'],
  [{ in: ['nobody'] }, 404, 'segment_unknown'],
  [{ in: ['companies'] }, 400, 'parameter_invalid'],
  [{ cursor: 'x' }, 400, 'cursor_invalid'],
  [{ limit: 0 }, 422, 'body_invalid'],
  [{ other: 1 }, 422, 'body_invalid'],
])('refuses %j', async (body, status, code) => {
  const answer = await api.call('POST', '/v1/records/people/query', body);
  expect(answer.json()).toMatchObject({ status, code });
});

/**
 * views-choice.test.ts – The rows of a view that are in some segments and not in others: paged,
 * sorted, and whole, each the same as what a plain filter leaves.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';

const RECORDS = 3000;
const isIn: Readonly<Record<string, (at: number) => boolean>> = {
  even: (at) => at % 2 === 0,
  third: (at) => at % 3 === 0,
  last: (at) => at >= RECORDS - 3,
};

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  const attributes = { n: { type: 'number' }, two: { type: 'number' }, three: { type: 'number' } };
  await api.call('PUT', '/v1/object-types/things', { attributes });
  await api.call('PUT', '/v1/object-types/others', {});
  const changes = Array.from({ length: RECORDS }, (_, n) => ({
    ...{ op: 'put', object_type: 'things', id: `t-${n}` },
    data: { n, two: n % 2, three: n % 3 },
  }));
  for (let from = 0; from < RECORDS; from += 1000)
    await api.call('POST', '/v1/changes', changes.slice(from, from + 1000));
  const rule = (field: string, operator: string, value: number) => ({
    combinator: 'and',
    rules: [{ field, operator, value }],
  });
  const segments = {
    even: rule('two', '=', 0),
    third: rule('three', '=', 0),
    last: rule('n', '>=', RECORDS - 3),
  };
  for (const [slug, query] of Object.entries(segments))
    await api.call('POST', '/v1/segments', { title: slug, slug, object_type: 'things', query });
  const all = { combinator: 'and', rules: [] };
  await api.call('POST', '/v1/segments', {
    ...{ title: 'o', slug: 'other', object_type: 'others', query: all },
  });
  const view = { object_type: 'things', query: all, columns: [{ path: 'n' }] };
  const sort = [{ path: 'n', direction: 'desc' }];
  await api.call('POST', '/v1/views', { ...view, title: 'p', slug: 'plain' });
  await api.call('POST', '/v1/views', { ...view, title: 's', slug: 'sorted', sort });
  await built(api.deployment);
});
afterAll(() => api.close());

const CHOICES = [
  { segment: ['even'], not: [] },
  { segment: [], not: ['even'] },
  { segment: ['even', 'third'], not: [] },
  { segment: ['third'], not: ['even'] },
  { segment: ['last'], not: ['third'] },
  { segment: ['even'], not: ['even'] },
];

describe.each(CHOICES)('in $segment and not in $not', ({ segment, not }) => {
  const chosen = [
    ...segment.map((slug) => `segment=${slug}`),
    ...not.map((slug) => `not_segment=${slug}`),
  ].join('&');
  const expected = Array.from({ length: RECORDS }, (_, at) => at).filter(
    (at) => segment.every((slug) => isIn[slug]!(at)) && !not.some((slug) => isIn[slug]!(at)),
  );
  const rows = (slug: string, more: string, accept?: string) =>
    api.call('GET', `/v1/views/${slug}/rows?${chosen}${more}`, undefined, accept ? { accept } : {});

  it.each(['plain', 'sorted'])('pages of a view that is %s', async (slug) => {
    const seen: number[] = [];
    const limit = 701;
    for (let cursor = '', pages = 0; ; pages++) {
      const page = (await rows(slug, `&limit=${limit}&cursor=${cursor}`)).json();
      expect(page).toMatchObject({ data: expect.any(Array) });
      expect(page.data.length).toBeLessThanOrEqual(limit);
      seen.push(...page.data.map(({ n }: { n: number }) => n));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
      expect(pages).toBeLessThan(50);
    }
    if (slug === 'sorted') expect(seen).toEqual([...expected].reverse());
    else expect(seen.sort((a, b) => a - b)).toEqual(expected);
  });

  it.each(['plain', 'sorted'])('CSV and NDJSON of a view that is %s', async (slug) => {
    const lines = (await rows(slug, '', 'application/x-ndjson')).body.trim().split('\n');
    expect(lines.filter(Boolean)).toHaveLength(expected.length);
    const csv = (await rows(slug, '', 'text/csv')).body.trim().split('\r\n').slice(1);
    const seen = csv.map(Number);
    expect(slug === 'sorted' ? seen.reverse() : seen.sort((a, b) => a - b)).toEqual(expected);
  });
});

it.each([
  ['segment=nobody', 404, 'segment_unknown'],
  ['segment=other', 400, 'parameter_invalid'],
  ['not_segment=other', 400, 'parameter_invalid'],
  [Array.from({ length: 21 }, () => 'segment=even').join('&'), 400, 'parameter_invalid'],
])('refuses %s', async (query, status, code) => {
  const answer = await api.call('GET', `/v1/views/plain/rows?${query}`);
  expect(answer.json()).toMatchObject({ status, code });
});

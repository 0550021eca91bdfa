/**
 * overlap.test.ts – What segments share: against json-logic-js, at one instant while members move,
 * and what is refused.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SegmentOverlaps } from '../../src/membership/overlaps.ts';
import { PredicateResolver } from '../../src/membership/predicate-resolver.ts';
import { STRONG } from '../../src/membership/read-options.ts';
import { SegmentCounts } from '../../src/membership/segment-counts.ts';
import { StrongReads } from '../../src/membership/strong-reads.ts';
import { openWatch } from '../../src/membership/watermark.ts';
import { members } from '../reference.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';

const RECORDS = 600;

let api: TestApi;
const records = Array.from({ length: RECORDS }, (_, at) => ({
  object_type: 'contacts',
  id: `c${at}`,
  data: {
    age: (at * 7919) % 100,
    tags: ['a', 'b', 'c'].filter((_, bit) => (at * 31) & (1 << bit)),
  },
}));
const put = (record: (typeof records)[number]) => ({ op: 'put', ...record }) as const;

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});
const create = async (slug: string, query: unknown, object_type = 'contacts') => {
  const body = { title: slug, slug, object_type, query };
  expect((await api.call('POST', '/v1/segments', body)).statusCode).toBe(201);
};
const overlap = (body: object) => api.call('POST', '/v1/segments/overlap', body);

/** Twenty of them; `over-7` and `high` are the same predicate. */
const SLUGS = Array.from({ length: 17 }, (_, at) => `over-${at}`).concat('low', 'high', 'all');

beforeAll(async () => {
  api = await openTestApi();
  const attributes = { age: { type: 'number' }, tags: { type: 'list', of: 'string' } };
  await api.call('PUT', '/v1/object-types/contacts', { attributes });
  await api.call('PUT', '/v1/object-types/others', { attributes });
  expect(await send(api.deployment, records.map(put))).toBe(RECORDS);
  for (let at = 0; at < 14; at++) await create(`over-${at}`, rule('age', '>=', at * 7));
  for (const [at, tag] of ['a', 'b', 'c'].entries())
    await create(`over-${14 + at}`, rule('tags', 'contains', tag));
  await create('low', rule('age', '<', 49));
  await create('high', rule('age', '>=', 49));
  await create('all', { combinator: 'and', rules: [] });
  await create('elsewhere', rule('age', '<', 50), 'others');
  await built(api.deployment);
});
afterAll(() => api.close());

/** By json-logic-js alone. */
function expected(slugs: readonly string[]): object[] {
  const documents = records.map(({ id, data }) => ({ id, document: data }));
  const sets = slugs.map((slug) => {
    const { json_logic } = api.deployment.store.catalog.segments.get(slug)!;
    return new Set(members(json_logic, documents));
  });
  return slugs.flatMap((a, at) =>
    slugs.slice(at + 1).map((b, more) => {
      const other = sets[at + 1 + more]!;
      return { a, b, count: [...sets[at]!].filter((id) => other.has(id)).length };
    }),
  );
}

describe('overlaps', () => {
  it.each(['viewer', 'master'] as const)('are those of json-logic-js, for a %s', async (role) => {
    const asked = await api.call('POST', '/v1/segments/overlap', { slugs: SLUGS }, { role });
    expect(asked.statusCode).toBe(200);
    const { counts, overlaps, as_of } = asked.json();
    expect(overlaps).toEqual(expected(SLUGS));
    expect(overlaps).toHaveLength(190);
    const counted = await api.call('POST', '/v1/segments/counts', { slugs: SLUGS });
    expect(counts).toEqual(counted.json().counts);
    expect(as_of).toBe(counted.json().as_of);
  });

  it.each([
    [{ slugs: ['low'] }, 'body_invalid', 422, '/slugs'],
    [{ slugs: [...SLUGS, 'one-more'] }, 'body_invalid', 422, '/slugs'],
    [{ slugs: ['low', 'low'] }, 'body_invalid', 422, '/slugs'],
    [{}, 'body_invalid', 422, '/slugs'],
    [{ slugs: ['low', 'high', 'elsewhere'] }, 'body_invalid', 422, '/slugs/2'],
    [{ slugs: ['low', 'nobody'] }, 'segment_unknown', 404, undefined],
  ])('of %j are refused', async (body, code, status, path) => {
    const answer = await overlap(body);
    expect(answer.statusCode).toBe(status);
    const problem = answer.json<{ code: string; errors?: { path: string }[] }>();
    expect(problem.code).toBe(code);
    expect(problem.errors?.[0]?.path).toBe(path);
  });
});

it.each([
  ['in pieces', { pieceMembers: 400, wholeCostMax: 0 }],
  ['by going through all members', { pieceMembers: 0, wholeCostMax: Infinity }],
])('%s, all are of one instant, while members move without a pause', async (_, bounds) => {
  const { store, stores, progress } = api.deployment;
  const resolver = new PredicateResolver(store);
  const reads = new StrongReads(openWatch(stores.memberships), store, resolver, progress);
  const context = { catalogs: store, reads, store: stores.memberships, ...bounds };
  const compared = new SegmentOverlaps(context, new SegmentCounts(store, reads, resolver));
  let isOver = false;
  const moving = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const moved = records.slice((turn * 7) % 500, ((turn * 7) % 500) + 40);
      await send(
        api.deployment,
        moved.map((each) => put({ ...each, data: { ...each.data, age: (turn % 2) * 99 } })),
      );
    }
  })();
  try {
    for (let round = 0; round < 3; round++) {
      const { counts, overlaps } = await compared.read(SLUGS, { ...STRONG, timeoutMs: 30_000 });
      const countOf = new Map(counts.map(({ slug, count }) => [slug, count!]));
      const shared = (a: string, b: string) =>
        overlaps.find((each) => each.a === a && each.b === b)!.count!;
      for (const { a, b, count } of overlaps)
        expect(count).toBeLessThanOrEqual(Math.min(countOf.get(a)!, countOf.get(b)!));
      // Each record is in exactly one of the two at every instant.
      expect(shared('low', 'high')).toBe(0);
      expect(shared('low', 'all') + shared('high', 'all')).toBe(RECORDS);
      for (let at = 0; at < 13; at++)
        expect(shared(`over-${at}`, `over-${at + 1}`)).toBe(countOf.get(`over-${at + 1}`));
    }
  } finally {
    isOver = true;
    await moving;
  }
});

it('there is no number where a segment has none', async () => {
  // From here on nobody builds.
  await api.deployment.worker!.stop();
  await create('unbuilt', rule('age', '>', 3));
  const { counts, overlaps } = (await overlap({ slugs: ['low', 'unbuilt', 'all'] })).json();
  expect(counts.map(({ status }: { status: string }) => status)).toEqual([
    'ready',
    'building',
    'ready',
  ]);
  expect(overlaps).toEqual([
    { a: 'low', b: 'unbuilt', count: null },
    { a: 'low', b: 'all', count: expect.any(Number) },
    { a: 'unbuilt', b: 'all', count: null },
  ]);
  await send(api.deployment, [put(records[0]!)], 'accepted');
  const late = await overlap({ slugs: ['low', 'all'], timeout_ms: 20 });
  expect(late.json()).toEqual({
    counts: ['low', 'all'].map((slug) => ({
      slug,
      count: null,
      status: 'timeout',
      revision: 1,
    })),
    overlaps: [{ a: 'low', b: 'all', count: null }],
    as_of: '',
  });
  const now = { consistency: 'eventual', timeout_ms: 0 };
  const stands = (await overlap({ slugs: ['low', 'all'], ...now })).json();
  expect(stands.counts[0].count).toBeGreaterThan(0);
  expect(stands.overlaps).toEqual([{ a: 'low', b: 'all', count: stands.counts[0].count }]);
});

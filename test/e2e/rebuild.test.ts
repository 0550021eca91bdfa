/**
 * rebuild.test.ts – After everything is built anew each segment answers again, and the catalog can
 * be edited as before.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { CatalogDraft } from '../../src/catalog/catalog-draft.ts';
import type { Change } from '../../src/change/change.ts';
import { audit } from '../../src/membership/audit.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, createSegment, openTestDeployment, send } from '../support/deployment.ts';

const organizations = { attributes: { industry: { type: 'string' } } };
const relationships = {
  organization: {
    to: 'organizations',
    key: 'organization_id',
    cardinality: 'one',
    inverse: 'contacts',
  },
};
const contacts = {
  attributes: { age: { type: 'number' }, seen: { type: 'datetime' } },
  relationships,
};
const all = (...rules: object[]) => ({ combinator: 'and', rules });
const QUERIES: Readonly<Record<string, readonly [type: string, query: object]>> = {
  adults: ['contacts', all({ field: 'age', operator: '>=', value: 18 })],
  'adults-twice': ['contacts', all({ field: '', operator: 'inSegment', value: 'adults' })],
  'in-saas': ['contacts', all({ field: 'organization.industry', operator: '=', value: 'SaaS' })],
  old: [
    'organizations',
    all({ field: 'contacts.age', aggregate: 'sum', operator: '>', value: 60 }),
  ],
  oldest: [
    'organizations',
    all({ field: 'contacts.age', aggregate: 'max', operator: '>', value: 38 }),
  ],
};
const COUNTS = { adults: 22, 'adults-twice': 22, 'in-saas': 20, old: 2, oldest: 1 };

let deployment: TestDeployment;
afterEach(() => deployment.close());

async function open(): Promise<void> {
  deployment = await openTestDeployment();
  await deployment.objectTypes.put('organizations', organizations);
  await deployment.objectTypes.put('contacts', contacts);
  for (const [slug, [type, query]] of Object.entries(QUERIES))
    await createSegment(deployment, slug, type, query);
  await send(deployment, [
    ...['SaaS', 'Retail'].map(
      (industry, at): Change => ({
        op: 'put',
        object_type: 'organizations',
        id: `o${at}`,
        data: { industry },
      }),
    ),
    ...Array.from(
      { length: 40 },
      (_, at): Change => ({
        op: 'put',
        object_type: 'contacts',
        id: `c${at}`,
        data: { age: at, organization_id: `o${at % 2}` },
      }),
    ),
  ]);
}

async function counts(): Promise<Record<string, number | null>> {
  const { counts: all } = await deployment.segmentCounts.read(Object.keys(COUNTS));
  return Object.fromEntries(all.map(({ slug, count }) => [slug, count]));
}

/**
 * Counts, members, the segments of a record, a type that is declared otherwise, edits, and further
 * changes.
 */
async function expectAllWell(): Promise<void> {
  await built(deployment);
  expect(await counts()).toEqual(COUNTS);
  expect(
    (await deployment.members.page('oldest', { limit: 10, cursor: undefined })).data.map(
      ({ id }) => id,
    ),
  ).toEqual(['o1']);
  expect((await deployment.recordSegments.of('contacts', ['c38'])).get('c38')).toEqual([
    'adults',
    'adults-twice',
    'in-saas',
  ]);
  const retyped = { ...contacts, attributes: { ...contacts.attributes, age: { type: 'string' } } };
  await expect(deployment.objectTypes.put('contacts', retyped)).rejects.toMatchObject({
    code: 'object_type_in_use',
  });
  await deployment.objectTypes.put('contacts', {
    ...contacts,
    attributes: { ...contacts.attributes, x: { type: 'string' } },
  });
  await deployment.objectTypes.put('contacts', contacts);
  const [type, query] = QUERIES['adults']!;
  await deployment.segments.replace('adults', {
    title: 'adults',
    object_type: type,
    query: { ...query, not: true },
  });
  await built(deployment);
  expect(await counts()).toMatchObject({ adults: 18, 'adults-twice': 18 });
  await deployment.segments.replace('adults', { title: 'adults', object_type: type, query });
  await built(deployment);
  await send(deployment, [{ op: 'patch', object_type: 'contacts', id: 'c0', data: { age: 90 } }]);
  expect(await counts()).toEqual({ ...COUNTS, adults: 23, 'adults-twice': 23, oldest: 2 });
  await send(deployment, [{ op: 'patch', object_type: 'contacts', id: 'c0', data: { age: 0 } }]);
  expect(await counts()).toEqual(COUNTS);
  const report = await audit(deployment, { timeoutMs: 10_000 });
  expect(report).toMatchObject({ differences: 0, segments: 5, edges: 1 });
}

describe('after a rebuild', () => {
  it('every segment has a predicate id or a pending one at once, and answers when that is built', async () => {
    await open();
    const before = new Set(deployment.store.catalog.predicateIds.keys());
    await deployment.objectTypes.rebuild();
    for (const { pending } of deployment.store.catalog.filters())
      expect(before.has(pending!)).toBe(false);
    await expectAllWell();
    expect(
      [...deployment.store.catalog.predicateIds.keys()].filter((predicateId) =>
        before.has(predicateId),
      ),
    ).toEqual([]);
  });

  it('that came twice, the second before the first was built, all is well', async () => {
    await open();
    await deployment.objectTypes.rebuild();
    await deployment.objectTypes.rebuild();
    await expectAllWell();
  });

  it('that came while an edit was built, all is well', async () => {
    await open();
    const [type, query] = QUERIES['adults']!;
    await deployment.segments.replace('adults', {
      title: 'adults',
      object_type: type,
      query: { ...query, not: true },
    });
    await deployment.segments.replace('adults', { title: 'adults', object_type: type, query });
    await deployment.objectTypes.rebuild();
    await expectAllWell();
  });

  it('of a deployment that an older repair left without predicate ids, all is well', async () => {
    await open();
    const { store } = deployment;
    await store.write((catalog) => {
      const draft = new CatalogDraft(catalog);
      for (const filter of [...draft.filters()])
        draft.setFilter({ ...filter, predicateId: null, pending: null });
      return draft.finish();
    });
    const more = { ...contacts, attributes: { ...contacts.attributes, x: { type: 'string' } } };
    await deployment.objectTypes.put('contacts', more);
    await deployment.objectTypes.rebuild();
    await expectAllWell();
  });
});

describe('a segment that is built anew', () => {
  it('has the members of its records; what means the same comes along, others do not', async () => {
    await open();
    const { redis, keys, rebuilds, store } = deployment;
    const idsOf = () =>
      Object.fromEntries(
        [...store.catalog.segments].map(([slug, { predicateId }]) => [slug, predicateId]),
      );
    const before = idsOf();
    for (const partition of keys.partitions) {
      await redis.del(partition.segment(before['in-saas']!), partition.segment(before['adults']!));
      await redis.hset(partition.counts, String(before['in-saas']), 1, String(before['adults']), 1);
    }
    await expect(rebuilds.segment('nobody')).rejects.toMatchObject({ code: 'segment_unknown' });
    await rebuilds.segment('in-saas');
    // the old number, or the new one: never none
    const { counts: told } = await deployment.segmentCounts.read(['in-saas']);
    expect(told).toMatchObject([{ status: 'ready' }]);
    await rebuilds.segment('adults-twice');
    await rebuilds.segment('adults-twice'); // it is being built: nothing more
    await expectAllWell();
    const after = idsOf();
    const kept = Object.keys(before).filter((slug) => before[slug] === after[slug]);
    expect(kept.sort()).toEqual(['old', 'oldest']);
  });
});

describe('an attribute that is typed otherwise and back', () => {
  it('while the first is still built answers from the records of now', async () => {
    await open();
    for (const slug of ['old', 'oldest', 'adults-twice', 'adults'])
      await deployment.segments.remove(slug);
    const present = all({ field: 'age', operator: 'notNull' });
    await createSegment(deployment, 'aged', 'contacts', present);
    const typed = (type: string) => ({
      ...contacts,
      attributes: { ...contacts.attributes, age: { type } },
    });
    const { predicateId } = deployment.store.catalog.segments.get('aged')!;
    for (const type of ['string', 'number', 'string', 'number'])
      await deployment.objectTypes.put('contacts', typed(type));
    const { predicateId: answering, pending } = deployment.store.catalog.segments.get('aged')!;
    expect(pending ?? answering).not.toBe(predicateId);
    await built(deployment);
    const { counts: told } = await deployment.segmentCounts.read(['aged']);
    expect(told).toMatchObject([{ count: 40 }]);
  });
});

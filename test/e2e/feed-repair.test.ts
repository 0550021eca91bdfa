/**
 * feed-repair.test.ts – The feed tells what a repair makes different, strays that are no records
 * included: who took the members while they were wrong, and goes by the feed, has the right ones
 * after it. History goes on from the members that there are.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/change/cause.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';

const PARTITIONS = 2;
const HOUR_MS = 3_600_000;

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({ partitions: PARTITIONS });
  await ok('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
  for (const [slug, least] of [
    ['adults', 18],
    ['seniors', 60],
  ] as const)
    await ok('POST', '/v1/segments', {
      title: slug,
      slug,
      object_type: 'contacts',
      query: older(least),
    });
  await built(api.deployment);
});
afterAll(() => api.close());

const older = (least: number) => ({
  combinator: 'and',
  rules: [{ field: 'age', operator: '>=', value: least }],
});
const put = (id: string, age: number) =>
  ({ op: 'put', object_type: 'contacts', id, data: { age } }) as const;

beforeEach(async () => {
  const ids = ['lost', 'kept', 'planted', 'child', 'gone', 'born', 'ghost', 'new'];
  await send(
    api.deployment,
    ids.map((id) => ({ op: 'delete', object_type: 'contacts', id })),
  );
  await send(api.deployment, [
    put('lost', 40),
    put('kept', 70),
    put('planted', 3),
    put('child', 4),
    put('gone', 80),
  ]);
});

async function ok<T = unknown>(method: string, url: string, body?: unknown): Promise<T> {
  const answer = await api.call(method, url, body);
  expect(answer.statusCode, `${method} ${url}: ${answer.body}`).toBeLessThan(300);
  return answer.statusCode === 204 ? (undefined as T) : answer.json<T>();
}

/** In every partition, where the segment's members lie. */
function setsOf(slug: string): string[] {
  const { predicateId } = api.deployment.store.catalog.segments.get(slug)!;
  return api.deployment.keys.partitions.map((partition) => partition.segment(predicateId!));
}

/** One member is lost, and three are there that do not belong: a child, and two of no record. */
async function damage(slug: string): Promise<void> {
  const { redis, keys } = api.deployment;
  for (const [at, set] of setsOf(slug).entries()) {
    const records = keys.partitions[at]!.records('contacts');
    await redis.srem(set, 'lost');
    if (await redis.hexists(records, 'planted')) await redis.sadd(set, 'planted');
    await redis.hdel(records, 'gone');
  }
  await redis.sadd(setsOf(slug)[0]!, 'ghost');
}

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly changes_cursor: string;
}
interface Told {
  readonly event: string;
  readonly id?: string;
  readonly cause?: string;
  readonly segment: string;
}

const members = async (slug: string) =>
  (await ok<Page>('GET', `/v1/segments/${slug}/members`)).data.map(({ id }) => id);

/** All that a segment's feed tells from a cursor on. */
async function changesFrom(slug: string, from: string): Promise<Told[]> {
  const all: Told[] = [];
  for (let cursor = from; ; ) {
    const url = `/v1/segments/${slug}/changes?cursor=${encodeURIComponent(cursor)}`;
    const page = await ok<{ data: Told[]; next_cursor: string }>('GET', url);
    if (page.data.length === 0) return all;
    all.push(...page.data);
    cursor = page.next_cursor;
  }
}

async function count(slug: string): Promise<number> {
  const url = `/v1/segments/counts?slug=${slug}`;
  return (await ok<{ counts: { count: number }[] }>('GET', url)).counts[0]!.count;
}

/** The newest point of the segment's history. */
async function newest(slug: string): Promise<number | null> {
  const span = { from: new Date(Date.now() - HOUR_MS).toISOString(), to: new Date(Date.now() + 1) };
  const answer = await ok<{ history: Record<string, { count: number | null }[]> }>(
    'POST',
    '/v1/segments/history',
    { slugs: [slug], ...span, step: 'hour' },
  );
  return answer.history[slug]!.at(-1)!.count;
}

const auditRepair = async () => {
  const { id } = await ok<{ id: string }>('POST', '/v1/audits', { repair: true });
  await api.ended(id);
  expect(await ok('GET', `/v1/audits/${id}`)).toMatchObject({ repaired: true });
};

const untilTold = () =>
  eventually('all is told', async () => {
    const { redis, keys } = api.deployment;
    const left = await Promise.all(keys.partitions.map(({ meta }) => redis.hget(meta, 'telling')));
    return left.every((since) => since === null);
  });

describe('a repair', () => {
  it.each([
    ['by an audit', 'adults', auditRepair],
    [
      'of all, while the last edit of the segment is still noted as being told,',
      'adults',
      async () => {
        const { store, objectTypes } = api.deployment;
        const filter = store.catalog.segments.get('adults')!;
        const telling = { predicateId: filter.predicateId!, cause: CAUSES.segment_edited };
        const noted = { ...filter, telling: { ...telling, since: store.catalog.version } };
        await store.write(({ nextPredicateId }) => ({
          nextPredicateId,
          writes: [['segments', 'adults', noted]],
        }));
        await objectTypes.rebuild();
        await built(api.deployment);
        await untilTold();
      },
    ],
    [
      'of one segment, by rebuilding it',
      'seniors',
      async () => {
        await ok('POST', '/v1/segments/seniors/rebuild');
        await built(api.deployment);
        await untilTold();
      },
    ],
  ])('%s tells who came and went, and counts who is there', async (_, slug, mend) => {
    const isRight = async () => {
      const now = await members(slug);
      expect([await count(slug), await newest(slug)]).toEqual([now.length, now.length]);
      return now;
    };
    await isRight();
    await send(api.deployment, [put('lost', slug === 'seniors' ? 66 : 40)]);
    await damage(slug);
    const snapshot = await ok<Page>('GET', `/v1/segments/${slug}/members`);
    const has = new Set(snapshot.data.map(({ id }) => id));
    expect([...has].sort()).toEqual(['ghost', 'gone', 'kept', 'planted']);
    await mend();
    await built(api.deployment);
    expect(await isRight()).toEqual(['kept', 'lost']);
    const told = await changesFrom(slug, snapshot.changes_cursor);
    for (const { event, id } of told) {
      if (event === 'entered') has.add(id!);
      if (event === 'left') has.delete(id!);
    }
    expect([...has].sort()).toEqual(['kept', 'lost']);
    expect(told.map(({ event, id, cause }) => `${event} ${id} ${cause}`).sort()).toEqual([
      'entered lost repaired',
      'left ghost repaired',
      'left gone repaired',
      'left planted repaired',
    ]);
    // Whoever comes and goes from now on is counted on top of the right number.
    await send(api.deployment, [put('new', 90), put('kept', 2), put('ghost', 65)]);
    expect((await isRight()).sort()).toEqual(['ghost', 'lost', 'new']);
    for (let at = 0; at < PARTITIONS; at++) await api.deployment.historyFolder.foldAll(at);
    await isRight();
  });
});

/**
 * kill-run.test.ts – The end of a server while the differences of an edit are told, and records
 * change: after the restart the run goes on from where it was. Who goes by the feed alone has the
 * members at the end, those that `json-logic-js` says, and was told nothing twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { FEED_NEWS } from '../../src/change/cause.ts';
import { enters, flippedFeedId } from '../../src/change/feed-event.ts';
import { Keys } from '../../src/redis/keys.ts';
import { FEED_FIELD, readFeed } from '../../src/redis/rows/feed-entry.ts';
import { members } from '../reference.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const CONTACTS = isWhole ? 30_000 : 4000;
const PARTITIONS = 4;
const KILLS_MAX = 10;
const SLUGS = ['young', 'young-swiss'];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const rule = (field: string, operator: string, value: unknown) => ({ field, operator, value });

async function declare({ call }: Served): Promise<void> {
  const attributes = { age: { type: 'number' }, country: { type: 'string' } };
  await call('PUT', '/v1/object-types/contacts', { attributes });
  const rules = [
    [rule('age', '<', 20)],
    [rule('', 'inSegment', 'young'), rule('country', '=', 'CH')],
  ];
  for (const [at, slug] of SLUGS.entries()) {
    const query = { combinator: 'and', rules: rules[at] };
    const segment = { title: slug, slug, object_type: 'contacts', query };
    expect((await call('POST', '/v1/segments', segment)).status).toBe(201);
  }
}

const contact = (i: number, age: number) => ({ age, country: i % 3 === 0 ? 'CH' : 'DE' });

async function fill({ call }: Served): Promise<void> {
  const lines = Array.from({ length: CONTACTS }, (_, i) =>
    JSON.stringify({ op: 'put', object_type: 'contacts', id: `c${i}`, data: contact(i, i % 40) }),
  );
  const body = lines.join('\n');
  const answer = await call('POST', '/v1/changes?timeout_ms=60000', body, 'application/x-ndjson');
  expect(answer.status).toBe(200);
}

const json = async <T>(answer: Promise<Response>) => (await (await answer).json()) as T;

interface Shown {
  readonly status: string;
  readonly json_logic: unknown;
}

const shown = ({ call }: Served, slug: string) => json<Shown>(call('GET', `/v1/segments/${slug}`));

/** Partitions in which differences are being told. */
async function telling(redis: Redis): Promise<number> {
  const metas = new Keys('rc', PARTITIONS).partitions.map(({ meta }) =>
    redis.hget(meta, 'telling'),
  );
  return (await Promise.all(metas)).filter((each) => each !== null).length;
}

async function everyPage<T>(read: (cursor: string) => Promise<Response>): Promise<T[]> {
  const all: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { data: T[]; next_cursor: string | null } = await json(read(cursor));
    all.push(...page.data);
    cursor = page.next_cursor && `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  return all;
}

/** By slug, who is a member by the feeds alone. @throws Error if something is told twice */
async function replayed(redis: Redis): Promise<Map<string, string[]>> {
  const { partitions, catalog } = new Keys('rc', PARTITIONS);
  const names = await redis.hgetall(catalog.feedIds);
  const slugOf = (feedId: number) => (JSON.parse(names[feedId]!) as { slug: string }).slug;
  const told = new Map(SLUGS.map((slug) => [slug, new Set<string>()]));
  for (const { feed } of partitions) {
    for (const [, fields] of await redis.xrange(feed, '-', '+')) {
      const { control, events } = readFeed(fields[fields.indexOf(FEED_FIELD) + 1]!);
      for (const [kind] of control) expect(kind).not.toBe(FEED_NEWS.segment_deleted);
      for (const [, id, , flips] of events) {
        for (const flip of flips) {
          const set = told.get(slugOf(flippedFeedId(flip)))!;
          if (set.has(id) === enters(flip)) throw new Error(`${id} is told so once more`);
          if (enters(flip)) set.add(id);
          else set.delete(id);
        }
      }
    }
  }
  return new Map([...told].map(([slug, ids]) => [slug, [...ids].sort()]));
}

it('kill -9 of the server in the middle of a run over a partition, twice', async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const env = { ROLLCALL_DATA: folder.path, ROLLCALL_PARTITIONS: String(PARTITIONS) };
  let served = await serve(env);
  cleanups.push(() => served.stop());
  await declare(served);
  const isReady = async () =>
    (await Promise.all(SLUGS.map((slug) => shown(served, slug)))).every(
      ({ status }) => status === 'ready',
    );
  await eventually('the segments are built', isReady);
  await fill(served);
  const redis = new Redis(served.redis.url);
  cleanups.push(() => redis.disconnect());
  let isChanging = true;
  const changing = (async () => {
    for (let i = 0; isChanging; i = (i + 7) % CONTACTS) {
      const change = { age: (i * 13) % 40 };
      const url = `/v1/records/contacts/c${i}?wait=accepted`;
      await served.call('PATCH', url, change).catch(() => sleep(20)); // it is down
    }
  })();
  const edit = async (age: number) => {
    const query = { combinator: 'and', rules: [rule('age', '>=', age)] };
    expect((await served.call('PATCH', '/v1/segments/young', { query })).status).toBe(200);
  };
  await edit(10);
  const cut: number[] = [];
  // A kill that comes when all is told says nothing: there is another edit, and another kill.
  for (let kill = 0; kill < 2 || (kill < KILLS_MAX && Math.max(...cut) === 0); kill++) {
    if (kill >= 2) await edit(10 + kill);
    for (const untilMs = Date.now() + 20_000; (await telling(redis)) === 0; await sleep(1))
      if (Date.now() > untilMs) break;
    await served.kill9();
    cut.push(await telling(redis));
    served = await serve(env);
  }
  await eventually('all is told', async () => (await isReady()) && (await telling(redis)) === 0);
  isChanging = false;
  await changing;
  expect(Math.max(...cut)).toBeGreaterThan(0);
  const list = (path: string) => (cursor: string) =>
    served.call('GET', `${path}?limit=1000${cursor}`);
  const records = await everyPage<{ id: string; data: object }>(list('/v1/records/contacts'));
  expect(records).toHaveLength(CONTACTS);
  const documents = records.map(({ id, data }) => ({ id, document: data }));
  for (const slug of SLUGS) {
    const url = `/v1/segments/${slug}/members`;
    const stored = (await everyPage<{ id: string }>(list(url))).map(({ id }) => id).sort();
    const { json_logic: logic } = await shown(served, slug);
    expect(stored, slug).toEqual(members(logic, documents).sort());
    expect((await replayed(redis)).get(slug), slug).toEqual(stored);
  }
}, 120_000);

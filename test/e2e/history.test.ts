/**
 * history.test.ts – The past of segments over hours of driven time, through edits, deletions and
 * restarts: at the end of each hour it has the number that the segment had then, and who entered
 * and left is what the entries of the feeds say, read by hand.
 */
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const HOUR_MS = 3_600_000;
const HOURS = 6;
const SLUGS = ['old', 'tagged', 'late'];
const prefix = freshPrefix();
/** The start of the hour in which all begins. */
const startMs = (Math.floor(Date.now() / HOUR_MS) - HOURS - 2) * HOUR_MS;
let wallMs = startMs + HOUR_MS / 2;

let api: TestApi;
const open = async () => {
  const clockSource = { wallMs: () => wallMs, steadyMs: () => performance.now() };
  api = await openTestApi({ prefix, partitions: 2, clockSource });
};

/** Numbers that are the same in each run. */
let seed = 7;
const random = (below: number) => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
};

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});
const create = async (slug: string, query: unknown) => {
  const body = { title: slug, slug, object_type: 'contacts', query };
  expect((await api.call('POST', '/v1/segments', body)).statusCode).toBe(201);
  await built(api.deployment);
};

interface Point {
  readonly at: string;
  readonly count: number | null;
  readonly entered: number | null;
  readonly left: number | null;
}
const history = async (slugs: readonly string[], span: object) =>
  api.call('POST', '/v1/segments/history', { slugs, ...span });
const read = async (step: 'hour' | 'day'): Promise<Record<string, Point[]>> => {
  const [from, to] = [new Date(startMs).toISOString(), new Date(wallMs + 1).toISOString()];
  const answer = await history(SLUGS, { from, to, step });
  expect(answer.statusCode).toBe(200);
  return answer.json().history;
};

/** By slug and hour, who entered and left, by the raw entries of all feeds. */
async function told(): Promise<Map<string, [entered: number, left: number]>> {
  const { redis, store } = api.deployment;
  const sums = new Map<string, [number, number]>();
  for (const partition of [0, 1]) {
    for (const [, [, packed]] of await redis.xrange(`${prefix}:{${partition}}:feed`, '-', '+')) {
      const { at, events } = JSON.parse(packed!) as {
        at: number;
        events: [string, string, number, number[]][];
      };
      for (const flip of events.flatMap(([, , , flips]) => flips)) {
        const { slug } = store.catalog.feedSegments.get(flip >> 1)!;
        const name = `${slug} ${new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString()}`;
        const sum = sums.get(name) ?? [0, 0];
        sum[flip % 2 === 1 ? 0 : 1] += 1;
        sums.set(name, sum);
      }
    }
  }
  return sums;
}

/** By slug, the numbers that were counted when each hour was over. */
const counted: Record<string, (number | null)[]> = { old: [], tagged: [], late: [] };

async function countHour(): Promise<void> {
  const known = SLUGS.filter((slug) => api.deployment.store.catalog.segments.has(slug));
  const answer = await api.call('POST', '/v1/segments/counts', { slugs: known });
  const counts = answer.json<{ counts: { slug: string; count: number; status: string }[] }>()
    .counts;
  for (const slug of SLUGS)
    counted[slug]!.push(counts.find((each) => each.slug === slug)?.count ?? null);
}

async function changeSome(): Promise<void> {
  const changes = Array.from({ length: 60 }, () => {
    const id = `c${random(80)}`;
    const op = (['put', 'put', 'put', 'put', 'patch', 'delete', 'archive'] as const)[random(7)]!;
    const data = { age: random(100), tags: random(2) ? ['x'] : [] };
    const named = { object_type: 'contacts', id };
    return op === 'put' || op === 'patch' ? { op, ...named, data } : { op, ...named };
  });
  await send(api.deployment, changes);
}

beforeAll(async () => {
  await open();
  const attributes = { age: { type: 'number' }, tags: { type: 'list', of: 'string' } };
  await api.call('PUT', '/v1/object-types/contacts', { attributes });
  await changeSome();
  await create('old', rule('age', '>=', 50));
  await create('tagged', rule('tags', 'contains', 'x'));
  for (let hour = 0; hour < HOURS; hour++) {
    await changeSome();
    if (hour === 1) await create('late', rule('age', '<', 20));
    if (hour === 2) {
      await api.call('PATCH', '/v1/segments/old', { query: rule('age', '>=', 30) });
      await built(api.deployment);
    }
    // Folded at one time, and at another one not before the end.
    if (hour % 2 === 0)
      await Promise.all([0, 1].map((p) => api.deployment.historyFolder.foldAll(p)));
    if (hour === 3) {
      await api.close();
      await open();
    }
    await changeSome();
    await countHour();
    wallMs += HOUR_MS;
  }
  wallMs -= HOUR_MS;
});
afterAll(() => api.close());

describe('the history of segments', () => {
  it('has what was counted at the end of each hour, and what the feed tells', async () => {
    const points = await read('hour');
    const sums = await told();
    for (const slug of SLUGS) {
      expect(points[slug]!.map(({ count }) => count)).toEqual(counted[slug]);
      for (const { at, count, entered, left } of points[slug]!)
        expect([entered, left]).toEqual(
          count === null ? [null, null] : (sums.get(`${slug} ${at}`) ?? [0, 0]),
        );
    }
    // The edit has told who entered by it.
    expect(points['old']![2]!.entered).toBeGreaterThan(10);
    expect(points['late']![0]).toMatchObject({ count: null, entered: null, left: null });
  });

  it('of a span that is over has nothing of what came after it', async () => {
    const points = await read('hour');
    for (let hours = 1; hours < HOURS; hours++) {
      const [from, to] = [startMs, startMs + hours * HOUR_MS].map((ms) => new Date(ms));
      const span = { from: from!.toISOString(), to: to!.toISOString(), step: 'hour' };
      const { history: past } = (await history(SLUGS, span)).json();
      for (const slug of SLUGS) expect(past[slug]).toEqual(points[slug]!.slice(0, hours));
    }
    const before = { from: '2020-01-01', to: '2020-01-03', step: 'day' };
    const unknown = { count: null, entered: null, left: null };
    const days = (await history(['old'], before)).json().history.old;
    expect(days).toMatchObject([unknown, unknown]);
  });

  it('is the same when all is folded, and by day the sum', async () => {
    const before = await read('hour');
    for (const partition of [0, 1]) await api.deployment.historyFolder.foldAll(partition);
    expect(await read('hour')).toEqual(before);
    const days = await read('day');
    for (const slug of SLUGS) {
      expect(days[slug]!.at(-1)!.count).toBe(before[slug]!.at(-1)!.count);
      const sum = (points: readonly Point[]) =>
        points.reduce((all, { left }) => all + (left ?? 0), 0);
      expect(sum(days[slug]!)).toBe(sum(before[slug]!));
    }
  });

  it.each([
    [{ from: 'soon' }, '/from'],
    [{ to: '2026-13-01' }, '/to'],
    [{ from: '2031-01-01', to: '2030-01-01' }, '/to'],
    [{ from: '2020-01-01' }, '/from'],
    [{ from: '1000-01-01', step: 'day' }, '/to'],
    [{ step: 'week' }, '/step'],
    [{ slugs: [] }, '/slugs'],
    [{ slugs: Array.from({ length: 21 }, (_, at) => `s${at}`) }, '/slugs'],
    [{ slugs: ['old', 'old'] }, '/slugs'],
  ])('is refused for %j', async (given, path) => {
    const now = new Date().toISOString();
    const body = { slugs: ['old'], from: now.slice(0, 10), to: now, step: 'hour', ...given };
    const answer = await api.call('POST', '/v1/segments/history', body);
    expect(answer.statusCode).toBe(422);
    expect(answer.json<{ errors: { path: string }[] }>().errors[0]!.path).toBe(path);
  });

  it('is 404 for a segment that is not there', async () => {
    const span = {
      from: new Date(startMs).toISOString(),
      to: new Date().toISOString(),
      step: 'hour',
    };
    expect((await history(['nobody'], span)).statusCode).toBe(404);
  });
});

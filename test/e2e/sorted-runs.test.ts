/**
 * sorted-runs.test.ts – Pages of a sorted view share their order, and what all orders weigh in
 * Redis is bounded: who reads on in one that gave way is told so.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';

const ROWS = 1500;
/** Two runs of ROWS rows fit, a third does not. */
const BYTES_MAX = 500_000;

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({ limits: { sortedRunsBytes: BYTES_MAX, sortedRuns: 3 } });
  await api.call('PUT', '/v1/object-types/things', {
    attributes: { n: { type: 'number' }, text: { type: 'string' } },
  });
  await send(
    api.deployment,
    Array.from({ length: ROWS }, (_, n) => thing(n)),
  );
  for (const slug of ['one', 'two', 'three', 'four']) await view(slug, ROWS, 'n');
  for (const slug of ['few-1', 'few-2', 'few-3', 'few-4', 'few-5']) await view(slug, 10, 'n');
  await view('wide', ROWS, 'text');
  await built(api.deployment);
});
afterAll(() => api.close());

function thing(n: number): Change {
  return {
    op: 'put',
    object_type: 'things',
    id: `t${n}`,
    data: { n, text: `${n}`.padStart(400, 'x') },
  };
}

async function view(slug: string, below: number, sort: string): Promise<void> {
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '<', value: below }] };
  const columns = [{ path: 'n' }];
  const answer = await api.call('POST', '/v1/views', {
    ...{ title: slug, slug, object_type: 'things', query, columns },
    sort: [{ path: sort, direction: 'desc' }],
  });
  expect(answer.statusCode).toBe(201);
}

const rows = (slug: string, query: string) =>
  api.call('GET', `/v1/views/${slug}/rows?${query}`, undefined, { role: 'viewer' });
const runs = (slug = '*') =>
  api.deployment.redis.keys(`${api.deployment.keys.prefix}:*:sorted:${slug}:*`);

async function bytes(): Promise<number> {
  const each = await Promise.all(
    (await runs()).map((key) => api.deployment.redis.memory('USAGE', key, 'SAMPLES', 0)),
  );
  return each.reduce<number>((all, size) => all + Number(size), 0);
}

async function first(slug: string, limit = 5): Promise<string> {
  const answer = await rows(slug, `limit=${limit}`);
  expect(answer.statusCode).toBe(200);
  return answer.json().next_cursor;
}

describe('the order of a sorted view', () => {
  it('is shared by all first pages while nothing changes, asked at once or after each other', async () => {
    const pages = await Promise.all(Array.from({ length: 20 }, () => rows('one', 'limit=3')));
    for (const page of pages) expect(page.json().data).toEqual(pages[0]!.json().data);
    for (let n = 0; n < 5; n++) await first('one');
    expect(await runs('one')).toHaveLength(1);
  });

  it('is another one after a change, and who reads on goes on in the one before', async () => {
    const cursor = await first('one', 1000);
    await send(api.deployment, [
      { ...thing(0), data: { n: -5 } },
      { ...thing(ROWS), data: { n: ROWS - 1 } },
    ]);
    expect((await rows('one', 'limit=1')).json().data).toMatchObject([{ n: ROWS - 1 }]);
    expect(await runs('one')).toHaveLength(2);
    const rest = (await rows('one', `limit=1000&cursor=${cursor}`)).json();
    expect(rest.next_cursor).toBeNull();
    expect(rest.data).toHaveLength(ROWS - 1000);
    expect(rest.data.at(-1)).toMatchObject({ id: 't0', n: -5 });
    await send(api.deployment, [thing(0), { op: 'delete', object_type: 'things', id: `t${ROWS}` }]);
  });

  it('is built once for all who ask while records change', async () => {
    const { redis } = api.deployment;
    await redis.del(...(await runs()));
    const changing = Promise.all(
      Array.from({ length: 40 }, async (_, n) =>
        send(api.deployment, [{ ...thing(n), data: { n, text: `${n} moved` } }]),
      ),
    );
    const pages = await Promise.all(Array.from({ length: 30 }, () => rows('two', 'limit=2')));
    await changing;
    for (const page of pages) expect(page.statusCode).toBe(200);
    // Those that came first share the first one, all others the next: thirty would be one for each.
    expect((await runs('two')).length).toBeLessThanOrEqual(3);
  });

  it('gives way to newer ones when all weigh too much, and its cursor says so', async () => {
    const cursor = await first('one');
    for (const slug of ['two', 'three', 'four']) await first(slug);
    expect(await bytes()).toBeLessThanOrEqual(BYTES_MAX);
    const gone = await rows('one', `limit=5&cursor=${cursor}`);
    expect(gone.statusCode).toBe(410);
    expect(gone.json()).toMatchObject({ code: 'cursor_expired', errors: [{ path: '/cursor' }] });
    expect((await rows('four', `limit=5&cursor=${await first('four')}`)).statusCode).toBe(200);
  });

  it('gives way when there are too many', async () => {
    const cursors: string[] = [];
    for (const slug of ['few-1', 'few-2', 'few-3', 'few-4', 'few-5'])
      cursors.push(await first(slug, 5));
    expect((await runs()).length).toBeLessThanOrEqual(3);
    expect((await rows('few-1', `cursor=${cursors[0]}`)).statusCode).toBe(410);
    expect((await rows('few-5', `cursor=${cursors[4]}`)).statusCode).toBe(200);
  });

  it('that weighs more than all may alone is refused, and nothing of it stays', async () => {
    const answer = await rows('wide', 'limit=5');
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      code: 'view_too_large',
      detail: expect.stringContaining('ROLLCALL_SORTED_RUNS_BYTES'),
    });
    expect(await runs('wide')).toEqual([]);
  });

  it('that goes away between two pages is never taken for one that ended', async () => {
    const cursor = await first('few-5', 3);
    await api.deployment.redis.del(...(await runs('few-5')));
    expect((await rows('few-5', `limit=3&cursor=${cursor}`)).json()).toMatchObject({
      code: 'cursor_expired',
    });
  });

  it('of a view without rows is there too', async () => {
    await view('none', -100, 'n');
    await built(api.deployment);
    for (let n = 0; n < 2; n++)
      expect((await rows('none', 'limit=5')).json()).toEqual({ data: [], next_cursor: null });
  });
});

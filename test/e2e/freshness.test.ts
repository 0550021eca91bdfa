/**
 * freshness.test.ts – What a segment says of how up to date its members are: in any process, while
 * something waits and when nothing does.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

interface Freshness {
  readonly as_of_time: string;
  readonly lag_entries: number;
  readonly lag_ms: number;
}

const prefix = freshPrefix();
let working: TestApi;
let reading: TestApi;

const put = (id: string) =>
  ({ op: 'put', object_type: 'contacts', id, data: { age: 30 } }) as const;
const fresh = async (): Promise<Freshness> =>
  (await reading.call('GET', '/v1/segments/adults')).json().freshness;

beforeAll(async () => {
  working = await openTestApi({ prefix });
  reading = await openTestApi({ prefix, runsWorker: false });
  const attributes = { age: { type: 'number' }, seen_at: { type: 'datetime' } };
  await working.call('PUT', '/v1/object-types/contacts', { attributes });
  const rule = { field: 'age', operator: '>=', value: 18 };
  const query = { combinator: 'and', rules: [rule] };
  const adults = { title: 'Adults', slug: 'adults', object_type: 'contacts', query };
  expect((await working.call('POST', '/v1/segments', adults)).statusCode).toBe(201);
  await built(working.deployment);
});
afterAll(async () => {
  await reading.close();
  await working.close();
});

it('with nothing waiting it is of now, and the same in a list', async () => {
  await send(working.deployment, [put('a'), put('b')]);
  const [seconds, micros] = await working.deployment.redis.time();
  const { as_of_time, ...lag } = await fresh();
  expect(lag).toEqual({ lag_entries: 0, lag_ms: 0 });
  const sinceMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  expect(Date.parse(as_of_time)).toBeGreaterThanOrEqual(sinceMs);
  const listed = (await reading.call('GET', '/v1/segments?fields=slug,freshness')).json().data;
  expect(listed).toEqual([
    { slug: 'adults', freshness: { as_of_time: expect.any(String), lag_entries: 0, lag_ms: 0 } },
  ]);
});

it('while changes wait it is of before them, and says how many and how long', async () => {
  // From here on nobody works.
  await working.deployment.worker!.stop();
  const before = await fresh();
  expect(before.lag_entries).toBe(0);
  await send(working.deployment, [put('c'), put('d'), put('e')], 'accepted');
  const first = await fresh();
  expect(first.lag_entries).toBeGreaterThan(0);
  const second = await fresh();
  expect(second.as_of_time).toBe(first.as_of_time);
  expect(second.lag_ms).toBeGreaterThanOrEqual(first.lag_ms);
  expect(Date.parse(first.as_of_time)).toBeGreaterThanOrEqual(Date.parse(before.as_of_time));
  await send(working.deployment, [put('f')], 'accepted');
  expect((await fresh()).as_of_time).toBe(first.as_of_time);
});

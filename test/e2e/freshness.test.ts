/**
 * freshness.test.ts – What a segment says of how up to date its members are: in any process, while
 * something waits and when nothing does.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { META_FIELDS } from '../../src/redis/partition-meta.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';
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
const fresh = async (slug = 'adults'): Promise<Freshness> =>
  (await reading.call('GET', `/v1/segments/${slug}`)).json().freshness;
/** How long a record is recent, and when one was last seen. */
const WINDOW_S = 2;
let seenMs: number;

beforeAll(async () => {
  working = await openTestApi({ prefix });
  reading = await openTestApi({ prefix, runsWorker: false });
  const attributes = { age: { type: 'number' }, seen_at: { type: 'datetime' } };
  const firm = { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'contacts' };
  await working.call('PUT', '/v1/object-types/firms', { attributes: {} });
  const contacts = { attributes, relationships: { firm } };
  await working.call('PUT', '/v1/object-types/contacts', contacts);
  const value = { amount: WINDOW_S, unit: 'second' };
  const rules = {
    adults: { field: 'age', operator: '>=', value: 18 },
    recent: { field: 'seen_at', operator: 'inLast', value },
    employed: { field: 'firm', operator: 'notNull' },
  };
  for (const [slug, rule] of Object.entries(rules)) {
    const query = { combinator: 'and', rules: [rule] };
    const segment = { title: slug, slug, object_type: 'contacts', query };
    expect((await working.call('POST', '/v1/segments', segment)).statusCode).toBe(201);
  }
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
  const freshness = { as_of_time: expect.any(String), lag_entries: 0, lag_ms: 0 };
  expect(listed).toEqual(['adults', 'employed', 'recent'].map((slug) => ({ slug, freshness })));
});

it('while changes wait it is of before them, and says how many and how long', async () => {
  seenMs = Date.now();
  const seen = { ...put('g'), data: { seen_at: new Date(seenMs).toISOString() } };
  await send(working.deployment, [seen]);
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
  // In the partition of one that waits already.
  await send(working.deployment, [put('c')], 'accepted');
  const third = await fresh();
  expect(third.as_of_time).toBe(first.as_of_time);
  expect(third.lag_entries).toBeGreaterThan(first.lag_entries);
});

it('a segment that moves with time waits for what is due, and no other does', async () => {
  await eventually('the window is over', () => Date.now() > seenMs + WINDOW_S * 1000 + 100);
  const [recent, adults] = [await fresh('recent'), await fresh()];
  expect(recent.lag_entries).toBe(adults.lag_entries + 1);
  expect(recent.lag_ms).toBeGreaterThanOrEqual(100);
});

it('a segment over relationships waits for messages, and no other does', async () => {
  const { redis, keys } = working.deployment;
  const [first, second] = keys.partitions;
  const before = await fresh();
  expect((await fresh('employed')).lag_entries).toBe(before.lag_entries);
  await redis.hset(first!.meta, `${META_FIELDS.sent.name}1`, '1 99');
  expect((await fresh('employed')).lag_entries).toBe(before.lag_entries + 1);
  await redis.xadd(second!.inbox, '*', 'p', '0', 'v', '1', 'm', '[]');
  expect((await fresh('employed')).lag_entries).toBe(before.lag_entries + 2);
  expect((await fresh()).lag_entries).toBe(before.lag_entries);
});

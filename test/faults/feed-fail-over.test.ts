/**
 * feed-fail-over.test.ts – The feed over HTTP where entries are gone: trimmed, or lost with the
 * tail of a Redis whose replica has taken its place.
 *
 * After a fail-over a reader goes on where each partition was rolled back to. What was told up to
 * there is not repeated. What was told after it is void: it comes again if its changes do, and a
 * reader that applies events as set operations has the members in the end.
 */
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { pushTo } from '../../src/multimap.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';
import { type AnsweredEvent, type EventClient, openEventClient } from '../support/event-client.ts';
import { chooser } from '../support/memory-deployment.ts';
import { openProxy } from '../support/proxy.ts';
import { startPrivateRedis } from '../support/redis.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KEY = 'the-key-of-the-viewer';
const CHANGES = '/v1/segments/adults/changes';
const adults = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };

async function open(options: Parameters<typeof openTestApi>[0]): Promise<TestApi> {
  const api = await openTestApi(options);
  cleanups.push(() => api.close());
  await api.server.listen({ host: '127.0.0.1', port: 0 });
  await api.deployment.objectTypes.put('people', { attributes: { age: { type: 'number' } } });
  const segment = { title: 'Adults', slug: 'adults', object_type: 'people', query: adults };
  await api.deployment.segments.create(segment);
  await built(api.deployment);
  return api;
}

async function stream(api: TestApi, lastEventId?: string): Promise<EventClient> {
  const { port } = api.server.server.address() as AddressInfo;
  const options = lastEventId === undefined ? {} : { lastEventId };
  const client = await openEventClient(`http://127.0.0.1:${port}${CHANGES}`, KEY, options);
  cleanups.push(() => client.kill());
  return client;
}

/** From a cursor to the end, and the cursor there. */
async function pages(api: TestApi, from: string): Promise<[AnsweredEvent[], string]> {
  const all: AnsweredEvent[] = [];
  for (let cursor = from; ; ) {
    const answer = await api.call('GET', `${CHANGES}?limit=50&cursor=${cursor}`);
    expect(answer.statusCode, answer.body).toBe(200);
    const page = answer.json<{ data: AnsweredEvent[]; next_cursor: string }>();
    all.push(...page.data);
    if (page.data.length === 0) return [all, page.next_cursor];
    cursor = page.next_cursor;
  }
}

const put = (id: string, age: number) =>
  ({ op: 'put', object_type: 'people', id, data: { age } }) as Change;
const told = ({ event, id, at }: AnsweredEvent) => `${id ?? ''} ${event} ${at}`;
/** In the order of each record. */
function byRecord(events: readonly AnsweredEvent[]): string[][] {
  const byId = new Map<string, string[]>();
  for (const event of events) pushTo(byId, event.id ?? '', told(event));
  return [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, some]) => some);
}

/** A few at a time: what becomes of a record within one commit is told as one. */
async function sendAll(api: TestApi, changes: readonly Change[]): Promise<void> {
  for (let at = 0; at < changes.length; at += 4)
    await send(api.deployment, changes.slice(at, at + 4));
}

it('a cursor whose entries are trimmed is refused with 410, in pages and in streams', async () => {
  const api = await open({ partitions: 1, limits: { feedEntries: 100 } });
  await send(api.deployment, [put('a', 20)]);
  const [[first]] = await pages(api, 'oldest');
  const cursor = first!.cursor;
  const isTrimmed = async () => {
    const { redis, keys } = api.deployment;
    return (await redis.hexists(keys.partitions[0]!.meta, 'feed-trimmed')) === 1;
  };
  let age = 20;
  await eventually(
    'its entries are trimmed',
    async () => {
      for (let n = 0; n < 20; n++) await send(api.deployment, [put('a', (age = 30 - age))]);
      return isTrimmed();
    },
    60_000,
  );
  const page = await api.call('GET', `${CHANGES}?cursor=${cursor}`);
  expect([page.statusCode, page.json().code]).toEqual([410, 'cursor_expired']);
  expect(page.json().errors).toMatchObject([{ path: '/cursor' }]);
  const resumed = await stream(api, cursor);
  expect([resumed.status, resumed.headers['content-type']]).toEqual([
    ...[410, 'application/problem+json'],
  ]);
  const [kept, end] = await pages(api, 'oldest');
  expect(kept.length).toBeGreaterThanOrEqual(100);
  expect((await api.call('GET', `${CHANGES}?cursor=${end}`)).statusCode).toBe(200);
});

it('a reader goes on where a fail-over has rolled the partitions back to', {
  timeout: 120_000,
}, async () => {
  const primary = await startPrivateRedis();
  const replica = await startPrivateRedis();
  cleanups.push(replica.stop, primary.stop);
  let target = primary.url;
  const proxy = await openProxy(() => target);
  cleanups.push(proxy.close);
  const follower = new Redis(replica.url);
  cleanups.push(() => follower.disconnect());
  const { hostname, port } = new URL(primary.url);
  await follower.replicaof(hostname, Number(port));
  const api = await open({ redisUrl: proxy.url, partitions: 2 });
  const choose = chooser(7);
  const some = (name: string, count: number) =>
    Array.from({ length: count }, () => put(`${name}${choose(20)}`, choose(36)));

  await sendAll(api, some('c', 80));
  const live = await stream(api);
  const [before, middle] = await pages(api, 'oldest');
  await eventually('the stream has them', () => live.events.length === before.length);
  await eventually('the replica has all', async () => {
    const offsets = await Promise.all([api.deployment.redis, follower].map(offsetOf));
    return offsets[0] === offsets[1];
  });
  await follower.replicaof('NO', 'ONE');

  const lost = some('c', 80);
  await sendAll(api, lost);
  const [tail, cursor] = await pages(api, middle);
  expect(tail.length).toBeGreaterThan(20);
  await eventually(
    'the stream has the tail',
    () => live.events.length >= before.length + tail.length,
  );
  const within = tail[tail.length >> 1]!.cursor;

  await primary.kill9();
  target = replica.url;
  proxy.cut();
  // Whoever sent what was lost sends it again.
  const again = [...lost, ...some('d', 30)];
  const isTaken = () => send(api.deployment, [put('e', 1)]).then(Boolean, () => false);
  await eventually('changes are taken again', isTaken, 60_000);
  await sendAll(api, again);
  const [kept] = await pages(api, 'oldest');
  const keptBefore = new Set(before.map(told));
  const after = kept.filter((event) => !keptBefore.has(told(event)));
  expect(kept.length - after.length).toBe(before.length);
  expect(after.length).toBeGreaterThan(20);

  for (const [name, from] of Object.entries({ 'after the tail': cursor, 'within it': within })) {
    const [resumed] = await pages(api, from);
    expect(byRecord(resumed), name).toEqual(byRecord(after));
    const streamed = await stream(api, from);
    await eventually('a new stream has as much', () => streamed.events.length >= resumed.length);
    expect(byRecord(streamed.events), name).toEqual(byRecord(after));
  }
  const expected = byRecord([...before, ...tail, ...after]);
  await eventually('the stream has gone on', () => live.events.length >= expected.flat().length);
  expect(byRecord(live.events)).toEqual(expected);

  const members = new Set<string>();
  for (const { event, id } of live.events)
    if (id !== undefined) event === 'entered' ? members.add(id) : members.delete(id);
  const listed = await api.call('GET', '/v1/segments/adults/members?limit=1000');
  const ids = listed.json<{ data: { id: string }[] }>().data.map(({ id }) => id);
  expect([...members].sort()).toEqual(ids.sort());
});

/** How far the stream of replication has come. */
async function offsetOf(redis: Redis): Promise<number> {
  const info = await redis.info('replication');
  return Number(/(?:slave_repl_offset|master_repl_offset):(\d+)/.exec(info)![1]);
}

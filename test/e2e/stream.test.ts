/**
 * stream.test.ts – One stream of all that a page shows: counts as they change, who enters and
 * leaves without a gap, and the pulse; over a real connection.
 */
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readEvents } from '../../src/cli/event-source.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';

interface Heard {
  readonly event: string | undefined;
  readonly data: unknown;
  readonly id: string;
  readonly atMs: number;
}

interface Counts {
  readonly counts: { slug: string; count: number | null; status: string }[];
}

let api: TestApi;
let url: string;
const open: IncomingMessage[] = [];

beforeAll(async () => {
  api = await openTestApi();
  await api.server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(api.server.server.address() as AddressInfo).port}`;
  await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
  for (const [slug, over] of [
    ['old', 60],
    ['adult', 17],
  ] as const) {
    const query = { combinator: 'and', rules: [{ field: 'age', operator: '>', value: over }] };
    await api.call('POST', '/v1/segments', { title: slug, slug, object_type: 'contacts', query });
  }
  await built(api.deployment);
});
afterEach(() => {
  for (const answer of open.splice(0)) answer.destroy();
});
afterAll(() => api.close());

async function listen(topics: readonly string[], lastId?: string): Promise<Heard[]> {
  const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&');
  const headers = {
    authorization: 'Bearer the-key-of-the-viewer',
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const sent = request(`${url}/v1/stream?${query}`, { headers, agent: false });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject).end();
  });
  expect(answer.statusCode).toBe(200);
  sent.on('error', () => {});
  open.push(answer);
  const heard: Heard[] = [];
  const read = async () => {
    for await (const { event, data, id } of readEvents(answer))
      heard.push({ event, data: data && JSON.parse(data), id, atMs: performance.now() });
  };
  void read().catch(() => {});
  return heard;
}

/** The last count of a segment that was heard. */
function countIn(heard: readonly Heard[], slug: string) {
  const told = heard.flatMap(({ event, data }) =>
    event === 'counts' ? (data as Counts).counts.filter((each) => each.slug === slug) : [],
  );
  return told.at(-1);
}

const changesIn = (heard: readonly Heard[]) =>
  heard.flatMap(({ event, data }) =>
    event === 'changes' ? (data as { event: string; id: string; cursor: string }[]) : [],
  );

const put = (id: string, age: number) => api.call('PUT', `/v1/records/contacts/${id}`, { age });

it('tells a count at once, and then when it changes', async () => {
  const heard = await listen(['counts:old', 'counts:adult']);
  await eventually('both are told', () => countIn(heard, 'adult') !== undefined);
  const before = countIn(heard, 'old')!.count!;
  await put('a', 30);
  await eventually('one has changed', () => countIn(heard, 'adult')!.count === 1);
  const last = heard.filter(({ event }) => event === 'counts').at(-1)!.data as Counts;
  // The other has not, and is not told again.
  expect(last.counts.map(({ slug }) => slug)).toEqual(['adult']);
  expect(countIn(heard, 'old')!.count).toBe(before);
});

it('sends at most four times a second, and ends right, however much happens', async () => {
  const heard = await listen(['counts:adult', 'segment:adult']);
  await eventually('it is told', () => countIn(heard, 'adult') !== undefined);
  for (let at = 0; at < 300; at++) await put(`b-${at % 40}`, at % 3 === 0 ? 10 : 40);
  const { count } = (await api.call('POST', '/v1/segments/counts', { slugs: ['adult'] })).json<{
    counts: { count: number }[];
  }>().counts[0]!;
  await eventually('it is told of all', () => countIn(heard, 'adult')!.count === count);
  const of = (name: string) => heard.filter(({ event }) => event === name);
  for (const name of ['counts', 'changes']) {
    const times = of(name).map(({ atMs }) => atMs);
    const seconds = (times.at(-1)! - times[0]!) / 1000;
    expect(times.length, name).toBeLessThanOrEqual(4 * seconds + 2);
  }
});

it('leaves nothing of the feed out when it is taken up again', async () => {
  const first = await listen(['segment:old']);
  await put('c-1', 70);
  await eventually('one has entered', () => changesIn(first).length === 1);
  open.splice(0)[0]!.destroy();
  await put('c-2', 71);
  await put('c-1', 20);
  const again = await listen(['segment:old', 'counts:old'], first.at(-1)!.id);
  await eventually('the others are told', () => changesIn(again).length === 2);
  expect(
    changesIn(again)
      .map(({ event, id }) => `${event} ${id}`)
      .sort(),
  ).toEqual(['entered c-2', 'left c-1']);
});

it('tells the pulse about once a second', async () => {
  const heard = await listen(['pulse']);
  await eventually('twice', () => heard.filter(({ event }) => event === 'pulse').length > 1);
  expect(heard.find(({ event }) => event === 'pulse')!.data).toEqual({
    at: expect.any(String),
    changes_per_s: expect.any(Number),
    flips_per_s: expect.any(Number),
    lag: Array(api.deployment.founding.partitions).fill(0),
    due: Array(24).fill(0),
    dead_letters: 0,
  });
});

it('says that a segment is gone that is deleted while it is shown', async () => {
  const query = { combinator: 'and', rules: [] };
  const short = { title: 'short', slug: 'short', object_type: 'contacts', query };
  await api.call('POST', '/v1/segments', short);
  const heard = await listen(['counts:short']);
  await eventually('it is told', () => countIn(heard, 'short') !== undefined);
  await api.call('DELETE', '/v1/segments/short');
  await eventually('it is gone', () => countIn(heard, 'short')!.status === 'gone');
});

it.each([
  ['', 400],
  ['topic=', 400],
  ['topic=counts:', 400],
  ['topic=other', 400],
  ['topic=counts:nobody', 404],
  ['topic=segment:nobody', 404],
  [Array.from({ length: 21 }, (_, at) => `topic=segment:s${at}`).join('&'), 400],
  [Array.from({ length: 201 }, (_, at) => `topic=counts:s${at}`).join('&'), 400],
])('refuses %s', async (query, status) => {
  const answer = await api.call('GET', `/v1/stream?${query}`);
  expect(answer.statusCode).toBe(status);
});

it('leaves nothing running when its clients go', async () => {
  await listen(['counts:old', 'segment:old', 'pulse']);
  await eventually('it is followed', () => api.deployment.feed.followers === 1);
  open.splice(0)[0]!.destroy();
  await eventually('nobody follows', () => api.deployment.feed.followers === 0);
});

/**
 * feed.test.ts – The feed over HTTP: in pages, as Server-Sent Events, and from a list of members
 * on.
 */
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { partitionOf } from '../../src/change/partition.ts';
import { FeedCursors } from '../../src/feed/feed-cursors.ts';
import { SegmentMembers } from '../../src/membership/segment-members.ts';
import { pushTo } from '../../src/multimap.ts';
import type { PackedCommit } from '../../src/redis/packed-commit.ts';
import { RedisPartitionStore } from '../../src/redis/partition-store.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, createSegment, eventually, send } from '../support/deployment.ts';
import {
  type AnsweredEvent,
  type EventClient,
  type EventClientOptions,
  openEventClient,
} from '../support/event-client.ts';
import { chooser } from '../support/memory-deployment.ts';
import { isWhole } from '../support/whole.ts';

let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await openTestApi({ limits: { streamsPerKey: 20 } });
  await api.server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(api.server.server.address() as AddressInfo).port}`;
});
afterAll(() => api.close());

const adults = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };
const MEMBERS_PAGE = SegmentMembers.prototype.page;
let types = 0;
/** Of this test alone. */
let type: string;
let adult: string;

beforeEach(async () => {
  type = `people${++types}`;
  adult = `adults${types}`;
  await api.deployment.objectTypes.put(type, { attributes: { age: { type: 'number' } } });
  await createSegment(api.deployment, adult, type, adults);
});

const put = (id: string, age: number) =>
  ({ op: 'put', object_type: type, id, data: { age } }) as const;

interface AnsweredPage {
  readonly data: readonly AnsweredEvent[];
  readonly next_cursor: string;
}

async function page(path: string, parameters: Record<string, string> = {}): Promise<AnsweredPage> {
  const answer = await api.call('GET', `${path}?${new URLSearchParams(parameters)}`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<AnsweredPage>();
}

/** From a cursor to the end, in pages of `limit`. */
async function pages(
  path: string,
  parameters: Record<string, string> = {},
  limit = 1000,
): Promise<AnsweredEvent[]> {
  const all: AnsweredEvent[] = [];
  const end = (await page('/v1/memberships/changes', { cursor: 'now' })).next_cursor;
  for (let cursor = parameters['cursor'] ?? 'oldest'; ; ) {
    const { data, next_cursor } = await page(path, { ...parameters, cursor, limit: `${limit}` });
    all.push(...data);
    if (data.length === 0 && (next_cursor === cursor || next_cursor === end)) return all;
    cursor = next_cursor;
  }
}

const told = ({ event, id, cause }: AnsweredEvent) => `${event} ${id} ${cause}`;
const path = () => `/v1/segments/${adult}/changes`;

/** What was told of each record, in its order. */
function byRecord(events: readonly AnsweredEvent[]): Record<string, string[]> {
  const byId = new Map<string, string[]>();
  for (const event of events) pushTo(byId, event.id ?? '', `${event.at} ${told(event)}`);
  // News of a segment come from each partition, merged by their clocks.
  byId.get('')?.sort();
  return Object.fromEntries([...byId].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('a page of changes', () => {
  it('says who entered and left, when and why', async () => {
    await send(api.deployment, [put('a', 20)]);
    await send(api.deployment, [put('a', 10)]);
    await send(api.deployment, [put('b', 10)]);
    const all = await pages(path());
    const news = all.filter(({ event }) => event === 'segment_ready');
    expect(news).toHaveLength(api.deployment.founding.partitions);
    expect(news[0]).not.toHaveProperty('id');
    const events = all.filter(({ id }) => id !== undefined);
    expect(events).toEqual([
      {
        ...{ event: 'entered', segment: adult, object_type: type, id: 'a', cause: 'created' },
        ...{ at: expect.any(String), cursor: expect.any(String) },
      },
      expect.objectContaining({ event: 'left', id: 'a', cause: 'record_changed' }),
    ]);
    expect(await pages(path(), {}, 1)).toEqual(all);
    const after = await pages(path(), { cursor: events[0]!.cursor });
    expect(after.map(told)).toEqual(['left a record_changed']);
  });

  it('is of a record, of a type, of some segments', async () => {
    await createSegment(api.deployment, `${adult}-too`, type, adults);
    await send(api.deployment, [put('a', 20), put('b', 20)]);
    const of = async (parameters: Record<string, string>) =>
      (await pages('/v1/memberships/changes', parameters)).filter(({ id }) => id !== undefined);
    expect((await of({ object_type: type, id: 'a' })).map(({ segment }) => segment)).toEqual([
      adult,
      `${adult}-too`,
    ]);
    expect((await of({ object_type: type })).map(told)).toHaveLength(4);
    expect((await of({ segment: adult })).map(told)).toHaveLength(2);
  });

  it('still names a segment that was deleted', async () => {
    await send(api.deployment, [put('a', 20)]);
    await api.deployment.segments.remove(adult);
    await built(api.deployment);
    await eventually('every partition has told of the deletion', async () => {
      const gone = (await pages(path())).filter(({ event }) => event === 'segment_deleted');
      return gone.length === api.deployment.founding.partitions;
    });
    const events = (await pages(path())).filter(({ id }) => id !== undefined);
    expect(events.map(told)).toEqual(['entered a created']);
  });

  it('tells an edit as the differences that it makes', async () => {
    await send(api.deployment, [put('a', 20), put('b', 40)]);
    const { next_cursor: cursor } = await page(path(), { cursor: 'now' });
    const rules = [{ field: 'age', operator: '>=', value: 30 }];
    await api.deployment.segments.patch(adult, { query: { combinator: 'and', rules } });
    await eventually('it is told', async () => (await pages(path(), { cursor })).length > 0);
    await built(api.deployment);
    expect((await pages(path(), { cursor })).map(told)).toEqual(['left a segment_edited']);
  });

  it.each([
    [404, 'segment_unknown', '/v1/segments/nobody/changes'],
    [404, 'segment_unknown', '/v1/memberships/changes?segment=nobody'],
    [404, 'object_type_unknown', '/v1/memberships/changes?object_type=nothing'],
    [400, 'cursor_invalid', '/v1/memberships/changes?cursor=AfK4w4i-NBgABQAc6cVn'],
    [400, 'parameter_invalid', '/v1/memberships/changes?limit=0'],
    [400, 'parameter_invalid', '/v1/memberships/changes?slug=x'],
    [422, 'record_id_invalid', '/v1/memberships/changes?id=%01'],
  ])('is refused with %i %s: %s', async (status, code, at) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const answer = await api.call('GET', at, undefined, { accept });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
    }
  });

  it('does not take the cursor of another installation', async () => {
    const other = await openTestApi();
    const { next_cursor: cursor } = await page('/v1/memberships/changes');
    const answer = await other.call('GET', `/v1/memberships/changes?cursor=${cursor}`);
    await other.close();
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
      400,
      'cursor_invalid',
    ]);
  });

  it('is not given in other forms', async () => {
    const answer = await api.call('GET', path(), undefined, { accept: 'text/csv' });
    expect(answer.json<{ code: string }>().code).toBe('not_acceptable');
  });
});

describe('the first page of members', () => {
  it('has a cursor from which the feed leads to the members of now', async () => {
    const choose = chooser(3);
    const changes = (count: number) =>
      Array.from({ length: count }, () => put(`c${choose(40)}`, choose(36)));
    await send(api.deployment, changes(60));
    const members = `/v1/segments/${adult}/members`;
    interface Members {
      readonly data: readonly { readonly id: string }[];
      readonly next_cursor: string | null;
      readonly changes_cursor?: string;
    }
    const read = async (more: string) =>
      (await api.call('GET', `${members}?${more}`)).json<Members>();
    // Whatever happens while the page is read may be on it or not: the feed has it.
    const spied = vi
      .spyOn(api.deployment.members, 'page')
      .mockImplementationOnce(async (...given) => {
        const page = await MEMBERS_PAGE.apply(api.deployment.members, given);
        await send(api.deployment, changes(40));
        return page;
      });
    const first = await read('limit=5');
    spied.mockRestore();
    const ids = new Set(first.data.map(({ id }) => id));
    for (let next = first.next_cursor; next !== null; ) {
      await send(api.deployment, changes(5));
      const more = await read(`limit=5&cursor=${next}`);
      expect(more).not.toHaveProperty('changes_cursor');
      for (const { id } of more.data) ids.add(id);
      next = more.next_cursor;
    }
    for (const { event, id } of await pages(path(), { cursor: first.changes_cursor! }))
      event === 'entered' ? ids.add(id!) : ids.delete(id!);
    const now = (await read('limit=1000')).data.map(({ id }) => id);
    expect([...ids].sort()).toEqual(now.sort());
    expect(await read('include=records')).toHaveProperty('changes_cursor');
  });
});

describe('a stream of changes', () => {
  const open = (
    parameters: Record<string, string>,
    options?: EventClientOptions,
    role = 'viewer',
  ): Promise<EventClient> =>
    openEventClient(
      `${url}${path()}?${new URLSearchParams(parameters)}`,
      `the-key-of-the-${role}`,
      options,
    );
  const followers = () => api.deployment.feed.followers;

  it('brings what there is and what comes, each event with its cursor as its id', async () => {
    await send(api.deployment, [put('a', 20)]);
    const client = await open({});
    expect([client.status, client.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    const events = () => client.events.filter(({ id }) => id !== undefined);
    await eventually('what there is', () => events().length === 1);
    await send(api.deployment, [put('a', 10)]);
    await eventually('what comes', () => events().length === 2);
    expect(events().map(told)).toEqual(['entered a created', 'left a record_changed']);
    expect(client.events.at(-1)!.cursor).toBe(client.lastId);
    await client.kill();
  });

  it('goes on after the last id, whatever cursor is asked for', async () => {
    const before = await open({ cursor: 'now' });
    await eventually('it says where it begins', () => before.lastId !== '');
    await before.kill();
    await send(api.deployment, [put('a', 20)]);
    const after = await open({ cursor: 'now' }, { lastEventId: before.lastId });
    await eventually('what came meanwhile', () => after.events.length === 1);
    await after.kill();
  });

  it('is seen once by a client that dies again and again', { timeout: 600_000 }, async () => {
    const [changes, deaths] = isWhole ? [20_000, 50] : [1000, 8];
    const choose = chooser(5);
    const seen: AnsweredEvent[] = [];
    const live = (lastEventId?: string) =>
      open(
        { cursor: 'oldest' },
        { onEvent: (event) => seen.push(event), ...(lastEventId ? { lastEventId } : {}) },
      );
    let client = await live();
    for (let n = 0; n < deaths; n++) {
      const some = Array.from({ length: changes / deaths }, () =>
        put(`c${choose(changes / 10)}`, choose(36)),
      );
      const sent = send(api.deployment, some, 'accepted');
      if (choose(2) === 0) await sent;
      await client.kill();
      const last = seen.at(-1)?.cursor ?? client.lastId;
      client = await live(last);
      await sent;
    }
    await send(api.deployment, [put('last', 20)]);
    await eventually('it has seen the last', () => seen.at(-1)?.id === 'last', 60_000);
    await client.kill();
    const all = await pages(path());
    expect(seen.length).toBeGreaterThan(changes / 4);
    expect(new Set(seen.map(({ cursor }) => cursor)).size).toBe(seen.length);
    expect(byRecord(seen)).toEqual(byRecord(all));
  });

  it.runIf(isWhole)(
    'brings an event within 100 ms of its commit, at p99',
    {
      timeout: 300_000,
    },
    async () => {
      const [changes, apartMs] = [2000, 5];
      const { founding, keys } = api.deployment;
      const cursors = new FeedCursors(founding.install, founding.partitions);
      const nameOf = (partition: number, number: number) => `${partition}-${number}`;
      /** When each commit was sent to Redis, and when it was answered. */
      const commits = new Map<string, { sentMs: number; answeredMs: number }>();
      const { commit } = RedisPartitionStore.prototype;
      const spied = vi
        .spyOn(RedisPartitionStore.prototype, 'commit')
        .mockImplementation(async function (this: RedisPartitionStore, prepared) {
          const sentMs = performance.now();
          const answer = await commit.call(this, prepared);
          const written = (prepared as PackedCommit).keys;
          const partition = keys.partitions.findIndex(({ meta }) => written.includes(meta));
          commits.set(nameOf(partition, prepared.number), {
            sentMs,
            answeredMs: performance.now(),
          });
          return answer;
        });
      const seen = new Map<string, { ms: number; name: string }>();
      const onEvent = ({ id, cursor }: AnsweredEvent) => {
        if (id === undefined) return;
        const partition = partitionOf(id, founding.partitions);
        const { number } = cursors.read(cursor)[partition]!;
        seen.set(id, { ms: performance.now(), name: nameOf(partition, number) });
      };
      const client = await open({ cursor: 'now' }, { onEvent });
      const loop = monitorEventLoopDelay({ resolution: 1 });
      loop.enable();
      await eventually('it follows', () => followers() === 1);
      for (let n = 0; n < changes; n++) {
        void send(api.deployment, [put(`late${n}`, 20)], 'accepted');
        await sleep(apartMs);
      }
      await eventually('it has seen all', () => seen.size === changes, 60_000);
      loop.disable();
      const isAnswered = () => [...seen.values()].every(({ name }) => commits.has(name));
      await eventually('each commit was answered', isAnswered);
      await client.kill();
      spied.mockRestore();
      const latencies = (since: 'sentMs' | 'answeredMs') =>
        [...seen.values()]
          .map(({ ms, name }) => ms - commits.get(name)![since])
          .sort((a, b) => a - b);
      const at = (share: number, since: 'sentMs' | 'answeredMs') =>
        Math.round(latencies(since)[Math.floor(share * changes)]!);
      console.log(
        `${changes} events: p50 ${at(0.5, 'answeredMs')} ms, ` +
          `p99 ${at(0.99, 'answeredMs')} ms after the answer to their commit; ` +
          `p99 ${at(0.99, 'sentMs')} ms after it was sent; ` +
          `the event loop is late by ${Math.round(loop.percentile(99) / 1e6)} ms at p99`,
      );
      expect(at(0.99, 'answeredMs')).toBeLessThanOrEqual(100);
    },
  );

  it('leaves nothing behind when its client goes', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => open({})));
    await eventually('they follow', () => followers() === 5);
    for (const client of clients) await client.kill();
    await eventually('nobody follows', () => followers() === 0);
  });

  it('is refused to a key that has too many open', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => open({})));
    const [refused, other] = [await open({}), await open({}, {}, 'editor')];
    expect([refused.status, refused.headers['retry-after'], other.status]).toEqual([429, '5', 200]);
    await clients.pop()!.kill();
    await eventually('there is room again', async () => {
      const again = await open({});
      await again.kill();
      return again.status === 200;
    });
    for (const client of [...clients, other]) await client.kill();
    await eventually('nobody follows', () => followers() === 0);
  });
});

it('a server that closes ends its streams at once, also those that nobody reads', async () => {
  const other = await openTestApi();
  await other.server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = other.server.server.address() as AddressInfo;
  const at = `http://127.0.0.1:${port}/v1/memberships/changes`;
  const clients = await Promise.all([
    openEventClient(at, 'the-key-of-the-viewer'),
    openEventClient(at, 'the-key-of-the-viewer', { readsNothing: true }),
  ]);
  await other.server.close();
  await Promise.all(clients.map(({ closed }) => closed));
  expect(other.deployment.feed.followers).toBe(0);
  await other.close();
});

/**
 * find-told.test.ts – What a feed tells of a record is found from its newest entry on, in parts of
 * a bounded size.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FEED_NEWS } from '../../src/change/cause.ts';
import { feedFlip } from '../../src/change/feed-event.ts';
import { latestTurn } from '../../src/explain/since.ts';
import { RedisExplainStore } from '../../src/redis/explain-store.ts';
import { Keys } from '../../src/redis/keys.ts';
import { FEED_FIELD, type FeedEntry, packFeed } from '../../src/redis/rows/feed-entry.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());

const event = (id: string, feedId: number, enters: boolean, size = 0) =>
  ['contacts', id.padEnd(size, '+'), 0, [feedFlip(feedId, enters)]] as FeedEntry['events'][number];

/** A feed of one entry for each of these, the first one at the millisecond 1. */
async function feedOf(entries: readonly Partial<FeedEntry>[]): Promise<RedisExplainStore> {
  const { partitions } = new Keys(freshPrefix(), 1);
  const written = bench.redis.multi();
  for (const [at, entry] of entries.entries()) {
    const packed = packFeed({ at: at + 1, after: '0-0', control: [], events: [], ...entry });
    written.xadd(partitions[0]!.feed, `${at + 1}-${at + 1}`, FEED_FIELD, packed);
  }
  await written.exec();
  return new RedisExplainStore(bench.redis, partitions);
}

const sought = { objectType: 'contacts', id: 'a"é', feedId: 7 };
const filler = (many: number) =>
  Array.from({ length: many }, () => ({ events: [event('b', 7, true)] }));

it('finds the latest turn of a record in a segment, behind entries of others', async () => {
  const store = await feedOf([
    { events: [event(sought.id, 7, true)] },
    { events: [event(sought.id, 7, false), event('b', 7, true)] },
    { events: [event(sought.id, 8, true)] },
    ...filler(100),
  ]);
  expect(await latestTurn(store, sought)).toEqual({ at: 2, isMember: false });
  expect(await latestTurn(store, { ...sought, feedId: 8 })).toEqual({ at: 3, isMember: true });
  expect(await latestTurn(store, { ...sought, feedId: 9 })).toBeUndefined();
  expect(await latestTurn(store, { ...sought, objectType: 'orders' })).toBeUndefined();
});

it('knows nothing of a time before the segment was built anew', async () => {
  const told = { events: [event(sought.id, 7, true)] };
  const ready = (feedId: number) => ({ control: [[FEED_NEWS.segment_ready, feedId]] as const });
  expect(await latestTurn(await feedOf([told, ready(7)]), sought)).toBeUndefined();
  expect(await latestTurn(await feedOf([told, ready(8)]), sought)).toEqual({
    ...{ at: 1, isMember: true },
  });
});

it('looks at so many entries and bytes, and no more at once than hold up nobody', async () => {
  const [told] = [{ events: [event(sought.id, 7, true)] }];
  expect(await latestTurn(await feedOf([told, ...filler(399)]), sought)).toBeDefined();
  expect(await latestTurn(await feedOf([told, ...filler(400)]), sought)).toBeUndefined();
  const heavy = (many: number) =>
    Array.from({ length: many }, () => ({ events: [event('b', 7, true, 300_000)] }));
  const store = await feedOf([told, ...heavy(12)]);
  expect(await latestTurn(store, sought)).toBeDefined();
  expect(await store.recentFeed(sought.id, undefined, 400)).toMatchObject({
    ...{ entries: [], looked: 4, last: '10-10' },
  });
  expect(await latestTurn(await feedOf([told, ...heavy(16)]), sought)).toBeUndefined();
});

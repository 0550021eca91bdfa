/**
 * partition-store.test.ts – The promises of the partition store, each against every implementation.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CAUSES, FEED_NEWS } from '../../src/change/cause.ts';
import { type FeedEvent, feedFlip } from '../../src/change/feed-event.ts';
import type { Followed } from '../../src/engine/partition-feed.ts';
import type {
  Delivery,
  PartitionMeta,
  StoredInboxEntry,
  StoredLogEntry,
} from '../../src/engine/partition-store.ts';
import type { Row } from '../../src/engine/step.ts';
import type { Aggregate, NeighbourRow, RelatedRow } from '../../src/membership/neighbour-row.ts';
import { flip } from '../../src/query/network/network.ts';
import { applyFlips, BLOCK_IDS_MAX } from '../../src/query/network/predicate-ids.ts';
import { CommittingOwner, NO_WRITES, recordRow, row, touched } from './commits.ts';
import { eventually } from './eventually.ts';
import type { StoreWorld } from './store-world.ts';
import { WORLDS } from './worlds.ts';

const LEASE_MS = 60_000;

describe.each(WORLDS)('the partition store of $name', ({ open, isForReaders }) => {
  let world: StoreWorld;
  let owner: CommittingOwner;
  const store = () => world.stores[0]!;

  beforeEach(async () => {
    world = await open();
    owner = await new CommittingOwner(store(), world.install).acquire();
    return () => world.close();
  });

  const acquire = (token: string) => store().acquire(token, LEASE_MS, world.install);
  const loaded = (bytesMax: number, ...ids: string[]) =>
    store().records([{ objectType: 'contacts', ids }], bytesMax);
  const weights = async (...ids: string[]) => {
    const answer = await loaded(0, ...ids);
    return answer.kind === 'heavy' ? answer.bytes : [];
  };
  const chunk = (after: string, most: number, bytesMax = Number.MAX_SAFE_INTEGER) =>
    store().recordsAfter('contacts', after, { most, bytesMax });
  const idsAfter = async (objectType: string, after: string, most: number) => {
    const limit = { most, bytesMax: Number.MAX_SAFE_INTEGER };
    return [...(await store().recordsAfter(objectType, after, limit)).rows.keys()];
  };
  const rows = async (...ids: string[]) => {
    const answer = await loaded(Number.MAX_SAFE_INTEGER, ...ids);
    return answer.kind === 'rows' ? answer.rows : answer;
  };

  describe('a lease', () => {
    it('is refused while another owner holds it, and says for how long', async () => {
      const answer = await acquire('you');
      expect(answer.status).toBe('held');
      expect(answer).toHaveProperty('forMs', expect.any(Number));
      const { forMs } = answer as { forMs: number };
      expect(forMs).toBeGreaterThan(0);
      expect(forMs).toBeLessThanOrEqual(LEASE_MS);
    });

    it('is given again to the token that has it', async () => {
      expect((await acquire(owner.token)).status).toBe('acquired');
    });

    it('is given to another owner once it has run out', async () => {
      await world.loseLease(0);
      expect((await acquire('you')).status).toBe('acquired');
      expect((await world.seen(0)).owner).toBe('you');
    });

    it('is given to another owner at once when it is released', async () => {
      await store().release(owner.token);
      expect((await acquire('you')).status).toBe('acquired');
    });

    it('is not released by another owner', async () => {
      await store().release('you');
      expect((await acquire('you')).status).toBe('held');
    });

    it('is lost in a partition of another install, which stays as it is', async () => {
      await store().release(owner.token);
      expect(await store().acquire('you', LEASE_MS, 'other')).toEqual({ status: 'lost' });
      expect((await world.seen(0)).owner).toBeUndefined();
    });

    it('is lost where the data is gone', async () => {
      await world.wipe(0);
      expect(await acquire('you')).toEqual({ status: 'lost' });
    });

    it('is kept by its owner, who learns the number that is stored and the time', async () => {
      await owner.commit({});
      const answer = await store().renew(owner.token, LEASE_MS);
      expect(answer).toEqual({ status: 'renewed', number: 1, serverMs: expect.any(Number) });
    });

    it('that ran out and nobody has taken is kept again', async () => {
      await world.loseLease(0);
      expect(await store().renew(owner.token, LEASE_MS)).toMatchObject({ status: 'renewed' });
      expect((await world.seen(0)).owner).toBe(owner.token);
    });

    it('is not kept by another owner', async () => {
      expect(await store().renew('you', LEASE_MS)).toEqual({ status: 'fenced' });
    });
  });

  describe('an owner that left', () => {
    const takenOver = async () => {
      const answer = await acquire('you');
      return answer.status === 'acquired' ? answer.meta : undefined;
    };

    it('without a word is noticed by the next one', async () => {
      await world.loseLease(0);
      expect(await takenOver()).toMatchObject({ isDeserted: true });
    });

    it('in good order leaves nothing to be careful about', async () => {
      await store().noteTrial(owner.token, { by: owner.token, trying: ['a'], deaths: {} });
      await store().release(owner.token);
      expect(await takenOver()).toMatchObject({ isDeserted: false, trial: undefined });
    });

    it('leaves the note of what it tried', async () => {
      const note = { by: owner.token, trying: ['["change","1-0",0]'], deaths: { b: 2 } };
      expect(await store().noteTrial(owner.token, note)).toBe('noted');
      await world.loseLease(0);
      expect(await takenOver()).toMatchObject({ isDeserted: true, trial: note });
    });

    it('is forgotten once there is nothing to be careful about', async () => {
      await world.loseLease(0);
      await acquire('you');
      expect(await store().noteTrial('you', null)).toBe('noted');
      expect(await store().readMeta()).toMatchObject({ isDeserted: false, trial: undefined });
    });

    it('can note nothing any more', async () => {
      expect(await store().noteTrial('you', { deaths: { a: 1 } })).toBe('fenced');
      expect((await store().readMeta()).trial).toBeUndefined();
    });
  });

  describe('a commit', () => {
    const one = { records: [touched('a', row(recordRow({ name: 'Ada' })))] };
    const event: FeedEvent = ['contacts', 'a', CAUSES.created, [feedFlip(3, true)]];
    const control = [[FEED_NEWS.segment_ready, 3] as const];
    const followed = new Map([[3, { predicateId: 4 }]]);
    const withEvent = { ...one, followed, feed: { after: '0-0', control, events: [event] } };

    it('is ok on top of the last one, and moves the number on', async () => {
      expect(await owner.commit(one)).toBe('ok');
      expect(await owner.commit({})).toBe('ok');
      expect((await store().readMeta()).number).toBe(2);
    });

    it('takes a lease again that ran out and that nobody has taken', async () => {
      await world.loseLease(0);
      expect(await owner.commit(one)).toBe('ok');
      expect((await world.seen(0)).owner).toBe(owner.token);
    });

    it('that comes again is a duplicate, and equals one', async () => {
      const prepared = store().prepare(owner.header(), { ...NO_WRITES, ...withEvent });
      expect(await store().commit(prepared)).toBe('ok');
      expect(await store().commit(prepared)).toBe('duplicate');
      if (isForReaders) expect((await world.seen(0)).readers?.feed).toHaveLength(1);
      expect((await store().readMeta()).number).toBe(1);
    });

    it('under another token is fenced and writes nothing', async () => {
      expect(await owner.commit(withEvent, { token: 'you' })).toBe('fenced');
      expect(await rows('a')).toEqual([undefined]);
      expect((await world.seen(0)).readers?.feed ?? []).toEqual([]);
      expect((await store().readMeta()).number).toBe(0);
    });

    it('with the number of another one is fenced and writes nothing', async () => {
      await owner.commit({}, { nonce: 'first' });
      expect(await owner.commit(one, { before: 0, number: 1, nonce: 'second' })).toBe('fenced');
      expect(await rows('a')).toEqual([undefined]);
    });

    it('is fenced when another owner has committed and gone meanwhile', async () => {
      await world.loseLease(0);
      const other = await new CommittingOwner(store(), world.install).acquire();
      await other.commit({});
      await store().release(other.token);
      expect(await owner.commit(one)).toBe('fenced');
      expect(await rows('a')).toEqual([undefined]);
    });

    it('is rolled back when the store has lost a tail, and writes nothing', async () => {
      const bringBack = await world.snapshot(0);
      await owner.commit({});
      await bringBack();
      expect(await owner.commit(one)).toBe('rolled-back');
      expect(await rows('a')).toEqual([undefined]);
    });

    it('can not be prepared with a record that is too long', () => {
      const long = recordRow({ name: 'x'.repeat(2 * 1024 * 1024) });
      const writes = { ...NO_WRITES, records: [touched('a', row(long))] };
      expect(() => store().prepare(owner.header(), writes)).toThrow(/would have \d+ characters/);
    });

    it('writes as many members as a batch may flip', async () => {
      const ids = Array.from({ length: 12_001 }, (_, at) => `id-${at}`);
      await owner.commit({ entering: new Map([[7, ids]]), counted: [7] });
      expect((await world.seen(0)).counts).toEqual({ 7: ids.length });
    });
  });

  describe('records', () => {
    const ada = row(recordRow({ name: 'Ada', tags: ['x', 'y'] }, { sourceVersion: 3 }), [2, 40]);

    it('are read as they were committed, with their states, in the order asked', async () => {
      const timed = row(recordRow({}, { archivedAt: 8 }), [], 9000);
      await owner.commit({ records: [touched('a', ada), touched('b', timed)] });
      await owner.commit({ records: [touched('a', timed, row(undefined), 'orders')] });
      const asked = [
        { objectType: 'orders', ids: ['a', 'b'] },
        { objectType: 'contacts', ids: ['b', 'none', 'a'] },
      ];
      expect(await store().records(asked, Number.MAX_SAFE_INTEGER)).toEqual({
        kind: 'rows',
        rows: [timed, undefined, timed, undefined, ada],
      });
    });

    it('that are too heavy together are weighed instead', async () => {
      await owner.commit({ records: [touched('a', ada), touched('b', ada)] });
      const [a, none, b] = await weights('a', 'none', 'b');
      expect(a).toBeGreaterThan(50);
      expect([none, b]).toEqual([0, a]);
      const heavy = await loaded(2 * a! - 1, 'a', 'none', 'b');
      expect(heavy).toEqual({ kind: 'heavy', bytes: [a, 0, a] });
      expect((await loaded(2 * a!, 'a', 'none', 'b')).kind).toBe('rows');
    });

    it('are weighed in bytes, not in characters', async () => {
      const umlauts = row(recordRow({ name: 'ä'.repeat(100) }));
      const plain = row(recordRow({ name: 'a'.repeat(100) }));
      await owner.commit({ records: [touched('u', umlauts), touched('p', plain)] });
      const [u, p] = await weights('u', 'p');
      expect(u! - p!).toBe(100);
    });

    it('have blocks of predicates as commits change or leave them', async () => {
      const at = (...blocks: number[]) => blocks.map((block) => block * BLOCK_IDS_MAX + block);
      const turn = async (before: Row, flips: number[], due?: number) => {
        const after = {
          record: ada.record,
          truth: applyFlips(
            before.truth,
            flips.sort((a, b) => a - b),
          ),
          due,
        };
        await owner.commit({ records: [touched('a', after, before)] });
        expect(await rows('a')).toEqual([after]);
        return after;
      };
      const enter = (...blocks: number[]) => at(...blocks).map((each) => flip(each, true));
      const leave = (...blocks: number[]) => at(...blocks).map((each) => flip(each, false));
      const none = row(undefined);
      const made = await turn(none, enter(1, 2, 5, 9));
      const grown = await turn(made, [...enter(0), ...leave(2), flip(5 * BLOCK_IDS_MAX, true)]);
      const moved = await turn(grown, leave(0, 1), 7);
      const emptied = await turn(moved, [...leave(5, 9), flip(5 * BLOCK_IDS_MAX, false)], 7);
      await turn(await turn(emptied, []), enter(2, 9));
    });

    it('that go take their states along', async () => {
      await owner.commit({ records: [touched('a', ada)] });
      await owner.commit({ records: [touched('a', row(undefined), ada)] });
      expect(await rows('a')).toEqual([undefined]);
      const many = row(ada.record, [1, 2 * BLOCK_IDS_MAX, 3 * BLOCK_IDS_MAX]);
      await owner.commit({ records: [touched('a', many)] });
      await owner.commit({ records: [touched('a', row(undefined), many)] });
      const again = row(ada.record);
      await owner.commit({ records: [touched('a', again, { ...again, record: undefined })] });
      expect(await rows('a')).toEqual([again]);
    });

    it('are listed by id, byte by byte, page by page', async () => {
      const sorted = ['A', 'a', 'a:b', 'b', 'é', '\uff5e', '\u{1f600}'];
      const made = row(recordRow({}, { archivedAt: 8 }));
      await owner.commit({ records: sorted.toReversed().map((id) => touched(id, made)) });
      expect(await idsAfter('contacts', '', 100)).toEqual(sorted);
      expect(await idsAfter('contacts', 'a', 3)).toEqual(['a:b', 'b', 'é']);
      expect(await idsAfter('contacts', 'aa', 1)).toEqual(['b']);
      expect(await idsAfter('orders', '', 100)).toEqual([]);
    });

    it('are read in the order of ids, with their states, up to what may be held', async () => {
      await owner.commit({ records: ['a', 'b', 'c'].map((id) => touched(id, ada)) });
      const [weight] = await weights('a');
      expect(await chunk('', 3)).toEqual({
        rows: new Map(['a', 'b', 'c'].map((id) => [id, ada])),
        isEnd: false,
      });
      expect(await chunk('a', 3)).toEqual({
        rows: new Map(['b', 'c'].map((id) => [id, ada])),
        isEnd: true,
      });
      expect(await chunk('c', 3)).toEqual({ rows: new Map(), isEnd: true });
      for (const [bytesMax, read] of [
        [0, 1],
        [weight! - 1, 1],
        [weight!, 2],
        [3 * weight!, 3],
      ] as const)
        expect(await chunk('', 9, bytesMax)).toMatchObject({
          rows: { size: read },
          isEnd: read === 3,
        });
    });

    it('are listed no more once they are deleted, also if a tombstone stays', async () => {
      const tomb = row(recordRow({}, { deletedAt: 9 }));
      await owner.commit({ records: [touched('a', ada), touched('b', ada)] });
      await owner.commit({
        records: [touched('a', tomb, ada), touched('b', row(undefined), ada)],
        tombstones: [{ objectType: 'contacts', id: 'a', expiresMs: 50 }],
      });
      expect(await idsAfter('contacts', '', 100)).toEqual([]);
      expect(await rows('a', 'b')).toEqual([tomb, undefined]);
    });
  });

  describe('moments', () => {
    const key = (id: string, objectType = 'contacts') => ({ objectType, id });

    it('of tombstones that have run out are listed, and no more when they are gone', async () => {
      await owner.commit({
        tombstones: [
          { ...key('b'), expiresMs: 50 },
          { ...key('a:c'), expiresMs: 40 },
          { ...key('d'), expiresMs: 51 },
        ],
      });
      expect(await store().expiredTombstones(50, 10)).toEqual([key('a:c'), key('b')]);
      expect(await store().expiredTombstones(50, 1)).toEqual([key('a:c')]);
      await owner.commit({ tombstones: [{ ...key('a:c'), expiresMs: undefined }] });
      expect(await store().expiredTombstones(60, 10)).toEqual([key('b'), key('d')]);
    });

    it('of timers are listed the earliest first, those of one moment by name', async () => {
      await owner.commit({
        timers: [
          { ...key('z'), due: 30 },
          { ...key('a:c', 'orders'), due: 20 },
          { ...key('b'), due: 30 },
        ],
      });
      expect(await store().firstDue(10)).toEqual([
        { ...key('a:c', 'orders'), dueMs: 20 },
        { ...key('b'), dueMs: 30 },
        { ...key('z'), dueMs: 30 },
      ]);
      expect(await store().firstDue(2)).toHaveLength(2);
    });

    it('of timers move and go', async () => {
      await owner.commit({
        timers: [
          { ...key('a'), due: 10 },
          { ...key('b'), due: 20 },
        ],
      });
      await owner.commit({
        timers: [
          { ...key('a'), due: 30 },
          { ...key('b'), due: undefined },
        ],
      });
      expect(await store().firstDue(10)).toEqual([{ ...key('a'), dueMs: 30 }]);
    });

    it('of timers are all met by a walk', async () => {
      const all = Array.from({ length: 500 }, (_, at) => ({ ...key(`id-${at}`), due: at }));
      await owner.commit({ timers: all });
      const met = new Set<string>();
      let cursor: string | undefined;
      let parts = 0;
      do {
        const part = await store().walkTimers(cursor, 50);
        for (const { objectType, id } of part.items) met.add(`${objectType} ${id}`);
        cursor = part.cursor;
        parts++;
      } while (cursor !== undefined);
      expect(met.size).toBe(500);
      expect(parts).toBeGreaterThan(1);
    });
  });

  describe('members', () => {
    it('are counted after those that enter and leave in the same commit', async () => {
      await owner.commit({ entering: new Map([[4, ['a', 'b', 'c']]]), counted: [4] });
      await owner.commit({
        entering: new Map([[4, ['d']]]),
        leaving: new Map([[4, ['a', 'b']]]),
        counted: [4],
      });
      const seen = await world.seen(0);
      expect(seen.members).toEqual({ 4: ['c', 'd'] });
      expect(seen.counts).toEqual({ 4: 2 });
    });

    it('that are no listed records are all met by a walk, and no others', async () => {
      const ids = Array.from({ length: 700 }, (_, at) => `m${at}`);
      const listed = ids.filter((_, at) => at % 3 > 0);
      await owner.commit({
        records: listed.map((id) => touched(id, row(recordRow({})))),
        entering: new Map([[4, ids]]),
      });
      const met = new Set<string>();
      for (let cursor: string | undefined, isEnd = false; !isEnd; isEnd = cursor === undefined) {
        const of = { objectType: 'contacts', predicateId: 4, cursor, most: 50 };
        const part = await store().walkStrays(of);
        for (const id of part.items) met.add(id);
        cursor = part.cursor;
      }
      expect([...met].sort()).toEqual(ids.filter((_, at) => at % 3 === 0).sort());
      const none = { objectType: 'contacts', predicateId: 5, cursor: undefined, most: 50 };
      expect(await store().walkStrays(none)).toEqual({ items: [], cursor: undefined });
    });

    it('are counted only where that is asked for', async () => {
      await owner.commit({ entering: new Map([[4, ['a']]]) });
      expect((await world.seen(0)).counts).toEqual({});
      expect((await store().readMeta()).complete).toEqual([]);
    });

    it('are answered for once there is a count, also if there are none', async () => {
      await owner.commit({ counted: [5] });
      expect((await world.seen(0)).counts).toEqual({ 5: 0 });
      expect((await store().readMeta()).complete).toEqual([5]);
    });

    it('of predicates that were given up go, with count and related rows', async () => {
      const related: RelatedRow = { 1: aggregate({ 9: 1 }) };
      await owner.commit({
        entering: new Map([[9, ['a']]]),
        counted: [9],
        related: [{ edgeId: 9, target: 't', row: related }],
      });
      await owner.commit({ dropped: [9] });
      const seen = await world.seen(0);
      expect([seen.counts, seen.members]).toEqual([{}, {}]);
      expect(await store().related(9, ['t'])).toEqual([undefined]);
    });

    it('of a predicate that fails are not counted, whatever else is said', async () => {
      const failure = { object_type: 'contacts', id: 'a', passed: '1', detail: 'too long' };
      await owner.commit({ counted: [5, 6] });
      await owner.commit({
        entering: new Map([[5, ['a']]]),
        counted: [5, 6],
        failed: new Map([[5, failure]]),
      });
      expect((await world.seen(0)).counts).toEqual({ 6: 0 });
      const meta = await store().readMeta();
      expect([...meta.failed]).toEqual([[5, failure]]);
      expect(meta.complete).toEqual([6]);
      await owner.commit({ healed: [5] });
      expect((await store().readMeta()).failed.size).toBe(0);
    });
  });

  describe('ends of edges', () => {
    const neighbour: NeighbourRow = {
      shared: { truth: [3, 8], values: { 8: -1.5 } },
      local: aggregate({ 9: 2 }),
    };
    const absent: NeighbourRow = { shared: null, local: aggregate({ 9: 1 }) };
    const unanswered: NeighbourRow = { local: aggregate({ 9: 1 }) };

    it('are read as they were committed, in the order asked', async () => {
      const related: RelatedRow = {
        0: aggregate({ 9: 1 }),
        1: { counts: { 9: 2 }, sums: { 8: ['-1500', 2] }, lows: { 7: 0 }, highs: { 7: 1e-7 } },
      };
      await owner.commit({
        neighbours: [
          { edgeId: 9, target: 'a', row: neighbour },
          { edgeId: 9, target: 'b:c', row: absent },
          { edgeId: 9, target: 'd', row: unanswered },
        ],
        related: [{ edgeId: 9, target: 'a', row: related }],
      });
      const targets = ['d', 'none', 'a', 'b:c'];
      expect(await store().neighbours(9, targets)).toEqual([
        unanswered,
        undefined,
        neighbour,
        absent,
      ]);
      expect(await store().neighbours(8, ['a'])).toEqual([undefined]);
      expect(await store().neighbours(9, [])).toEqual([]);
      expect(await store().related(9, ['b', 'a'])).toEqual([undefined, related]);
    });

    it('keep different values by value and target, which go at 0 and with their predicate', async () => {
      const [a, b, odd] = [
        { target: 't', value: '"a"' },
        { target: 't', value: '7' },
        { target: 'a\nb:c', value: '"a"' },
      ];
      await owner.commit({
        valueCounts: [
          { predicateId: 7, ...a!, count: 2 },
          { predicateId: 7, ...odd!, count: 1 },
        ],
        valueSources: [
          { predicateId: 7, ...b!, sources: [0, 12] },
          { predicateId: 7, ...odd!, sources: [3] },
        ],
        valueTotals: [
          { predicateId: 7, target: 't', total: 5 },
          { predicateId: 7, target: 'a\nb:c', total: 1 },
        ],
      });
      expect(await store().valueCounts(7, [b!, odd!, a!])).toEqual([0, 1, 2]);
      expect(await store().valueCounts(8, [a!])).toEqual([0]);
      expect(await store().valueSources(7, [odd!, a!, b!])).toEqual([[3], [], [0, 12]]);
      expect(await store().valueTotals(7, ['none', 'a\nb:c', 't'])).toEqual([0, 1, 5]);
      expect(new Set(await store().allValueCounts(7))).toEqual(new Set([a, odd]));
      expect(new Set(await store().allValueSources(7))).toEqual(
        new Set([
          { ...b, sources: [0, 12] },
          { ...odd, sources: [3] },
        ]),
      );
      await owner.commit({
        valueCounts: [{ predicateId: 7, ...a!, count: 0 }],
        valueSources: [{ predicateId: 7, ...odd!, sources: [] }],
        valueTotals: [{ predicateId: 7, target: 't', total: 0 }],
      });
      expect(await store().allValueCounts(7)).toEqual([odd]);
      expect(await store().allValueSources(7)).toEqual([{ ...b, sources: [0, 12] }]);
      expect(await store().valueTotals(7, ['t', 'a\nb:c'])).toEqual([0, 1]);
      await owner.commit({ dropped: [7] });
      expect(await store().allValueCounts(7)).toEqual([]);
      expect(await store().allValueSources(7)).toEqual([]);
      expect(await store().valueTotals(7, ['a\nb:c'])).toEqual([0]);
    });

    it('go when they say nothing any more', async () => {
      await owner.commit({
        neighbours: [{ edgeId: 9, target: 'a', row: neighbour }],
        related: [{ edgeId: 9, target: 'a', row: {} }],
      });
      await owner.commit({
        neighbours: [{ edgeId: 9, target: 'a', row: null }],
        related: [{ edgeId: 9, target: 'a', row: null }],
      });
      expect(await store().neighbours(9, ['a'])).toEqual([undefined]);
      expect(await store().allNeighbourTargets(9)).toEqual([]);
      expect(await store().allRelatedTargets(9)).toEqual([]);
    });

    it('are all listed, all met by a walk, and some of them picked', async () => {
      const targets = Array.from({ length: 700 }, (_, at) => `target-${at}`);
      await owner.commit({
        neighbours: targets.map((target) => ({ edgeId: 9, target, row: neighbour })),
        related: targets.map((target) => ({ edgeId: 9, target, row: {} })),
      });
      expect((await store().allNeighbourTargets(9)).toSorted()).toEqual(targets.toSorted());
      expect((await store().allRelatedTargets(9)).toSorted()).toEqual(targets.toSorted());
      const met = new Set<string>();
      let cursor: string | undefined;
      do {
        const part = await store().walkNeighbourTargets(9, cursor, 100);
        for (const target of part.items) met.add(target);
        cursor = part.cursor;
      } while (cursor !== undefined);
      expect(met.size).toBe(700);
      expect(new Set(await store().someNeighbourTargets(9, 200)).size).toBe(200);
      expect(await store().someNeighbourTargets(9, 701)).toHaveLength(700);
      expect(await store().someNeighbourTargets(8, 5)).toEqual([]);
      expect(await store().walkNeighbourTargets(8, undefined, 5)).toEqual({
        items: [],
        cursor: undefined,
      });
    });

    it('are held in the order of ids, byte by byte, within bounds', async () => {
      const ids = ['Z', 'a', 'b:1', 'c', '\uff5e', '\u{1f600}'];
      const holders = ids.toReversed().map((id) => ({ edgeId: 9, target: 't:1', id, holds: true }));
      await owner.commit({ holders });
      const held = (after: string, until: string | null, most = 100) =>
        store().holdersAfter(9, 't:1', after, until, most);
      expect(await held('', null)).toEqual(ids);
      expect(await held('a', 'c')).toEqual(['b:1', 'c']);
      expect(await held('', 'bb')).toEqual(['Z', 'a', 'b:1']);
      expect(await held('a', null, 2)).toEqual(['b:1', 'c']);
      await owner.commit({ holders: [{ edgeId: 9, target: 't:1', id: 'a', holds: false }] });
      expect(await held('', 'b:1')).toEqual(['Z', 'b:1']);
      expect(await store().holdersAfter(9, 't', '', null, 10)).toEqual([]);
    });

    it('have extremes: the lowest and the highest values, those of one value by id', async () => {
      const value = (id: string, of: number | undefined) => ({
        predicateId: 7,
        target: 't',
        id,
        value: of,
      });
      await owner.commit({
        values: [value('a', 1), value('b', 1), value('c', -0.1), value('d', 1e21), value('e', 1)],
      });
      expect(await store().extremes(7, 't', 3)).toEqual({
        lowest: [
          ['c', -0.1],
          ['a', 1],
          ['b', 1],
        ],
        highest: [
          ['d', 1e21],
          ['e', 1],
          ['b', 1],
        ],
      });
      await owner.commit({ values: [value('d', undefined), value('a', 5)] });
      expect((await store().extremes(7, 't', 1)).highest).toEqual([['a', 5]]);
      expect(await store().extremes(6, 't', 1)).toEqual({ lowest: [], highest: [] });
    });

    it('of edges that were given up are forgotten', async () => {
      await owner.commit({
        neighbours: ['a', 'b'].map((target) => ({ edgeId: 9, target, row: neighbour })),
        holders: ['a', 'b'].map((target) => ({ edgeId: 9, target, id: 'h', holds: true })),
        values: ['a', 'b'].map((target) => ({ predicateId: 7, target, id: 'h', value: 1 })),
      });
      await owner.commit({
        forgottenHolders: [{ edgeId: 9, target: 'a' }],
        forgottenValues: [{ predicateId: 7, target: 'a' }],
        forgottenNeighbours: [{ edgeId: 9, targets: ['a'] }],
      });
      const left = async (target: string) => [
        await store().holdersAfter(9, target, '', null, 10),
        (await store().extremes(7, target, 1)).lowest,
        (await store().neighbours(9, [target]))[0],
      ];
      expect(await left('a')).toEqual([[], [], undefined]);
      expect(await left('b')).toEqual([['h'], [['h', 1]], neighbour]);
    });

    it('has all holders of targets that have few, and says nothing of the others', async () => {
      const holder = (target: string, id: string) => ({ edgeId: 9, target, id, holds: true });
      const holders = ['b', 'a', 'c'].map((id) => holder('t', id));
      await owner.commit({ holders: [...holders, holder('u', 'x')] });
      const asked = ['u', 't', 'nobody'].map((target) => ({ edgeId: 9, target }));
      expect(await store().fewHolders(asked, 3)).toEqual([['x'], ['a', 'b', 'c'], []]);
      expect(await store().fewHolders(asked, 2)).toEqual([['x'], undefined, []]);
      expect(await store().fewHolders([{ edgeId: 8, target: 't' }], 3)).toEqual([[]]);
    });

    it('are confirmed by source, after what was confirmed before is forgotten', async () => {
      await owner.commit({ confirmed: new Map([[1, new Set(['9:a', '9:b'])]]) });
      expect(await store().areConfirmed(1, ['9:b', '9:c', '9:a'])).toEqual([true, false, true]);
      expect(await store().areConfirmed(0, ['9:a'])).toEqual([false]);
      expect(await store().areConfirmed(1, [])).toEqual([]);
      await owner.commit({ unconfirmed: [1], confirmed: new Map([[1, new Set(['9:c'])]]) });
      expect(await store().areConfirmed(1, ['9:a', '9:c'])).toEqual([false, true]);
    });
  });

  describe('what a partition remembers', () => {
    const fanout = {
      edgeId: 9,
      target: 'a:b',
      cursor: 'c',
      until: null,
      wrapTo: 'd',
      since: 3,
      begun: 4,
    };
    const waiting = { waiting: [4, 5] };
    const running = { backfill: { predicateIds: [6], cursor: 'x', visited: 12 }, waiting: [] };
    const failure = { object_type: 'contacts', id: 'a', passed: '1', detail: 'too long' };
    const everything = {
      clockMs: 1_700_000_000_123,
      catalogVersion: 17,
      position: { entry: '1700000000000-1', offset: 3 },
      counted: [4, 9],
      failed: new Map([[5, failure]]),
      backfills: new Map([
        ['contacts', running],
        ['orders', waiting],
      ]),
      fanouts: [fanout],
      edgeSets: [
        [9, 9],
        [8, 9],
      ] as const,
      timedTypes: ['contacts'],
      channels: [[1, { epoch: 1_795_000_000_000_000, sequence: 0 }]] as const,
      resending: [1],
      receiving: [
        [0, 'receiving'],
        [1, 'sweeping'],
      ] as const,
      broken: [1],
      followed: new Map<number, Followed>([
        [3, { predicateId: 4 }],
        [5, { predicateId: 9, edit: { from: 8, cause: CAUSES.repaired, run: 2 } }],
      ]),
      feedRuns: new Map([[2, { objectType: 'contacts', cursor: 'x', since: 16 }]]),
      telling: 16,
      feedEpochs: [{ epoch: 1, at: '77-2' }],
      trial: { deaths: { a: 1 } },
    };
    const remembered: PartitionMeta = {
      number: 1,
      clockMs: everything.clockMs,
      catalogVersion: 17,
      position: everything.position,
      inbox: '0-0',
      sent: new Map(everything.channels),
      complete: [4, 9],
      backfills: everything.backfills,
      failed: everything.failed,
      edgeSets: new Map(everything.edgeSets),
      timedTypes: new Set(['contacts']),
      resending: new Set([1]),
      receiving: new Map(everything.receiving),
      broken: new Set([1]),
      feedEnd: '0-0',
      followed: everything.followed,
      feedRuns: everything.feedRuns,
      feedEpochs: everything.feedEpochs,
      trial: everything.trial,
      isDeserted: false,
    };
    const nothing: PartitionMeta = {
      number: 0,
      clockMs: 0,
      catalogVersion: 0,
      position: { entry: '0-0', offset: 0 },
      inbox: '0-0',
      sent: new Map(),
      complete: [],
      backfills: new Map(),
      failed: new Map(),
      edgeSets: new Map(),
      timedTypes: new Set(),
      resending: new Set(),
      receiving: new Map(),
      broken: new Set(),
      feedEnd: '0-0',
      followed: new Map(),
      feedRuns: new Map(),
      feedEpochs: [],
      trial: undefined,
      isDeserted: false,
    };

    it('is nothing in a new partition', async () => {
      expect(await store().readMeta()).toEqual(nothing);
    });

    it('is read back as it was committed, also at a take-over', async () => {
      await owner.commit(everything);
      expect(await store().readMeta()).toEqual(remembered);
      await store().release(owner.token);
      const { meta } = (await acquire('you')) as { meta: PartitionMeta };
      // Who leaves in good order has nothing left that was tried.
      expect(meta).toEqual({ ...remembered, trial: undefined });
    });

    it('stays as it is where a commit says nothing of it', async () => {
      await owner.commit(everything);
      await owner.commit({ clockMs: everything.clockMs, catalogVersion: 17 });
      expect(await store().readMeta()).toEqual({ ...remembered, number: 2 });
    });

    it('goes when it is done', async () => {
      await owner.commit(everything);
      await owner.commit({
        clockMs: 1_700_000_000_124,
        catalogVersion: 18,
        healed: [5],
        dropped: [4, 9],
        backfills: new Map([
          ['contacts', undefined],
          ['orders', undefined],
        ]),
        fanoutsDone: [fanout],
        edgeSetsDone: [8, 9],
        timedTypesDone: ['contacts'],
        resendingDone: [1],
        receivingDone: [0, 1],
        brokenDone: [1],
        trial: null,
        followed: new Map([...everything.followed.keys()].map((feedId) => [feedId, undefined])),
        feedRuns: new Map([[2, undefined]]),
        telling: null,
        feedEpochs: [],
      });
      expect(await store().readMeta()).toEqual({
        ...nothing,
        number: 2,
        clockMs: 1_700_000_000_124,
        catalogVersion: 18,
        position: everything.position,
        inbox: '0-0',
        sent: remembered.sent,
      });
    });

    it('is forgotten where one commit both says and forgets it', async () => {
      await owner.commit({
        ...everything,
        healed: [5],
        fanoutsDone: [fanout],
        edgeSetsDone: [8],
        timedTypesDone: ['contacts'],
        resendingDone: [1],
        receivingDone: [1],
        brokenDone: [1],
      });
      expect(await store().readMeta()).toEqual({
        ...remembered,
        failed: new Map(),
        edgeSets: new Map([[9, 9]]),
        timedTypes: new Set(),
        resending: new Set(),
        receiving: new Map([[0, 'receiving']]),
        broken: new Set(),
      });
    });

    it('holds its fan-outs, read piece by piece, those with the oldest news first', async () => {
      const more = [9, 10, 2].map((since, at) => ({ ...fanout, target: `t${at}`, since }));
      await owner.commit({ fanouts: [fanout, ...more] });
      const [third, fourth, first] = more;
      expect(await store().fanouts(0, 3)).toEqual([first, fanout, third]);
      expect(await store().fanouts(3, 3)).toEqual([fourth]);
      expect(await store().fanouts(4, 3)).toEqual([]);
      const moved = { ...fanout, cursor: 'd', since: 12 };
      await owner.commit({ fanouts: [moved], fanoutsDone: more.slice(1) });
      expect(await store().fanouts(0, 3)).toEqual([third, moved]);
      await owner.commit({ fanouts: [fourth!], fanoutsDone: [moved, fourth!] });
      expect(await store().fanouts(0, 3)).toEqual([third]);
    });

    it('knows where a channel stands that begins an epoch and sends at once', async () => {
      const entry = { target: 1, epoch: 7, sequence: 1, catalogVersion: 2, payload: '[]' };
      await owner.commit({ channels: [[1, { epoch: 7, sequence: 0 }]], outbox: [entry] });
      const { sent } = await store().readMeta();
      expect([...sent]).toEqual([[1, { epoch: 7, sequence: 1 }]]);
    });
  });

  describe('an outbox', () => {
    const entry = (sequence: number, target = 1) => ({
      target,
      epoch: 7,
      sequence,
      catalogVersion: 2,
      payload: `["${sequence}"]`,
    });
    const waits = (sequence: number) => ({
      sequence,
      catalogVersion: 2,
      payload: `["${sequence}"]`,
    });

    it('holds what is sent to each target, in order', async () => {
      await owner.commit({ outbox: [entry(1), entry(5, 0)] });
      await owner.commit({ outbox: [entry(2)] });
      expect(await store().outbox(1)).toEqual([waits(1), waits(2)]);
      expect(await store().outbox(1, 1)).toEqual([waits(1)]);
      expect(await store().outbox(0)).toEqual([waits(5)]);
    });

    it('holds no more what was delivered', async () => {
      await owner.commit({ outbox: [entry(1)] });
      await owner.commit({ outbox: [entry(2)] });
      await owner.commit({ outbox: [entry(3)], delivered: [[1, 2]] });
      expect(await store().outbox(1)).toEqual([waits(3)]);
      await owner.commit({ delivered: [[1, 3]] });
      expect(await store().outbox(1)).toEqual([]);
    });

    it('is not the outbox of another partition', async () => {
      await owner.commit({ outbox: [entry(1)] });
      expect(await world.stores[1]!.outbox(1)).toEqual([]);
    });
  });

  describe('a delivery', () => {
    const message = (sequence: number, given: Partial<Delivery> = {}): Delivery => ({
      source: 1,
      epoch: 1,
      base: 0,
      sequence,
      catalogVersion: 3,
      payload: `["${sequence}"]`,
      ...given,
    });
    const deliver = (sequence: number, given: Partial<Delivery> = {}) =>
      store().deliver(message(sequence, given));
    const arrived = async () => (await world.seen(0)).inbox.length;

    it('is appended when it is the next one, and only once', async () => {
      expect(await deliver(1)).toBe('appended');
      expect(await deliver(1)).toBe('duplicate');
      expect(await deliver(2)).toBe('appended');
      expect(await deliver(1)).toBe('duplicate');
      expect(await arrived()).toBe(2);
      expect((await store().channel(1)).position).toEqual({ epoch: 1, sequence: 2 });
    });

    it('is refused when one before it is missing', async () => {
      expect(await deliver(2)).toBe('gap');
      await deliver(1);
      expect(await deliver(3)).toBe('gap');
      expect(await arrived()).toBe(1);
    });

    it('of an older epoch is refused', async () => {
      await deliver(1, { epoch: 5 });
      expect(await deliver(2, { epoch: 4 })).toBe('old');
      expect(await arrived()).toBe(1);
    });

    it('of a newer epoch begins anew', async () => {
      await deliver(1);
      await deliver(2);
      expect(await deliver(2, { epoch: 2 })).toBe('gap');
      expect(await deliver(1, { epoch: 2 })).toBe('appended');
      expect((await store().channel(1)).position).toEqual({ epoch: 2, sequence: 1 });
    });

    it('counts all up to its base as delivered', async () => {
      expect(await deliver(9, { base: 8 })).toBe('appended');
      expect(await deliver(8, { base: 8 })).toBe('duplicate');
      expect(await deliver(11, { base: 8 })).toBe('gap');
      expect(await arrived()).toBe(1);
    });

    it('of another source is counted apart', async () => {
      await deliver(1);
      expect(await deliver(1, { source: 0 })).toBe('appended');
      expect(await deliver(2, { source: 0 })).toBe('appended');
      expect(await deliver(2)).toBe('appended');
    });

    it('of a large epoch keeps all its digits', async () => {
      const epoch = 1_838_000_000_000_001;
      await deliver(1, { epoch });
      expect((await store().channel(1)).position).toEqual({ epoch, sequence: 1 });
      expect(await deliver(2, { epoch: epoch - 1 })).toBe('old');
    });

    it('can be applied while the inbox holds it, not once a fail-over has lost it', async () => {
      await deliver(1);
      const { inbox } = await store().lastEntries();
      expect(await owner.commit({ inbox: '9-9' })).toBe('rolled-back');
      expect(await owner.commit({ inbox })).toBe('ok');
      expect((await store().readMeta()).inbox).toBe(inbox);
    });

    it('moves the end of the inbox', async () => {
      expect((await store().lastEntries()).inbox).toBe('0-0');
      await deliver(1);
      await deliver(2);
      expect((await store().lastEntries()).inbox).toBe((await world.seen(0)).inbox[1]);
    });
  });

  describe('an epoch', () => {
    const begin = (seen: string, epoch: number, sequence: number) =>
      store().beginEpoch({ source: 1, seen, epoch, sequence });
    const send = (epoch: number, sequence: number, base = 0) =>
      store().deliver({ source: 1, epoch, base, sequence, catalogVersion: 1, payload: '[]' });

    it('begins where nothing is stored', async () => {
      const { position, seen } = await store().channel(1);
      expect(position).toEqual({ epoch: 0, sequence: 0 });
      expect(await begin(seen, 5, 0)).toBe('begun');
      expect((await store().channel(1)).position).toEqual({ epoch: 5, sequence: 0 });
    });

    it('begins only if nothing has changed since it was looked', async () => {
      const { seen } = await store().channel(1);
      await send(1, 1);
      expect(await begin(seen, 5, 0)).toBe('moved');
      const now = (await store().channel(1)).seen;
      expect(await begin(now, 5, 1)).toBe('begun');
      expect(await begin(now, 6, 1)).toBe('moved');
      expect((await store().channel(1)).position).toEqual({ epoch: 5, sequence: 1 });
    });

    it('goes on from its sequence, and refuses what older ones still send', async () => {
      await send(1, 1);
      await begin((await store().channel(1)).seen, 5, 1);
      expect(await send(1, 2)).toBe('old');
      expect(await send(5, 1)).toBe('duplicate');
      expect(await send(5, 2)).toBe('appended');
    });

    it('may say that all state has to be sent anew', async () => {
      await send(1, 1);
      await begin((await store().channel(1)).seen, 5, -1);
      expect((await store().channel(1)).position).toEqual({ epoch: 5, sequence: -1 });
      expect(await send(5, 4, 3)).toBe('appended');
    });
  });

  describe.runIf(isForReaders)('what readers are told', () => {
    const flips = [feedFlip(3, true), feedFlip(4, false)];
    const told = {
      after: '0-0',
      control: [[FEED_NEWS.segment_ready, 9] as const],
      events: [['contacts', 'a:b', CAUSES.time, flips] as const],
    };

    it('is one entry of the feed for a commit that tells something', async () => {
      await owner.commit({ clockMs: 77 });
      await owner.commit({ clockMs: 77, feed: told });
      await owner.commit({ clockMs: 78 });
      expect((await world.seen(0)).readers?.feed).toEqual([{ id: '77-2', at: 77, ...told }]);
      expect((await store().readMeta()).feedEnd).toBe('77-2');
    });

    it('is for activations only what they follow', async () => {
      const both = ['hook', 'other'];
      await owner.commit({
        clockMs: 77,
        activations: [
          ['contacts', 'a', true, CAUSES.created, both],
          ['contacts', 'a', false, CAUSES.time, ['hook']],
          ['contacts', 'b', true, CAUSES.created, both],
        ],
      });
      await owner.commit({});
      expect((await world.seen(0)).readers?.activations).toEqual([
        { at: 77, told: ['a entered created', 'a left time', 'b entered created'], followers: 5 },
      ]);
    });

    it('are outcomes and dead letters', async () => {
      await owner.commit({
        clockMs: 77,
        outcomes: [{ replyTo: 'r.1', from: 0, total: 2, outcomes: ['created', 'updated'] }],
        dead: [
          { entry: '1-0', index: 2, code: 'change_failed', detail: 'it throws', letter: '{}' },
        ],
      });
      const { readers } = await world.seen(0);
      expect(readers?.outcomes).toEqual(['r.1']);
      expect(readers?.dead).toEqual([{ code: 'change_failed', letter: '{}', at: 77 }]);
    });
  });

  describe.runIf(isForReaders)('streams', () => {
    const entry = (payload: string, replyTo?: string) => ({ checkedAt: 4, replyTo, payload });

    it('keep what comes after the position of the last commit', async () => {
      const ids: string[] = [];
      for (let at = 0; at < 250; at++) ids.push(await world.appendLog(0, entry(`[${at}]`)));
      expect((await store().lastEntries()).log).toBe(ids.at(-1));
      await owner.commit({ position: { entry: ids[120]!, offset: 1 } });
      const { log } = await world.seen(0);
      expect(log.slice(-129)).toEqual(ids.slice(121));
      expect(log.length).toBeLessThan(250);
    });

    it('are followed from a position on: each entry once, in order', async () => {
      const before = await world.appendLog(0, entry('["before"]'));
      await world.appendLog(0, entry('["1"]', 'me.1'));
      const got: StoredLogEntry[] = [];
      world.tails[0]!.followLog(before, (entries) => got.push(...entries));
      await eventually(() => expect(got).toHaveLength(1));
      const second = await world.appendLog(0, entry('["2"]'));
      await eventually(() => expect(got).toHaveLength(2));
      expect(got[0]).toMatchObject({ checkedAt: 4, replyTo: 'me.1', payload: '["1"]' });
      expect(got[1]).toEqual({ id: second, checkedAt: 4, replyTo: undefined, payload: '["2"]' });
      await world.appendLog(1, entry('["other partition"]'));
      world.tails[0]!.unfollow();
      await world.appendLog(0, entry('["3"]'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(got).toHaveLength(2);
    });

    it('are followed no further while they are paused, and then from there on', async () => {
      const got: string[] = [];
      world.tails[0]!.followLog('0-0', (entries) => got.push(...entries.map((e) => e.payload)));
      await world.appendLog(0, entry('1'));
      await eventually(() => expect(got).toEqual(['1']));
      world.tails[0]!.pause('log');
      // A read that was under way when it was paused may still bring one.
      await world.appendLog(0, entry('2'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await world.appendLog(0, entry('3'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(got.length).toBeLessThan(3);
      world.tails[0]!.resume('log');
      await eventually(() => expect(got).toEqual(['1', '2', '3']));
    });

    it('of messages are followed alike', async () => {
      const got: StoredInboxEntry[] = [];
      world.tails[0]!.followInbox('0-0', (entries) => got.push(...entries));
      const base = { source: 1, epoch: 1, base: 0, catalogVersion: 3 };
      await store().deliver({ ...base, sequence: 1, payload: '["a"]' });
      await store().deliver({ ...base, sequence: 2, payload: '["b"]' });
      await eventually(() => expect(got).toHaveLength(2));
      expect(got[1]).toEqual({
        id: expect.any(String),
        from: 1,
        catalogVersion: 3,
        payload: '["b"]',
      });
    });
  });
});

function aggregate(counts: Aggregate['counts']): Aggregate {
  return { counts, sums: {}, lows: {}, highs: {} };
}

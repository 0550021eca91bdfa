/**
 * history.test.ts – The past of segments on a real server, from feeds that are written by hand:
 * whoever folds, in whatever portions, and whatever a fail-over takes, it is what the feeds tell.
 * The oracle counts hour by hour, and shares nothing with the folding.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FEED_NEWS } from '../../src/change/cause.ts';
import { feedFlip } from '../../src/change/feed-event.ts';
import { HistoryFolder } from '../../src/history/history-folder.ts';
import { SegmentHistory } from '../../src/history/segment-history.ts';
import { RedisHistoryStore } from '../../src/redis/history-store.ts';
import { Keys } from '../../src/redis/keys.ts';
import { FEED_FIELD, packFeed } from '../../src/redis/rows/feed-entry.ts';
import { replicate } from '../support/fail-over.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';
import { isWhole } from '../support/whole.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 10, 20);
const FEED_IDS = [7, 8, 9];
const SLUGS = FEED_IDS.map((feedId) => `s${feedId}`);
const PARTITIONS = 2;

let bench: ScriptBench;
let world: World;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  world = new World();
});

/** One commit that was told. `ready`: the size after it of a segment that it makes ready. */
interface Told {
  readonly at: number;
  readonly flips: readonly (readonly [feedId: number, enters: boolean])[];
  readonly ready?: readonly (readonly [feedId: number, size: number])[];
  readonly gone?: readonly number[];
}

class World {
  readonly keys = new Keys(freshPrefix(), PARTITIONS);
  readonly store = new RedisHistoryStore(bench.redis, this.keys.partitions);
  readonly feedSegments = new Map(
    FEED_IDS.map((id) => [id, { slug: `s${id}`, segment: String(id), object_type: 'c' }]),
  );
  /** By partition. */
  readonly told: Told[][] = [[], []];
  /** How often entries were seen to be lost. */
  lost = 0;

  folder(bytesMax = 1e9, timeZone = 'UTC'): HistoryFolder {
    const catalog = { feedSegments: this.feedSegments };
    const onLost = () => void (this.lost += 1);
    return new HistoryFolder({ store: this.store, timeZone, bytesMax, catalog, onLost });
  }

  history(timeZone = 'UTC'): SegmentHistory {
    const segments = new Map(
      FEED_IDS.map((feedId) => [`s${feedId}`, { slug: `s${feedId}`, feedId }]),
    );
    const catalogs = { catalog: { segments }, refresh: async () => ({ segments }) };
    return new SegmentHistory({
      store: this.store,
      catalogs: catalogs as never,
      folder: this.folder(1e9, timeZone),
      timeZone,
      pointsMax: 1e6,
    });
  }

  async tell(partition: number, told: Told): Promise<void> {
    const { feed, historySizes } = this.keys.partitions[partition]!;
    const before = this.told[partition]!.at(-1);
    const number = this.told[partition]!.push(told);
    const id = `${told.at}-${number}`;
    const packed = packFeed({
      at: told.at,
      after: before ? `${before.at}-${number - 1}` : '0-0',
      control: [
        ...(told.ready ?? []).map(([feedId]) => [FEED_NEWS.segment_ready, feedId] as const),
        ...(told.gone ?? []).map((feedId) => [FEED_NEWS.segment_deleted, feedId] as const),
      ],
      events: told.flips.map(([feedId, enters], at) => [
        'c',
        `r${at}`,
        1,
        [feedFlip(feedId, enters)],
      ]),
    });
    await bench.redis.xadd(feed, id, FEED_FIELD, packed);
    for (const [feedId, size] of told.ready ?? [])
      await bench.redis.hset(historySizes, `${feedId}:${id}`, size);
  }

  /** What is folded may go. */
  async foldAndTrim(partition: number): Promise<void> {
    await this.folder().foldAll(partition);
    await bench.redis.xtrim(this.keys.partitions[partition]!.feed, 'MAXLEN', 0);
  }

  /** Every segment is ready, with a hundred members. */
  async begin(at = START_MS): Promise<void> {
    for (const partition of this.told.keys())
      await this.tell(partition, { at, flips: [], ready: FEED_IDS.map((id) => [id, 100]) });
  }
}

/** Of one segment in one span, by hand: from the first of all entries to the last. */
function oracle(told: readonly Told[][], feedId: number, from: number, to: number) {
  let [count, entered, left]: [number | null, number, number] = [0, 0, 0];
  for (const entries of told) {
    let own: number | null = null;
    for (const { at, flips, ready = [], gone = [] } of entries) {
      if (at >= to) break;
      for (const [flipped, enters] of flips) {
        if (flipped !== feedId) continue;
        if (own !== null) own += enters ? 1 : -1;
        if (at >= from) [entered, left] = enters ? [entered + 1, left] : [entered, left + 1];
      }
      for (const [made, size] of ready) if (made === feedId) own = size;
      if (gone.includes(feedId)) own = null;
    }
    count = own === null || count === null ? null : count + own;
  }
  return count === null ? { count, entered: null, left: null } : { count, entered, left };
}

async function expectAsTold(toMs: number, step: 'hour' | 'day', timeZone = 'UTC'): Promise<void> {
  const span = { fromMs: START_MS - 2 * DAY_MS, toMs, step };
  const read = await world.history(timeZone).read(SLUGS, span, toMs);
  for (const feedId of FEED_IDS) {
    const points = read.get(`s${feedId}`)!;
    expect(points.length).toBeGreaterThan(2);
    const expected = points.map(({ at }, point) => {
      const endMs = points[point + 1]?.at ?? toMs;
      return { at, ...oracle(world.told, feedId, at, endMs) };
    });
    expect(points).toEqual(expected);
  }
}

const flips = fc.array(fc.tuple(fc.constantFrom(...FEED_IDS), fc.boolean()), { maxLength: 4 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('tell'),
      partition: fc.nat(1),
      flips,
      laterMs: fc.nat(3 * HOUR_MS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('again'),
      partition: fc.nat(1),
      feedId: fc.constantFrom(...FEED_IDS),
      size: fc.nat(500),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fold'), partition: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('both'), partition: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replicate'), partition: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail over'), partition: fc.nat(1) }) },
);

describe('the past', () => {
  it('is what the feeds tell, whoever folds and whatever is lost', { timeout: 120_000 }, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        world = new World();
        await world.begin();
        let nowMs = START_MS;
        const replicas = new Map<number, { back: () => Promise<void>; told: Told[] }>();
        for (const each of steps) {
          const { partition } = each;
          const told = world.told[partition]!;
          if ('flips' in each) {
            nowMs += each.laterMs;
            await world.tell(partition, { at: nowMs, flips: each.flips });
          } else if ('feedId' in each) {
            await world.tell(partition, {
              at: nowMs,
              flips: [],
              ready: [[each.feedId, each.size]],
            });
          } else if (each.kind === 'fold') await world.foldAndTrim(partition);
          else if (each.kind === 'both')
            await Promise.all([
              world.folder().foldAll(partition),
              world.folder().foldAll(partition),
            ]);
          else if (each.kind === 'replicate') {
            const back = await replicate(bench.redis, world.keys.partitions[partition]!);
            replicas.set(partition, { back, told: [...told] });
          } else {
            const replica = replicas.get(partition);
            if (!replica) continue;
            await replica.back();
            told.splice(0, told.length, ...replica.told);
            nowMs += 1;
          }
        }
        await expectAsTold(nowMs + 1, 'hour');
        await expectAsTold(nowMs + 1, 'day');
      }),
      { numRuns: isWhole ? 300 : 25 },
    ),
  );

  it('has the hours and days of a zone that is half an hour off', async () => {
    const timeZone = 'Asia/Kolkata';
    await world.begin();
    for (let at = START_MS; at < START_MS + DAY_MS; at += 20 * 60_000)
      await world.tell(0, {
        at,
        flips: [
          [7, true],
          [8, false],
        ],
      });
    await world.folder(1e9, timeZone).foldAll(0);
    await expectAsTold(START_MS + DAY_MS, 'hour', timeZone);
    await expectAsTold(START_MS + DAY_MS, 'day', timeZone);
    const span = { fromMs: START_MS, toMs: START_MS + DAY_MS, step: 'day' } as const;
    const [first] = (await world.history(timeZone).read(['s7'], span, span.toMs)).get('s7')!;
    expect(new Date(first!.at).toISOString()).toBe('2026-11-19T18:30:00.000Z');
  });

  it('has no numbers before a segment is ready, and none after it is gone', async () => {
    await world.begin(START_MS + HOUR_MS);
    await world.tell(0, { at: START_MS + 5 * HOUR_MS, flips: [[7, false]], gone: [7] });
    await world.tell(0, { at: START_MS + 9 * HOUR_MS, flips: [], ready: [[7, 3]] });
    await expectAsTold(START_MS + 12 * HOUR_MS, 'hour');
    for (const partition of [0, 1]) await world.folder().foldAll(partition);
    await expectAsTold(START_MS + 12 * HOUR_MS, 'hour');
  });

  it('has no numbers after a loss, until a segment is ready anew', async () => {
    await world.begin();
    await world.folder().foldAll(0);
    for (let hour = 1; hour < 4; hour++)
      await world.tell(0, { at: START_MS + hour * HOUR_MS, flips: [[7, true]] });
    await bench.redis.xtrim(world.keys.partitions[0]!.feed, 'MAXLEN', 1);
    const span = { fromMs: START_MS, toMs: START_MS + 8 * HOUR_MS, step: 'hour' } as const;
    const numbers = async () =>
      (await world.history().read(['s7'], span, span.toMs)).get('s7')!.map(({ count }) => count);
    expect(await numbers()).toEqual(Array(8).fill(null));
    await world.folder().foldAll(0);
    expect(world.lost).toBe(1);
    await world.tell(0, { at: START_MS + 6 * HOUR_MS, flips: [], ready: [[7, 50]] });
    expect(await numbers()).toEqual([...Array(6).fill(null), 150, 150]);
  });

  it('is folded once, though the feed is trimmed then', async () => {
    const { feed, meta, historySizes } = world.keys.partitions[0]!;
    await world.begin();
    await world.tell(0, { at: START_MS + HOUR_MS, flips: [[7, true]] });
    expect(await world.folder().foldAll(0)).toBe(true);
    const folded = await bench.redis.hget(meta, 'history-folded');
    expect(folded).toBe(`${START_MS + HOUR_MS}-2`);
    expect(await bench.redis.exists(historySizes)).toBe(0);
    await bench.redis.xtrim(feed, 'MAXLEN', 0);
    expect(await world.folder().foldAll(0)).toBe(false);
    await expectAsTold(START_MS + 3 * HOUR_MS, 'hour');
  });

  it('is folded once, though meta has lost how far it is', async () => {
    await world.begin();
    await world.tell(0, { at: START_MS + HOUR_MS, flips: [[7, true]] });
    await world.folder().foldAll(0);
    await bench.redis.hdel(world.keys.partitions[0]!.meta, 'history-folded');
    await world.tell(0, { at: START_MS + 2 * HOUR_MS, flips: [[7, true]] });
    await expectAsTold(START_MS + 4 * HOUR_MS, 'hour');
    await world.folder().foldAll(0);
    await expectAsTold(START_MS + 4 * HOUR_MS, 'hour');
    expect(world.lost).toBe(0);
  });

  it('has no number from a gap in the feed on, wherever it is', async () => {
    await world.begin();
    for (let hour = 1; hour < 5; hour++)
      await world.tell(0, { at: START_MS + hour * HOUR_MS, flips: [[7, true]] });
    const { feed } = world.keys.partitions[0]!;
    await bench.redis.xdel(feed, `${START_MS + 3 * HOUR_MS}-4`);
    await world.folder().foldAll(0);
    const from = START_MS;
    const points = await world
      .history()
      .read(['s7'], { fromMs: from, toMs: from + 5 * HOUR_MS, step: 'hour' }, from + 5 * HOUR_MS);
    expect(points.get('s7')!.map(({ count }) => count)).toEqual([200, 201, null, null, null]);
  });

  it('is not written over by one who has read it before another has folded', async () => {
    await world.begin();
    const early = await world.store.tail(0);
    for (let hour = 1; hour < 4; hour++)
      await world.tell(0, { at: START_MS + hour * HOUR_MS, flips: [[7, true]] });
    await world.folder().foldAll(0);
    const foldedTo = early.entries.at(-1)!.id;
    expect(await world.store.change(0, { mark: early.mark, foldedTo })).toBe('moved');
    await world.folder().foldAll(0);
    await expectAsTold(START_MS + 5 * HOUR_MS, 'hour');
  });

  it('does not take in what a fail-over has taken since it was read', async () => {
    const [keys] = world.keys.partitions;
    await world.begin();
    const back = await replicate(bench.redis, keys!);
    await world.tell(0, { at: START_MS + HOUR_MS, flips: [[7, true]] });
    const { mark, entries } = await world.store.tail(0);
    await back();
    const change = { mark, foldedTo: entries.at(-1)!.id, open: new Map() };
    expect(await world.store.change(0, change)).toBe('moved');
  });
});

describe('what is kept', () => {
  /** Something happens in each of so many hours, up to a moment. */
  async function busy(hours: number, untilMs: number): Promise<void> {
    await world.begin(untilMs - hours * HOUR_MS);
    for (let hour = hours; hour > 0; hour -= 1)
      await world.tell(0, {
        at: untilMs - hour * HOUR_MS,
        flips: FEED_IDS.map((id) => [id, hour % 3 > 0] as const),
      });
    for (const partition of [0, 1]) await world.folder().foldAll(partition);
  }
  const bytes = async () =>
    [...(await world.store.tail(0)).months.values()].reduce((sum, each) => sum + each, 0);

  it('stays below its bound: the oldest months go, and their hours have no numbers', async () => {
    const untilMs = START_MS + 10 * DAY_MS;
    await busy(60 * 24, untilMs);
    const before = await world.history().read(
      ['s7'],
      {
        fromMs: untilMs - 20 * DAY_MS,
        toMs: untilMs,
        step: 'hour',
      },
      untilMs,
    );
    const most = Math.floor((await bytes()) * 0.8);
    await world.folder(most * PARTITIONS).keepWithin(0, untilMs);
    expect(await bytes()).toBeLessThanOrEqual(most);
    const span = { fromMs: untilMs - 59 * DAY_MS, toMs: untilMs, step: 'hour' } as const;
    const after = (await world.history().read(['s7'], span, untilMs)).get('s7')!;
    expect(after[0]).toMatchObject({ count: null, entered: null, left: null });
    expect(after.slice(-20 * 24)).toEqual(before.get('s7')!.slice(-20 * 24));
  });

  it('loses the older half of the only month that is left', async () => {
    const untilMs = Date.UTC(2026, 10, 29);
    await busy(20 * 24, untilMs);
    const most = Math.floor((await bytes()) * 0.7);
    await world.folder(most * PARTITIONS).keepWithin(0, untilMs);
    expect(await bytes()).toBeLessThanOrEqual(most);
    const span = { fromMs: untilMs - 19 * DAY_MS, toMs: untilMs, step: 'hour' } as const;
    const points = (await world.history().read(['s7'], span, untilMs)).get('s7')!;
    expect(points[0]!.count).toBeNull();
    expect(points.at(-1)).toMatchObject(oracle(world.told, 7, points.at(-1)!.at, untilMs));
  });

  it('is by day after 90 days: days say the same, and hours are refused', async () => {
    const untilMs = START_MS + 10 * DAY_MS;
    await busy(50 * 24, untilMs);
    const span = { fromMs: untilMs - 50 * DAY_MS, toMs: untilMs, step: 'day' } as const;
    const laterMs = untilMs + 150 * DAY_MS;
    const before = await world.history().read(SLUGS, span, laterMs);
    const whole = await bytes();
    await world.folder().keepWithin(0, laterMs);
    expect(await bytes()).toBeLessThan(whole / 4);
    expect(await world.history().read(SLUGS, span, laterMs)).toEqual(before);
    await expect(
      world.history().read(SLUGS, { ...span, step: 'hour' }, laterMs),
    ).rejects.toMatchObject({ code: 'body_invalid', errors: [{ path: '/from' }] });
  });

  it('goes with the feed id of a deleted segment', async () => {
    await busy(40, START_MS);
    world.feedSegments.delete(8);
    await world.folder().keepWithin(0, START_MS);
    expect((await world.store.feedIds(0)).sort()).toEqual([7, 9]);
  });
});

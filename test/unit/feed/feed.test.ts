/**
 * feed.test.ts – However it is read, in pages or as it happens, by one reader or by one after the
 * other, the feed tells the same: each event once, a record's in their order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../../src/change/partition.ts';
import type { FeedFilter, ToldEvent } from '../../../src/feed/told-events.ts';
import { MemoryFeed } from '../../support/memory-feed.ts';

const PARTITIONS = 3;
const IDS = Array.from({ length: 12 }, (_, n) => `c${n}`);

/** As a line: what is told and of which record. */
const line = (told: ToldEvent) =>
  `${told.event} ${told.segment}${'id' in told ? ` ${told.id}` : ''} ${told.at}`;

interface Step {
  readonly id: number;
  readonly segment: number;
  readonly enters: boolean;
  /** Further flips of the same commit. */
  readonly more: number;
}
const steps = fc.array(
  fc.record({
    id: fc.nat(IDS.length - 1),
    segment: fc.integer({ min: 1, max: 3 }),
    enters: fc.boolean(),
    more: fc.nat(3),
  }),
  { maxLength: 40 },
);

function play(world: MemoryFeed, given: readonly Step[]): void {
  for (const { id, segment, enters, more } of given) {
    const partition = partitionOf(IDS[id]!, PARTITIONS);
    const own = IDS.filter((each) => partitionOf(each, PARTITIONS) === partition);
    const flips = [IDS[id]!, ...own.slice(0, more)].map((each) => [each, segment, enters] as const);
    world.commit(partition, flips, more === 3 ? [['segment_ready', segment]] : []);
    if (more === 2) world.commit(id % PARTITIONS);
  }
}

async function pages(
  world: MemoryFeed,
  cursor: string,
  limit: number,
  filter: FeedFilter = {},
): Promise<{ told: string[]; cursor: string }> {
  const told: string[] = [];
  for (let at = cursor; ; ) {
    const page = await world.feed.page(at, filter, limit, line);
    told.push(...page.data);
    at = page.cursor;
    if (page.isEnd) return { told, cursor: at };
  }
}

/** Every event with the cursor after it. */
async function cursorsOf(world: MemoryFeed, filter: FeedFilter = {}): Promise<[string, string][]> {
  const { data } = await world.feed.page(
    'oldest',
    filter,
    10_000,
    (told, cursor) => [line(told), cursor] as [string, string],
  );
  return [...data];
}

describe('pages', () => {
  it('tell the same whatever their length, and from every cursor on', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, fc.integer({ min: 1, max: 7 }), async (some, more, limit) => {
        const world = new MemoryFeed(PARTITIONS);
        play(world, some);
        const first = await pages(world, 'oldest', limit);
        const known = await cursorsOf(world);
        expect(first.told).toEqual(known.map(([told]) => told));
        play(world, more);
        const all = (await cursorsOf(world)).map(([told]) => told);
        expect([...first.told, ...(await pages(world, first.cursor, limit)).told]).toEqual(all);
        for (const [at, [, cursor]] of known.entries())
          expect((await pages(world, cursor, limit)).told).toEqual(all.slice(at + 1));
      }),
      { numRuns: 15 },
    );
  });

  it.each<[string, FeedFilter, (told: string) => boolean]>([
    ['a segment', { segments: new Set(['s2']) }, (told) => told.includes(' s2 ')],
    ['a record', { id: 'c3' }, (told) => told.includes(' c3 ')],
    ['another type', { objectType: 'orders' }, () => false],
  ])('of %s tell all of it and no more', async (_, filter, isWanted) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 7 }), async (given, limit) => {
        const world = new MemoryFeed(PARTITIONS);
        play(world, given);
        const all = (await cursorsOf(world)).map(([told]) => told);
        expect((await pages(world, 'oldest', limit, filter)).told).toEqual(all.filter(isWanted));
      }),
      { numRuns: 15 },
    );
  });

  it('of a record ask its partition alone', async () => {
    const world = new MemoryFeed(PARTITIONS);
    for (const id of IDS) world.put(id, 1, true);
    world.reads = 0;
    await pages(world, 'oldest', 100, { id: 'c3' });
    expect(world.reads).toBe(1);
  });

  it('look at so much and no more, and go on behind it', async () => {
    const world = new MemoryFeed(PARTITIONS);
    for (let n = 0; n < 5000; n++) world.put(IDS[n % IDS.length]!, 1, n % 2 === 0);
    world.put('c3', 2, true);
    const filter = { segments: new Set(['s2']) };
    const first = await world.feed.page('oldest', filter, 100, line);
    expect([first.data, first.isEnd, world.entriesRead < 4500]).toEqual([[], false, true]);
    expect((await pages(world, first.cursor, 100, filter)).told).toHaveLength(1);
  });

  it('from now on tell nothing of before', async () => {
    const world = new MemoryFeed(PARTITIONS);
    world.put('c1', 1, true);
    const now = await world.feed.now();
    world.put('c1', 1, false);
    expect((await pages(world, now, 10)).told).toEqual([expect.stringContaining('left s1 c1')]);
  });
});

describe('an entry that another program has taken away', () => {
  const expired = expect.objectContaining({ code: 'cursor_expired' });

  it.each([
    ['the first', 0],
    ['one in the middle', 2],
    ['the last', 4],
  ])('is passed over by nobody: %s', async (_, place) => {
    const world = new MemoryFeed(1);
    const ids = ['c1', 'c2', 'c3', 'c4', 'c5'];
    for (const id of ids) world.put(id, 1, true);
    const known = await cursorsOf(world);
    world.lose(0, place);
    for (const limit of [1, 2, 9]) {
      for (const [at, [, cursor]] of known.entries()) {
        const rest = pages(world, cursor, limit);
        if (at < place) await expect(rest).rejects.toEqual(expired);
        else expect((await rest).told).toEqual(known.slice(at + 1).map(([told]) => told));
      }
    }
    world.put('c6', 1, true);
    const { told } = await pages(world, known.at(-1)![1], 9);
    expect(told).toEqual([expect.stringContaining('entered s1 c6')]);
  });
});

describe('what is not kept any more', () => {
  it('is refused to who has not read it, and missed by nobody else', async () => {
    const world = new MemoryFeed(1);
    for (const id of ['c1', 'c2', 'c3', 'c4']) world.put(id, 1, true);
    const known = await cursorsOf(world);
    world.trim(0, 1);
    const expired = expect.objectContaining({ code: 'cursor_expired' });
    for (const at of [0, 1]) await expect(pages(world, known[at]![1], 9)).rejects.toEqual(expired);
    expect((await pages(world, known[2]![1], 9)).told).toEqual([known[3]![0]]);
    expect((await pages(world, 'oldest', 9)).told).toEqual([known[3]![0]]);
    world.trim(0, 0);
    expect((await pages(world, known[3]![1], 9)).told).toEqual([]);
  });

  it('is refused to who has read a part of an entry of it', async () => {
    const world = new MemoryFeed(1);
    world.commit(0, [
      ['c1', 1, true],
      ['c2', 1, true],
    ]);
    const [[, half], [, whole]] = (await cursorsOf(world)) as [[string, string], [string, string]];
    world.trim(0, 0);
    await expect(pages(world, half, 9)).rejects.toMatchObject({ code: 'cursor_expired' });
    expect((await pages(world, whole, 9)).told).toEqual([]);
  });

  it('expires no cursor of a partition in which nothing happened since', async () => {
    const world = new MemoryFeed(2);
    for (let n = 0; n < 9; n++) world.commit(0, [['x', 1, n % 2 === 0]]);
    world.commit(1, [['y', 1, true]]);
    const { cursor } = await pages(world, 'oldest', 9);
    world.trim(0, 0);
    world.trim(1, 0);
    expect((await pages(world, cursor, 9)).told).toEqual([]);
  });
});

describe.each([true, false])('after a roll-back (that was noticed: %s)', (isNoticed) => {
  it('a reader goes on where the partition was rolled back to', async () => {
    const world = new MemoryFeed(1);
    for (const id of ['c1', 'c2', 'c3']) world.put(id, 1, true);
    const known = await cursorsOf(world);
    world.rollBack(0, 2, isNoticed);
    const ids = ['c7', 'c8', 'c9'];
    for (const id of ids) world.put(id, 1, true);
    const after = ids.map((id) => expect.stringContaining(`entered s1 ${id}`));
    // Of the others nobody would know where they stand.
    for (const at of isNoticed ? [0, 1, 2] : [0])
      expect((await pages(world, known[at]![1], 9)).told).toEqual(after);
  });

  it('a reader that stands beyond the last commit is not stuck there', async () => {
    const world = new MemoryFeed(1);
    for (const id of ['c1', 'c2', 'c3']) world.put(id, 1, true);
    const before = (await cursorsOf(world)).at(-1)![1];
    world.rollBack(0, 2, isNoticed);
    const { told, cursor } = await pages(world, before, 9);
    world.put('c8', 1, true);
    expect([...told, ...(await pages(world, cursor, 9)).told]).toEqual([
      expect.stringContaining('entered s1 c8'),
    ]);
  });
});

/**
 * follow.test.ts – Whoever follows the feed, dies and is resumed from the last event that he saw,
 * has seen each event once, in the order of its record; and nothing runs on for who has gone.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { FeedFilter } from '../../../src/feed/told-events.ts';
import { chooser } from '../../support/memory-deployment.ts';
import { MemoryFeed } from '../../support/memory-feed.ts';

const PARTITIONS = 3;
const IDS = Array.from({ length: 12 }, (_, n) => `c${n}`);

const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 30_000, interval: 5 });

/** What one reader has seen, over all its lives. */
class Reader {
  readonly seen: string[] = [];
  cursor: string;
  readonly #world: MemoryFeed;
  readonly #filter: FeedFilter;
  #life = new AbortController();
  #living: Promise<void> = Promise.resolve();

  constructor(world: MemoryFeed, cursor: string, filter: FeedFilter = {}) {
    this.#world = world;
    this.cursor = cursor;
    this.#filter = filter;
  }

  /** `pauses`: turns of the event loop between two parts. */
  live(pauses = 0): void {
    this.#life = new AbortController();
    this.#living = this.#follow(this.#life.signal, pauses);
  }

  async die(): Promise<void> {
    this.#life.abort();
    await this.#living;
  }

  async #follow(signal: AbortSignal, pauses: number): Promise<void> {
    for await (const { lines, cursor } of this.#world.feed.follow(
      this.cursor,
      this.#filter,
      signal,
    )) {
      for (const { told, cursor: at } of lines) {
        if (signal.aborted) return; // it died in the middle of a part
        this.seen.push(`${told.event} ${told.segment} ${'id' in told ? told.id : ''} ${told.at}`);
        this.cursor = at;
        if (pauses > 0) await turn();
      }
      if (lines.length === 0) this.cursor = cursor;
      for (let n = 0; n < pauses; n++) await turn();
    }
  }
}

async function all(world: MemoryFeed, filter: FeedFilter = {}): Promise<readonly string[]> {
  const page = await world.feed.page(
    'oldest',
    filter,
    100_000,
    (told) => `${told.event} ${told.segment} ${'id' in told ? told.id : ''} ${told.at}`,
  );
  return page.data;
}

/** In the order of their partition, which the time of an event names here. */
const sorted = (lines: readonly string[]) => [...lines].sort();

describe('a reader who follows the feed', () => {
  it.each([
    [1, 1_000_000],
    [2, 1_000_000],
    [3, 5000],
    [4, 5000],
  ])('dies again and again and has seen it once (seed %i, %i bytes kept)', async (seed, bytes) => {
    const choose = chooser(seed);
    const world = new MemoryFeed(PARTITIONS, bytes);
    const filters: FeedFilter[] = [{}, { segments: new Set(['s2']) }, { id: 'c3' }];
    for (let n = 0; n < 50; n++) world.put(IDS[choose(IDS.length)]!, 1 + choose(3), n % 2 === 0);
    const readers = filters.map((filter) => new Reader(world, 'oldest', filter));
    for (const reader of readers) reader.live(choose(4));
    for (let n = 0; n < 1200; n++) {
      world.put(IDS[choose(IDS.length)]!, 1 + choose(3), n % 2 === 0);
      if (choose(3) === 0) world.commit(choose(PARTITIONS));
      if (choose(4) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (choose(30) > 0) continue;
      const reader = readers[choose(readers.length)]!;
      await reader.die();
      reader.live(choose(4));
    }
    for (const [at, reader] of readers.entries()) {
      const told = await all(world, filters[at]);
      await until(() => reader.seen.length >= told.length);
      await reader.die();
      expect(sorted(reader.seen)).toEqual(sorted(told));
      for (const id of IDS) {
        const own = (lines: readonly string[]) => lines.filter((each) => each.includes(` ${id} `));
        expect(own(reader.seen)).toEqual(own(told));
      }
    }
  });

  it('is told of a commit at once, and of one of which no news came a moment later', async () => {
    const world = new MemoryFeed(PARTITIONS);
    const reader = new Reader(world, 'now');
    reader.live();
    await until(() => reader.cursor !== 'now');
    world.put('c1', 1, true);
    await until(() => reader.seen.length === 1);
    world.news.tell = () => {};
    world.put('c2', 1, true);
    await until(() => reader.seen.length === 2);
    await reader.die();
  });

  it('leaves nothing running', async () => {
    const world = new MemoryFeed(PARTITIONS);
    const readers = Array.from({ length: 5 }, () => new Reader(world, 'oldest'));
    for (const reader of readers) reader.live();
    await until(() => readers.every(({ cursor }) => cursor !== 'oldest'));
    expect(world.feed.followers).toBe(5);
    await Promise.all(readers.map((reader) => reader.die()));
    expect(world.feed.followers).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { reads } = world;
    world.put('c1', 1, true);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(world.reads).toBe(reads);
  });

  it('goes on after a roll-back, and sees what is told again', async () => {
    const world = new MemoryFeed(1);
    const reader = new Reader(world, 'now');
    reader.live();
    await until(() => reader.cursor !== 'now');
    for (const id of ['c1', 'c2', 'c3']) world.put(id, 1, true);
    await until(() => reader.seen.length === 3);
    world.rollBack(0, 2);
    for (const id of ['c2', 'c4']) world.put(id, 1, true);
    await until(() => reader.seen.length === 5);
    await reader.die();
    expect(reader.seen.map((each) => each.split(' ')[2])).toEqual(['c1', 'c2', 'c3', 'c2', 'c4']);
  });

  it('is refused at once if its cursor is of long ago, or is none', async () => {
    const world = new MemoryFeed(1);
    for (const id of ['c1', 'c2', 'c3']) world.put(id, 1, true);
    const { cursor } = await world.feed.page('oldest', {}, 1, () => true);
    world.trim(0, 0);
    const begin = (from: string) =>
      world.feed.follow(from, {}, new AbortController().signal).next();
    await expect(begin(cursor)).rejects.toMatchObject({ code: 'cursor_expired' });
    await expect(begin('x')).rejects.toMatchObject({ code: 'cursor_invalid' });
    expect(world.feed.followers).toBe(0);
  });
});

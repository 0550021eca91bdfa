/**
 * list.test.ts – Which segments the list shows, and in which order.
 */
import { describe, expect, it } from 'vitest';
import { type ListWish, listed } from '../../../src/console/pages/segments/list.ts';
import { movedByHour, movedIn } from '../../../src/console/pages/segments/trends.ts';
import type { ListedSegment } from '../../../src/console/server/queries.ts';

const segment = (slug: string, given: Partial<ListedSegment>): ListedSegment => ({
  slug,
  title: slug,
  words: 'Contacts',
  object_type: 'contacts',
  status: 'ready',
  progress: 1,
  freshness: { as_of_time: '', lag_entries: 0, lag_ms: 0 },
  revision: 1,
  used_by: [],
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
  ...given,
});

const SEGMENTS = [
  segment('lapsing', { title: 'Lapsing', words: 'Contacts whose last seen at is before 1 Jan' }),
  segment('b-10', { title: 'B 10', object_type: 'orders', used_by: ['x', 'y'] }),
  segment('b-9', { title: 'b 9', status: 'building', updated_at: '2026-02-01T00:00:00.000Z' }),
];
const WISH: ListWish = { text: '', type: '', status: 'any', order: 'used' };
const COUNTS = new Map([
  ['lapsing', { slug: 'lapsing', count: 0, status: 'ready' as const, revision: 1 }],
  ['b-10', { slug: 'b-10', count: 7, status: 'ready' as const, revision: 1 }],
]);

function slugsFor(wish: Partial<ListWish>): string[] {
  const usesOf = ({ used_by }: ListedSegment) => ({
    views: 0,
    webhooks: 0,
    segments: used_by.length,
  });
  return listed(SEGMENTS, { ...WISH, ...wish }, { usesOf, counts: COUNTS }).map(({ slug }) => slug);
}

describe('the list', () => {
  it('finds by title, slug and field, as it is declared or as it reads', () => {
    expect(slugsFor({ text: 'LAPS' })).toEqual(['lapsing']);
    expect(slugsFor({ text: 'b-9' })).toEqual(['b-9']);
    expect(slugsFor({ text: 'last_seen_at' })).toEqual(['lapsing']);
    expect(slugsFor({ text: 'last seen' })).toEqual(['lapsing']);
    expect(slugsFor({ text: 'nothing like it' })).toEqual([]);
  });

  it('keeps to a type and a status', () => {
    expect(slugsFor({ type: 'orders' })).toEqual(['b-10']);
    expect(slugsFor({ status: 'building' })).toEqual(['b-9']);
  });

  it('has each order, and goes by title among equals, as people count', () => {
    expect(slugsFor({ order: 'used' })).toEqual(['b-10', 'b-9', 'lapsing']);
    expect(slugsFor({ order: 'title' })).toEqual(['b-9', 'b-10', 'lapsing']);
    expect(slugsFor({ order: 'edited' })).toEqual(['b-9', 'b-10', 'lapsing']);
    // One without a number comes after one with 0.
    expect(slugsFor({ order: 'members' })).toEqual(['b-10', 'lapsing', 'b-9']);
  });
});

describe('trends', () => {
  const point = (at: string, entered: number | null, left: number | null) => ({
    at,
    count: null,
    entered,
    left,
  });

  it('add up hour by hour, and what is not known counts as none', () => {
    const one = [point('2026-01-01T10', 1, 0), point('2026-01-01T11', null, null)];
    const two = [point('2026-01-01T11', 2, 3)];
    expect(movedIn(one)).toEqual({ entered: 1, left: 0 });
    expect(movedByHour([two, one])).toEqual([
      { entered: 1, left: 0 },
      { entered: 2, left: 3 },
    ]);
  });
});

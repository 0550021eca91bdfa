/**
 * timers.test.ts – An owner that sleeps until `nextMs` misses no record that is due.
 */
import { describe, expect, it } from 'vitest';
import { CORE_LIMITS } from '../../../src/engine/core-limits.ts';
import type { DueRecord } from '../../../src/engine/partition-store.ts';
import { Timers } from '../../../src/engine/timers.ts';

const limits = { ...CORE_LIMITS, dueRecordsMax: 2 };
const due = (id: string, dueMs: number): DueRecord => ({ objectType: 'contacts', id, dueMs });

/** Takes what is due at `nowMs` of these, which the store says are the first. */
function taken(timers: Timers, nowMs: number, ...stored: DueRecord[]): string[] {
  const taking = timers.take(nowMs, 10);
  let next = taking.next();
  if (!next.done) next = taking.next(stored.slice(0, 3));
  return (next.value as readonly DueRecord[]).map(({ id }) => id);
}

const nextMs = (timers: Timers) => timers.nextMs({ isHeldBack: false } as never);

describe('timers', () => {
  it('are looked at after a take-over, whenever the first one is due', () => {
    const timers = new Timers(limits);
    expect(nextMs(timers)).toBe(0);
    expect(taken(timers, 10, due('a', 50))).toEqual([]);
    expect(nextMs(timers)).toBe(50);
  });

  it('are taken the earliest first, no more than a batch has room for', () => {
    const timers = new Timers(limits);
    expect(taken(timers, 10, due('a', 1), due('b', 2), due('c', 3))).toEqual(['a', 'b']);
    timers.committed({ timers: [], fired: 2 });
    expect(nextMs(timers)).toBe(3);
  });

  it('stay due as long as the step did not come to all of them', () => {
    const timers = new Timers(limits);
    taken(timers, 10, due('a', 1), due('b', 2));
    timers.committed({ timers: [], fired: 1 });
    expect(nextMs(timers)).toBe(0);
  });

  it('are earlier when a commit says so', () => {
    const timers = new Timers(limits);
    taken(timers, 10);
    expect(nextMs(timers)).toBe(Number.POSITIVE_INFINITY);
    timers.committed({ timers: [{ objectType: 'contacts', id: 'a', due: 30 }], fired: 0 });
    expect(nextMs(timers)).toBe(30);
  });

  it('are not looked at while the outbox is full', () => {
    const timers = new Timers(limits);
    expect(timers.nextMs({ isHeldBack: true } as never)).toBe(Number.POSITIVE_INFINITY);
  });
});

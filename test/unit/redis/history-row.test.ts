/**
 * history-row.test.ts – What is packed of a month is read back as it was, in few bytes.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HistoryBucket } from '../../../src/history/history-bucket.ts';
import { packBuckets, readBuckets } from '../../../src/redis/rows/history-row.ts';

const MINUTE_MS = 60_000;

/** Ascending, and consistent: a count follows from the one before, unless it is anew. */
const buckets = fc
  .array(
    fc.record({
      minutes: fc.integer({ min: 1, max: 100_000 }),
      entered: fc.nat(100_000),
      left: fc.nat(100_000),
      anew: fc.option(fc.option(fc.nat(1_000_000)), { nil: undefined, freq: 3 }),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let at = 29_000_000 * MINUTE_MS;
    let count: number | null = 1_000_000_000;
    return steps.map(({ minutes, entered, left, anew }): HistoryBucket => {
      at += minutes * MINUTE_MS;
      if (anew !== undefined) count = anew;
      else if (count !== null) count += entered - left;
      return { at, count, entered, left, isAnew: anew !== undefined };
    });
  });

it('what is packed is read back', () => {
  fc.assert(
    fc.property(buckets, (given) => {
      expect(readBuckets(packBuckets(given))).toEqual(given);
    }),
  );
});

it('a month in which something happened in each hour takes about six bytes an hour', () => {
  const hours = Array.from({ length: 720 }, (_, hour) => ({
    at: Date.UTC(2026, 10, 1, hour),
    count: 1000 + hour * 2,
    entered: 12,
    left: 10,
    isAnew: false,
  }));
  expect(packBuckets(hours).length).toBeLessThan(720 * 7 + 20);
});

/**
 * history-bucket.ts – One hour, or one day, of a segment in one partition: how many members it had
 * at its end, and how many entered and left.
 *
 * Keeps true: hours and days are those of the deployment's clocks. Buckets of a list are ascending,
 * each begins at another moment, and an hour in which nothing happened has none: its number is that
 * of the bucket before.
 */
import { dateAt, startOfDate, wallClockAt } from '../change/time-zone.ts';

export interface HistoryBucket {
  /** Its first instant, in ms since 1970: a whole minute. */
  readonly at: number;
  /** Members at its end; null: the feed did not tell of the segment then. */
  readonly count: number | null;
  readonly entered: number;
  readonly left: number;
  /** `count` does not follow from what was before: the feed has begun to tell, or has ended. */
  readonly isAnew: boolean;
}

export const HISTORY_STEPS = ['hour', 'day'] as const;
export type HistoryStep = (typeof HISTORY_STEPS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The start of the hour, as clocks of the zone show it, that an instant lies in. */
function hourAt(instant: number, timeZone: string): number {
  const wallMs = wallClockAt(instant, timeZone);
  return instant - (wallMs - Math.floor(wallMs / HOUR_MS) * HOUR_MS);
}

/** The start of the hour or day that an instant lies in. */
export function bucketAt(instant: number, step: HistoryStep, timeZone: string): number {
  return step === 'hour'
    ? hourAt(instant, timeZone)
    : startOfDate(dateAt(instant, timeZone), timeZone);
}

/** The start of the next hour or day. */
export function nextBucket(at: number, step: HistoryStep, timeZone: string): number {
  if (step === 'hour') return hourAt(at + HOUR_MS, timeZone);
  return startOfDate(dateAt(at, timeZone) + DAY_MS, timeZone);
}

/** The month, as clocks of the zone show it: `2026-11`. */
export function monthAt(instant: number, timeZone: string): string {
  return new Date(wallClockAt(instant, timeZone)).toISOString().slice(0, 7);
}

/** Members before a bucket; null: nobody knows, or the feed did not tell of the segment. */
export function countBefore({ count, entered, left, isAnew }: HistoryBucket): number | null {
  return isAnew || count === null ? null : count - entered + left;
}

/** The buckets of one day each. */
export function byDay(buckets: readonly HistoryBucket[], timeZone: string): HistoryBucket[] {
  const days: HistoryBucket[] = [];
  for (const bucket of buckets) {
    const at = bucketAt(bucket.at, 'day', timeZone);
    const last = days.at(-1);
    if (last?.at === at) days[days.length - 1] = joined(last, bucket);
    else days.push({ ...bucket, at });
  }
  return days;
}

/** A bucket, and what came after it in the same span. */
export function joined(first: HistoryBucket, then: HistoryBucket): HistoryBucket {
  return {
    at: first.at,
    count: then.count,
    entered: first.entered + then.entered,
    left: first.left + then.left,
    isAnew: first.isAnew || then.isAnew,
  };
}

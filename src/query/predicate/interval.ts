/**
 * interval.ts – Intervals over the values of an attribute, and which values lie in them.
 *
 * Keeps true: both bounds have one JS type, and a value of another type lies in no interval of it.
 */
import type { Interval, Scalar } from './predicate.ts';

export const UNBOUNDED: Interval = {
  low: null,
  lowInclusive: false,
  high: null,
  highInclusive: false,
};

export function isEmptyInterval({ low, lowInclusive, high, highInclusive }: Interval): boolean {
  if (low === null || high === null) return false;
  return low > high || (low === high && !(lowInclusive && highInclusive));
}

export function isPoint({ low, high }: Interval): boolean {
  return low !== null && low === high;
}

/** The JS type that the bounds share. */
export function boundType(intervals: readonly Interval[]): 'string' | 'number' {
  const bound = intervals.flatMap(({ low, high }) => [low, high]).find((value) => value !== null);
  return typeof bound === 'number' ? 'number' : 'string';
}

/** Whether a value of the bounds' type lies in the interval. */
export function intervalTest({
  low,
  lowInclusive,
  high,
  highInclusive,
}: Interval): (value: Scalar) => boolean {
  const above = (value: Scalar) => low === null || (lowInclusive ? value >= low : value > low);
  const below = (value: Scalar) => high === null || (highInclusive ? value <= high : value < high);
  if (low === null) return below;
  return high === null ? above : (value) => above(value) && below(value);
}

/**
 * The whole numbers of an interval, from the first one inside to the first one after. So intervals
 * of whole numbers that touch become one.
 */
export function wholeInterval({ low, lowInclusive, high, highInclusive }: Interval): Interval {
  const from = low === null ? null : wholeFrom(Number(low), lowInclusive);
  const to = high === null ? null : wholeFrom(Number(high), !highInclusive);
  return { low: from, lowInclusive: from !== null, high: to, highInclusive: false };
}

/** The first whole number from there on. 0 for -0. */
function wholeFrom(bound: number, inclusive: boolean): number {
  return (inclusive ? Math.ceil(bound) : Math.floor(bound) + 1) + 0;
}

/**
 * value-set.ts – Sets over the values that one view of an attribute can have, "missing" being one
 * of them.
 *
 * Keeps true: `values` are ascending, disjoint and merged (no two of them touch), so a set has one
 * form. Of booleans, of which there are two, the intervals are the points that are in. `=`, `<`,
 * `notIn`, `notNull` and all their combinations on one view are such sets, and become one: and is
 * intersection, or is union, not is complement.
 */
import { isEmptyInterval, isPoint, UNBOUNDED } from './interval.ts';
import type { Interval, Scalar } from './predicate.ts';

export interface ValueSet {
  readonly values: readonly Interval[];
  readonly missing: boolean;
}

/** All values, without missing. */
export const PRESENT: ValueSet = { values: [UNBOUNDED], missing: false };

export function setOfPoints(points: readonly Scalar[]): ValueSet {
  return { values: merged(points.map(point)), missing: false };
}

export function setOfIntervals(intervals: readonly Interval[]): ValueSet {
  return {
    values: merged(intervals.filter((interval) => !isEmptyInterval(interval))),
    missing: false,
  };
}

export function complementOf({ values, missing }: ValueSet): ValueSet {
  return { values: gaps(values), missing: !missing };
}

export function intersectionOf(sets: readonly ValueSet[]): ValueSet {
  const [only] = sets;
  return only && sets.length === 1 ? only : complementOf(unionOf(sets.map(complementOf)));
}

function unionOf(sets: readonly ValueSet[]): ValueSet {
  return {
    values: merged(sets.flatMap(({ values }) => values)),
    missing: sets.some(({ missing }) => missing),
  };
}

export function isNothing({ values, missing }: ValueSet): boolean {
  return values.length === 0 && !missing;
}

export function isAnything(set: ValueSet): boolean {
  return set.missing && hasAllValues(set);
}

export function hasAllValues({ values }: ValueSet): boolean {
  return values[0] !== undefined && values[0].low === null && values[0].high === null;
}

/**
 * Whether the set names single values only (it may be none), so that a list of them expresses it.
 */
export function isPointwise({ values }: ValueSet): boolean {
  return values.every(isPoint);
}

function point(value: Scalar): Interval {
  // -0 becomes 0, as in records.
  const bound = value === 0 ? 0 : value;
  return { low: bound, lowInclusive: true, high: bound, highInclusive: true };
}

/** The union of intervals, none of which is empty. */
function merged(intervals: readonly Interval[]): readonly Interval[] {
  const merges: Interval[] = [];
  for (const next of [...intervals].sort(byLow)) {
    const last = merges.at(-1);
    if (last && touches(last, next)) merges[merges.length - 1] = spanning(last, next);
    else merges.push(next);
  }
  return ofBooleans(merges) ? booleanPoints(merges) : merges;
}

/** No bound comes first; of two bounds at one value the inclusive one, which begins earlier. */
function byLow(a: Interval, b: Interval): number {
  if (a.low === null || b.low === null) return a.low === b.low ? 0 : a.low === null ? -1 : 1;
  if (a.low === b.low) return Number(b.lowInclusive) - Number(a.lowInclusive);
  return a.low < b.low ? -1 : 1;
}

/** Whether `next`, which begins no earlier, leaves no value out after `last`. */
function touches(last: Interval, next: Interval): boolean {
  if (last.high === null || next.low === null) return true;
  return (
    next.low < last.high || (next.low === last.high && (next.lowInclusive || last.highInclusive))
  );
}

function spanning(last: Interval, next: Interval): Interval {
  const { high, highInclusive } = endsLater(next, last) ? next : last;
  return { low: last.low, lowInclusive: last.lowInclusive, high, highInclusive };
}

function endsLater(a: Interval, b: Interval): boolean {
  if (a.high === null || b.high === null) return b.high !== null;
  return a.high > b.high || (a.high === b.high && a.highInclusive);
}

/** What lies between the intervals, before and after them. */
function gaps(intervals: readonly Interval[]): readonly Interval[] {
  const between: Interval[] = [];
  let low: Scalar | null = null;
  let lowInclusive = false;
  for (const interval of intervals) {
    if (interval.low !== null) {
      between.push({
        low,
        lowInclusive,
        high: interval.low,
        highInclusive: !interval.lowInclusive,
      });
    }
    low = interval.high;
    lowInclusive = !interval.highInclusive;
    if (low === null) return between;
  }
  between.push({
    low,
    lowInclusive: low !== null && lowInclusive,
    high: null,
    highInclusive: false,
  });
  return ofBooleans(between) ? booleanPoints(between) : between;
}

function ofBooleans(intervals: readonly Interval[]): boolean {
  return intervals.some(({ low, high }) => typeof (low ?? high) === 'boolean');
}

function booleanPoints(intervals: readonly Interval[]): readonly Interval[] {
  const inside = [false, true].filter((value) =>
    intervals.some((interval) => contains(interval, value)),
  );
  return inside.length === 2 ? PRESENT.values : inside.map(point);
}

function contains({ low, lowInclusive, high, highInclusive }: Interval, value: Scalar): boolean {
  const above = low === null || value > low || (lowInclusive && value === low);
  return above && (high === null || value < high || (highInclusive && value === high));
}

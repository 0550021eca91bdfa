/**
 * atoms.ts – Atoms over values that a rule of JsonLogic reads.
 *
 * Keeps true: bounds in the wrong order and empty lists make an atom that is never true; 0 stands
 * for -0, as in records.
 */
import { isEmptyInterval, wholeInterval } from '../../predicate/interval.ts';
import {
  type AttributeView,
  and,
  equals,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  present,
  range,
  type Scalar,
} from '../../predicate/predicate.ts';
import type { Read } from './values.ts';

/** The value, or its age, is one of these. */
export function equalsRead(read: Read, values: readonly Scalar[]): Predicate {
  if (!read.clock) return equals(read.view, values);
  return or(
    values.map((value) =>
      rangeRead(read, { ...AT_POINT, low: plusZero(value), high: plusZero(value) }),
    ),
  );
}

const AT_POINT = { lowInclusive: true, highInclusive: true };

/** The value, or its age, lies in the interval. */
export function rangeRead({ view, clock }: Read, interval: Interval): Predicate {
  if (!clock) return range(view, interval);
  const whole = wholeInterval(interval);
  return isEmptyInterval(whole)
    ? NEVER
    : { kind: 'age', attribute: view.attribute, clock, intervals: [whole] };
}

/** There is a text, and it is not empty. */
export function nonEmpty(view: AttributeView): Predicate {
  return and([present(view), not(equals(view, ['']))]);
}

/** -0 becomes 0, as in records. */
export function plusZero(value: Scalar): Scalar {
  return value === 0 ? 0 : value;
}

/** A bound of an interval, where none is null; 0 for -0, as in records. */
export function bound(value: unknown): Scalar | null {
  return value === undefined ? null : plusZero(value as Scalar);
}

/**
 * atoms.ts – Atoms over values that a rule of JsonLogic reads.
 *
 * Keeps true: bounds in the wrong order and empty lists make what is never true; 0 stands for -0,
 * as in records.
 */
import {
  type AttributeView,
  and,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  type Scalar,
} from '../../predicate/predicate.ts';
import { isEmptyInterval, wholeInterval } from '../../predicate/value-set.ts';
import type { Read } from './values.ts';

/** The value is one of these. */
export function equals(view: AttributeView, values: readonly Scalar[]): Predicate {
  return values.length === 0
    ? NEVER
    : { kind: 'equals', view, values: [...new Set(values.map(plusZero))] };
}

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

/** Bounds in the wrong order leave nothing. */
export function range(view: AttributeView, interval: Interval): Predicate {
  const { low, high, lowInclusive } = interval;
  if (low !== null && high !== null && (low > high || (low === high && !lowInclusive)))
    return NEVER;
  return { kind: 'range', view, intervals: [interval] };
}

/** There is a value. */
export function present({ attribute }: AttributeView): Predicate {
  return { kind: 'present', attribute };
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

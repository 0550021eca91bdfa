/**
 * predicate.ts – The typed tree that every query becomes: and, or, not, atoms over a record's own
 * attributes, and edges to neighbours.
 *
 * Keeps true: a predicate is plain data (it is stored as JSON and hashed), total (it is true or
 * false of every record, whatever is missing), and two-valued. `not` is the exact complement, so
 * that a missing value never hides a record.
 */
import { isEmptyInterval, UNBOUNDED } from './interval.ts';
import type { MeasureOfRecordsName, MeasureOfValuesName } from './measures.ts';
import type { TextKind } from './text-tests.ts';

export type Scalar = string | number | boolean;

/**
 * `folded` looks at the value lower-cased by `toLowerCase`: for a string, or for each string of a
 * list. `datesIn` looks at a date as the moment at which its day begins in that time zone, a
 * datetime in normal form; only `compare` does.
 */
export interface AttributeView {
  readonly attribute: string;
  readonly folded: boolean;
  readonly datesIn?: string;
}

/**
 * Half-open or closed on either side; `null` is no bound. Both bounds have the JS type of the
 * attribute's normal form.
 */
export interface Interval {
  readonly low: Scalar | null;
  readonly lowInclusive: boolean;
  readonly high: Scalar | null;
  readonly highInclusive: boolean;
}

/**
 * The smallest true-or-false statements. All are false of a missing value, but `program`, which
 * keeps JsonLogic's semantics.
 * - `equals`: the value is one of `values` (at least one; same JS type as the attribute's normal
 *   form; folded if the view is).
 * - `range`: the value has the JS type of the bounds and lies in one of the disjoint, ascending
 *   intervals.
 * - `prefix`, `suffix`, … (text-tests.ts): of a string value; an empty needle is in every string.
 * - `member`: the list value contains `value`.
 * - `present`: there is a value (an empty list is one).
 * - `age`: the age of the value (a date or datetime) by the clock lies in one of the disjoint,
 *   ascending intervals. Ages are whole numbers; a bound below is inclusive, one above is not. Its
 *   truth moves as time passes, and that of no other atom does.
 * - `compare`: both attributes have values, and the left one stands in that order to the right one
 *   (same types).
 * - `program`: the JsonLogic program, run over the record's attributes, is truthy; it reads only
 *   `attributes`.
 */
export type Atom =
  | { readonly kind: 'equals'; readonly view: AttributeView; readonly values: readonly Scalar[] }
  | {
      readonly kind: 'range';
      readonly view: AttributeView;
      readonly intervals: readonly Interval[];
    }
  | Textual
  | { readonly kind: 'member'; readonly view: AttributeView; readonly value: Scalar }
  | { readonly kind: 'present'; readonly attribute: string }
  | Aged
  | {
      readonly kind: 'compare';
      readonly left: AttributeView;
      readonly order: '=' | '<' | '<=';
      readonly right: AttributeView;
    }
  | { readonly kind: 'program'; readonly rule: unknown; readonly attributes: readonly string[] };

export interface Aged {
  readonly kind: 'age';
  readonly attribute: string;
  readonly clock: Clock;
  readonly intervals: readonly Interval[];
}

/**
 * How the age of a value is counted.
 * - `elapsed`: the milliseconds that have passed since then; negative of what is to come.
 * - `periods`: how many days, weeks (from Monday), months … have begun since its own one.
 * - `passed`: 1 once the value lies before the bound (or at it), 0 until then. With `datesIn` the
 *   values are dates, each of which is the moment at which its day begins in that time zone.
 */
export type Clock = (
  | { readonly kind: 'elapsed' }
  | { readonly kind: 'periods'; readonly unit: CalendarUnit; readonly timeZone: string }
  | { readonly kind: 'passed'; readonly bound: Bound; readonly timeZone: string }
) & { readonly datesIn?: string };

/**
 * A moment that moves with the present: the anchor of now, then shifted by the offset. From `now`
 * only months are: what is exact is an `elapsed` age. `order` is how a value that has passed stands
 * to it.
 */
export interface Bound {
  readonly anchor: Anchor;
  readonly offset: number;
  readonly unit: 'millisecond' | 'day' | 'month';
  readonly order: '<' | '<=';
}

export const CALENDAR_UNITS = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type CalendarUnit = (typeof CALENDAR_UNITS)[number];

export const ANCHORS = [
  'now',
  'startOfDay',
  'endOfDay',
  'startOfWeek',
  'endOfWeek',
  'startOfMonth',
  'endOfMonth',
  'startOfQuarter',
  'endOfQuarter',
  'startOfYear',
  'endOfYear',
] as const;
export type Anchor = (typeof ANCHORS)[number];

/** A test of a text against a constant: one kind for each row of text-tests.ts. */
export type Textual = {
  [Kind in TextKind]: {
    readonly kind: Kind;
    readonly view: AttributeView;
    readonly needle: string;
  };
}[TextKind];

/**
 * What is looked at of the neighbours that a record has over an edge; its value is compared by the
 * edge's `holds`.
 */
export type Measure =
  /**
   * To-one only: whether `where` holds of the neighbour; of an absent one, whether it holds of
   * nothing. A boolean.
   */
  | { readonly kind: 'truth' }
  /** To-one only: whether there is a neighbour. A boolean. */
  | { readonly kind: 'exists' }
  /** Of all neighbours that `where` holds of (measures.ts). */
  | { readonly kind: MeasureOfRecordsName }
  /** Of the values that the attribute has in them. */
  | { readonly kind: MeasureOfValuesName; readonly attribute: string };

/** The measures of many neighbours. */
export type ListMeasure = Exclude<Measure, { kind: 'truth' | 'exists' }>;

/**
 * A statement about the neighbours of a record over one relationship. `edge` is `<holder
 * type>.<relationship>`; `out` goes from the holder of the key to its target (or targets), `in`
 * from a target to its holders. `where` speaks of the neighbour's type and may hold edges itself;
 * `holds` speaks of the measure alone, as a value of the attribute MEASURE.
 */
export interface RelatedCondition {
  readonly kind: 'edge';
  readonly edge: string;
  readonly direction: 'out' | 'in';
  readonly measure: Measure;
  readonly where: Predicate;
  readonly holds: Predicate;
}

/** Stands for the measure within an edge's `holds`; no attribute can have this name. */
export const MEASURE = '$';

export type Predicate =
  | RelatedCondition
  | { readonly kind: 'and' | 'or'; readonly children: readonly Predicate[] }
  | { readonly kind: 'not'; readonly child: Predicate }
  | Atom;

/** An `and` of nothing holds for every record, an `or` of nothing for none. */
export const ALWAYS: Predicate = { kind: 'and', children: [] };
export const NEVER: Predicate = { kind: 'or', children: [] };

export function and(children: readonly Predicate[]): Predicate {
  return { kind: 'and', children };
}

export function or(children: readonly Predicate[]): Predicate {
  return { kind: 'or', children };
}

export function not(child: Predicate): Predicate {
  return child.kind === 'not' ? child.child : { kind: 'not', child };
}

/** The value is one of these. -0 becomes 0, as in records. */
export function equals(view: AttributeView, values: readonly Scalar[]): Predicate {
  if (values.length === 0) return NEVER;
  const unsigned = values.map((value) => (value === 0 ? 0 : value));
  return { kind: 'equals', view, values: [...new Set(unsigned)] };
}

/** The value lies in one of these intervals, which do not meet. What is not given is no bound. */
export function range(view: AttributeView, ...bounds: readonly Partial<Interval>[]): Predicate {
  const intervals = bounds
    .map((given) => ({ ...UNBOUNDED, ...given }))
    .filter((interval) => !isEmptyInterval(interval));
  return intervals.length > 0 ? { kind: 'range', view, intervals } : NEVER;
}

/** There is a value. */
export function present({ attribute }: Pick<AttributeView, 'attribute'>): Predicate {
  return { kind: 'present', attribute };
}

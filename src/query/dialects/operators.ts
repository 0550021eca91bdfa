/**
 * operators.ts – THE table of the operators of rules: one row has an operator's subject, operands,
 * meaning and name.
 *
 * Keeps true: a positive operator is false of a missing value. A negated one is made from its
 * positive one by `not`, so that it is the exact complement, missing values included. A name that
 * means two things (`contains`, of a string and of a list) has a row for each. To add an operator
 * is to add its row: parsing, refusals and words all read the table.
 */
import { ATTRIBUTE_TYPES, type AttributeType, SCALAR_TYPES } from '../../change/object-type.ts';
import type { Day } from '../../change/value.ts';
import {
  type AttributeView,
  and,
  type Bound,
  type CalendarUnit,
  type Clock,
  equals,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  present,
  range,
  type Scalar,
} from '../predicate/predicate.ts';
import {
  admitNeedle,
  type Refusal,
  TEXT_KINDS,
  type TextKind,
  textTest,
} from '../predicate/text-tests.ts';
import { setOfIntervals } from '../predicate/value-set.ts';
import { fold } from '../predicate/view.ts';
import type { Moment } from '../time/relative-time.ts';
import type { Takes } from './operands.ts';

/**
 * An operator over an attribute of the record. `words` stand between attribute and value: "country
 * *is one of* US, CA".
 */
export interface AttributeOperator {
  readonly kind: 'attribute';
  readonly name: string;
  readonly words: string;
  /** In place of `words`, of days and moments: "is before". */
  readonly wordsOfTime?: string;
  readonly on: readonly AttributeType[];
  /** What a rule gives it as its value (operands.ts). */
  readonly takes: Takes;
  /**
   * The operations that are worth counting of a condition with this operand; or why it is refused.
   */
  readonly admit?: (operand: Scalar) => Refusal | number;
  /** Owed by the caller: operands in normal form, as many as it takes. */
  readonly predicate: (view: AttributeView, operands: readonly Scalar[]) => Predicate;
  /** The same with another attribute in place of the value, where that makes sense. */
  readonly ofAttributes?: (left: AttributeView, right: AttributeView) => Predicate;
  /**
   * The same with a moment relative to the present in place of the value, where that makes sense.
   */
  readonly ofMoment?: (view: AttributeView, moment: Moment) => Predicate;
  /**
   * The same of datetimes and days, where that makes sense; a moment is a day that ends as it
   * begins.
   */
  readonly ofDays?: (view: AttributeView, days: readonly Day[]) => Predicate;
  /** For an operator that takes a pair: the operators that its low and its high value stand for. */
  readonly ends?: readonly [low: AttributeOperator, high: AttributeOperator];
  /** Of a negated operator: the positive one that it is the complement of. */
  readonly complementOf?: AttributeOperator;
}

/** An operator over the record as a whole: its membership of another segment. */
export interface SegmentOperator {
  readonly kind: 'segment';
  readonly name: string;
  readonly words: string;
  readonly negated: boolean;
}

export type Operator = AttributeOperator | SegmentOperator;

const TEXT: readonly AttributeType[] = ['string'];
const LIST: readonly AttributeType[] = ['list'];
const ORDERED: readonly AttributeType[] = ['string', 'number', 'date', 'datetime'];
const ANY: readonly AttributeType[] = ATTRIBUTE_TYPES;
const MOMENTS: readonly AttributeType[] = ['date', 'datetime'];

const EQUAL: AttributeOperator = {
  ...one('=', 'is', SCALAR_TYPES, (view, value) => equals(view, [value]), compare('=')),
  ofDays: within,
};
const IN: AttributeOperator = { ...many('in', 'is one of', SCALAR_TYPES, equals), ofDays: within };
const AT_LEAST = ordered(
  '>=',
  ['is at least', 'is not before'],
  (low) => ({ low, lowInclusive: true }),
  swapped(compare('<=')),
  notPassed('<'),
  'first',
);
const AT_MOST = ordered(
  '<=',
  ['is at most', 'is not after'],
  (high) => ({ high, highInclusive: true }),
  compare('<='),
  passed('<='),
  'last',
);
const BETWEEN: AttributeOperator = {
  ...attributeOperator('between', 'is between', ORDERED, 'pair', between),
  ofDays: betweenDays,
  ends: [AT_LEAST, AT_MOST],
};
const LIST_CONTAINS: AttributeOperator = {
  ...one('contains', 'contains', LIST, member),
  ofDays: (view, [day]) => memberWithin(view, day!),
};
const CONTAINS_ANY: AttributeOperator = {
  ...many('containsAny', 'contains any of', LIST, (view, values) =>
    or(values.map((value) => member(view, value))),
  ),
  ofDays: (view, days) => or(days.map((day) => memberWithin(view, day))),
};
const CONTAINS_ALL: AttributeOperator = {
  ...many('containsAll', 'contains all of', LIST, (view, values) =>
    values.length > 0 ? and(values.map((value) => member(view, value))) : present(view),
  ),
  ofDays: (view, days) => and(days.map((day) => memberWithin(view, day))),
};
const IN_LAST = attributeOperator('inLast', 'was in the last', MOMENTS, 'window', (view, [ms]) =>
  aged(view, { kind: 'elapsed' }, 0, Number(ms)),
);
const IN_NEXT = attributeOperator('inNext', 'is in the next', MOMENTS, 'window', (view, [ms]) =>
  aged(view, { kind: 'elapsed' }, 0 - Number(ms), 0),
);
const NOT_NULL = attributeOperator('notNull', 'has a value', ANY, 'nothing', present);

export const OPERATORS: readonly Operator[] = [
  EQUAL,
  complement('!=', 'is not', EQUAL),
  IN,
  complement('notIn', 'is none of', IN),
  ordered(
    '<',
    ['is less than', 'is before'],
    (high) => ({ high }),
    compare('<'),
    passed('<'),
    'first',
  ),
  AT_MOST,
  ordered(
    '>',
    ['is more than', 'is after'],
    (low) => ({ low }),
    swapped(compare('<')),
    notPassed('<='),
    'last',
  ),
  AT_LEAST,
  BETWEEN,
  complement('notBetween', 'is not between', BETWEEN),
  ...TEXT_KINDS.flatMap(textOperators),
  LIST_CONTAINS,
  complement('doesNotContain', 'does not contain', LIST_CONTAINS),
  CONTAINS_ANY,
  CONTAINS_ALL,
  complement('containsNone', 'contains none of', CONTAINS_ANY),
  NOT_NULL,
  complement('null', 'has no value', NOT_NULL),
  { kind: 'segment', name: 'inSegment', words: 'is in the segment', negated: false },
  { kind: 'segment', name: 'notInSegment', words: 'is not in the segment', negated: true },
  IN_LAST,
  complement('notInLast', 'was not in the last', IN_LAST),
  IN_NEXT,
  complement('notInNext', 'is not in the next', IN_NEXT),
  attributeOperator('inCurrent', 'is in the current', MOMENTS, 'period', (view, period) =>
    periodsAgo(view, 0, period),
  ),
  attributeOperator('inPrevious', 'was in the previous', MOMENTS, 'period', (view, period) =>
    periodsAgo(view, 1, period),
  ),
];

const BY_NAME: ReadonlyMap<string, readonly Operator[]> = new Map(
  OPERATORS.map(({ name }) => [name, OPERATORS.filter((row) => row.name === name)]),
);

/**
 * The rows of that name: none if it is unknown, several if its meaning depends on the attribute's
 * type.
 */
export function operatorsNamed(name: string): readonly Operator[] {
  return BY_NAME.get(name) ?? [];
}

/** The names of the operators that an attribute of the type takes. */
export function operatorNamesOn(type: AttributeType): string[] {
  return OPERATORS.flatMap((row) =>
    row.kind === 'attribute' && row.on.includes(type) ? [row.name] : [],
  );
}

// ——— What is asked of many related records ———

/**
 * How many of them satisfy the group of a rule with `match`: `words` stand between "its orders" and
 * the group, `quantity` in "has *at least* 3 orders whose …".
 */
export const MATCH_MODES = [
  { name: 'all', words: 'are all such that', quantity: 'only', takesThreshold: false },
  { name: 'some', words: 'are in part such that', quantity: 'some', takesThreshold: false },
  { name: 'none', words: 'are in no case such that', quantity: 'no', takesThreshold: false },
  {
    name: 'atLeast',
    words: 'are at least so many such that',
    quantity: 'at least',
    takesThreshold: true,
  },
  {
    name: 'atMost',
    words: 'are at most so many such that',
    quantity: 'at most',
    takesThreshold: true,
  },
  {
    name: 'exactly',
    words: 'are exactly so many such that',
    quantity: 'exactly',
    takesThreshold: true,
  },
] as const;
export type MatchMode = (typeof MATCH_MODES)[number]['name'];

// ——— Making rows ———

/** Where case does not count, the operands are lower-cased as the view is. */
function attributeOperator(
  name: string,
  words: string,
  on: readonly AttributeType[],
  takes: Takes,
  predicate: AttributeOperator['predicate'],
): AttributeOperator {
  const ofFolded: AttributeOperator['predicate'] = (view, operands) =>
    predicate(view, view.folded ? (fold(operands) as readonly Scalar[]) : operands);
  return { kind: 'attribute', name, words, on, takes, predicate: ofFolded };
}

/** The operator of a test of texts (text-tests.ts), and its complement. */
function textOperators(kind: TextKind): AttributeOperator[] {
  const { operator, complement: negated } = textTest(kind);
  const positive: AttributeOperator = {
    kind: 'attribute',
    ...operator,
    on: TEXT,
    takes: 'one',
    admit: (needle) => admitNeedle(kind, String(needle)),
    predicate: (view, [needle]) => textual(kind, view, String(needle)),
  };
  return [positive, complement(negated.name, negated.words, positive)];
}

/**
 * json-logic-js finds no "" in an empty string, so an empty needle is written as what it means:
 * there is a value.
 */
function textual(kind: TextKind, view: AttributeView, needle: string): Predicate {
  if (needle === '') return present(view);
  if (!view.folded) return { kind, view, needle };
  const { caseless } = textTest(kind);
  return caseless === 'folded'
    ? { kind, view, needle: String(fold(needle)) }
    : { kind, view: { ...view, folded: false }, needle: caseless(needle) };
}

type OfAttributes = NonNullable<AttributeOperator['ofAttributes']>;

function one(
  name: string,
  words: string,
  on: readonly AttributeType[],
  predicate: (view: AttributeView, operand: Scalar) => Predicate,
  ofAttributes?: OfAttributes,
): AttributeOperator {
  const row = attributeOperator(name, words, on, 'one', (view, [operand]) =>
    predicate(view, operand!),
  );
  return ofAttributes ? { ...row, ofAttributes } : row;
}

function many(
  name: string,
  words: string,
  on: readonly AttributeType[],
  predicate: AttributeOperator['predicate'],
): AttributeOperator {
  return attributeOperator(name, words, on, 'many', predicate);
}

/** Compares values, other attributes, moments, or that end of a day. */
function ordered(
  name: string,
  [words, wordsOfTime]: readonly [words: string, wordsOfTime: string],
  bounds: (operand: Scalar) => Partial<Interval>,
  ofAttributes: OfAttributes,
  ofMoment: OfMoment,
  end: keyof Day,
): AttributeOperator {
  const predicate = (view: AttributeView, operand: Scalar) => range(view, bounds(operand));
  const ofDays: AttributeOperator['ofDays'] = (view, [day]) => predicate(view, day![end]);
  return { ...one(name, words, ORDERED, predicate, ofAttributes), wordsOfTime, ofMoment, ofDays };
}

type OfMoment = NonNullable<AttributeOperator['ofMoment']>;

/** The negated operator of a positive one. */
function complement(name: string, words: string, of: AttributeOperator): AttributeOperator {
  const { on, takes, admit, ofAttributes } = of;
  return {
    kind: 'attribute',
    name,
    words,
    on,
    takes,
    ...(admit ? { admit } : {}),
    predicate: (view, operands) => not(of.predicate(view, operands)),
    ...(ofAttributes ? { ofAttributes: (left, right) => not(ofAttributes(left, right)) } : {}),
    complementOf: of,
  };
}

// ——— What the rows mean ———

/** Inclusive on both sides; the ends may come in either order, as react-querybuilder gives them. */
function between(view: AttributeView, [one, other]: readonly Scalar[]): Predicate {
  const [low, high] = one! > other! ? [other!, one!] : [one!, other!];
  return range(view, { low, lowInclusive: true, high, highInclusive: true });
}

function member(view: AttributeView, value: Scalar): Predicate {
  return { kind: 'member', view, value };
}

function compare(order: '=' | '<' | '<='): OfAttributes {
  return (left, right) => ({ kind: 'compare', left, order, right });
}

function swapped(ofAttributes: OfAttributes): OfAttributes {
  return (left, right) => ofAttributes(right, left);
}

// ——— What they mean of days ———

/** Some of the days may be moments, and some may overlap. */
function within(view: AttributeView, days: readonly Day[]): Predicate {
  const { values } = setOfIntervals(days.map(spanOf));
  return range(view, ...values);
}

function spanOf({ first, last }: Day): Interval {
  return { low: first, lowInclusive: true, high: last, highInclusive: true };
}

/** From the first moment of one to the last of the other, in either order. */
function betweenDays(view: AttributeView, [one, other]: readonly Day[]): Predicate {
  const [from, to] = one!.first > other!.last ? [other!, one!] : [one!, other!];
  return within(view, [{ first: from.first, last: to.last }]);
}

/** A list has no atom for what lies between two values. */
function memberWithin(view: AttributeView, { first, last }: Day): Predicate {
  if (first === last) return member(view, first);
  const rule = { some: [{ var: view.attribute }, { '<=': [first, { var: '' }, last] }] };
  return { kind: 'program', rule, attributes: [view.attribute] };
}

// ——— What they mean of time ———

/** The age is at least `from`, and below `to`. */
function aged(
  { attribute, datesIn }: AttributeView,
  given: Clock,
  from: number | null,
  to: number | null,
): Predicate {
  if (from !== null && to !== null && from >= to) return NEVER;
  const interval: Interval = {
    low: from,
    lowInclusive: from !== null,
    high: to,
    highInclusive: false,
  };
  const clock = datesIn === undefined ? given : { ...given, datesIn };
  return { kind: 'age', attribute, clock, intervals: [interval] };
}

function periodsAgo(
  view: AttributeView,
  ago: number,
  [unit, timeZone]: readonly Scalar[],
): Predicate {
  return aged(
    view,
    { kind: 'periods', unit: unit as CalendarUnit, timeZone: String(timeZone) },
    ago,
    ago + 1,
  );
}

/** The value stands in that order to the moment. */
function passed(order: Bound['order']): OfMoment {
  return (view, moment) => {
    const [clock, age] = passing(moment, order);
    return aged(view, clock, age, null);
  };
}

/** It does not, and there is a value. */
function notPassed(order: Bound['order']): OfMoment {
  return (view, moment) => {
    const [clock, age] = passing(moment, order);
    return aged(view, clock, null, age);
  };
}

/** From which age on a value is before a moment, or not after it. */
function passing(moment: Moment, order: Bound['order']): [clock: Clock, age: number] {
  if (moment.kind === 'exact')
    return [{ kind: 'elapsed' }, (order === '<' ? 1 : 0) - moment.offsetMs];
  return [{ kind: 'passed', bound: { ...moment.bound, order }, timeZone: moment.timeZone }, 1];
}

/**
 * operators.ts – THE table of the operators of rules: one row says what an operator is for, takes, means, and is called.
 *
 * Keeps true: a positive operator is false of a missing value, and a negated one is made from its positive one by `not`, so
 * that it is the exact complement, missing values included. A name that means two things (`contains`, of a string and of a
 * list) has a row for each. To add an operator is to add its row: parsing, refusals and words all read the table.
 */
import { type AttributeType, SCALAR_TYPES } from '../change/object-type.ts';
import { fold } from './atom.ts';
import { type AttributeView, and, type Interval, NEVER, not, or, type Predicate, type Scalar } from './predicate.ts';

/** How many values an operator takes. `pair`: a low and a high one. */
type Takes = 'nothing' | 'one' | 'many' | 'pair';

/** An operator over an attribute of the record. `words` stand between attribute and value: "country *is one of* US, CA". */
export interface AttributeOperator {
  readonly kind: 'attribute';
  readonly name: string;
  readonly words: string;
  readonly on: readonly AttributeType[];
  readonly takes: Takes;
  /** Owed by the caller: operands in normal form, as many as it takes, folded if the view is. */
  readonly predicate: (view: AttributeView, operands: readonly Scalar[]) => Predicate;
  /** The same with another attribute in place of the value, where that makes sense. */
  readonly ofAttributes?: (left: AttributeView, right: AttributeView) => Predicate;
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

/** An operator that is known and comes with a later release. */
interface LaterOperator {
  readonly kind: 'later';
  readonly name: string;
  readonly words: string;
  readonly needs: string;
}

export type Operator = AttributeOperator | SegmentOperator | LaterOperator;

const TEXT: readonly AttributeType[] = ['string'];
const LIST: readonly AttributeType[] = ['list'];
const ORDERED: readonly AttributeType[] = ['string', 'number', 'date', 'datetime'];
const ANY: readonly AttributeType[] = [...SCALAR_TYPES, 'list', 'object'];
const RELATIVE_TIME = 'operators of relative time';

const EQUAL = one('=', 'is', SCALAR_TYPES, (view, value) => equals(view, [value]), compare('='));
const IN = many('in', 'is one of', SCALAR_TYPES, equals);
const BETWEEN = attributeOperator('between', 'is between', ORDERED, 'pair', between);
const CONTAINS = one('contains', 'contains', TEXT, textual('substring'));
const BEGINS = one('beginsWith', 'begins with', TEXT, textual('prefix'));
const ENDS = one('endsWith', 'ends with', TEXT, textual('suffix'));
const LIST_CONTAINS = one('contains', 'contains', LIST, member);
const CONTAINS_ANY = many('containsAny', 'contains any of', LIST, (view, values) =>
  or(values.map((value) => member(view, value))),
);
const CONTAINS_ALL = many('containsAll', 'contains all of', LIST, (view, values) =>
  values.length > 0 ? and(values.map((value) => member(view, value))) : present(view),
);
const NOT_NULL = attributeOperator('notNull', 'has a value', ANY, 'nothing', present);

export const OPERATORS: readonly Operator[] = [
  EQUAL,
  complement('!=', 'is not', EQUAL),
  IN,
  complement('notIn', 'is none of', IN),
  one('<', 'is less than', ORDERED, (view, high) => range(view, { high }), compare('<')),
  one('<=', 'is at most', ORDERED, (view, high) => range(view, { high, highInclusive: true }), compare('<=')),
  one('>', 'is more than', ORDERED, (view, low) => range(view, { low }), swapped(compare('<'))),
  one('>=', 'is at least', ORDERED, (view, low) => range(view, { low, lowInclusive: true }), swapped(compare('<='))),
  BETWEEN,
  complement('notBetween', 'is not between', BETWEEN),
  CONTAINS,
  complement('doesNotContain', 'does not contain', CONTAINS),
  BEGINS,
  complement('doesNotBeginWith', 'does not begin with', BEGINS),
  ENDS,
  complement('doesNotEndWith', 'does not end with', ENDS),
  LIST_CONTAINS,
  complement('doesNotContain', 'does not contain', LIST_CONTAINS),
  CONTAINS_ANY,
  CONTAINS_ALL,
  complement('containsNone', 'contains none of', CONTAINS_ANY),
  NOT_NULL,
  complement('null', 'has no value', NOT_NULL),
  { kind: 'segment', name: 'inSegment', words: 'is in the segment', negated: false },
  { kind: 'segment', name: 'notInSegment', words: 'is not in the segment', negated: true },
  { kind: 'later', name: 'inLast', words: 'was in the last', needs: RELATIVE_TIME },
  { kind: 'later', name: 'notInLast', words: 'was not in the last', needs: RELATIVE_TIME },
  { kind: 'later', name: 'inNext', words: 'is in the next', needs: RELATIVE_TIME },
  { kind: 'later', name: 'notInNext', words: 'is not in the next', needs: RELATIVE_TIME },
  { kind: 'later', name: 'inCurrent', words: 'is in the current', needs: RELATIVE_TIME },
  { kind: 'later', name: 'inPrevious', words: 'was in the previous', needs: RELATIVE_TIME },
];

const BY_NAME: ReadonlyMap<string, readonly Operator[]> = new Map(
  OPERATORS.map(({ name }) => [name, OPERATORS.filter((row) => row.name === name)]),
);

/** The rows of that name: none if it is unknown, several if its meaning depends on the attribute's type. */
export function operatorsNamed(name: string): readonly Operator[] {
  return BY_NAME.get(name) ?? [];
}

/** The names of the operators that an attribute of the type takes. */
export function operatorNamesOn(type: AttributeType): string[] {
  return OPERATORS.flatMap((row) => (row.kind === 'attribute' && row.on.includes(type) ? [row.name] : []));
}

// ——— Making rows ———

function attributeOperator(
  name: string,
  words: string,
  on: readonly AttributeType[],
  takes: Takes,
  predicate: AttributeOperator['predicate'],
): AttributeOperator {
  return { kind: 'attribute', name, words, on, takes, predicate };
}

type OfAttributes = NonNullable<AttributeOperator['ofAttributes']>;

function one(
  name: string,
  words: string,
  on: readonly AttributeType[],
  predicate: (view: AttributeView, operand: Scalar) => Predicate,
  ofAttributes?: OfAttributes,
): AttributeOperator {
  const row = attributeOperator(name, words, on, 'one', (view, [operand]) => predicate(view, operand!));
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

/** The negated operator of a positive one. */
function complement(name: string, words: string, of: AttributeOperator): AttributeOperator {
  const { ofAttributes } = of;
  const predicate: AttributeOperator['predicate'] = (view, operands) => not(of.predicate(view, operands));
  const row = { ...attributeOperator(name, words, of.on, of.takes, predicate), complementOf: of };
  return ofAttributes ? { ...row, ofAttributes: (left, right) => not(ofAttributes(left, right)) } : row;
}

// ——— What the rows mean ———

/** The operands, lower-cased if the view is. */
export function foldedIf(folded: boolean, operands: readonly Scalar[]): readonly Scalar[] {
  return folded ? (fold(operands) as readonly Scalar[]) : operands;
}

function equals(view: AttributeView, values: readonly Scalar[]): Predicate {
  return values.length > 0 ? { kind: 'equals', view, values: [...new Set(values)] } : NEVER;
}

function range(view: AttributeView, bounds: Partial<Interval>): Predicate {
  const interval: Interval = { low: null, lowInclusive: false, high: null, highInclusive: false, ...bounds };
  return { kind: 'range', view, intervals: [interval] };
}

/** Inclusive on both sides. Bounds in the wrong order hold for none. */
function between(view: AttributeView, [low, high]: readonly Scalar[]): Predicate {
  if (low! > high!) return NEVER;
  return range(view, { low: low!, lowInclusive: true, high: high!, highInclusive: true });
}

/** json-logic-js finds no "" in an empty string, so an empty needle is written as what it means: there is a value. */
function textual(kind: 'prefix' | 'suffix' | 'substring'): (view: AttributeView, needle: Scalar) => Predicate {
  return (view, needle) => (needle === '' ? present(view) : { kind, view, needle: String(needle) });
}

function member(view: AttributeView, value: Scalar): Predicate {
  return { kind: 'member', view, value };
}

function present({ attribute }: AttributeView): Predicate {
  return { kind: 'present', attribute };
}

function compare(order: '=' | '<' | '<='): OfAttributes {
  return (left, right) => ({ kind: 'compare', left, order, right });
}

function swapped(ofAttributes: OfAttributes): OfAttributes {
  return (left, right) => ofAttributes(right, left);
}

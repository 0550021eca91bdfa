/**
 * operands.ts – THE table of operands: one row per form of a rule's value.
 *
 * Keeps true: to add a form is to add its row: how it is read, how it is described to clients, and
 * its part of the schema. A value is read by the attribute's type, or refused with its pointer.
 */
import {
  type Attribute,
  type ObjectType,
  SCALAR_TYPES,
  type ScalarType,
} from '../../change/object-type.ts';
import {
  type Day,
  describeAttribute,
  describeScalar,
  exampleOfScalar,
  inexactText,
  readDay,
  readOperand,
} from '../../change/value.ts';
import { pointer } from '../../errors.ts';
import { type AttributeView, and, type Predicate, type Scalar } from '../predicate/predicate.ts';
import type { Hop } from '../predicate/relationships.ts';
import { isRelative, readMoment, readPeriod, readWindow } from '../time/relative-time.ts';
import { anyOf, ref, SCALAR, type Schema } from './json-schema.ts';
import { type AttributeOperator, OPERATORS } from './operators.ts';
import {
  admitNode,
  admitOperations,
  costly,
  fault,
  inexactFault,
  type Members,
  quote,
  type Reading,
} from './scope.ts';

/** An attribute of the record, or of those that a way leads to. */
export interface Field {
  /** As it is named in the rule. */
  readonly name: string;
  readonly hops: readonly Hop[];
  /** The type that has the attribute. */
  readonly type: ObjectType;
  /** The attribute's name there. */
  readonly own: string;
  readonly attribute: Attribute;
}

/** A rule whose operator and attribute are known and fit. */
export interface Condition {
  readonly row: AttributeOperator;
  readonly field: Field;
  readonly rule: Members;
  readonly path: string;
  readonly depth: number;
  readonly reading: Reading;
}

/**
 * How many values an operator takes. `pair`: a low and a high one; `window`: the milliseconds that
 * it is long; `period`: a calendar unit, and the time zone whose calendar is meant.
 */
export type Takes = 'nothing' | 'one' | 'many' | 'pair' | 'window' | 'period';

interface ValueForm {
  /** Its name in `GET /v1/operators`. */
  readonly listed: (typeof LISTED_FORMS)[number];
  /** Its schema. `isMoment`: of an operator that also compares with moments of the present. */
  readonly schema: (isMoment: boolean) => Schema;
  /**
   * Whether values are relative to the present, so that a date is the moment at which it begins.
   */
  readonly isOfPresent: boolean;
  /** Reads the operands, or notes why it can't. */
  readonly read: (condition: Condition, value: unknown, at: string) => Operands | undefined;
}

type Operands = readonly Operand[];

export const LISTED_FORMS = ['one', 'list', 'range', 'window', 'period', 'none'] as const;

/** Whether clients may give a moment in place of a value. */
const orMoment = (isMoment: boolean) => (isMoment ? anyOf(SCALAR, ref('RelativeValue')) : SCALAR);

export const TAKES: Readonly<Record<Takes, ValueForm>> = {
  nothing: {
    listed: 'none',
    schema: () => ({
      description: 'Not read: what an editor leaves behind.',
      anyOf: [
        { type: ['string', 'number', 'boolean', 'null'] },
        { type: 'array', items: { type: ['string', 'number', 'boolean', 'null'] } },
      ],
    }),
    isOfPresent: false,
    read: ({ row, rule, path, reading }) => refuseValue(row, rule, path, reading),
  },
  one: {
    listed: 'one',
    schema: orMoment,
    isOfPresent: false,
    read: (condition, value, at) => readAll(condition, [value], () => at),
  },
  many: {
    listed: 'list',
    schema: () => ({
      description:
        'A list, or text with commas between the values (a comma in a value is written `\\,`).',
      anyOf: [SCALAR, { type: 'array', items: SCALAR }],
    }),
    isOfPresent: false,
    read: (condition, value, at) => {
      // an editor that reads numbers gives a single one as that number
      const isSingle = typeof value === 'number' || typeof value === 'boolean';
      return readList(condition, isSingle ? [value] : listed(value), value, at);
    },
  },
  pair: {
    listed: 'range',
    schema: (isMoment) => ({
      description: 'Two ends, both included, in either order; as text with a comma between them.',
      anyOf: [
        { type: 'string', pattern: ',' },
        { type: 'array', minItems: 2, maxItems: 2, items: orMoment(isMoment) },
      ],
    }),
    isOfPresent: false,
    read: (condition, value, at) => {
      const values = listed(value);
      if (Array.isArray(values) && values.length === 2)
        return readList(condition, values, value, at);
      const { row, field, reading } = condition;
      const pair = `[${Array(2).fill(exampleOfScalar(operandType(field.attribute)))}]`;
      const two = `two values, [low, high], such as ${pair}`;
      return fault(reading, at, `'${row.name}' takes ${two}, not ${quote(value)}`);
    },
  },
  window: {
    listed: 'window',
    schema: () => ref('Window'),
    isOfPresent: true,
    read: ({ reading }, value, at) => {
      const ms = readWindow(value, at, reading);
      return ms === undefined ? undefined : [ms];
    },
  },
  period: {
    listed: 'period',
    schema: () => ref('Period'),
    isOfPresent: true,
    read: ({ reading }, value, at) => {
      const unit = readPeriod(value, at, reading);
      return unit && [unit, reading.scope.timeZone];
    },
  },
};

/** `'age' is a number` */
export function describeField({ name, attribute }: Pick<Field, 'name' | 'attribute'>): string {
  return `'${name}' is ${describeAttribute(attribute)}`;
}

/** A rule's condition on its value or values, before it is negated. */
export function readComparison(condition: Condition, view: AttributeView): Predicate | undefined {
  const positive = condition.row.complementOf ?? condition.row;
  const { value } = condition.rule;
  const at = pointer(condition.path, 'value');
  if (isOfTime(condition)) {
    if (isRelative(value) && positive.ofMoment)
      return readEnd(condition, positive, value, at, view);
    if (positive.ends && Array.isArray(value) && value.length === 2 && value.some(isRelative)) {
      return readEnds(condition, positive.ends, value, at, view);
    }
  }
  const operands = readOperands(condition);
  return (
    operands &&
    comparedWith(
      positive,
      TAKES[positive.takes].isOfPresent ? momentView(condition, view) : view,
      operands,
    )
  );
}

/** The operands of a rule's value, or undefined with a fault. */
export function readOperands(condition: Condition): Operands | undefined {
  const { row, rule, path, reading } = condition;
  const { value } = rule;
  const at = pointer(path, 'value');
  const { read } = TAKES[row.takes];
  if (row.takes === 'nothing') return read(condition, value, at);
  if (value === null || value === undefined) {
    const why = `'${row.name}' takes a value; for "no value" there are null and notNull`;
    return fault(reading, at, why);
  }
  if (isRelative(value)) return fault(reading, at, whyNotRelative(condition));
  return read(condition, value, at);
}

/**
 * Where a date meets a moment it is the one at which its day begins, in the zone of the deployment.
 */
export function momentView(
  { field, reading }: Pick<Condition, 'field' | 'reading'>,
  view: AttributeView,
): AttributeView {
  return field.attribute.type === 'date' ? { ...view, datesIn: reading.scope.timeZone } : view;
}

/** A value in normal form; of a datetime it may be a day. */
type Operand = Scalar | Day;

function isDay(operand: Operand): operand is Day {
  return typeof operand === 'object';
}

/** One day among the values makes days of all: a moment is one that ends as it begins. */
export function comparedWith(
  row: AttributeOperator,
  view: AttributeView,
  operands: readonly Operand[],
): Predicate {
  if (!operands.some(isDay)) return row.predicate(view, operands as readonly Scalar[]);
  const days = operands.map((operand) =>
    isDay(operand) ? operand : { first: String(operand), last: String(operand) },
  );
  return row.ofDays!(view, days);
}

function isOfTime({ field: { attribute } }: Condition): boolean {
  return attribute.type === 'date' || attribute.type === 'datetime';
}

/**
 * A pair of which an end moves with time is two conditions in a group, and counts as those: so it
 * is written as JsonLogic.
 */
function readEnds(
  condition: Condition,
  ends: readonly AttributeOperator[],
  values: readonly unknown[],
  at: string,
  view: AttributeView,
): Predicate | undefined {
  const { depth, reading } = condition;
  const parts = values.flatMap((value, index) => {
    const path = pointer(at, index);
    const end =
      admitNode(reading, path, depth + 1) && readEnd(condition, ends[index]!, value, path, view);
    return end ? [end] : [];
  });
  return parts.length === values.length ? and(parts) : undefined;
}

/** One value compared: a moment, or a fixed one. */
function readEnd(
  condition: Condition,
  row: AttributeOperator,
  value: unknown,
  path: string,
  view: AttributeView,
): Predicate | undefined {
  if (isRelative(value)) {
    const moment = readMoment(value, path, condition.reading);
    return moment && row.ofMoment!(momentView(condition, view), moment);
  }
  const operands = readAll(condition, [value], () => path);
  return operands && comparedWith(row, view, operands);
}

/**
 * An editor leaves the value behind that was typed for another operator; anything else would be
 * meant as a condition.
 */
export function refuseValue(
  row: AttributeOperator,
  { value }: Members,
  path: string,
  reading: Reading,
): readonly Scalar[] {
  const isLeft = (left: unknown) => typeof left !== 'object' || left === null;
  if (Array.isArray(value) ? value.every(isLeft) : isLeft(value)) return [];
  fault(
    reading,
    pointer(path, 'value'),
    `'${row.name}' takes no value, but here is ${quote(value)}`,
  );
  return [];
}

function whyNotRelative(condition: Condition): string {
  if (!isOfTime(condition)) {
    const described = describeField(condition.field);
    return `${described}: only dates and datetimes are relative to the present`;
  }
  const taking = TAKING_MOMENTS.join(' ');
  return `'${condition.row.name}' takes no value relative to the present; ${taking} do`;
}

/** The operators that compare with moments. */
const TAKING_MOMENTS = OPERATORS.flatMap((row) => {
  const positive = row.kind === 'attribute' ? (row.complementOf ?? row) : undefined;
  return positive?.ofMoment || positive?.ends ? [row.name] : [];
});

/** Each value in normal form, or undefined with a fault for each that does not fit. */
function readAll(
  { row, field, reading }: Condition,
  values: readonly unknown[],
  pathOf: (index: number) => string,
): readonly Operand[] | undefined {
  const type = operandType(field.attribute);
  const operands: Operand[] = [];
  for (const [index, value] of values.entries()) {
    const operand = readOne(type, value, reading.scope.timeZone);
    const altered = inexactText(type, value);
    if (operand !== undefined) {
      if (isAdmitted(row, operand, pathOf(index), reading)) operands.push(operand);
    } else if (altered !== undefined) inexactFault(reading, pathOf(index), altered);
    else fault(reading, pathOf(index), `${describeField(field)}: ${quote(value)} is ${notA(type)}`);
  }
  return operands.length === values.length ? operands : undefined;
}

/** Notes why the operator does not take the operand, or counts what the condition takes. */
function isAdmitted(
  { admit }: AttributeOperator,
  operand: Operand,
  path: string,
  reading: Reading,
): boolean {
  // a query that costs too much is refused as it is: no more is worked out
  if (!admit || isDay(operand) || reading.costs.length > 0) return true;
  const admitted = admit(operand);
  if (typeof admitted === 'number') {
    admitOperations(reading, path, admitted);
    return true;
  }
  (admitted.costs ? costly : fault)(reading, path, admitted.why);
  return false;
}

/** A date that is given for a datetime means the whole day. */
function readOne(type: ScalarType, value: unknown, timeZone: string): Operand | undefined {
  return (
    (type === 'datetime' ? readDay(value, timeZone) : undefined) ??
    readOperand(type, value, timeZone)
  );
}

function notA(type: ScalarType): string {
  return `not ${describeScalar(type)}, such as ${exampleOfScalar(type)}`;
}

/**
 * The type that a value is compared with: an attribute of a scalar type itself, or the elements of
 * a list.
 */
function operandType({ type, of }: Attribute): ScalarType {
  return SCALAR_TYPES.find((scalar) => scalar === (of ?? type))!;
}

/**
 * `"a,b"` as react-querybuilder writes a list: trimmed, empty parts left out, a comma of a value
 * written `\,`.
 */
function splitList(text: string): string[] {
  const parts = text.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ',').trim());
  return parts.filter((part) => part !== '');
}

/** A list as it is, or written as `"a,b"`. */
function listed(value: unknown): unknown {
  return typeof value === 'string' ? splitList(value) : value;
}

/** Reads what `given` is as a list. */
function readList(
  condition: Condition,
  values: unknown,
  given: unknown,
  at: string,
): Operands | undefined {
  const { row, field, reading } = condition;
  if (!Array.isArray(values)) {
    const list = `[${exampleOfScalar(operandType(field.attribute))}]`;
    const why = `'${row.name}' takes a list of values, such as ${list}, not ${quote(given)}`;
    return fault(reading, at, why);
  }
  return readAll(condition, values, (index) => (Array.isArray(given) ? pointer(at, index) : at));
}

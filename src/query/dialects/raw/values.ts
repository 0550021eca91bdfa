/**
 * values.ts – The values that a rule of JsonLogic reads: an attribute, lower-cased or not, or its
 * age.
 *
 * Keeps true: a value that is read has a declared attribute; a constant fits it only if it has the
 * JavaScript type of its values.
 */
import type { Attribute, ObjectType } from '../../../change/object-type.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import type { AttributeView, Clock, Scalar } from '../../predicate/predicate.ts';
import { fold } from '../../predicate/view.ts';
import {
  clockOfDates,
  isClockOperation,
  PASSING_OPERATIONS,
  readClock,
} from '../../time/clocks.ts';
import { type Args, isScalar } from './shapes.ts';

/** A value that is read from the record, and its JS type if it is a scalar; by a clock, its age. */
export interface Read {
  readonly clock?: Clock;
  readonly view: AttributeView;
  readonly attribute: Attribute;
  readonly jsType: 'string' | 'number' | 'boolean' | undefined;
}

/**
 * `{"var": "name"}` without a default, or `toLowerCase` of that where there are strings to fold.
 */
export function readView(rule: unknown, type: ObjectType): Read | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const [arg] = args;
  if (isClockOperation(name))
    return PASSING_OPERATIONS.includes(name) ? undefined : readAge(rule, type);
  if (args.length !== 1) return undefined;
  if (name === 'toLowerCase') {
    const read = readView(arg, type);
    const hasCase = read?.attribute.type === 'string' || read?.attribute.of === 'string';
    return read && hasCase ? { ...read, view: { ...read.view, folded: true } } : undefined;
  }
  const attribute =
    name === 'var' && typeof arg === 'string' ? type.attributes.get(arg) : undefined;
  return (
    attribute && {
      view: { attribute: String(arg), folded: false },
      attribute,
      jsType: jsTypeOf(attribute),
    }
  );
}

/** The age of a date or datetime; of a missing one it is null, as the value is. */
export function readAge(rule: unknown, type: ObjectType): Read | undefined {
  const told = readClock(rule);
  const read = told && readView(told.value, type);
  if (!read || read.clock) return undefined;
  switch (read.attribute.type) {
    case 'date':
      return { ...read, clock: clockOfDates(told.clock), jsType: 'number' };
    case 'datetime': {
      const { datesIn: _, ...clock } = told.clock;
      return { ...read, clock, jsType: 'number' };
    }
    default:
      return undefined;
  }
}

function jsTypeOf({ type }: Attribute): Read['jsType'] {
  if (type === 'list' || type === 'object') return undefined;
  return type === 'number' || type === 'boolean' ? type : 'string';
}

/** A value read and a constant, in either order. */
export function readPair(
  args: Args,
  type: ObjectType,
): { read: Read; constant: Scalar | null } | undefined {
  const [left, right] = args;
  if (args.length !== 2) return undefined;
  const [read, constant] = isConstant(left)
    ? [readView(right, type), left]
    : [readView(left, type), right];
  return read && isConstant(constant) ? { read, constant } : undefined;
}

function isConstant(value: unknown): value is Scalar | null {
  return value === null || isScalar(value);
}

/**
 * Whether the constant has the JS type of the attribute's values, so that JavaScript converts
 * neither.
 */
export function fits(constant: Scalar, { view, jsType }: Read): boolean {
  return typeof constant === jsType && isFoldedLike(constant, view);
}

/**
 * A lower-cased value is compared with lower-cased constants only; an atom of a folded view has no
 * others.
 */
export function isFoldedLike(constant: Scalar, { folded }: AttributeView): boolean {
  return !folded || fold(constant) === constant;
}

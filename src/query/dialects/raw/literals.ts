/**
 * literals.ts – The literals of JsonLogic that stand beside an attribute: whether a value of it can
 * be one of them.
 *
 * Keeps true: what passes here may hold of some record. What is refused never could (or always
 * would, negated), and is named with the form that values have. JavaScript's conversions count:
 * `==` finds 42 in "42", `===` and `in` do not. What is ordered is ordered by its characters, so a
 * time must be in normal form there too, or break off (`"2026-11"`).
 */
import type { Attribute, ObjectType, ScalarType } from '../../../change/object-type.ts';
import {
  describeAttribute,
  exampleOf,
  inexactText,
  readDay,
  readOperand,
} from '../../../change/value.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import { hopNamed, type TypesByName } from '../../predicate/relationships.ts';
import { fault, inexactFault, quote, type Reading } from '../scope.ts';
import type { Args } from './shapes.ts';

/** The scope of `var`: a record, or an element of a list attribute. */
export type Items = ObjectType | { readonly of: ScalarType };

/**
 * An attribute that is read, under the name that the rule gives it; `otherwise` stands for a
 * missing value.
 */
interface Compared {
  readonly name: string;
  readonly attribute: Attribute;
  readonly otherwise: readonly unknown[];
}

/** Whether a value of the attribute can be the literal, as the operation compares. */
type CanBe = (literal: unknown, attribute: Attribute, timeZone: string) => boolean;

/** Notes each literal of an operation that no value of the attribute beside it can be. */
export function refuseLiterals(
  name: string,
  args: Args,
  items: Items,
  pathOf: PathOf,
  reading: Reading,
): void {
  const canBe = COMPARISONS.get(name);
  if (canBe) refuseBeside(args, canBe, items, pathOf, reading);
  else if (name === 'in' || name === 'startsWith' || name === 'endsWith')
    refuseContained(name, args, items, pathOf, reading);
}

/** Where an argument stands, and where an element of it does. */
type PathOf = (index: number, element?: number) => string;

const COMPARISONS: ReadonlyMap<string, CanBe> = new Map<string, CanBe>([
  ['==', equalsLoosely],
  ['!=', equalsLoosely],
  ['===', equalsStrictly],
  ['!==', equalsStrictly],
  ...['<', '<=', '>', '>='].map((order): [string, CanBe] => [order, isOrdered]),
]);

/**
 * Each literal among the arguments stands beside each attribute among them. A missing value is
 * null, whatever the type.
 */
function refuseBeside(
  args: Args,
  canBe: CanBe,
  items: Items,
  pathOf: PathOf,
  reading: Reading,
): void {
  const read = args.flatMap((arg) => comparedIn(arg, items, reading.scope.types) ?? []);
  for (const [index, literal] of args.entries()) {
    const never =
      isLiteral(literal) && literal !== null
        ? read.find((each) => isNever(literal, each, canBe, reading))
        : undefined;
    if (never) refuseNever(literal, never, pathOf(index), reading);
  }
}

function refuseNever(literal: unknown, never: Compared, path: string, reading: Reading): void {
  const altered = inexactText(never.attribute.type, literal);
  if (altered !== undefined) inexactFault(reading, path, altered);
  else fault(reading, path, whyNever(literal, never, reading));
}

function isNever(
  literal: unknown,
  { attribute, otherwise }: Compared,
  canBe: CanBe,
  { scope }: Reading,
): boolean {
  if (otherwise.some((each) => each !== null && mayMeet(each, literal, canBe))) return false;
  return !canBe(literal, attribute, scope.timeZone);
}

/**
 * Whether a default may be what the literal is there for: it may be computed, or be ordered, or be
 * equal as text or number.
 */
function mayMeet(otherwise: unknown, literal: unknown, canBe: CanBe): boolean {
  if (!isLiteral(otherwise) || canBe === isOrdered) return true;
  return String(otherwise) === String(literal) || Number(otherwise) === Number(literal);
}

/** A value in a list of literals, a literal in a list or in a text. */
function refuseContained(
  name: string,
  args: Args,
  items: Items,
  pathOf: PathOf,
  reading: Reading,
): void {
  const { types } = reading.scope;
  const [first, second] = args;
  const [text, part, at] = name === 'in' ? [second, first, 0] : [first, second, 1];
  const needle =
    name === 'in' && Array.isArray(second) ? comparedIn(first, items, types) : undefined;
  for (const [index, literal] of (needle ? (second as Args) : []).entries()) {
    if (
      isLiteral(literal) &&
      literal !== null &&
      isNever(literal, needle!, equalsStrictly, reading)
    )
      refuseNever(literal, needle!, pathOf(1, index), reading);
  }
  const whole = isLiteral(part) ? comparedIn(text, items, types) : undefined;
  if (whole && isNever(part, elementOf(whole), isContained(name, whole), reading))
    refuseNever(part, elementOf(whole), pathOf(at), reading);
}

/** The element type of a list, or the attribute itself. */
function elementOf(compared: Compared): Compared {
  const { of } = compared.attribute;
  return of ? { ...compared, attribute: { type: of } } : compared;
}

function isContained(name: string, { attribute }: Compared): CanBe {
  return attribute.type === 'list' && name === 'in' ? equalsStrictly : isPart;
}

/**
 * A list may be one, of literals. A number that is too large for JavaScript is refused by itself.
 */
function isLiteral(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isLiteral);
  return typeof value === 'number'
    ? Number.isFinite(value)
    : value === null || typeof value !== 'object';
}

function equalsStrictly(literal: unknown, { type }: Attribute, timeZone: string): boolean {
  switch (type) {
    case 'list':
    case 'object':
      return false; // each is a value of its own
    case 'date':
    case 'datetime':
      return isNormal(literal, type, timeZone);
    default:
      return typeof literal === type;
  }
}

/** A list is not equal to another one, but to the text or number that it becomes. */
function equalsLoosely(given: unknown, { type }: Attribute, timeZone: string): boolean {
  const literal = Array.isArray(given) ? String(given) : given;
  switch (type) {
    case 'list':
    case 'object':
      return !Array.isArray(given);
    case 'date':
    case 'datetime':
      return isNormal(literal, type, timeZone);
    case 'number':
      // A text whose digits a double would not keep would equal another number.
      return Number.isFinite(Number(literal)) && inexactText(type, literal) === undefined;
    case 'boolean':
      return Number(literal) === 0 || Number(literal) === 1;
    default:
      return true;
  }
}

function isOrdered(literal: unknown, attribute: Attribute, timeZone: string): boolean {
  if (Array.isArray(literal)) return true;
  switch (attribute.type) {
    case 'boolean':
      return true;
    case 'date':
    case 'datetime':
      return isNormal(literal, attribute.type, timeZone) || isBrokenOff(literal, attribute.type);
    default:
      return equalsLoosely(literal, attribute, timeZone);
  }
}

function isBrokenOff(literal: unknown, type: 'date' | 'datetime'): boolean {
  return typeof literal === 'string' && BROKEN_OFF[type].test(literal);
}

/** A year, month, day, hour or minute: what lies in it begins with it, and so comes after it. */
const BROKEN_OFF = {
  date: /^\d{4}(-\d\d)?$/,
  datetime: /^\d{4}(-\d\d(-\d\d(T\d\d(:\d\d){0,2})?)?)?$/,
};

/** A part of the text of a value: of a date or time that is whole, or breaks off. */
function isPart(literal: unknown, { type }: Attribute, timeZone: string): boolean {
  if ((type !== 'date' && type !== 'datetime') || typeof literal !== 'string') return true;
  return (
    SHAPES[type].startsWith(literal.replaceAll(/\d/g, '0')) ||
    readOperand(type, literal, timeZone) === undefined
  );
}

const SHAPES = { date: '0000-00-00', datetime: '0000-00-00T00:00:00.000Z' };

function isNormal(literal: unknown, type: 'date' | 'datetime', timeZone: string): boolean {
  return typeof literal === 'string' && readOperand(type, literal, timeZone) === literal;
}

function whyNever(
  literal: unknown,
  { name, attribute }: Compared,
  { scope: { timeZone } }: Reading,
): string {
  const is = describeAttribute(attribute);
  const what = `${name} is ${is}, and no value of it is ever ${quote(literal)}`;
  if (attribute.type === 'list' || attribute.type === 'object')
    return `${what}; only its parts can be compared`;
  const day = attribute.type === 'datetime' ? readDay(literal, timeZone) : undefined;
  const normal = normalForm(literal, attribute.type, timeZone);
  if (normal === undefined) return `${what}; write it like ${exampleOf(attribute)}`;
  const whole = day ? `; the whole day is from there to ${JSON.stringify(day.last)}` : '';
  return `${what}; write ${JSON.stringify(normal)}${whole}`;
}

function normalForm(literal: unknown, type: ScalarType, timeZone: string): unknown {
  if (type === 'string')
    return literal === null || Array.isArray(literal) ? undefined : String(literal);
  if (type === 'boolean' && (literal === 0 || literal === 1)) return literal === 1;
  return readOperand(type, literal, timeZone);
}

/** The attribute that a `var` reads, lower-cased or not. */
export function comparedIn(rule: unknown, items: Items, types: TypesByName): Compared | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  if (name === 'toLowerCase' && args.length === 1) return loweredIn(args[0], items, types);
  if (name !== 'var') return undefined;
  const [path = '', ...otherwise] = args;
  if (typeof path === 'object' && path !== null) return undefined; // refused elsewhere
  const attribute = attributeAt(String(path ?? ''), items, types);
  return attribute && { name: path === '' ? 'each element' : `'${path}'`, attribute, otherwise };
}

/** Only letters have a case: what else there is may become another text. */
function loweredIn(rule: unknown, items: Items, types: TypesByName): Compared | undefined {
  const read = comparedIn(rule, items, types);
  return read && (read.attribute.of ?? read.attribute.type) === 'string' ? read : undefined;
}

/**
 * The attribute at the end of steps to one record each; of a list it may be the length or an
 * element.
 */
function attributeAt(path: string, items: Items, types: TypesByName): Attribute | undefined {
  if (!('attributes' in items)) return path === '' ? { type: items.of } : undefined;
  const [step = '', ...deeper] = path.split('.');
  const hop = hopNamed(items, step, types);
  const target = hop && !hop.many ? types.get(hop.target) : undefined;
  if (target && deeper.length > 0) return attributeAt(deeper.join('.'), target, types);
  const attribute = items.attributes.get(step);
  if (!attribute || deeper.length === 0) return attribute;
  if (deeper[0] === 'length') return { type: 'number' };
  return attribute.of && { type: attribute.of };
}

/** What stands in a list attribute, if the rule gives one, filtered or not. */
export function elementsOf(list: unknown, items: Items, types: TypesByName): Items | undefined {
  if (!isLogic(list)) return undefined;
  const [name, args] = operationOf(list);
  if (name === 'filter') return elementsOf(args[0], items, types);
  const read = name === 'var' && args.length === 1 ? comparedIn(list, items, types) : undefined;
  return read?.attribute.of && { of: read.attribute.of };
}

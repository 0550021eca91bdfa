/**
 * connectives.ts – and, if and comparisons of values in JsonLogic, as predicates.
 *
 * Keeps true: a comparison becomes an atom only if JavaScript converts neither of its sides; the
 * result for a missing value (null) is a condition beside the atom.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import {
  type AttributeView,
  and,
  equals,
  NEVER,
  not,
  or,
  type Predicate,
  present,
} from '../../predicate/predicate.ts';
import type { TextKind } from '../../predicate/text-tests.ts';
import { bound, equalsRead, nonEmpty, plusZero, rangeRead } from './atoms.ts';
import { absenceOf, existenceOf } from './neighbours.ts';
import type { PartContext } from './part-context.ts';
import { type Args, CHOICES, isGuard, isScalar } from './shapes.ts';
import { fits, isFoldedLike, type Read, readAge, readPair, readView } from './values.ts';

/** JsonLogic's `and` of nothing is falsy. */
export function conjunctionOf(args: Args, here: PartContext): Predicate {
  if (args.length === 0) return NEVER;
  return guardedComparison(args, here) ?? and(args.map((arg) => here.truthOf(arg, here)));
}

/**
 * `if a then b else c` is (a and b) or (not a and c). A condition is written twice, so one with
 * choices stays a program.
 */
export function choiceOf(args: Args, here: PartContext): Predicate | undefined {
  const [condition, result, ...more] = args;
  if (args.length < 2) return args.length === 0 ? NEVER : here.truthOf(condition, here);
  if (hasChoice(condition)) return undefined;
  const holds = here.truthOf(condition, here);
  const otherwise = choiceOf(more, here);
  return otherwise && or([and([holds, here.truthOf(result, here)]), and([not(holds), otherwise])]);
}

function hasChoice(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(hasChoice);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return CHOICES.has(name) || args.some(hasChoice);
}

/** A value by itself holds unless it is missing, "", 0, false or an empty list. */
export function truthOfValue(args: Args, here: PartContext): Predicate | undefined {
  const read = readView({ var: args }, here.type);
  if (!read) return existenceOf(args, here);
  switch (read.attribute.type) {
    case 'boolean':
      return equals(read.view, [true]);
    case 'string':
      return nonEmpty(read.view);
    case 'number':
      return and([present(read.view), not(equals(read.view, [0]))]);
    case 'list':
      return undefined;
    default:
      return present(read.view);
  }
}

/** `==` and `===` of a value and a constant, or of a neighbour and null. */
export function equalityOf(args: Args, here: PartContext): Predicate | undefined {
  const pair = readPair(args, here.type);
  if (!pair) return absenceOf(args, here);
  if (pair.constant === null) return not(present(pair.read.view));
  return fits(pair.constant, pair.read) ? equalsRead(pair.read, [pair.constant]) : undefined;
}

/** `!=` and `!==` of those. */
export function inequalityOf(args: Args, here: PartContext): Predicate | undefined {
  const equal = equalityOf(args, here);
  return equal && not(equal);
}

/**
 * Constants below or above a value; with three arguments both. A missing value is null, and `null <
 * 10` is true in JavaScript.
 */
export function orderOf(order: '<' | '<=', args: Args, here: PartContext): Predicate | undefined {
  const at = args.length === 3 || !readView(args[0], here.type) ? 1 : 0;
  const read = readView(args[at], here.type);
  const bounds = args.toSpliced(at, 1);
  if (!read || read.jsType === 'boolean' || args.length < 2 || args.length > 3) return undefined;
  if (!bounds.every((bound) => isScalar(bound) && fits(bound, read))) return undefined;
  const [low, high] = [bound(args[at - 1]), bound(args[at + 1])];
  const inclusive = order === '<=';
  const inside = rangeRead(read, {
    low,
    lowInclusive: inclusive && low !== null,
    high,
    highInclusive: inclusive && high !== null,
  });
  const holds = STANDS[order];
  const holdsOfNull = (low === null || holds(low, null)) && (high === null || holds(null, high));
  return holdsOfNull ? or([inside, not(present(read.view))]) : inside;
}

const STANDS: Record<'<' | '<=', (a: unknown, b: unknown) => boolean> = {
  '<': (a, b) => (a as number) < (b as number),
  '<=': (a, b) => (a as number) <= (b as number),
};

/** In a list of constants; or of a constant in a list, or in a text. */
export function containmentOf(args: Args, here: PartContext): Predicate | undefined {
  const [needle, place] = args;
  if (args.length !== 2) return undefined;
  if (Array.isArray(place)) {
    const read = readView(needle, here.type);
    return read && place.every((value) => isScalar(value) && fits(value, read))
      ? equalsRead(read, place)
      : undefined;
  }
  const read = readView(place, here.type);
  if (!read || !isScalar(needle) || !isFoldedLike(needle, read.view)) return undefined;
  if (read.attribute.type === 'list')
    return { kind: 'member', view: read.view, value: plusZero(needle) };
  if (read.jsType !== 'string' || typeof needle !== 'string') return undefined;
  // An empty text contains nothing at all, not even "".
  if (needle === '')
    return read.attribute.type === 'string' ? nonEmpty(read.view) : present(read.view);
  return { kind: 'substring', view: read.view, needle };
}

/** A test of a text with a constant, by the operation that we add for it. */
export function textOf(kind: TextKind, args: Args, here: PartContext): Predicate | undefined {
  const [value, needle] = args;
  const read = readView(value, here.type);
  if (args.length !== 2 || read?.jsType !== 'string' || typeof needle !== 'string')
    return undefined;
  if (!isFoldedLike(needle, read.view)) return undefined;
  return needle === '' ? present(read.view) : { kind, view: read.view, needle };
}

/** Whether a value has passed a moment; a missing one never has. */
export function passedOf(name: string, args: Args, here: PartContext): Predicate | undefined {
  const read = readAge({ [name]: args }, here.type);
  return read && rangeRead(read, { low: 1, lowInclusive: true, high: null, highInclusive: false });
}

const COMPARISONS: ReadonlyMap<string, '=' | '<' | '<='> = new Map([
  ['===', '='],
  ['<', '<'],
  ['<=', '<='],
] as const);

/**
 * Two attributes with values, compared: `{"and": [{"!=": [a, null]}, {"!=": [b, null]}, {"<": [a,
 * b]}]}`.
 */
function guardedComparison(args: Args, here: PartContext): Predicate | undefined {
  const [leftGuard, rightGuard, comparison] = args;
  if (args.length !== 3 || !isLogic(comparison)) return undefined;
  const [name, sides] = operationOf(comparison);
  const order = COMPARISONS.get(name);
  const [left, right] = [readSide(sides[0], here.type), readSide(sides[1], here.type)];
  if (!order || !left?.jsType || left.jsType !== right?.jsType || sides.length !== 2)
    return undefined;
  if (left.clock || right.clock) return undefined;
  if (left.jsType === 'boolean' && order !== '=') return undefined;
  if (!guards(leftGuard, left.view, here) || !guards(rightGuard, right.view, here))
    return undefined;
  return { kind: 'compare', left: left.view, order, right: right.view };
}

/** A value, or the moment at which the day of a date begins. */
function readSide(rule: unknown, type: ObjectType): Read | undefined {
  if (!isLogic(rule) || operationOf(rule)[0] !== 'startOfDay') return readView(rule, type);
  const [date, zone] = operationOf(rule)[1];
  const read = readView(date, type);
  if (read?.attribute.type !== 'date' || read.clock) return undefined;
  return { ...read, view: { ...read.view, datesIn: String(zone) } };
}

function guards(rule: unknown, { attribute }: AttributeView, here: PartContext): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return isGuard(name, args) && readView(args[0], here.type)?.view.attribute === attribute;
}

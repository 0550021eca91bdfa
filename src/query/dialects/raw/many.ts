/**
 * many.ts – Conditions of JsonLogic on many neighbours: some, all, none of them, or a measure
 * compared with numbers.
 *
 * Keeps true: a rule is read as one of these only if it is known to be one.
 */
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import {
  ALWAYS,
  type AttributeView,
  and,
  equals,
  NEVER,
  not,
  type Predicate,
  present,
  range,
} from '../../predicate/predicate.ts';
import { atLeastOne, edgeOver, isZero } from '../../predicate/relationships.ts';
import { leavesOf } from '../../predicate/walk.ts';
import { bound } from './atoms.ts';
import { type Measured, readMeasured } from './measured.ts';
import type { PartContext } from './part-context.ts';
import type { Args } from './shapes.ts';

/**
 * A condition on many neighbours: whether some satisfy a rule, or how a measure of them compares.
 */
export function ofMany(
  rule: Readonly<Record<string, unknown>>,
  here: PartContext,
): Predicate | undefined {
  const [name, args] = operationOf(rule);
  switch (name) {
    case 'some':
    case 'none':
    case 'all':
      return quantified(name, args, here);
    case 'filter':
      return counted(rule, here, atLeastOne);
    default:
      return COMPARING.has(name) ? compared(name, args, here) : measuredTruth(rule, here);
  }
}

function quantified(
  name: 'some' | 'none' | 'all',
  [list, each, ...more]: Args,
  here: PartContext,
): Predicate | undefined {
  const found = each === undefined || more.length > 0 ? undefined : measuredOf(countOf(list), here);
  const type = found && here.reading.scope.types.get(found.hop.target);
  if (!type) return undefined;
  const satisfied = here.truthOf(each, { ...here, type });
  if (name !== 'all') return countedAs(found, satisfied, name === 'some' ? atLeastOne : isZero);
  // the restriction of the list occurs twice here: if that looks further, nesting would double it
  // at each level
  if (looksFurther(found.where)) return undefined;
  return and([countedAs(found, not(satisfied), isZero), countedAs(found, ALWAYS, atLeastOne)]);
}

/** Those neighbours that satisfy one thing more. */
function countedAs(
  { hop, measure, where }: Measured,
  satisfied: Predicate,
  holds: Predicate,
): Predicate {
  return edgeOver(hop, measure, where === ALWAYS ? satisfied : and([where, satisfied]), holds);
}

function looksFurther(predicate: Predicate): boolean {
  return leavesOf(predicate).some(({ kind }) => kind === 'edge');
}

/** How many records are in a list of neighbours, if it is one. */
function counted(list: unknown, here: PartContext, holds: Predicate): Predicate | undefined {
  const found = measuredOf(countOf(list), here);
  return found && holdsOf(found, holds);
}

function countOf(list: unknown): unknown {
  return { reduce: [list, { '+': [1, { var: 'accumulator' }] }, 0] };
}

function measuredOf(rule: unknown, here: PartContext): Measured | undefined {
  const { types } = here.reading.scope;
  return readMeasured(rule, here.type, types, (part, type) =>
    here.truthOf(part, { ...here, type }),
  );
}

/** A measure by itself: it is there, and is not 0. */
function measuredTruth(rule: unknown, here: PartContext): Predicate | undefined {
  const found = measuredOf(rule, here);
  const view = found?.view;
  return found && view && holdsOf(found, and([present(view), not(equals(view, [0]))]));
}

function holdsOf({ hop, measure, where }: Measured, holds: Predicate): Predicate {
  return edgeOver(hop, measure, where, holds);
}

/**
 * A measure compared with numbers. It is undefined or NaN where it is missing: nothing but `!=` and
 * `!==` holds of that.
 */
function compared(name: string, args: Args, here: PartContext): Predicate | undefined {
  const at = args.findIndex((arg) => isLogic(arg));
  const found = at < 0 ? undefined : measuredOf(args[at], here);
  if (!found) return undefined;
  const holds = comparedHolds(name, args, at, found);
  return holds && holdsOf(found, holds);
}

const COMPARING = new Set(['==', '===', '!=', '!==', '<', '<=', '>', '>=', 'in']);

function comparedHolds(
  name: string,
  args: Args,
  at: number,
  { view, measure }: Measured,
): Predicate | undefined {
  const others = args.toSpliced(at, 1);
  const [other] = others;
  switch (name) {
    case '==':
    case '===':
    case '!=':
    case '!==': {
      if (others.length !== 1 || !(other === null || isNumber(other))) return undefined;
      const nullish = name.length === 2 && measure.kind !== 'share' ? not(present(view)) : NEVER;
      const equal = other === null ? nullish : equals(view, [other]);
      return name.startsWith('!') ? not(equal) : equal;
    }
    case '<':
    case '<=':
      return others.every(isNumber)
        ? between(view, args[at - 1], args[at + 1], name === '<=', args.length)
        : undefined;
    case '>':
    case '>=':
      if (args.length !== 2 || !isNumber(other)) return undefined;
      return between(view, args[at + 1], args[at - 1], name === '>=', args.length);
    case 'in':
      if (args.length !== 2 || at !== 0 || !Array.isArray(other) || !other.every(isNumber))
        return undefined;
      return equals(view, other);
    default:
      return undefined;
  }
}

/** The operands next to the measure on either side; of three, it stands between two. */
function between(
  view: AttributeView,
  low: unknown,
  high: unknown,
  inclusive: boolean,
  sides: number,
): Predicate | undefined {
  const bounds = { low: bound(low), high: bound(high) };
  if (sides < 2 || sides > 3 || (sides === 3 && (bounds.low === null || bounds.high === null)))
    return undefined;
  return range(view, {
    ...bounds,
    lowInclusive: inclusive && bounds.low !== null,
    highInclusive: inclusive && bounds.high !== null,
  });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

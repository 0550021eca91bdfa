/**
 * size.ts – Counts the conditions and groups of a JsonLogic rule, and their depth.
 *
 * Keeps true: it counts as a rule group does, so that a query has the same size in either dialect.
 * Several operations that stand for one rule count as that rule.
 */
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import { AGE_OPERATIONS } from '../../time/clocks.ts';
import { isMeasureBody } from './measured.ts';
import { type Args, isCountBody, isGuard, isScalar } from './shapes.ts';

interface Size {
  readonly nodes: number;
  readonly depth: number;
}

const NO_SIZE: Size = { nodes: 0, depth: 0 };

/**
 * Counts like a rule group does: what one rule is written as counts as one, so that what we return
 * is not too large.
 */
export function measure(rule: unknown): Size {
  if (Array.isArray(rule)) return total(rule);
  if (!isLogic(rule)) return NO_SIZE;
  const [name, args] = operationOf(rule);
  if (isCountBody(rule)) return NO_SIZE;
  const inner = total(args);
  if (isTransparent(name, args)) return inner;
  if (name === 'some' || name === 'none' || name === 'all')
    return { ...inner, nodes: Math.max(inner.nodes, 1) };
  if (isMembershipList(name, args)) return { nodes: 1, depth: 0 };
  if (args.some(isMeasure)) return { nodes: inner.nodes + 1, depth: inner.depth };
  return { nodes: inner.nodes + 1, depth: inner.nodes === 0 ? 0 : inner.depth + 1 };
}

function total(rules: Args): Size {
  let nodes = 0;
  let depth = 0;
  for (const rule of rules) {
    const size = measure(rule);
    nodes += size.nodes;
    depth = Math.max(depth, size.depth);
  }
  return { nodes, depth };
}

/**
 * What is no group and no condition of its own: reading a value or a measure, `not`, and the guard
 * against a missing value.
 */
function isTransparent(name: string, args: Args): boolean {
  if (TRANSPARENT.has(name) || isMeasureBody(name, args)) return true;
  return (
    isGuard(name, args) ||
    (name === 'and' && args.some((arg) => isLogic(arg) && isGuard(...operationOf(arg))))
  );
}

const TRANSPARENT = new Set(['var', 'toLowerCase', 'startOfDay', '!', 'now', ...AGE_OPERATIONS]);

/** What compares it is one condition, about what stands in it. */
function isMeasure(rule: unknown): boolean {
  return isLogic(rule) && isMeasureBody(...operationOf(rule));
}

/**
 * `containsAny` and `containsAll` are one rule each, whatever the number of values, and so is `in`
 * of days.
 */
function isMembershipList(name: string, args: Args): boolean {
  if ((name !== 'or' && name !== 'and') || args.length === 0) return false;
  return args.every(isMembership) || (name === 'or' && args.every(isSpan) && areOfOneValue(args));
}

/** A list contains a value, or one between two others. */
function isMembership(rule: unknown): boolean {
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  if (name === 'some') return args.length === 2 && isLogic(args[0]) && isSpan(args[1]);
  return name === 'in' && args.length === 2 && isScalar(args[0]) && isLogic(args[1]);
}

function areOfOneValue(spans: Args): boolean {
  const names = spans.map((span) =>
    JSON.stringify(operationOf(span as Readonly<Record<string, unknown>>)[1][1]),
  );
  return new Set(names).size === 1;
}

/** A value lies between two constants: `{"<=": [low, {"var": …}, high]}`. */
function isSpan(rule: unknown): boolean {
  if (!isLogic(rule)) return false;
  const [name, [low, value, high, ...more]] = operationOf(rule);
  if (name !== '<=' || !isScalar(low) || !isScalar(high) || more.length > 0) return false;
  return isLogic(value) && operationOf(value)[0] === 'var';
}

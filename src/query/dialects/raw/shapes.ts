/**
 * shapes.ts – The shapes of JsonLogic that several readers look for.
 *
 * Keeps true: a shape is found by its form alone, whatever the types of the attributes.
 */
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import type { Scalar } from '../../predicate/predicate.ts';

/** The arguments of an operation. */
export type Args = readonly unknown[];

/** `{"!=": [value, null]}` */
export function isGuard(name: string, args: Args): boolean {
  return name === '!=' && args.length === 2 && args[1] === null;
}

/** Whether it is a constant that is compared, and not null. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Operations whose second argument is applied to each item of the first one. */
export const OVER_ITEMS = new Set(['map', 'filter', 'all', 'some', 'none', 'reduce']);

/** Operations that choose between results. */
export const CHOICES = new Set(['if', '?:']);

/** `[list, {"+": [1, accumulator]}, 0]` */
export function isCount([, body, initial, ...more]: Args): boolean {
  return more.length === 0 && initial === 0 && isCountBody(body);
}

/** `{"+": [1, {"var": "accumulator"}]}`, in either order. */
export function isCountBody(body: unknown): boolean {
  return addedTo(body) === 1;
}

/** The part that `{"+": […]}` adds to the accumulator. */
export function addedTo(body: unknown): unknown {
  if (!isLogic(body)) return undefined;
  const [name, args] = operationOf(body);
  if (name !== '+' || args.length !== 2) return undefined;
  const at = args.findIndex((arg) => varPath(arg) === 'accumulator');
  return at < 0 ? undefined : args[1 - at];
}

/** `{"filter": […]}` */
export function isFilter(rule: unknown): boolean {
  return isLogic(rule) && operationOf(rule)[0] === 'filter';
}

/** `{"map": [list, {"var": path}]}` */
export function readMap(rule: unknown): { list: unknown; path: string } | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const path = varPath(args[1]);
  return name === 'map' && args.length === 2 && path !== undefined
    ? { list: args[0], path }
    : undefined;
}

/** `{"var": path}`, without a default. */
export function isVar(rule: unknown): boolean {
  return varPath(rule) !== undefined;
}

/** The path of a `var` without a default. */
export function varPath(rule: unknown): string | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  return name === 'var' && args.length === 1 && typeof args[0] === 'string' ? args[0] : undefined;
}

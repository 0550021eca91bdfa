/**
 * rewriting.ts – Rewrites some operations of a JsonLogic rule.
 *
 * Keeps true: a `reduce` that adds up a relationship means the exact sum. It is rewritten as that
 * before anything else is made of it, so that the reference computes the same.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import type { TypesByName } from '../../predicate/relationships.ts';
import { listType } from './measured.ts';
import { type Args, addedTo, OVER_ITEMS, readMap, varPath } from './shapes.ts';

type Copied = (from: object, to: object) => void;

/**
 * The rule, in which each `reduce` that adds up an attribute of neighbours is the operation `sum`;
 * itself, if there is none.
 */
export function withExactSums(
  rule: unknown,
  type: ObjectType,
  types: TypesByName,
  copied: Copied,
): unknown {
  const sums: Rewrite = (name, args, of) =>
    name === 'reduce' ? exactSum(args, of, types) : undefined;
  return rewritten(rule, type, types, sums, copied);
}

/** The replacement of an operation over a record of the type; undefined, if it stays. */
type Rewrite = (name: string, args: Args, type: ObjectType) => object | undefined;

/** The rule with some operations written otherwise; itself, if there are none. */
export function rewritten(
  rule: unknown,
  type: ObjectType,
  types: TypesByName,
  rewrite: Rewrite,
  copied: Copied,
): unknown {
  const within = (part: unknown, of: ObjectType) => rewritten(part, of, types, rewrite, copied);
  if (Array.isArray(rule)) {
    const items = rule.map((item) => within(item, type));
    return items.some((item, index) => item !== rule[index]) ? items : rule;
  }
  if (!isLogic(rule)) return rule;
  const [name, args] = operationOf(rule);
  const other = rewrite(name, args, type);
  if (other) {
    const exact = within(other, type);
    copied(rule, exact as object);
    return exact;
  }
  const items =
    OVER_ITEMS.has(name) && name !== 'reduce' ? listType(args[0], type, types) : undefined;
  const inner = args.map((arg, index) => {
    if (!OVER_ITEMS.has(name) || index !== 1) return within(arg, type);
    return items ? within(arg, items) : arg;
  });
  if (inner.every((arg, index) => arg === args[index])) return rule;
  const copy = { [name]: Array.isArray(rule[name]) ? inner : inner[0] };
  copied(rule, copy);
  return copy;
}

const CURRENT = 'current.';

/**
 * `[map(list, x), current + accumulator, 0]` or `[list, current.x + accumulator, 0]` over
 * neighbours.
 */
function exactSum(
  [list, body, initial, ...more]: Args,
  type: ObjectType,
  types: TypesByName,
): object | undefined {
  const added = varPath(addedTo(body));
  if (added === undefined || initial !== 0 || more.length > 0) return undefined;
  const mapped = readMap(list);
  if (added === 'current' && mapped && listType(mapped.list, type, types)) return { sum: [list] };
  if (!added.startsWith(CURRENT) || !listType(list, type, types)) return undefined;
  return { sum: [{ map: [list, { var: added.slice(CURRENT.length) }] }] };
}

/**
 * raw-measure.ts – What JsonLogic computes of a list of neighbours: their number, a share of it, a
 * sum, an average, an extreme.
 *
 * Keeps true: only what is known to be one of these is read as one. A `reduce` that adds up a
 * relationship means the exact sum, and is rewritten as that before anything else is made of it, so
 * that the reference computes the same.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import { measureOfOperation } from '../../predicate/measures.ts';
import {
  ALWAYS,
  type AttributeView,
  and,
  type ListMeasure,
  type Predicate,
} from '../../predicate/predicate.ts';
import { type Hop, hopNamed, MEASURED, type ObjectTypes } from '../../predicate/relationships.ts';

type Args = readonly unknown[];

/** A measure over the neighbours at `hop` that `where` holds of; `view` stands for its value. */
export interface Measured {
  readonly hop: Hop;
  readonly where: Predicate;
  readonly measure: ListMeasure;
  readonly view: AttributeView;
}

/** Reads what is said of records of the type. */
type TruthOf = (rule: unknown, type: ObjectType) => Predicate;

/** Neighbours, all or those that satisfy a rule. */
interface Neighbours {
  readonly hop: Hop;
  readonly type: ObjectType;
  readonly where: Predicate;
}

/** Reads the rule as a measure of the neighbours of a record of the type, if it is one. */
export function readMeasured(
  rule: unknown,
  type: ObjectType,
  types: ObjectTypes,
  truthOf: TruthOf,
): Measured | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const neighboursIn = (list: unknown) => readNeighbours(list, type, types, truthOf);
  if (name === 'reduce')
    return isCount(args) ? measuring(neighboursIn(args[0]), { kind: 'count' }) : undefined;
  if (name === '/') return readShare(args, neighboursIn);
  const kind = measureOfOperation(name);
  const mapped = kind && args.length === 1 ? readMap(args[0]) : undefined;
  if (!kind || !mapped) return undefined;
  const neighbours = neighboursIn(mapped.list);
  const attribute = neighbours?.type.attributes.get(mapped.path);
  return attribute?.type === 'number'
    ? measuring(neighbours, { kind, attribute: mapped.path })
    : undefined;
}

function measuring(neighbours: Neighbours | undefined, measure: ListMeasure): Measured | undefined {
  return neighbours && { hop: neighbours.hop, where: neighbours.where, measure, view: MEASURED };
}

/** How many satisfy a rule, divided by how many there are. */
function readShare(
  args: Args,
  neighboursIn: (list: unknown) => Neighbours | undefined,
): Measured | undefined {
  const [part, whole] = args.map(countedList);
  const all = whole && isVar(whole.list) ? neighboursIn(whole.list) : undefined;
  const some = part && all ? neighboursIn(part.list) : undefined;
  if (args.length !== 2 || !some || some.hop.name !== all?.hop.name) return undefined;
  return measuring(some, { kind: 'share' });
}

function countedList(rule: unknown): { list: unknown } | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  return name === 'reduce' && isCount(args) ? { list: args[0] } : undefined;
}

function readNeighbours(
  list: unknown,
  type: ObjectType,
  types: ObjectTypes,
  truthOf: TruthOf,
): Neighbours | undefined {
  if (!isLogic(list)) return undefined;
  const [name, args] = operationOf(list);
  if (name === 'var' && args.length === 1) {
    const hop = hopNamed(type, String(args[0]), types);
    const target = hop?.many ? types.get(hop.target) : undefined;
    return hop && target && { hop, type: target, where: ALWAYS };
  }
  const [of, each] = args;
  const all =
    name === 'filter' && args.length === 2 ? readNeighbours(of, type, types, truthOf) : undefined;
  if (!all) return undefined;
  const where = truthOf(each, all.type);
  return { ...all, where: all.where === ALWAYS ? where : and([all.where, where]) };
}

/** The type of the records in a list, if the rule gives neighbours of a record of the type. */
export function listType(
  list: unknown,
  type: ObjectType,
  types: ObjectTypes,
): ObjectType | undefined {
  if (!isLogic(list)) return undefined;
  const [name, args] = operationOf(list);
  if (name === 'filter') return listType(args[0], type, types);
  if (name !== 'var' || typeof args[0] !== 'string') return undefined;
  let at: ObjectType | undefined = type;
  let many = false;
  for (const step of args[0].split('.')) {
    const hop: Hop | undefined = at && !many ? hopNamed(at, step, types) : undefined;
    at = hop && types.get(hop.target);
    many = hop?.many ?? false;
  }
  return many ? at : undefined;
}

// ——— Shapes ———

/** `[list, {"+": [1, accumulator]}, 0]` */
function isCount([, body, initial, ...more]: Args): boolean {
  return more.length === 0 && initial === 0 && isCountBody(body);
}

/** `{"+": [1, {"var": "accumulator"}]}`, in either order. */
export function isCountBody(body: unknown): boolean {
  return addedTo(body) === 1;
}

/** What `{"+": […]}` adds to the accumulator. */
function addedTo(body: unknown): unknown {
  if (!isLogic(body)) return undefined;
  const [name, args] = operationOf(body);
  if (name !== '+' || args.length !== 2) return undefined;
  const at = args.findIndex((arg) => varPath(arg) === 'accumulator');
  return at < 0 ? undefined : args[1 - at];
}

/** Whether an operation only gathers what a measure is of, and is no condition itself. */
export function isMeasureBody(name: string, args: Args): boolean {
  if (name === 'reduce') return isCount(args);
  if (name === 'filter') return args.length === 2 && (isVar(args[0]) || isFilter(args[0]));
  if (name === 'map') return args.length === 2 && isVar(args[1]);
  if (name === '/') return args.length === 2 && args.every((arg) => countedList(arg) !== undefined);
  return (
    measureOfOperation(name) !== undefined && args.length === 1 && readMap(args[0]) !== undefined
  );
}

function isFilter(rule: unknown): boolean {
  return isLogic(rule) && operationOf(rule)[0] === 'filter';
}

function readMap(rule: unknown): { list: unknown; path: string } | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const path = varPath(args[1]);
  return name === 'map' && args.length === 2 && path !== undefined
    ? { list: args[0], path }
    : undefined;
}

function isVar(rule: unknown): boolean {
  return varPath(rule) !== undefined;
}

/** The path of a `var` without a default. */
function varPath(rule: unknown): string | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  return name === 'var' && args.length === 1 && typeof args[0] === 'string' ? args[0] : undefined;
}

// ——— Written otherwise ———

type Copied = (from: object, to: object) => void;

/**
 * The rule, in which each `reduce` that adds up an attribute of neighbours is the operation `sum`;
 * itself, if there is none.
 */
export function withExactSums(
  rule: unknown,
  type: ObjectType,
  types: ObjectTypes,
  copied: Copied,
): unknown {
  const sums: Rewrite = (name, args, of) =>
    name === 'reduce' ? exactSum(args, of, types) : undefined;
  return rewritten(rule, type, types, sums, copied);
}

/** What an operation over a record of the type is written as instead; undefined, if it stays. */
type Rewrite = (name: string, args: Args, type: ObjectType) => object | undefined;

/** The rule with some operations written otherwise; itself, if there are none. */
export function rewritten(
  rule: unknown,
  type: ObjectType,
  types: ObjectTypes,
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

const OVER_ITEMS = new Set(['map', 'filter', 'all', 'some', 'none', 'reduce']);
const CURRENT = 'current.';

/**
 * `[map(list, x), current + accumulator, 0]` or `[list, current.x + accumulator, 0]` over
 * neighbours.
 */
function exactSum(
  [list, body, initial, ...more]: Args,
  type: ObjectType,
  types: ObjectTypes,
): object | undefined {
  const added = varPath(addedTo(body));
  if (added === undefined || initial !== 0 || more.length > 0) return undefined;
  const mapped = readMap(list);
  if (added === 'current' && mapped && listType(mapped.list, type, types)) return { sum: [list] };
  if (!added.startsWith(CURRENT) || !listType(list, type, types)) return undefined;
  return { sum: [{ map: [list, { var: added.slice(CURRENT.length) }] }] };
}

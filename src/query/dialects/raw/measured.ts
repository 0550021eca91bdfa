/**
 * measured.ts – Measures in JsonLogic of a list of neighbours: their number, a share of it, or a
 * measure of their values.
 *
 * Keeps true: only what is known to be a measure is read as one.
 */
import type { ObjectType } from '../../../change/object-type.ts';
import { isLogic, operationOf } from '../../json-logic/json-logic-program.ts';
import { measureOfOperation, takesType } from '../../predicate/measures.ts';
import {
  ALWAYS,
  type AttributeView,
  and,
  type ListMeasure,
  type Predicate,
} from '../../predicate/predicate.ts';
import { type Hop, hopNamed, MEASURED, type TypesByName } from '../../predicate/relationships.ts';
import { type Args, isCount, isFilter, isVar, readMap } from './shapes.ts';

/** A measure over the neighbours at `hop` that `where` holds of; `view` stands for its value. */
export interface Measured {
  readonly hop: Hop;
  readonly where: Predicate;
  readonly measure: ListMeasure;
  readonly view: AttributeView;
}

/** Reads a condition on records of the type. */
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
  types: TypesByName,
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
  return attribute && takesType(kind, attribute.type)
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
  types: TypesByName,
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
  types: TypesByName,
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

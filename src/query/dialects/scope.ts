/**
 * scope.ts – The context that a query is read against, and the findings of reading it so far.
 *
 * Keeps true: reading goes on after a fault, so that one answer names them all (up to FAULTS_MAX).
 * A reader that can't make sense of a part notes why with `fault` and gives undefined; only
 * `compileQuery` throws.
 */
import { isNestedWithin } from '../../change/nesting.ts';
import type { Attribute, ObjectType } from '../../change/object-type.ts';
import type { Fault } from '../../errors.ts';
import { QUERY_OPERATIONS_MAX } from '../cost.ts';
import type { Predicate } from '../predicate/predicate.ts';
import { type Hop, hopNamed } from '../predicate/relationships.ts';

/** A rule, a group or a node as it was sent: an object, and nothing more is known of it. */
export type Members = Readonly<Record<string, unknown>>;

/** The meaning of another segment, as `inSegment` takes it over. */
export interface SegmentMeaning {
  readonly objectType: string;
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
}

/**
 * The context that a query is read against. `segment` answers undefined for an unknown slug;
 * circles are its business.
 */
export interface QueryScope {
  readonly type: ObjectType;
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
  readonly segment: (slug: string) => SegmentMeaning | undefined;
}

export const DEPTH_MAX = 50;
export const NODES_MAX = 1000;
const FAULTS_MAX = 20;

/** The reading of one query: what it may name, and what was found. */
export interface Reading {
  readonly scope: QueryScope;
  readonly faults: Fault[];
  /** Parts that are understood and would cost too much. */
  readonly costs: Fault[];
  /** The slugs of the segments that the query names. */
  readonly uses: Set<string>;
  /** Counted on the way: nodes, faults that are numbers which would be altered, operations. */
  readonly size: { nodes: number; inexact: number; operations: number };
}

export function startReading(scope: QueryScope): Reading {
  const { type, types } = scope;
  const known = types.get(type.name) === type ? types : new Map(types).set(type.name, type);
  const size = { nodes: 0, inexact: 0, operations: 0 };
  return { scope: { ...scope, types: known }, faults: [], costs: [], uses: new Set(), size };
}

/** The same reading, of a part that speaks of records of another type. */
export function readingOf(type: ObjectType, reading: Reading): Reading {
  return { ...reading, scope: { ...reading.scope, type } };
}

/** Notes a fault. Undefined, so that a reader can return it. */
export function fault(reading: Reading, path: string, detail: string): undefined {
  if (reading.faults.length < FAULTS_MAX) reading.faults.push({ path, detail });
}

/** Notes a text that would be altered when it is read as a number. */
export function inexactFault(reading: Reading, path: string, detail: string): undefined {
  const before = reading.faults.length;
  fault(reading, path, detail);
  reading.size.inexact += reading.faults.length - before;
}

/** Whether numbers that would be altered are all that is wrong. */
export function isOnlyInexact({ faults, size }: Reading): boolean {
  return faults.length > 0 && size.inexact === faults.length;
}

/** Notes a part that would cost more than a query may. */
export function costly(reading: Reading, path: string, detail: string): undefined {
  if (reading.costs.length < FAULTS_MAX) reading.costs.push({ path, detail });
}

/** Counts what a condition may take of one record; notes where a query comes to take too much. */
export function admitOperations(reading: Reading, path: string, operations: number): void {
  const { size } = reading;
  const before = size.operations;
  size.operations += operations;
  if (before <= QUERY_OPERATIONS_MAX && size.operations > QUERY_OPERATIONS_MAX) {
    const count = Math.round(size.operations / 1e6);
    costly(reading, path, `up to here it may take ${count} million operations for one record`);
  }
}

/**
 * Counts a node that lies in the `depth`-th group; false, with a fault, if it is one too many or
 * too deep.
 */
export function admitNode(reading: Reading, path: string, depth: number): boolean {
  const { size } = reading;
  size.nodes += 1;
  if (size.nodes === NODES_MAX + 1) fault(reading, path, TOO_MANY);
  if (size.nodes > NODES_MAX) return false;
  if (depth > DEPTH_MAX) fault(reading, path, TOO_DEEP);
  return depth <= DEPTH_MAX;
}

/** Each step of a path is a level of the predicate. */
export const TOO_FAR = `a path leads over at most ${DEPTH_MAX} relationships`;
export const TOO_DEEP = `the query is nested deeper than ${DEPTH_MAX} levels`;
export const TOO_MANY = `the query has more than ${NODES_MAX} groups and conditions`;

/** The declared attribute of that name, or a fault that names what else the name is. */
export function ownAttribute(reading: Reading, name: string, path: string): Attribute | undefined {
  const { type, types } = reading.scope;
  const attribute = type.attributes.get(name);
  if (attribute) return attribute;
  const hop = hopNamed(type, name, types);
  if (hop) return fault(reading, path, `${describeHop(hop, type)}, not an attribute`);
  return fault(reading, path, `${type.name} has no attribute '${name}'${attributesThereAre(type)}`);
}

/** A path that leads from record to record. */
export interface Way {
  readonly hops: readonly Hop[];
  /** The type of the records at its end. */
  readonly type: ObjectType;
}

/**
 * Follows the names, with which the field begins, as relationships, or notes which of them is none.
 */
export function followWay(
  reading: Reading,
  names: readonly string[],
  field: string,
  path: string,
): Way | undefined {
  const hops: Hop[] = [];
  let { type } = reading.scope;
  if (names.length > DEPTH_MAX) return fault(reading, path, TOO_FAR);
  for (const name of names) {
    const hop = hopNamed(type, name, reading.scope.types);
    if (!hop) return fault(reading, path, notAWay(type, name, field));
    const target = typeAt(hop, type, reading, path);
    if (!target) return undefined;
    hops.push(hop);
    type = target;
  }
  return { hops, type };
}

function notAWay(type: ObjectType, name: string, field: string): string {
  if (!type.attributes.has(name))
    return `${type.name} has no attribute '${name}'${attributesThereAre(type)}`;
  return (
    `'${field}' looks into '${name}', which a rule can't; ` +
    'only JsonLogic reads inside of objects'
  );
}

/** The type that a step leads to, or a fault: the catalog may have lost it, or not have it yet. */
export function typeAt(
  hop: Hop,
  from: ObjectType,
  reading: Reading,
  path: string,
): ObjectType | undefined {
  const type = reading.scope.types.get(hop.target);
  return type ?? fault(reading, path, `${describeHop(hop, from)}, which is not declared`);
}

/** `'orders' leads from contacts to many orders` */
export function describeHop({ name, many, target }: Hop, from: ObjectType): string {
  return `'${name}' leads from ${from.name} to ${many ? 'many' : 'one of'} ${target}`;
}

const NAMES_LISTED_MAX = 10;

function attributesThereAre({ attributes }: ObjectType): string {
  const names = [...attributes.keys()];
  if (names.length === 0) return '; none is declared';
  const listed = names.slice(0, NAMES_LISTED_MAX).join(', ');
  return `; there are ${listed}${names.length > NAMES_LISTED_MAX ? ', …' : ''}`;
}

const QUOTED_LENGTH_MAX = 60;
const QUOTED_LEVELS_MAX = 100;

/** A value as it was sent, short enough for a message. */
export function quote(value: unknown): string {
  if (!isNestedWithin(value, QUOTED_LEVELS_MAX)) return Array.isArray(value) ? '[…]' : '{…}';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text;
}

/** Follows the names up to the first step that leads to many, or as far as they lead. */
export function wayToMany(names: readonly string[], reading: Reading): Way {
  const hops: Hop[] = [];
  let { type } = reading.scope;
  for (const name of names) {
    const hop = hops.at(-1)?.many ? undefined : hopNamed(type, name, reading.scope.types);
    const target = hop && reading.scope.types.get(hop.target);
    if (!hop || !target) break;
    hops.push(hop);
    type = target;
  }
  return { hops, type };
}

/**
 * scope.ts – What a query is read against, and what reading it has found so far.
 *
 * Keeps true: reading goes on after a fault, so that one answer names them all (up to FAULTS_MAX); whoever can't make sense
 * of a part notes why with `fault` and gives undefined, and only `compileQuery` throws.
 */
import type { Attribute, ObjectType } from '../change/object-type.ts';
import type { Fault } from '../errors.ts';
import type { Predicate } from './predicate.ts';

/** What another segment holds for, as `inSegment` takes it over. */
export interface SegmentMeaning {
  readonly objectType: string;
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
}

/** What a query is read against. `segment` answers undefined for a slug that nobody has; circles are its business. */
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
  /** The slugs of the segments that the query names. */
  readonly uses: Set<string>;
  nodes: number;
}

export function startReading(scope: QueryScope): Reading {
  return { scope, faults: [], uses: new Set(), nodes: 0 };
}

/** Notes a fault. Undefined, so that a reader can return it. */
export function fault(reading: Reading, path: string, detail: string): undefined {
  if (reading.faults.length < FAULTS_MAX) reading.faults.push({ path, detail });
}

/** Counts a node that lies in the `depth`-th group; false, with a fault, if it is one too many or too deep. */
export function admitNode(reading: Reading, path: string, depth: number): boolean {
  reading.nodes += 1;
  if (reading.nodes === NODES_MAX + 1) fault(reading, path, TOO_MANY);
  if (reading.nodes > NODES_MAX) return false;
  if (depth > DEPTH_MAX) fault(reading, path, TOO_DEEP);
  return depth <= DEPTH_MAX;
}

export const TOO_DEEP = `the query is nested deeper than ${DEPTH_MAX} levels`;
export const TOO_MANY = `the query has more than ${NODES_MAX} groups and conditions`;

/** The declared attribute of that name, or a fault that says what the name is instead. */
export function ownAttribute(reading: Reading, name: string, path: string): Attribute | undefined {
  const { type } = reading.scope;
  const [first = ''] = name.split('.');
  const attribute = type.attributes.get(name);
  if (attribute) return attribute;
  if (isRelationship(reading.scope, first)) {
    return fault(reading, path, `'${first}' is a relationship of ${type.name}: ${RELATIONSHIPS_LATER}`);
  }
  if (first !== name && type.attributes.has(first)) {
    return fault(
      reading,
      path,
      `'${name}' looks into '${first}', which a rule can't; only JsonLogic reads inside of objects`,
    );
  }
  return fault(reading, path, `${type.name} has no attribute '${first}'${attributesThereAre(type)}`);
}

export const RELATIONSHIPS_LATER = 'filters across relationships come with a later release';

/** Whether the name leads to other records: a relationship that is declared here, or the inverse of one declared elsewhere. */
export function isRelationship({ type, types }: QueryScope, name: string): boolean {
  if (type.relationships.has(name)) return true;
  for (const other of types.values()) {
    for (const { to, inverse } of other.relationships.values()) {
      if (to === type.name && inverse === name) return true;
    }
  }
  return false;
}

const NAMES_LISTED_MAX = 10;

function attributesThereAre({ attributes }: ObjectType): string {
  const names = [...attributes.keys()];
  if (names.length === 0) return '; none is declared';
  const listed = names.slice(0, NAMES_LISTED_MAX).join(', ');
  return `; there are ${listed}${names.length > NAMES_LISTED_MAX ? ', …' : ''}`;
}

const QUOTED_LENGTH_MAX = 60;

/** A value as it was sent, short enough for a message. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text;
}

/**
 * relationships.ts – The ways from a record to its neighbours, by the names under which a filter
 * knows them.
 *
 * Keeps true: a name is the relationship's own on the type that holds the key. On the target, where
 * many holders may point at one record, it is the inverse's. No type has two ways of one name, nor
 * a way with the name of an attribute.
 */
import type { ObjectType, Relationship } from '../../change/object-type.ts';
import { assert } from '../../errors.ts';
import type { Predicate, RelatedCondition } from './predicate.ts';

export type TypesByName = ReadonlyMap<string, ObjectType>;

/**
 * One step from a record to its neighbours. `target` is their type, `many` whether there may be
 * more than one.
 */
export interface Hop {
  readonly name: string;
  readonly edge: string;
  readonly direction: 'out' | 'in';
  readonly many: boolean;
  readonly target: string;
}

/** The step of that name, if the type has one. */
export function hopNamed(type: ObjectType, name: string, types: TypesByName): Hop | undefined {
  const own = type.relationships.get(name);
  if (own) return hopOut(type.name, name, own);
  for (const [holder, relationshipName, relationship] of pointingAt(type.name, types)) {
    if (relationship.inverse === name) return hopIn(holder, relationshipName, relationship);
  }
  return undefined;
}

/** All steps that a record of the type can take. */
export function hopsFrom(type: ObjectType, types: TypesByName): Hop[] {
  const out = [...type.relationships].map(([name, relationship]) =>
    hopOut(type.name, name, relationship),
  );
  return [
    ...out,
    ...pointingAt(type.name, types).map(([holder, name, own]) => hopIn(holder, name, own)),
  ];
}

/** The step that an edge of a predicate stands for. */
export function hopOf(
  { edge, direction }: Pick<RelatedCondition, 'edge' | 'direction'>,
  types: TypesByName,
): Hop {
  const [holder = '', name = ''] = edge.split('.');
  const relationship = types.get(holder)?.relationships.get(name);
  assert(relationship, `the relationship ${edge} is declared`);
  return direction === 'out'
    ? hopOut(holder, name, relationship)
    : hopIn(holder, name, relationship);
}

function hopOut(holder: string, name: string, { to, cardinality }: Relationship): Hop {
  return {
    name,
    edge: `${holder}.${name}`,
    direction: 'out',
    many: cardinality === 'many',
    target: to,
  };
}

function hopIn(holder: string, name: string, { inverse }: Relationship): Hop {
  return { name: inverse, edge: `${holder}.${name}`, direction: 'in', many: true, target: holder };
}

function pointingAt(
  typeName: string,
  types: TypesByName,
): [holder: string, name: string, Relationship][] {
  return [...types.values()].flatMap((holder) =>
    [...holder.relationships].flatMap(([name, relationship]): [string, string, Relationship][] =>
      relationship.to === typeName ? [[holder.name, name, relationship]] : [],
    ),
  );
}

/**
 * The ways back to those that point at the type: each by its name here, with the type that declares
 * it and its name there.
 */
export function inverseRelationships(
  typeName: string,
  types: TypesByName,
): Record<string, { readonly type: string; readonly relationship: string }> {
  const inverses = pointingAt(typeName, types).map(
    ([type, relationship, { inverse }]) => [inverse, { type, relationship }] as const,
  );
  return Object.fromEntries(inverses.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The statement about the neighbours that lie a step away: of the one, or of some of the many. */
export function throughHop(hop: Hop, where: Predicate): Predicate {
  return hop.many
    ? edgeOver(hop, { kind: 'count' }, where, atLeastOne)
    : edgeOver(hop, { kind: 'truth' }, where, isTrue);
}

/** The same along several steps, the first one first. */
export function throughHops(hops: readonly Hop[], where: Predicate): Predicate {
  return hops.reduceRight((inner, hop) => throughHop(hop, inner), where);
}

export function edgeOver(
  { edge, direction }: Hop,
  measure: RelatedCondition['measure'],
  where: Predicate,
  holds: Predicate,
): RelatedCondition {
  return { kind: 'edge', edge, direction, measure, where, holds };
}

/** Stands for the measure within an edge's `holds`; a view of it as of an attribute. */
export const MEASURED = { attribute: '$', folded: false } as const;

export const isTrue: Predicate = { kind: 'equals', view: MEASURED, values: [true] };
export const isZero: Predicate = { kind: 'equals', view: MEASURED, values: [0] };
export const atLeastOne: Predicate = {
  kind: 'range',
  view: MEASURED,
  intervals: [{ low: 1, lowInclusive: true, high: null, highInclusive: false }],
};

/**
 * derived-attribute.ts – The names under which a network reads a record's neighbours: one attribute
 * per edge, measure and shared predicate.
 *
 * Keeps true: a name holds all that is needed to compute its value, and no declared attribute can
 * have it (they hold no `@`).
 */
import { assert } from '../../errors.ts';
import { MEASURE_NAMES } from '../predicate/measures.ts';
import type { Measure } from '../predicate/predicate.ts';

/** `predicateId` is the shared predicate of the neighbour's type that the measure is taken over. */
export interface DerivedAttribute {
  readonly edge: string;
  readonly direction: 'out' | 'in';
  readonly measure: Measure;
  readonly predicateId: number;
}

/** `@contacts.organization>truth:12`, `@orders.customer<sum:7:total`. */
export function derivedName({ edge, direction, measure, predicateId }: DerivedAttribute): string {
  const attribute = 'attribute' in measure ? `:${measure.attribute}` : '';
  return `@${edge}${direction === 'out' ? '>' : '<'}${measure.kind}:${predicateId}${attribute}`;
}

const KINDS = ['truth', 'exists', ...MEASURE_NAMES].join('|');
const DERIVED = new RegExp(`^@([^<>]+)([<>])(${KINDS}):(\\d+)(?::(.+))?$`);

export function isDerivedName(name: string): boolean {
  return name.startsWith('@');
}

export function readDerivedName(name: string): DerivedAttribute {
  const match = DERIVED.exec(name);
  assert(match, `'${name}' is the name of a derived attribute`);
  const [, edge, arrow, kind, predicateId, attribute] = match;
  const measure = (attribute === undefined ? { kind } : { kind, attribute }) as Measure;
  return {
    edge: edge!,
    direction: arrow === '>' ? 'out' : 'in',
    measure,
    predicateId: Number(predicateId),
  };
}

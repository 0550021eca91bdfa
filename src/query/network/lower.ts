/**
 * lower.ts – Turns a predicate with edges into one over the record's own and its derived
 * attributes, as a network evaluates it.
 *
 * Keeps true: no part of the result is an edge. A condition on a neighbour becomes a shared
 * predicate of the neighbour's type, itself lowered before it is named, so that every network knows
 * only its own records. The measure over that export, which is part of the derived attribute's
 * name, is then compared.
 */

import { rowOfValues } from '../predicate/measures.ts';
import { predicateKey } from '../predicate/normalize.ts';
import {
  type Atom,
  MEASURE,
  type Measure,
  type Predicate,
  type RelatedCondition,
} from '../predicate/predicate.ts';
import type { PartialState } from '../predicate/tally.ts';
import { atomOf, mapLeaves } from '../predicate/walk.ts';
import { derivedName } from './derived-attribute.ts';

export interface LoweringContext {
  /** The type of the records at the other end. */
  readonly neighbourOf: (edge: string, direction: 'out' | 'in') => string;
  /**
   * The predicate id of a shared predicate of the type; `flat` has no edges, `key` is its key
   * (normalize.ts).
   */
  readonly sharePredicate: (
    objectType: string,
    key: string,
    flat: Predicate,
    travel: Travel,
  ) => number;
}

/** The attribute whose values travel along, and what partitions keep of them. */
interface CarriedValue {
  readonly attribute: string;
  readonly keeps: PartialState;
}

/**
 * How a shared predicate goes over its edge: each edge, direction, attribute and partial state is a
 * predicate of its own, built on its own.
 */
export interface Travel {
  readonly edge: string;
  readonly direction: 'out' | 'in';
  readonly value?: CarriedValue;
}

/** Caller: the predicate is in normal form. */
export function lower(predicate: Predicate, context: LoweringContext): Predicate {
  return mapLeaves(predicate, (leaf) => (leaf.kind === 'edge' ? lowerEdge(leaf, context) : leaf));
}

function lowerEdge(
  { edge, direction, measure, where, holds }: RelatedCondition,
  context: LoweringContext,
): Predicate {
  const neighbour = context.neighbourOf(edge, direction);
  const flat = lower(where, context);
  const predicateId = context.sharePredicate(neighbour, predicateKey(flat), flat, {
    edge,
    direction,
    ...carriedFor(measure),
  });
  return ofAttribute(holds, derivedName({ edge, direction, measure, predicateId }));
}

function carriedFor(measure: Measure): Pick<Travel, 'value'> {
  if (!('attribute' in measure)) return {};
  const { keeps } = rowOfValues(measure.kind);
  return { value: { attribute: measure.attribute, keeps } };
}

/** Turns a condition on the measure into one on the attribute. */
function ofAttribute(holds: Predicate, attribute: string): Predicate {
  return mapLeaves(holds, (leaf) => renamed(atomOf(leaf), attribute));
}

function renamed(atom: Atom, attribute: string): Atom {
  if (atom.kind === 'present') return { ...atom, attribute };
  if ('view' in atom && atom.view.attribute === MEASURE)
    return { ...atom, view: { ...atom.view, attribute } };
  throw new Error(`bug: a measure is compared by ${atom.kind}`);
}

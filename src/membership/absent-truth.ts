/**
 * absent-truth.ts – The truth of shared predicates for a neighbour that is not there.
 *
 * Keeps true: it is their truth over nothing, its own neighbours being absent too.
 */
import { readDerivedName } from '../query/network/derived-attribute.ts';
import type { PredicateNetwork } from '../query/network/network.ts';
import { blankValue } from './derived-value.ts';

export class AbsentTruth {
  readonly #networkOf: (predicateId: number) => PredicateNetwork | undefined;
  readonly #known = new Map<number, boolean>();

  constructor(networkOf: (predicateId: number) => PredicateNetwork | undefined) {
    this.#networkOf = networkOf;
  }

  /** Bounded by the depth of filters: a predicate reads only those that were there before it. */
  of(predicateId: number): boolean {
    const known = this.#known.get(predicateId);
    if (known !== undefined) return known;
    const network = this.#networkOf(predicateId);
    if (!network?.has(predicateId)) return false;
    const nothing: Record<string, unknown> = {};
    for (const name of network.derivedOf(predicateId)) {
      const derived = readDerivedName(name);
      const value = blankValue(
        derived,
        derived.measure.kind === 'truth' && this.of(derived.predicateId),
      );
      if (value !== undefined) nothing[name] = value;
    }
    const truth = truthOver(network, predicateId, nothing);
    this.#known.set(predicateId, truth);
    return truth;
  }
}

/**
 * A predicate that can't be evaluated even over nothing fails in every partition, and all that
 * reads it with it.
 */
function truthOver(
  network: PredicateNetwork,
  predicateId: number,
  nothing: Readonly<Record<string, unknown>>,
): boolean {
  if (network.hopeless.has(predicateId)) return false;
  return network.holds(predicateId, nothing, 0); // nothing has no age: any clock will do
}

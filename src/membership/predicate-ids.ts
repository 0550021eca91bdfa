/**
 * predicate-ids.ts – The ids of the predicates that hold of one record: a sorted set of small
 * integers.
 *
 * Keeps true: it is strictly ascending and never edited.
 */
import { assert } from '../errors.ts';
import { entered, type Flip, flippedPredicateId } from '../query/network/network.ts';

export type PredicateIds = Int32Array;

export const NO_PREDICATE_IDS: PredicateIds = new Int32Array(0);

export function predicateIds(ascending: readonly number[]): PredicateIds {
  return ascending.length === 0 ? NO_PREDICATE_IDS : Int32Array.from(ascending);
}

export function hasPredicateId(held: PredicateIds, predicateId: number): boolean {
  const at = rankOf(held, predicateId);
  return at < held.length && held[at] === predicateId;
}

/** How many of the held predicate ids are lower. */
function rankOf(held: PredicateIds, predicateId: number): number {
  let low = 0;
  let high = held.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (held[middle]! < predicateId) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The ids that hold after some flips. Caller: `flips` ascending, a predicate id at most once, each
 * one a real flip.
 */
export function applyFlips(held: PredicateIds, flips: readonly Flip[]): PredicateIds {
  let growth = 0;
  for (const flip of flips) growth += entered(flip) ? 1 : -1;
  assert(held.length + growth >= 0, 'no more predicate ids are left than are held');
  const result = new Int32Array(held.length + growth);
  let from = 0;
  let to = 0;
  for (const flip of flips) {
    const predicateId = flippedPredicateId(flip);
    // A loop: subarray and set take longer than to copy some hundred numbers one by one.
    while (from < held.length && held[from]! < predicateId) result[to++] = held[from++]!;
    assert(
      entered(flip) !== (held[from] === predicateId),
      `predicate id ${predicateId} is flipped to what it was`,
    );
    if (entered(flip)) result[to++] = predicateId;
    else from++;
  }
  while (from < held.length) result[to++] = held[from++]!;
  return result;
}

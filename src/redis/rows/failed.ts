/**
 * failed.ts – The predicates that have failed in a partition: one field each, why as JSON.
 */
import type { Failure } from '../../query/failure.ts';
import { pairs } from '../pairs.ts';

export function packFailure(failure: Failure): string {
  return JSON.stringify(failure);
}

/** Fields and values in turn. */
export function readFailed(flat: readonly string[]): Map<number, Failure> {
  return new Map(
    [...pairs(flat)].map(([predicateId, packed]) => [
      Number(predicateId),
      JSON.parse(packed) as Failure,
    ]),
  );
}

/**
 * state-row.ts – The memory of the engine for a record, beside its values, as one hash field of
 * `state:<type>`.
 *
 * Written `due;predicateIds`: the next moment at which the clock alone flips one of its predicates
 * (empty: never), and the ids of the predicates that hold. Keeps true: an empty row is not stored,
 * and an absent row stands for it.
 */
import { assert } from '../../errors.ts';
import type { StateRow } from '../../membership/state-row.ts';
import { packPredicateIds, unpackPredicateIds } from './predicate-ids.ts';

const NO_STATE: StateRow = { truth: unpackPredicateIds(''), due: undefined };

/** @returns undefined if there is nothing to store. */
export function packState(
  { truth, due }: StateRow,
  isKept: (predicateId: number) => boolean,
): string | undefined {
  const packed = packPredicateIds(truth, isKept);
  return packed === '' && due === undefined ? undefined : `${due ?? ''};${packed}`;
}

/** @throws Error if something else was written there. */
export function unpackState(row: string | null | undefined): StateRow {
  if (!row) return NO_STATE;
  // The first one: the packed ids may hold it too.
  const end = row.indexOf(';');
  assert(end >= 0, `a state row has two parts, this is '${row.slice(0, 20)}'`);
  return {
    truth: unpackPredicateIds(row.slice(end + 1)),
    due: end === 0 ? undefined : Number(row.slice(0, end)),
  };
}

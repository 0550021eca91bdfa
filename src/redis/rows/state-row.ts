/**
 * state-row.ts – What the engine remembers of a record beside its values, as one hash field of
 * `state:<type>`.
 *
 * Written `due;;predicateIds`: the next moment at which the clock alone flips one of its predicates
 * (empty: never), and the ids of the predicates that hold. Keeps true: a row that says nothing is
 * not stored, and an absent row says nothing.
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
  return packed === '' && due === undefined ? undefined : `${due ?? ''};;${packed}`;
}

/** @throws Error if something else was written there. */
export function unpackState(row: string | null | undefined): StateRow {
  if (!row) return NO_STATE;
  const first = row.indexOf(';');
  const start = row.indexOf(';', first + 1) + 1;
  assert(start >= 2, `a state row has three parts, this is '${row.slice(0, 20)}'`);
  return {
    truth: unpackPredicateIds(row.slice(start)),
    due: first === 0 ? undefined : Number(row.slice(0, first)),
  };
}

/**
 * state-row.ts – What the engine remembers of a record beside its values: one hash field of
 * `state:<type>`.
 *
 * Written `due;unanswered;predicateIds`: the next moment at which the clock alone flips one of its
 * predicates (empty: never), the neighbours that have not answered (empty: their rows say so), and
 * the predicate ids of the predicates that hold. Keeps true: a row that says nothing is not stored,
 * and an absent row says nothing.
 */
import { assert } from '../errors.ts';
import {
  NO_PREDICATE_IDS,
  type PredicateIds,
  packPredicateIds,
  unpackPredicateIds,
} from './predicate-ids.ts';

export interface StateRow {
  readonly truth: PredicateIds;
  /** In ms; the truth is that of every moment from the record's last commit up to this one. */
  readonly due: number | undefined;
}

const NO_STATE: StateRow = { truth: NO_PREDICATE_IDS, due: undefined };

export function packState(
  { truth, due }: StateRow,
  isKept: (predicateId: number) => boolean,
): string | undefined {
  const packed = packPredicateIds(truth, isKept);
  return packed === '' && due === undefined ? undefined : `${due ?? ''};;${packed}`;
}

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

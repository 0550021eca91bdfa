/**
 * state-row.ts – The memory of the engine for a record, beside its values.
 *
 * Keeps true: a row is never edited. Its content holds from the record's last commit up to `due`.
 */
import type { PredicateIds } from '../query/network/predicate-ids.ts';

export interface StateRow {
  /** The predicates that hold. */
  readonly truth: PredicateIds;
  /** In ms: the next moment at which the clock alone flips one of them; undefined: never. */
  readonly due: number | undefined;
}

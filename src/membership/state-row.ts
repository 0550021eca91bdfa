/**
 * state-row.ts – What the engine remembers of a record beside its values.
 */
import type { PredicateIds } from './predicate-ids.ts';

export interface StateRow {
  readonly truth: PredicateIds;
  /** In ms; the truth is that of every moment from the record's last commit up to this one. */
  readonly due: number | undefined;
}

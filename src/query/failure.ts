/**
 * failure.ts – Why a predicate is no longer evaluated: a program of it took more than its budget
 * (budget.ts) for a record, or could not be evaluated at all.
 *
 * Keeps true: a failure is plain data, the same in every process, and stays until the segment is
 * saved again. Neither another value nor the deletion of the record heals it, for its other members
 * were not maintained meanwhile.
 */
import type { OverBudget } from './budget.ts';

export interface Failure {
  readonly object_type: string;
  /** The record; null: it fails over nothing, as records without values are. */
  readonly id: string | null;
  /** The bound that was exceeded. */
  readonly passed: string;
  /** The cause, where it was no budget: the process died, or the step threw. */
  readonly detail?: string;
}

/** In which predicate ids something failed: those are left out. */
export interface FailedPredicateIds {
  readonly size: number;
  has(predicateId: number): boolean;
}

export const NONE_FAILED: FailedPredicateIds = new Set<number>();

/**
 * Thrown by a network: predicates that can't be evaluated for a record within the budgets of their
 * programs.
 */
export class ProgramFailed extends Error {
  readonly predicateIds: readonly number[];
  /** What the first of them took more than. */
  readonly passed: string;
  /** What each of them took more than. */
  readonly passedBy: ReadonlyMap<number, string>;

  /** Caller: there is one at least. */
  constructor(passedBy: ReadonlyMap<number, string>) {
    const predicateIds = [...passedBy.keys()];
    const passed = passedBy.get(predicateIds[0]!)!;
    super(`the programs of predicate ids ${predicateIds.join(', ')} took more than ${passed}`);
    this.predicateIds = predicateIds;
    this.passed = passed;
    this.passedBy = new Map(passedBy);
  }
}

/** A program that took too much fails all predicates that share it. */
export function programFailed(
  predicateIds: readonly number[],
  { passed }: OverBudget,
): ProgramFailed {
  return new ProgramFailed(new Map(predicateIds.map((predicateId) => [predicateId, passed])));
}

/** For a person: what happened, where, and what to do. */
export function failureReason({ object_type: objectType, id, passed, detail }: Failure): string {
  const record =
    id === null
      ? `a record of ${objectType} without values`
      : `the record '${id}' of ${objectType}`;
  if (detail !== undefined)
    return `${detail}: ${record}; change the query or the record, then save the segment again`;
  return (
    `its JsonLogic took more than ${passed} for ${record}; ` +
    'change the query or the record, then save the segment again'
  );
}

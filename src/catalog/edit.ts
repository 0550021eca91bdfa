/**
 * edit.ts – Who edits the catalog, and under which condition.
 *
 * Keeps true: what people change is stored with who they were; what the engine notes by itself (a
 * build that is done) names nobody. A condition is checked in the write itself, so of two edits
 * that go by the same revision one fails. An edit that changes nothing writes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMet, type Precondition, type TaggedRevision } from '../change/precondition.ts';
import { Problem } from '../errors.ts';

export interface Edit {
  /** The name of a key, its fingerprint, or a command of ours. Absent: nobody is known. */
  readonly by?: string;
  readonly precondition?: Precondition | undefined;
}

/** Of whom nothing is known. */
export const UNSIGNED: Edit = {};

/**
 * Whether two texts of JSON would say the same: the order of members is of no account. What is
 * stored was read back from its text, what is given may hold a -0.
 */
export function isSameJson(stored: unknown, given: unknown): boolean {
  return isDeepStrictEqual(rewritten(stored), rewritten(given));
}

function rewritten(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** What an edit names an entry by that wants it to be as it was seen. */
export function entryTag({ id, revision }: { id: string; revision: number }): TaggedRevision {
  return [id, revision];
}

/** `current`: undefined if there is no such entry. @throws Problem precondition_failed */
export function refuseUnmet({ precondition }: Edit, current: TaggedRevision | undefined): void {
  if (precondition && !isMet(precondition, current)) throw preconditionFailed(current);
}

export function preconditionFailed(current: TaggedRevision | undefined): Problem {
  const detail = current
    ? `it is at revision ${current[1]} by now, or another one: read it again`
    : 'there is none';
  return new Problem('precondition_failed', detail);
}

/**
 * precondition.ts – Under which condition something is written: that it is still what the writer
 * has seen, or that it is not there.
 *
 * Keeps true: what is written is compared by identity and revision, and by nothing that changes
 * without an edit. One that was deleted and made again has another identity.
 */

/** One revision of one life of an entry or a record. */
export type TaggedRevision = readonly [identity: string, revision: number];

export interface Precondition {
  /** It is one of these; `*`: it is there. Empty: nothing that is there can be meant. */
  readonly match?: '*' | readonly TaggedRevision[];
  /** It is not there. */
  readonly absent?: true;
}

/** `current`: undefined if it is not there. */
export function isMet({ match, absent }: Precondition, current: TaggedRevision | undefined) {
  if (absent && current) return false;
  if (match === undefined) return true;
  if (!current || match === '*') return current !== undefined;
  return match.some(([identity, revision]) => identity === current[0] && revision === current[1]);
}

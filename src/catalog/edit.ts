/**
 * edit.ts – Who edits the catalog.
 *
 * Keeps true: what people change is stored with who they were; what the engine notes by itself (a
 * build that is done) names nobody.
 */

export interface Edit {
  /** The name of a key, its fingerprint, or a command of ours. Absent: nobody is known. */
  readonly by?: string;
}

/** Of whom nothing is known. */
export const UNSIGNED: Edit = {};

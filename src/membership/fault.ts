/**
 * fault.ts – One entry that a partition keeps and that its records do not bear out, or that the
 * catalog keeps twice.
 *
 * Keeps true: a fault that can be repaired by itself has a mend. What follows from predicates has
 * none: it is rebuilt.
 */
import type { Mend } from './audit-store.ts';

/** The kind of row, set or field. */
export type FaultPlace =
  | 'ids'
  | 'timers'
  | 'tombstones'
  | 'state'
  | 'counts'
  | 'records'
  | 'sets'
  | 'slugs'
  | 'letters'
  | 'feed'
  | 'history'
  | 'revisions'
  | 'feed-ids'
  | 'kinds'
  | 'unknown';

/** Ends the text of a row that can't be read. */
export const UNREADABLE_MARK = '(unreadable)';

export interface StoredFault {
  readonly place: FaultPlace;
  /** Undefined: the catalog keeps it. */
  readonly partition?: number;
  /** The object type, or what kind of key it is. */
  readonly of: string;
  /** The id, the field or the name of the key, and what is wrong with it. */
  readonly text: string;
  /** Whether it is there without being borne out; else it is missing. */
  readonly isExtra: boolean;
  /** Undefined: it is rebuilt, or there is no repair. */
  readonly mend?: Mend;
}

/** What is read off a row; `unreadable` if the row is none that can be understood. */
export function readRow<T, U>(read: () => T, unreadable: U): T | U {
  try {
    return read();
  } catch {
    return unreadable;
  }
}

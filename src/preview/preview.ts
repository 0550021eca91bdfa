/**
 * preview.ts – What is asked for by a preview, and what is answered: the records that a filter
 * would hold of, without saving it.
 *
 * Keeps true: all of it is plain data, so that it goes from thread to thread as it is.
 */

import type { PagePosition } from '../membership/page.ts';

export interface PreviewRequest {
  readonly objectType: string;
  readonly query: unknown;
  /** The slug of the segment with whose members the answer is compared. */
  readonly compareTo?: string | undefined;
  /** How many of the records are named. */
  readonly sample: number;
  /** Whether each group and rule is counted alone. */
  readonly breakdown: boolean;
  /** A moment that is not in the past, in ms since 1970; undefined: now. */
  readonly atMs?: number | undefined;
  /**
   * Undefined: the first records are named. Else those after a place in the order of partition and
   * id, as a page of records: without their titles, and without going on when it is full.
   */
  readonly page?: PagePosition | undefined;
  readonly timeoutMs: number;
}

/** A record as a preview names it. */
export interface PreviewedRecord {
  readonly id: string;
  readonly title: string;
}

/** How many records, and the first of them by partition and id. Null: it was not done. */
export interface PreviewedRecords {
  readonly count: number | null;
  readonly sample: readonly PreviewedRecord[];
}

/** How many records satisfy a part of the query alone; null: it was not done. */
interface PartCount {
  /** A JSON pointer into the query. */
  readonly path: string;
  readonly count: number | null;
}

/** `ready` has all numbers that were asked for, `timeout` has null for each of them. */
export const PREVIEW_STATUSES = ['ready', 'timeout'] as const;

export interface Preview {
  readonly status: (typeof PREVIEW_STATUSES)[number];
  readonly count: number | null;
  /** Live records of the type. */
  readonly of: number | null;
  readonly sample: readonly PreviewedRecord[];
  /** Against `compareTo`. */
  readonly added?: PreviewedRecords;
  readonly removed?: PreviewedRecords;
  readonly breakdown?: readonly PartCount[];
  /** The commit at which each partition was read, as an opaque text. */
  readonly asOf: string;
  /** The moment that the answer is of, in ms. */
  readonly asOfMs: number;
}

/** How many of the records that are looked at were looked at so far. */
export interface PreviewProgress {
  readonly done: number;
  readonly of: number;
}

/**
 * past-audits.ts – The port for audits of what was told: feeds, the past of segments, revisions.
 *
 * The store keeps true: what is answered of one partition is of one instant, named by the number of
 * its last commit.
 */
import type { Mend } from '../membership/audit-store.ts';
import type { EntryId } from './partition-store.ts';

/** A segment, and the predicate whose set holds its members. */
export interface FollowedSegment {
  readonly feedId: number;
  readonly predicateId: number;
}

export interface SegmentSizes {
  /** The number of the last commit. */
  readonly number: number;
  /** In the order of what was asked for; undefined: the feed goes by another predicate yet. */
  readonly members: readonly (number | undefined)[];
}

/** The text of a revision, where the name of its field says it belongs. */
export interface StoredText {
  /** `<segment id>:<number>` */
  readonly name: string;
  readonly text: string;
  readonly removal: Mend;
}

export interface PastAudits {
  /** The last entry that a feed has lost but by trimming; undefined: none is missing. */
  lostEntry(partition: number): Promise<EntryId | undefined>;

  /** Takes away all that a feed tells up to a lost entry. */
  cutMend(partition: number, lost: EntryId): Mend;

  sizes(partition: number, segments: readonly FollowedSegment[]): Promise<SegmentSizes>;

  revisionTexts(): AsyncIterable<readonly StoredText[]>;

  /** By feed id, as the catalog keeps it. */
  feedIds(): Promise<ReadonlyMap<number, { readonly slug: string }>>;
}

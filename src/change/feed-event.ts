/**
 * feed-event.ts – What a partition's feed tells: which record entered or left which segments, and
 * news of segments themselves.
 *
 * Keeps true: segments are named by their feed ids (catalog key `feed-ids`), which keep their
 * meaning after a segment is gone. Both are lists, in the form in which they are stored: a commit
 * makes thousands of them.
 */
import type { CauseCode, FeedNewsCode } from './cause.ts';

/** A feed id, and whether the record entered: `(feedId << 1) | entered`. */
export type FeedFlip = number;

/** The net flips of one record in one commit that have the same cause. */
export type FeedEvent = readonly [
  objectType: string,
  id: string,
  cause: CauseCode,
  flips: readonly FeedFlip[],
];

export type SegmentNews = readonly [kind: FeedNewsCode, feedId: number];

export function feedFlip(feedId: number, enters: boolean): FeedFlip {
  return (feedId << 1) | (enters ? 1 : 0);
}

export function flippedFeedId(flip: FeedFlip): number {
  return flip >>> 1;
}

export function enters(flip: FeedFlip): boolean {
  return (flip & 1) === 1;
}

/** The id of the entry of a commit: neither number ever falls within a partition. */
export function feedEntryId(clockMs: number, number: number): string {
  return `${clockMs}-${number}`;
}

/**
 * cause.ts – Why a record entered or left a segment, and what a feed tells of segments themselves.
 *
 * Keeps true: the numbers are stored in feeds and queues. One that was given out keeps its meaning,
 * and is never given out again.
 */

/** By name, how a cause is stored. */
export const CAUSES = {
  /** The record was created. */
  created: 0,
  /** A change of the record itself. */
  record_changed: 1,
  /** A change of a record that it is related with. */
  related_changed: 2,
  /** The clock alone. */
  time: 3,
  /** The segment, or one that it uses, has another query. */
  segment_edited: 4,
  /** A type was declared otherwise. */
  catalog_changed: 5,
  /** An audit mended what was stored. */
  repaired: 6,
  archived: 7,
  restored: 8,
  deleted: 9,
} as const;

export type Cause = keyof typeof CAUSES;
/** The stored form of a cause. */
export type CauseCode = (typeof CAUSES)[Cause];

/** In the order of their numbers. */
export const CAUSE_NAMES = Object.keys(CAUSES) as readonly Cause[];

/** By name, how news of a segment itself are stored. */
export const FEED_NEWS = {
  /** From now on the feed tells of the segment: its members are to be read once. */
  segment_ready: 0,
  segment_deleted: 1,
} as const;

export type FeedNews = keyof typeof FEED_NEWS;
/** The stored form of news of a segment. */
export type FeedNewsCode = (typeof FEED_NEWS)[FeedNews];

/** In the order of their numbers. */
export const FEED_NEWS_NAMES = Object.keys(FEED_NEWS) as readonly FeedNews[];

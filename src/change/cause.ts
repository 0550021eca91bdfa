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
  /** What was stored has been mended: by an audit, or by a rebuild that was asked for. */
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
  /** For history alone: a run is over, and the size of the segment was noted with it. */
  segment_counted: 2,
} as const;

/** The stored form of news of a segment. */
export type FeedNewsCode = (typeof FEED_NEWS)[keyof typeof FEED_NEWS];

/** What readers are told of it. */
export type FeedNews = Exclude<keyof typeof FEED_NEWS, 'segment_counted'>;

/** In the order of their numbers. */
export const FEED_NEWS_NAMES: readonly FeedNews[] = ['segment_ready', 'segment_deleted'];

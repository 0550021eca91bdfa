/**
 * feed-store.ts – The port that reads the feeds of partitions.
 *
 * The store keeps true: what one read brings is of one instant of its partition. Entries come in
 * their order, each of them whole. A read brings at least one entry if there is one.
 */
import type { FeedEvent, SegmentNews } from '../change/feed-event.ts';
import type { FeedBounds, FeedMark, FeedPosition } from './feed-position.ts';

/** What one commit tells, where it stands in its partition. */
export interface PlacedEntry {
  readonly mark: FeedMark;
  /** The entry before it, kept or not. */
  readonly after: FeedMark;
  /** The clock of the commit, in ms since 1970. */
  readonly at: number;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
  /** Characters that it takes where it is stored. */
  readonly size: number;
}

/** How much one read brings at most; one entry in any case, unless none is asked for. */
export interface FeedReadMost {
  readonly entries: number;
  readonly bytes: number;
}

export interface FeedPart extends FeedBounds {
  readonly entries: readonly PlacedEntry[];
  /** Whether no entry followed these at that instant. */
  readonly isEnd: boolean;
  /** That of the last commit: a catalog of this version knows all segments that are named. */
  readonly catalogVersion: number;
}

export interface FeedStore {
  readonly partitions: number;

  /**
   * What follows a position: the entry of which only some was told, and those after it. Undefined:
   * from the oldest entry that is kept.
   */
  read(partition: number, after: FeedPosition | undefined, most: FeedReadMost): Promise<FeedPart>;
}

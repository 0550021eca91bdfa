/**
 * fold.ts – Folds entries of a partition's feed into hours of segments. Pure.
 *
 * Keeps true: entries that are folded one after the other, in whatever portions, give the same
 * hours. The last hour of a segment stays open until something happens in a later one; no clock is
 * asked.
 */
import { FEED_NEWS, type FeedNewsCode } from '../change/cause.ts';
import { enters, type FeedEvent, flippedFeedId, type SegmentNews } from '../change/feed-event.ts';
import { unreachable } from '../errors.ts';
import { pushTo } from '../multimap.ts';
import { bucketAt, type HistoryBucket } from './history-bucket.ts';

/** An entry of a feed. */
export interface FoldedEntry {
  readonly id: string;
  readonly at: number;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
}

/** By feed id, the hour that is open. */
export type OpenHours = ReadonlyMap<number, HistoryBucket>;

export interface Folded {
  /** Those that have changed. */
  readonly open: OpenHours;
  /** By feed id, hours that are complete now, ascending. */
  readonly closed: ReadonlyMap<number, readonly HistoryBucket[]>;
}

/** Members of a segment after the commit of an entry that said that it is ready, or counted. */
export type SizeOf = (feedId: number, entry: string) => number | undefined;

/** The feed ids that entries speak of. */
export function feedIdsIn(entries: readonly FoldedEntry[]): Set<number> {
  const feedIds = new Set<number>();
  for (const { control, events } of entries) {
    for (const [, feedId] of control) feedIds.add(feedId);
    for (const [, , , flips] of events) for (const flip of flips) feedIds.add(flippedFeedId(flip));
  }
  return feedIds;
}

/** What is folded, and onto what. */
export interface FoldedPortion {
  readonly entries: readonly FoldedEntry[];
  /** Entries before them and from then on are lost: numbers are not known from that hour on. */
  readonly lostFromMs: number | undefined;
  readonly sizeOf: SizeOf;
}

export function fold(open: OpenHours, portion: FoldedPortion, timeZone: string): Folded {
  const { sizeOf, lostFromMs } = portion;
  const lost = lostFromMs === undefined ? [] : [lossOf(open, lostFromMs)];
  const entries = [...lost, ...portion.entries];
  const changed = new Map<number, HistoryBucket>();
  const closed = new Map<number, HistoryBucket[]>();
  for (const entry of entries) {
    const hour = bucketAt(entry.at, 'hour', timeZone);
    for (const [feedId, { entered, left }] of talliesOf(entry)) {
      const before = changed.get(feedId) ?? open.get(feedId);
      if (before && before.at < hour) pushTo(closed, feedId, before);
      const bucket = before && before.at >= hour ? before : emptyHour(hour, before);
      const { count } = bucket;
      changed.set(feedId, {
        ...bucket,
        entered: bucket.entered + entered,
        left: bucket.left + left,
        count: count === null ? null : count + entered - left,
      });
    }
    for (const [kind, feedId] of entry.control) {
      const bucket = changed.get(feedId)!;
      changed.set(feedId, withNews(bucket, kind, sizeOf(feedId, entry.id)));
    }
  }
  return { open: changed, closed };
}

/**
 * What a run tells starts from members that others may have taken away, or put there: nobody told
 * of those. So the size at its end counts, and not what was told.
 */
function withNews(
  bucket: HistoryBucket,
  kind: FeedNewsCode,
  size: number | undefined,
): HistoryBucket {
  switch (kind) {
    case FEED_NEWS.segment_ready:
      return { ...bucket, count: size ?? null, isAnew: true };
    case FEED_NEWS.segment_deleted:
      return { ...bucket, count: null, isAnew: true };
    case FEED_NEWS.segment_counted:
      if (size === undefined || size === bucket.count) return bucket;
      return { ...bucket, count: size, isAnew: true };
    default:
      return unreachable(kind);
  }
}

/** As if all segments had gone: those that are there have no number until they are ready anew. */
function lossOf(open: OpenHours, at: number): FoldedEntry {
  const control = [...open.keys()].map((feedId) => [FEED_NEWS.segment_deleted, feedId] as const);
  return { id: '', at, control, events: [] };
}

/** An hour in which nothing has happened yet, after the one before. */
function emptyHour(at: number, before: HistoryBucket | undefined): HistoryBucket {
  return { at, count: before?.count ?? null, entered: 0, left: 0, isAnew: before === undefined };
}

interface HourTally {
  entered: number;
  left: number;
}

/** By feed id, what an entry tells; those that its news are about as well. */
function talliesOf({ control, events }: FoldedEntry): Map<number, HourTally> {
  const tallies = new Map<number, HourTally>();
  const tallyOf = (feedId: number) => {
    let tally = tallies.get(feedId);
    if (!tally) tallies.set(feedId, (tally = { entered: 0, left: 0 }));
    return tally;
  };
  for (const [, feedId] of control) tallyOf(feedId);
  for (const [, , , flips] of events) {
    for (const flip of flips) {
      const tally = tallyOf(flippedFeedId(flip));
      if (enters(flip)) tally.entered += 1;
      else tally.left += 1;
    }
  }
  return tallies;
}

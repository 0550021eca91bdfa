/**
 * feed-entry.ts – What one commit tells of segments: one entry of the partition's feed.
 *
 * Keeps true: an entry's id is `<clock ms>-<commit number>`, and neither ever falls within a
 * partition. A record stands in an entry once for each cause. News of segments come before events,
 * and events in their order. An entry is never edited.
 */
import type { FeedEvent, SegmentNews } from '../../change/feed-event.ts';

/** An entry as it was packed. */
export interface FeedEntry {
  /** The clock of the commit, in ms since 1970. */
  readonly at: number;
  /** The id of the entry before it, kept or not; STREAM_START: there was none. */
  readonly after: string;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
}

/** The one field of an entry. */
export const FEED_FIELD = 'events';

export function packFeed({ at, after, control, events }: FeedEntry): string {
  return JSON.stringify({ at, after, control, events });
}

/**
 * An entry under its id. One that nobody can read tells nothing, and follows no other: who reads it
 * takes it for lost.
 */
export function readFeedAt(id: string, packed: string): FeedEntry {
  try {
    const entry = readFeed(packed);
    const { after, control, events } = entry;
    if (typeof after === 'string' && Array.isArray(control) && Array.isArray(events)) return entry;
  } catch {}
  return { at: Number(id.split('-', 1)[0]), after: id, control: [], events: [] };
}

/** `packed`: the field FEED_FIELD of a stored entry. */
export function readFeed(packed: string): FeedEntry {
  return JSON.parse(packed) as FeedEntry;
}

/**
 * feed-entry.ts – The enter and leave events of one commit: one entry of the partition's feed.
 *
 * Keeps true: an entry lists each record once, with its net flips, by predicate id; its reader
 * finds the slugs in the catalog. An event's cursor is the entry's id and its index in the entry.
 */
import type { Flip } from '../../query/network/network.ts';

interface FeedRecord {
  readonly objectType: string;
  readonly id: string;
  readonly liveFlips: readonly Flip[];
}

/**
 * `{ at, events: [[object type, id, flips]…] }`: `at` in ms since 1970; a flip is `(predicateId <<
 * 1) | entered`.
 */
export function packFeed(at: number, records: readonly FeedRecord[]): string {
  const events = records.map(({ objectType, id, liveFlips }) => [objectType, id, liveFlips]);
  return JSON.stringify({ at, events });
}

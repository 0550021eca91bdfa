/**
 * since.ts – Since when a record is in a segment, or is not, as far as the recent feed tells.
 *
 * Keeps true: it looks at a bounded number of the latest entries of the record's partition. What
 * it tells is the latest event of the record; if that is not among them, it tells nothing.
 */
import { enters, flippedFeedId } from '../change/feed-event.ts';
import type { ExplainStore, RecentEntry } from './explain-store.ts';

/** Entries that are looked at, and their bytes. */
const ENTRIES_MAX = 400;
const BYTES_MAX = 4_000_000;

interface TurnSought {
  readonly objectType: string;
  readonly id: string;
  readonly feedId: number;
}

/** A record entered a segment, or left it. */
export interface MembershipTurn {
  /** When, in ms. */
  readonly at: number;
  readonly isMember: boolean;
}

/** Undefined: the feed does not know. */
export async function latestTurn(
  store: Pick<ExplainStore, 'recentFeed'>,
  sought: TurnSought,
): Promise<MembershipTurn | undefined> {
  let [left, bytes] = [ENTRIES_MAX, 0];
  for (let before: string | undefined; left > 0 && bytes < BYTES_MAX; ) {
    const part = await store.recentFeed(sought.id, before, left);
    for (const entry of part.entries) {
      const isMember = lastFlip(entry, sought);
      if (isMember !== undefined) return { at: entry.at, isMember };
      // What was told before the segment was built anew is of another time.
      if (entry.control.some(([, feedId]) => feedId === sought.feedId)) return undefined;
    }
    if (part.last === undefined) return undefined;
    [left, bytes, before] = [left - part.looked, bytes + part.bytes, part.last];
  }
  return undefined;
}

/** Whether the record entered by its last event in an entry; undefined: it has none there. */
function lastFlip(
  { events }: RecentEntry,
  { objectType, id, feedId }: TurnSought,
): boolean | undefined {
  for (const [type, of, , flips] of events.toReversed()) {
    if (of !== id || type !== objectType) continue;
    const flip = flips.findLast((each) => flippedFeedId(each) === feedId);
    if (flip !== undefined) return enters(flip);
  }
  return undefined;
}

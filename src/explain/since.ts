/**
 * since.ts – Since when a record is in a segment, or is not, as far as the recent feed tells.
 *
 * Keeps true: it looks at a bounded number of the latest entries of the record's partition. What
 * it tells is the latest event of the record; where that says otherwise than the verdict, or is
 * not among them, it tells nothing.
 */
import { enters, flippedFeedId } from '../change/feed-event.ts';
import type { ExplainStore, RecentEntry } from './explain-store.ts';

/** Entries that are looked at, and how many at once: one of a large commit is some 500 kB. */
const ENTRIES_MAX = 400;
const ENTRIES_A_READ = 40;
/** Characters that are looked at. */
const SIZE_MAX = 4_000_000;

export interface MembershipSought {
  readonly objectType: string;
  readonly id: string;
  readonly feedId: number;
  readonly member: boolean;
}

/** In ms; undefined: the feed does not know. */
export async function memberSince(
  store: Pick<ExplainStore, 'recentFeed'>,
  sought: MembershipSought,
): Promise<number | undefined> {
  let [entries, size] = [0, 0];
  for (let below: string | undefined; entries < ENTRIES_MAX && size < SIZE_MAX; ) {
    const some = await store.recentFeed(sought.id, below, ENTRIES_A_READ);
    for (const entry of some) {
      const entered = lastFlip(entry, sought);
      if (entered !== undefined) return entered === sought.member ? entry.at : undefined;
      // What was told before the segment was built anew is of another time.
      if (entry.control.some(([, feedId]) => feedId === sought.feedId)) return undefined;
      size += entry.size;
    }
    if (some.length < ENTRIES_A_READ) return undefined;
    entries += some.length;
    below = some.at(-1)!.entry;
  }
  return undefined;
}

/** Whether the record entered by its last event in an entry; undefined: it has none there. */
function lastFlip(
  { events }: RecentEntry,
  { objectType, id, feedId }: MembershipSought,
): boolean | undefined {
  for (const [type, of, , flips] of events.toReversed()) {
    if (of !== id || type !== objectType) continue;
    const flip = flips.findLast((each) => flippedFeedId(each) === feedId);
    if (flip !== undefined) return enters(flip);
  }
  return undefined;
}

/**
 * told-events.ts – The events of an entry as a reader is told of them, one by one, with the names
 * of their segments.
 *
 * Keeps true: the events of an entry have an order that never changes, whatever is asked for; so a
 * position between two of them means the same to every reader. An entry that follows what is no
 * segment (the query of a view) names nothing for it.
 */
import type { FeedSegment } from '../catalog/catalog.ts';
import { CAUSE_NAMES, type Cause, FEED_NEWS_NAMES, type FeedNews } from '../change/cause.ts';
import { enters, flippedFeedId } from '../change/feed-event.ts';
import type { FeedPosition } from './feed-position.ts';
import type { PlacedEntry } from './feed-store.ts';

/** A record entered or left a segment. */
interface MembershipEvent {
  readonly event: 'entered' | 'left';
  readonly segment: string;
  readonly objectType: string;
  readonly id: string;
  readonly at: number;
  readonly cause: Cause;
}

/** News of a segment itself, from one partition. */
interface SegmentEvent {
  readonly event: FeedNews;
  readonly segment: string;
  readonly objectType: string;
  readonly at: number;
}

export type ToldEvent = MembershipEvent | SegmentEvent;

/** What a reader wants to be told; all of it where nothing is given. */
export interface FeedFilter {
  /** Slugs. */
  readonly segments?: ReadonlySet<string>;
  readonly objectType?: string;
  /** Of a record: its partition alone is asked. */
  readonly id?: string;
}

/** Segments by their feed ids. */
export type FeedNames = ReadonlyMap<number, FeedSegment>;

/** An event, and where a reader stands that was told of it. */
export interface PlacedEvent {
  readonly told: ToldEvent;
  readonly position: FeedPosition;
}

/** Those events of an entry that are wanted, after the first `taken` ones. */
export function* toldEvents(
  entry: PlacedEntry,
  taken: number,
  epoch: number,
  names: FeedNames,
  filter: FeedFilter,
): Generator<PlacedEvent> {
  const { mark, at, control, events } = entry;
  const total = control.length + events.reduce((sum, [, , , flips]) => sum + flips.length, 0);
  let index = 0;
  const placed = (told: ToldEvent): PlacedEvent => ({
    told,
    position: { ...mark, taken: index === total ? 0 : index, epoch },
  });
  for (const [kind, feedId] of control) {
    index++;
    const segment = names.get(feedId);
    const event = FEED_NEWS_NAMES[kind];
    if (index <= taken || !event || !segment) continue;
    if (filter.id !== undefined || !isWanted(segment, filter)) continue;
    const { slug, object_type: objectType } = segment;
    yield placed({ event, segment: slug, objectType, at });
  }
  for (const [objectType, id, cause, flips] of events) {
    if (filter.id !== undefined && filter.id !== id) {
      index += flips.length;
      continue;
    }
    for (const flip of flips) {
      index++;
      const segment = names.get(flippedFeedId(flip));
      if (index <= taken || !segment || !isWanted(segment, filter)) continue;
      const event = enters(flip) ? 'entered' : 'left';
      yield placed({
        ...{ event, segment: segment.slug, objectType, id, at },
        cause: CAUSE_NAMES[cause]!,
      });
    }
  }
}

/** Whether an event is wanted. */
export function isTold(told: ToldEvent, { segments, objectType, id }: FeedFilter): boolean {
  if (segments && !segments.has(told.segment)) return false;
  if (objectType !== undefined && told.objectType !== objectType) return false;
  return id === undefined || ('id' in told && told.id === id);
}

function isWanted(
  { slug, object_type: type }: FeedSegment,
  { segments, objectType }: FeedFilter,
): boolean {
  return (segments?.has(slug) ?? true) && (objectType === undefined || objectType === type);
}

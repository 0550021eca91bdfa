/**
 * follow.ts – Follows the feed for one reader: first by pages, up to the live end, then along with
 * all others.
 *
 * Keeps true: each event comes once, in the order of its partition, with a cursor from which
 * another reader goes on as if it were this one. Between two parts nothing is held for a reader but
 * its positions: one that stops taking costs no memory, and goes on by pages from where it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnanswered } from '../redis/failures.ts';
import type { FeedCursors } from './feed-cursors.ts';
import type { FeedPages } from './feed-pages.ts';
import { type FeedPosition, type FeedPositions, isBeyond } from './feed-position.ts';
import type { FeedLine, FeedTail, TailBatch } from './feed-tail.ts';
import { type FeedFilter, isTold } from './told-events.ts';

/** Events of one part: what a reader that stops taking leaves behind. */
const PART_EVENTS_MAX = 64;
/** At the live end a part comes at least so often, if it be without events. */
const PART_MS_MAX = 14_000;
const RETRY_MS = 500;
/** The tail says when it has begun; this only bounds the wait. */
const TAIL_BEGINS_MS = 250;

export interface FollowedPart {
  readonly lines: readonly FeedLine[];
  /** Where the reader stands after it. */
  readonly cursor: string;
}

export interface FollowContext {
  readonly pages: FeedPages;
  readonly tail: FeedTail;
  readonly cursors: FeedCursors;
}

/**
 * Ends when the signal does. @throws Problem cursor_expired, with the first part or when a reader
 * has fallen behind what is kept
 */
export async function* follow(
  context: FollowContext,
  start: FeedPositions,
  filter: FeedFilter,
  signal: AbortSignal,
): AsyncGenerator<FollowedPart, void> {
  const { pages, tail, cursors } = context;
  const shape = (told: FeedLine['told'], after: FeedPositions): FeedLine => ({
    told,
    cursor: cursors.pack(after),
  });
  let positions = start;
  let isFirst = true;
  tail.join();
  try {
    while (!signal.aborted) {
      const request = { after: positions, filter, limit: PART_EVENTS_MAX };
      const page = await pages.read(request, shape).catch((error: unknown) => {
        if (isFirst || !isUnanswered(error)) throw error;
        return undefined;
      });
      isFirst = false;
      if (!page) {
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
        continue;
      }
      positions = page.after;
      yield { lines: page.data, cursor: cursors.pack(positions) };
      if (!page.isEnd) continue;
      const number = tail.follows(positions);
      if (number === undefined) await tail.next(TAIL_BEGINS_MS, signal);
      else positions = yield* along(context, { number, at: 0, own: positions }, filter, signal);
    }
  } finally {
    tail.leave();
  }
}

/** Where a reader stands in the tail: before an event of a batch. */
interface TailPlace {
  readonly number: number;
  readonly at: number;
  readonly own: FeedPositions;
}

/** Follows the tail, as long as it keeps what comes next. @returns where the reader stands then */
async function* along(
  { tail, cursors }: FollowContext,
  start: TailPlace,
  filter: FeedFilter,
  signal: AbortSignal,
): AsyncGenerator<FollowedPart, FeedPositions> {
  let place = start;
  let sentMs = performance.now();
  while (!signal.aborted) {
    const batch = tail.batch(place.number);
    if (batch === 'gone') break;
    let lines: readonly FeedLine[] = [];
    if (batch) ({ lines, place } = taken(batch, place, filter, cursors));
    else await tail.next(Math.max(1, sentMs + PART_MS_MAX - performance.now()), signal);
    if (lines.length === 0 && performance.now() - sentMs < PART_MS_MAX) continue;
    sentMs = performance.now();
    yield { lines, cursor: cursors.pack(place.own) };
  }
  return place.own;
}

/**
 * Takes the next events of a batch. A reader that came by pages may have been told of some; its
 * cursors are its own until the tail stands where it does.
 */
function taken(
  batch: TailBatch,
  { number, at: from, own: before }: TailPlace,
  filter: FeedFilter,
  cursors: FeedCursors,
): { readonly lines: readonly FeedLine[]; readonly place: TailPlace } {
  const own: (FeedPosition | undefined)[] = [...before];
  const isAlong = from === 0 && !own.some((each, at) => isBeyond(each, batch.before[at]));
  const lines: FeedLine[] = [];
  let at = from;
  for (; at < batch.events.length && lines.length < PART_EVENTS_MAX; at++) {
    const event = batch.events[at]!;
    if (!isBeyond(event.position, own[event.partition])) continue;
    own[event.partition] = event.position;
    if (!isTold(event.told, filter)) continue;
    const made = (isAlong ? event.line : undefined) ?? {
      told: event.told,
      cursor: cursors.pack(own),
    };
    if (isAlong) event.line = made;
    lines.push(made);
  }
  if (at < batch.events.length) return { lines, place: { number, at, own } };
  for (const [partition, position] of batch.after.entries())
    if (isBeyond(position, own[partition])) own[partition] = position;
  return { lines, place: { number: number + 1, at: 0, own } };
}

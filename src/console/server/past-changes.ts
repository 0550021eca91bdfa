/**
 * past-changes.ts – The newest of the events that a feed keeps.
 *
 * Keeps true: no more is read than its bounds say; whether that was all of it is told.
 */
import type { ChangeShown } from './answers.ts';
import { ask } from './ask.ts';

export interface PastChanges {
  /** Oldest first. */
  readonly events: readonly ChangeShown[];
  /** Whether all that is kept was read. */
  readonly isWhole: boolean;
}

const PAGE_EVENTS = 1000;

interface PastBounds {
  readonly eventsMax: number;
  readonly pagesMax: number;
}

/** `path` is that of a feed, with its filters. @throws ServerRefusal */
export async function readPast(
  path: string,
  { eventsMax, pagesMax }: PastBounds,
  signal: AbortSignal,
): Promise<PastChanges> {
  let cursor = 'oldest';
  let events: ChangeShown[] = [];
  for (let page = 0; page < pagesMax; page++) {
    const joint = path.includes('?') ? '&' : '?';
    const query = `limit=${PAGE_EVENTS}&cursor=${encodeURIComponent(cursor)}`;
    const answer = await ask<{ data: ChangeShown[]; next_cursor: string }>(
      `${path}${joint}${query}`,
      { signal },
    );
    events = [...events, ...answer.data].slice(-eventsMax);
    if (answer.next_cursor === cursor) return { events, isWhole: true };
    cursor = answer.next_cursor;
  }
  return { events, isWhole: false };
}

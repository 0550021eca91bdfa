/**
 * format.ts – Events of the feed as they are answered: in pages, and as Server-Sent Events.
 *
 * Keeps true: followers of the live end are sent the same text, which is made once.
 */
import type { FeedLine } from '../../feed/feed-tail.ts';
import type { FollowedPart } from '../../feed/follow.ts';
import type { ToldEvent } from '../../feed/told-events.ts';
import { eventText } from '../event-streams.ts';
import { isoTime } from '../times.ts';

export function formatEvent(told: ToldEvent, cursor: string): Record<string, unknown> {
  const { event, segment, objectType, at } = told;
  return {
    event,
    segment,
    object_type: objectType,
    ...('id' in told ? { id: told.id } : {}),
    at: isoTime(at),
    ...('cause' in told ? { cause: told.cause } : {}),
    cursor,
  };
}

const printed = new WeakMap<FeedLine, string>();

function lineText(line: FeedLine): string {
  let text = printed.get(line);
  if (text === undefined) {
    const { told, cursor } = line;
    text = eventText({ data: formatEvent(told, cursor), id: cursor });
    printed.set(line, text);
  }
  return text;
}

/**
 * The text of what is followed. A part without events is a comment with an id, so that a client
 * that resumes need not look again at what it was not told of.
 */
export async function* partTexts(parts: AsyncIterable<FollowedPart>): AsyncGenerator<string> {
  let isFirst = true;
  let sentMs = 0;
  for await (const { lines, cursor } of parts) {
    if (lines.length > 0) yield lines.map(lineText).join('');
    else if (isFirst || performance.now() - sentMs >= QUIET_MS)
      yield `:\n${eventText({ id: cursor })}`;
    else continue;
    isFirst = false;
    sentMs = performance.now();
  }
}

/** A reader that passes over much is told so often how far it has come. */
const QUIET_MS = 10_000;

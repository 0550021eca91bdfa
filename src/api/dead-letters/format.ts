/**
 * format.ts – Dead letters as they are answered.
 */
import type { KeptDeadLetter, LetterHead } from '../../engine/dead-letter-store.ts';
import { letterId } from '../../engine/dead-letters.ts';
import { isoTime } from '../times.ts';

export function formatLetterHead(letter: LetterHead): Record<string, unknown> {
  const { place, kind, code, detail, atMs, entry, index, record, size } = letter;
  return {
    id: letterId(place),
    kind,
    code,
    detail,
    at: isoTime(atMs),
    partition: place.partition,
    ...(entry === '' ? {} : { entry, index }),
    ...(record === undefined ? {} : { object_type: record.objectType, record_id: record.id }),
    size,
  };
}

/** With the letter itself, as JSON if it is some. */
export function formatWholeLetter(letter: KeptDeadLetter): Record<string, unknown> {
  return { ...formatLetterHead(letter), letter: contentOf(letter.letter) };
}

function contentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

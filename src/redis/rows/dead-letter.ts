/**
 * dead-letter.ts – The fields of a dead letter in its stream, and how many are kept.
 *
 * Keeps true: a letter that an older release wrote, without what is new, is still read.
 */
import type { KeptDeadLetter, LetterKind } from '../../engine/dead-letter-store.ts';
import type { DeadLetter } from '../../engine/step.ts';
import { DEFAULT_LIMITS, type Limits } from '../../limits.ts';
import { readRecordMember, recordMember } from '../keys.ts';
import { pairs } from '../pairs.ts';

/** Bounds of one partition. */
export interface KeptLetters {
  readonly letters: number;
  readonly bytes: number;
  readonly ageMs: number;
}

const DAY_MS = 24 * 3600 * 1000;

export function keptLetters(limits: Limits): KeptLetters {
  const { deadLetters: letters, deadLetterBytes: bytes, deadLetterDays: days } = limits;
  return { letters, bytes, ageMs: days * DAY_MS };
}

export const KEPT_LETTERS = keptLetters(DEFAULT_LIMITS);

/** Names and values in turn. `at`: the clock of the commit. */
export function packLetter(
  { entry, index, code, detail, letter, record, lost, failing }: DeadLetter,
  at: number,
): (string | number)[] {
  const fields = {
    entry,
    index,
    code,
    detail,
    at,
    ...(record === undefined ? {} : { record: recordMember(record.objectType, record.id) }),
    ...(lost === undefined ? {} : { lost }),
    ...(failing === undefined ? {} : { failing: failing.join() }),
    letter,
  };
  return Object.entries(fields).flat();
}

/** Without the letter itself, of which only the length is given as `size`. */
export function readLetter(
  partition: number,
  [stored, ...flat]: readonly string[],
): Omit<KeptDeadLetter, 'letter'> {
  const fields = pairs(flat);
  const code = (fields.get('code') ?? 'entry_malformed') as DeadLetter['code'];
  const lost = Number(fields.get('lost') ?? Number.NaN);
  const failing = fields.get('failing');
  const member = fields.get('record');
  return {
    place: { partition, entry: stored! },
    kind: kindOf(code, fields.has('lost')),
    code,
    detail: fields.get('detail') ?? '',
    atMs: Number(fields.get('at') ?? stored!.split('-')[0]),
    entry: fields.get('entry') ?? '',
    index: Number(fields.get('index') ?? 0),
    record: member === undefined ? undefined : readRecordMember(member),
    lost: Number.isInteger(lost) ? lost : undefined,
    failing: failing === undefined ? [] : failing.split(',').map(Number),
    size: Number(fields.get('size') ?? fields.get('letter')?.length ?? 0),
  };
}

function kindOf(code: DeadLetter['code'], isLost: boolean): LetterKind {
  switch (code) {
    case 'object_type_unknown':
    case 'change_failed':
      return 'change';
    case 'message_failed':
      return 'message';
    case 'work_failed':
      return 'work';
    case 'entry_malformed':
      return isLost ? 'message' : 'entry';
  }
}

/**
 * dead-letter-store.ts – The port that keeps what could not be applied, over all partitions.
 *
 * Keeps true: a letter of a change is appended to the log and removed in one step, so that it is
 * applied once however many ask for it. Redis implements it (src/redis/dead-letter-store.ts).
 */
import type { RecordKey } from './batch.ts';
import type { EntryId } from './partition-store.ts';
import type { DeadLetter } from './step.ts';

/**
 * `change`: one change; `entry`: an entry of a log that can't be read; `message`: what another
 * partition has sent; `work`: a piece of a build, a fan-out, a timer.
 */
export const LETTER_KINDS = ['change', 'entry', 'message', 'work'] as const;
export type LetterKind = (typeof LETTER_KINDS)[number];

/** Where a letter lies. */
export interface LetterPlace {
  readonly partition: number;
  readonly entry: EntryId;
}

export interface KeptDeadLetter {
  readonly place: LetterPlace;
  readonly kind: LetterKind;
  readonly code: DeadLetter['code'];
  readonly detail: string;
  /** The clock of its partition. */
  readonly atMs: number;
  /** The entry of the log or the inbox that held it ('' for work), and the index in it. */
  readonly entry: string;
  readonly index: number;
  readonly record: RecordKey | undefined;
  readonly lost: number | undefined;
  readonly failing: readonly number[];
  /** Characters of the letter. */
  readonly size: number;
  readonly letter: string;
}

/** A letter as lists show it. */
export type LetterHead = Omit<KeptDeadLetter, 'letter'>;

export interface LetterNumbers {
  readonly kept: number;
  readonly bytes: number;
  /** Since the deployment was founded: the bounds made them give way. */
  readonly dropped: number;
}

/** A change of a letter, as it goes to the log. */
export interface LetterRetry {
  /** Its JSON, and the catalog version at which it was checked. */
  readonly text: string;
  readonly checkedAt: number;
  /** Names this attempt, and who waits for the outcome. */
  readonly replyTo: string;
  /** Entries that may wait in the log. */
  readonly entriesMax: number;
}

export interface DeadLetterStore {
  /** The newest first, before a letter or from the newest on; as many as `most`. */
  heads(partition: number, before: LetterBound | undefined, most: number): Promise<LetterHead[]>;

  /** Undefined: there is no such letter any more. */
  letter(place: LetterPlace): Promise<KeptDeadLetter | undefined>;

  /** `unknown`: there is no such letter any more. */
  remove(place: LetterPlace): Promise<'removed' | 'unknown'>;

  /** Appends a change to the log of its partition in place of its letter. */
  retry(place: LetterPlace, change: LetterRetry): Promise<'retried' | 'unknown' | 'full'>;

  numbers(): Promise<LetterNumbers>;

  /** Drops what is older than it may be, where nothing new makes it give way. */
  dropOld(): Promise<void>;
}

/** `isIncluded`: the letter itself too. */
export interface LetterBound {
  readonly entry: EntryId;
  readonly isIncluded: boolean;
}

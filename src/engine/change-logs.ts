/**
 * change-logs.ts – The port through which writers append changes to the logs of partitions and
 * learn the outcomes.
 *
 * Keeps true: an entry is appended once, however often it is resent, and in the order of its
 * source's sequences. Redis implements it (src/redis/change-logs.ts). Every method may reject with
 * an error that `isUnanswered` (redis/failures.ts) knows: whether it was carried out is unknown.
 */
import type { Outcome } from '../change/change.ts';
import type { EntryId, StoredLogEntry } from './partition-store.ts';

/** A writer: a process, under a name that no other one has. */
export interface LogAppend {
  readonly source: string;
  /** Numbers that a source gave up belong to an older epoch, and are refused. */
  readonly epoch: number;
  /** 1, 2, … in an epoch. */
  readonly sequence: number;
  /** Entries that may wait in the log; with so many the entry is refused. */
  readonly entriesMax: number;
  readonly entry: Omit<StoredLogEntry, 'id'>;
}

export type AppendAnswer =
  | { readonly status: 'appended'; readonly entry: EntryId }
  /** It was appended before. `entry`: '' if it was not the last one, so that its id is unknown. */
  | { readonly status: 'duplicate'; readonly entry: EntryId | '' }
  /** One after sequence `last` is missing: it was lost. */
  | { readonly status: 'gap'; readonly last: number }
  /** The source has begun this newer epoch. */
  | { readonly status: 'old'; readonly epoch: number }
  | { readonly status: 'full'; readonly entries: number };

/** Outcomes of some changes of one entry: those from `from` on, of `total`. */
export interface PartialOutcomes {
  readonly from: number;
  readonly total: number;
  readonly outcomes: readonly Outcome[];
}

/** Outcomes come by reply name (`StoredLogEntry.replyTo`), those of other processes too. */
export interface OutcomeListener {
  isWaitedFor(replyTo: string): boolean;
  onOutcomes(replyTo: string, outcomes: PartialOutcomes): void;
}

export interface ChangeLogs {
  /** How many partitions there are. */
  readonly partitions: number;
  append(partition: number, append: LogAppend): Promise<AppendAnswer>;
  /** Tells of outcomes that are committed from now on, in all partitions. */
  listen(listener: OutcomeListener): Promise<void>;
  /** Forgets a source everywhere: its sequences end with its process. */
  forget(source: string): Promise<void>;
  /** Forgets sources that have sent nothing since then. One that lives is answered `gap`. */
  forgetQuiet(sinceMs: number): Promise<void>;
}

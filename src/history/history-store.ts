/**
 * history-store.ts – The port for what is kept of the past of segments, partition by partition.
 *
 * The store keeps true: a portion of the feed is folded, with all that follows from it, at one
 * instant or not at all, and only onto the very history that it was read with. It lies beside the
 * feed that it is folded from: what a fail-over takes of one it takes of both.
 * Callers keep true: they fold entries in their order, and leave none out.
 */
import type { FoldedEntry, SizeOf } from './fold.ts';
import type { HistoryBucket } from './history-bucket.ts';

/** Names a state of a partition's history. */
export type HistoryMark = string;

/** Where a partition's history stands, and what is to be folded next. */
export interface HistoryTail {
  readonly mark: HistoryMark;
  /** The oldest entries that are not folded, as many as can be held. */
  readonly entries: readonly FoldedEntry[];
  /** Whether these are all. */
  readonly isEnd: boolean;
  /**
   * Entries from this moment on were removed unfolded, for nobody has folded for very long;
   * undefined: none were.
   */
  readonly lostFromMs: number | undefined;
  readonly sizeOf: SizeOf;
  /** Bytes by month. */
  readonly months: ReadonlyMap<string, number>;
  /** What was before this month has been dropped; '': nothing has. */
  readonly keptFrom: string;
  /** Months up to this one are kept by day; '': none. */
  readonly dailyTo: string;
}

/** What is known of some segments: hours that are open, and complete ones by month. */
export interface HistoryPast {
  readonly open: ReadonlyMap<number, HistoryBucket>;
  /** By feed id: complete hours or days of the months that were asked for, ascending. */
  readonly closed: ReadonlyMap<number, readonly HistoryBucket[]>;
}

/** A row of a month; no buckets: it goes. */
export interface MonthRow {
  readonly month: string;
  readonly feedId: number;
  readonly buckets: readonly HistoryBucket[];
}

export interface HistoryChange {
  readonly mark: HistoryMark;
  /** The last of the entries that it folds; undefined: it folds none. */
  readonly foldedTo?: string | undefined;
  readonly open?: ReadonlyMap<number, HistoryBucket>;
  readonly months?: readonly MonthRow[];
  /** The sizes that were asked for with this: they are not needed any more. */
  readonly sizes?: readonly (readonly [feedId: number, entry: string])[];
  /** Feed ids of which no open hour is kept any more. */
  readonly gone?: readonly number[];
  /** Months that are dropped, all before `keptFrom`. */
  readonly dropped?: readonly string[];
  readonly keptFrom?: string;
  readonly dailyTo?: string;
}

export interface HistoryStore {
  readonly partitions: number;

  tail(partition: number): Promise<HistoryTail>;

  /** The tail, and at its instant what is kept of a few segments in some months. */
  past(
    partition: number,
    feedIds: readonly number[],
    months: readonly string[],
  ): Promise<HistoryTail & HistoryPast>;

  /**
   * What is kept of any number of segments in some months.
   * @returns undefined if the history is not the one of this mark any more
   */
  pastAt(
    partition: number,
    mark: HistoryMark,
    feedIds: readonly number[],
    months: readonly string[],
  ): Promise<HistoryPast | undefined>;

  /** The feed ids of all segments of which something is kept. */
  feedIds(partition: number): Promise<number[]>;

  /** @returns `moved`: nothing was done, since the history or the feed is another by now */
  change(partition: number, change: HistoryChange): Promise<'changed' | 'moved'>;
}

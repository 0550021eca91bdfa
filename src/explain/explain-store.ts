/**
 * explain-store.ts – The port through which a record and all that its partition knows of its
 * neighbours are read.
 *
 * The store keeps true: an answer is of one instant of the partition, from one script.
 */
import type { FeedEvent, SegmentNews } from '../change/feed-event.ts';
import type { RecordRow } from '../change/record.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { StateRow } from '../membership/state-row.ts';

/** The rows at the other ends of a record's edges. */
export interface AskedRows {
  /** By edge id, the targets that the record points at. */
  readonly neighbours: ReadonlyMap<number, readonly string[]>;
  /** Edge ids of which the record is the target. */
  readonly related: readonly number[];
  /** Shared predicates of which the record's holders have different values. */
  readonly totals: readonly number[];
}

export const NO_ROWS: AskedRows = { neighbours: new Map(), related: [], totals: [] };

export interface RecordAtInstant {
  readonly record: RecordRow | undefined;
  readonly state: StateRow;
  /** Whether the set that was asked for holds it; undefined: none was asked for. */
  readonly isMember: boolean | undefined;
  /** The time of the server when it was read. */
  readonly serverMs: number;
  /** By edge id and target. */
  readonly neighbours: ReadonlyMap<number, ReadonlyMap<string, NeighbourRow>>;
  readonly related: ReadonlyMap<number, RelatedRow>;
  /** By shared predicate id. */
  readonly totals: ReadonlyMap<number, number>;
}

/** An entry of a feed, of which the events of one record id are kept. */
export interface RecentEntry {
  readonly entry: string;
  /** The clock of its commit. */
  readonly at: number;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
  /** Characters that it takes. */
  readonly size: number;
}

export interface ExplainStore {
  /**
   * The latest entries of the feed of a record's partition, the newest first: below one, or from
   * the end on.
   */
  recentFeed(id: string, below: string | undefined, count: number): Promise<RecentEntry[]>;

  /** `predicateId`: whose member set is asked. */
  readRecord(
    objectType: string,
    id: string,
    predicateId: number | undefined,
    rows: AskedRows,
  ): Promise<RecordAtInstant>;
}

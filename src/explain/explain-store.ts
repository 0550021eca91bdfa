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
  /** The clock of its commit. */
  readonly at: number;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
}

/** A part of a feed that was searched from its newest entry on. */
export interface RecentPart {
  /** Those that tell of the record, or news of segments. */
  readonly entries: readonly RecentEntry[];
  /** How many were looked at, and their bytes together. */
  readonly looked: number;
  readonly bytes: number;
  /** The oldest that was looked at; undefined: there is none before. */
  readonly last: string | undefined;
}

export interface ExplainStore {
  /**
   * Searches the feed of a record's partition for what it tells of the record, the newest first:
   * before an entry, or from the end on. It looks at no more entries than this, and at a bounded
   * number of bytes.
   */
  recentFeed(id: string, before: string | undefined, entriesMax: number): Promise<RecentPart>;

  /** `predicateId`: whose member set is asked. */
  readRecord(
    objectType: string,
    id: string,
    predicateId: number | undefined,
    rows: AskedRows,
  ): Promise<RecordAtInstant>;
}

/**
 * audit-store.ts – The port for audits: all that is kept, also what no record bears out.
 *
 * The store keeps true: all that is answered of one record, or of one target in one partition, is
 * of one instant. Walks meet everything that stays throughout, some of it twice. A row that can't
 * be read is not the same as no row.
 * The callers judge what is a fault. A mend writes nothing if what it was decided by is not so any
 * more, for the owner of the partition goes on meanwhile.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { RecordRow } from '../change/record.ts';
import type { NeighbourRow, RelatedRow } from './neighbour-row.ts';
import type { StateRow } from './state-row.ts';
import type { TargetValue, ValueAt } from './value-key.ts';

/** The answer for a row that can't be read. */
export type Unreadable = 'unreadable';

/** How one fault is made good. */
export interface Mend {
  /** `moved`: what it was decided by is not so any more, and nothing was written. */
  carryOut(): Promise<'mended' | 'moved'>;
}

export interface AuditStore {
  readonly keys: KeyAudits;
  readonly rows: RowAudits;
  readonly edges: EdgeAudits;
  readonly repairs: Repairs;
}

// ── keys, counts, slugs ─────────────────────────────────────────────────────────────────────────

/** A key that holds another kind of value than its name says. */
export interface WrongKind {
  /** Undefined: it is the catalog's. */
  readonly partition?: number;
  /** The kind of key by its name, such as `segment`. */
  readonly kind: string;
  /** The key, what it holds, and what it should hold. */
  readonly text: string;
  /** Undefined: nothing could make good what it is to hold. */
  readonly removal: Mend | undefined;
  /** No answer about members rests on it. */
  readonly isLoose: boolean;
}

/** The name of a key of a partition. */
export interface StoredName {
  readonly partition: number;
  readonly kind: string;
  /** Where the name is of a predicate or an edge: its id. */
  readonly of: string;
  /** Where it is of an object type: which. */
  readonly objectType: string;
  /** Where it is of a set of a target: which. */
  readonly target: string;
  /** The whole name, as people find it. */
  readonly key: string;
  readonly removal: Mend;
}

/** Where a slug leads readers of the store, beside the predicate of its segment. */
export interface StoredSlug {
  readonly slug: string;
  /** Null: there is none. */
  readonly segment: StoredSegment | null;
  /** The predicate that the slug leads to, as it is written; null: to none. */
  readonly leadsTo: string | null;
  /** Makes it lead to another one, while the segment is as it is. */
  leadTo(predicateId: string | null): Mend;
}

export interface KeyAudits {
  /** Asked before anything else is read: such a key stops every reader. */
  wrongKinds(): AsyncIterable<WrongKind>;

  /** The names of all keys, by partition: one pass over the whole key space. */
  names(): Promise<StoredName[][]>;

  isThere(name: StoredName): Promise<boolean>;

  /** Whether rows of records that are no tombstones lie under a name; unreadable ones count. */
  hasRecords(name: StoredName): Promise<boolean>;

  /** The predicates whose sets the partition may still be removing. */
  swept(partition: number): Promise<ReadonlySet<number>>;

  /** The counts of a partition as they are written: by predicate, but for what is no predicate. */
  counts(partition: number): Promise<ReadonlyMap<string, string>>;

  /** One of them; null: there is none. */
  count(partition: number, field: string): Promise<string | null>;

  /** Writes a count, or removes it (null), while it is as it was seen. */
  countMend(partition: number, field: string, seen: string | null, count: number | null): Mend;

  /** Undefined: the index of the partition's dead letters is right. */
  letterIndexMend(partition: number): Promise<Mend | undefined>;

  /** All slugs and segments, at one instant. */
  slugs(): Promise<StoredSlug[]>;
}

// ── rows of records ─────────────────────────────────────────────────────────────────────────────

/** A record, and what the engine keeps of it, at one instant. */
export interface HeldRecord {
  readonly id: string;
  readonly record: RecordRow | undefined | Unreadable;
  readonly state: StateRow | Unreadable;
  /** By the predicates that were asked for of it. */
  readonly isMember: readonly boolean[];
}

/** All that is kept of one record, at one instant. */
export interface KeptRecord {
  readonly id: string;
  readonly record: RecordRow | undefined | Unreadable;
  /** Undefined: there is no state row. */
  readonly state: StateRow | undefined | Unreadable;
  /** Its score in the list of ids, as it is written, which is to be 0; undefined: not listed. */
  readonly listed: string | undefined;
  /** In ms; undefined: there is no entry. */
  readonly dueMs: number | undefined;
  readonly tombstoneMs: number | undefined;
  /** Makes one thing good, while the record is as it was seen. */
  mend(what: RecordMend): Mend;
}

/** The entries that a record should have; undefined: none. */
export type RecordMend =
  | { readonly isListed: boolean }
  | { readonly tombstoneMs: number | undefined }
  | { readonly dueMs: number | undefined }
  /** Only while the state row is as it was seen too. */
  | { readonly state: StateRow | undefined };

/** An entry of timers or of tombstones. */
export interface RecordEntry {
  readonly objectType: string;
  readonly id: string;
  /** Whether it names a record as entries do. */
  readonly isWellFormed: boolean;
  /** As it is written. */
  readonly text: string;
  readonly removal: Mend;
}

/** A part of a state that is not named by the state. */
export interface StrayBlock {
  /** As it is written. */
  readonly text: string;
  /** Whether it is still so. */
  isStill(): Promise<boolean>;
  readonly removal: Mend;
}

/** Of a predicate in a partition: the count that is kept (null: none), and its members. */
export interface CountedMembers {
  readonly count: number | null;
  readonly members: number;
}

export interface RowAudits {
  /** Of some records, in the order of the ids. `asked`: of each, whether it is a member of what. */
  held(
    partition: number,
    objectType: string,
    ids: readonly string[],
    asked?: readonly (readonly number[])[],
  ): Promise<HeldRecord[]>;

  /** Of some records, in the order of the ids. */
  kept(partition: number, objectType: string, ids: readonly string[]): Promise<KeptRecord[]>;

  /** Ids that have a row of a record, tombstones included. */
  storedIds(partition: number, objectType: string): AsyncIterable<string[]>;

  /** Ids that are listed or have a state row, but no row of a record. */
  strayIds(partition: number, objectType: string): AsyncIterable<string[]>;

  /** Ids that are not listed and yet have a record or a state row. */
  unlistedIds(partition: number, objectType: string): Promise<string[]>;

  /** Those of some ids that have no row of a record. */
  withoutRecord(partition: number, objectType: string, ids: readonly string[]): Promise<string[]>;

  entries(partition: number, of: 'timers' | 'tombstones'): AsyncIterable<RecordEntry[]>;

  strayBlocks(partition: number, objectType: string): AsyncIterable<StrayBlock[]>;

  memberIds(partition: number, predicateId: number): AsyncIterable<string[]>;

  /** Of some predicates, at one instant. */
  countedMembers(partition: number, predicateIds: readonly number[]): Promise<CountedMembers[]>;
}

// ── rows of edges ───────────────────────────────────────────────────────────────────────────────

/** A member of a set of holders or of their values. */
export type Scored = readonly [id: string, score: number];

/** What one partition keeps of a target over an edge, and of some records, at one instant. */
export interface Surroundings {
  readonly row: NeighbourRow;
  readonly isStored: boolean;
  readonly holders: readonly Scored[];
  /** By the predicates that were asked for. */
  readonly values: readonly (readonly Scored[])[];
  /** How many holders have the value that was asked for; 0 if none was. */
  readonly count: number;
  /** In the order of the ids. */
  readonly records: readonly (RecordRow | undefined)[];
  readonly states: readonly StateRow[];
}

/** One target of an edge in one partition, to be looked at. */
export interface EdgeTarget {
  readonly partition: number;
  readonly edgeId: number;
  readonly target: string;
  readonly holderType: string;
  /** Predicates whose holders' values are kept in order. */
  readonly ordered: readonly number[];
  /** A value that holders may have, for one shared predicate of theirs. */
  readonly counted?: { readonly predicateId: number; readonly value: string };
}

export interface EdgeAudits {
  /** By target. */
  neighbourRows(
    partition: number,
    edgeId: number,
  ): Promise<ReadonlyMap<string, NeighbourRow | Unreadable>>;

  /** By target. */
  relatedRows(
    partition: number,
    edgeId: number,
  ): Promise<ReadonlyMap<string, RelatedRow | Unreadable>>;

  /** Per target, its holders in the partition. */
  holders(partition: number, edgeId: number, targets: readonly string[]): Promise<Scored[][]>;

  /** Per target, the values of its holders in the partition. */
  values(partition: number, predicateId: number, targets: readonly string[]): Promise<Scored[][]>;

  /** How many holders in the partition have each value. */
  valueCounts(
    partition: number,
    predicateId: number,
  ): Promise<readonly (TargetValue & { readonly count: number })[]>;
  valueCount(partition: number, at: ValueAt): Promise<number>;

  /** At targets: the partitions of which holders have each value; and how many values there are. */
  valueSources(
    partition: number,
    predicateId: number,
  ): Promise<readonly (TargetValue & { readonly sources: readonly number[] })[]>;
  valueTotals(partition: number, predicateId: number): Promise<ReadonlyMap<string, number>>;

  around(of: EdgeTarget, ids: readonly string[]): Promise<Surroundings | Unreadable>;

  /** Undefined: there is none. */
  neighbourRow(
    partition: number,
    edgeId: number,
    target: string,
  ): Promise<NeighbourRow | undefined | Unreadable>;

  /** Empty if there is none. */
  relatedRow(partition: number, edgeId: number, target: string): Promise<RelatedRow | Unreadable>;
}

// ── repairs ─────────────────────────────────────────────────────────────────────────────────────

export interface Repairs {
  /** Makes the owner of a partition take it again, from what is stored. */
  expelOwner(partition: number): Promise<void>;

  /** Forgets what is remembered of a source that there is not. */
  forgetSource(partition: number, source: number): Promise<void>;
}

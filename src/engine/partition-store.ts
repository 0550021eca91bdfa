/**
 * partition-store.ts – The port behind which one partition is stored: what an owner reads, and the
 * one way in which it writes.
 *
 * Keeps true: it speaks of records, predicates, edges, channels and commits, never of commands,
 * keys or packed rows. All of a commit is stored or nothing of it is, and the same commit twice
 * equals once. Positions in streams (`EntryId`) are only compared with each other
 * (`compareEntries`). Redis implements it (src/redis/partition-store.ts), and so does the
 * simulator's memory; test/conformance/partition-store runs against both.
 *
 * Every method may reject with an error that `isUnanswered` (redis/failures.ts) knows: whether it
 * was carried out is unknown. Caller: asks again, and is right about either outcome.
 */
import type { CauseCode } from '../change/cause.ts';
import type { FeedEvent, SegmentNews } from '../change/feed-event.ts';
import type { ChannelPosition } from '../membership/channel-position.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { TargetValue } from '../membership/value-key.ts';
import type { Failure } from '../query/failure.ts';
import type { LogPosition, RecordKey } from './batch.ts';
import type { Fanout } from './fanouts.ts';
import type { TypeBuild } from './partition-builds.ts';
import type { FeedEpoch, FeedRun, Followed } from './partition-feed.ts';
import type { Receipt } from './resyncs.ts';
import type { DeadLetter, EntryOutcomes, Row, TouchedRecord } from './step.ts';
import type { EdgeEffects, Extremes } from './step-neighbours.ts';

/** Where an entry stands in a stream. */
export type EntryId = string;

// ——— Office ———

export type Acquisition =
  | { readonly status: 'acquired'; readonly meta: PartitionMeta }
  /** Another owner holds it for so long at most. */
  | { readonly status: 'held'; readonly forMs: number }
  /** It is not of this deployment, or its data is gone: it must not start from zero. */
  | { readonly status: 'lost' };

export type Renewal =
  /** `number`: of the commit that is stored; `serverMs`: the clock of the store. */
  | { readonly status: 'renewed'; readonly number: number; readonly serverMs: number }
  | { readonly status: 'fenced' };

/** All that a partition remembers besides its records: written by commits, read at a take-over. */
export interface PartitionMeta {
  /** Of the last commit. */
  readonly number: number;
  /** The latest clock that a commit went by; never runs backwards. */
  readonly clockMs: number;
  readonly catalogVersion: number;
  /** How far the log was applied. */
  readonly position: LogPosition;
  /** The last entry of the inbox that was applied. */
  readonly inbox: EntryId;
  /** By target partition, where the channel to it stands. */
  readonly sent: ReadonlyMap<number, ChannelPosition>;
  /** Predicates that this partition answers for. */
  readonly complete: readonly number[];
  /** By object type, the backfill that runs, and the predicates that wait for the next one. */
  readonly backfills: ReadonlyMap<string, TypeBuild>;
  /** By predicate, why it has failed here. */
  readonly failed: ReadonlyMap<number, Failure>;
  /** Predicates that may have sets of holders or of values, with the edge of each. */
  readonly edgeSets: ReadonlyMap<number, number>;
  /** Object types that may have timers. */
  readonly timedTypes: ReadonlySet<string>;
  /** Partitions to which all state is being resent. */
  readonly resending: ReadonlySet<number>;
  /** Partitions that are resending all their state, or whose unconfirmed state is being swept. */
  readonly receiving: ReadonlyMap<number, Receipt>;
  /** Partitions of which a message could not be applied. */
  readonly broken: ReadonlySet<number>;
  /** The id of the last entry of the feed; STREAM_START: there was none. */
  readonly feedEnd: EntryId;
  /** By feed id, what the feed goes by. */
  readonly followed: ReadonlyMap<number, Followed>;
  /** Runs of the feed that are under way, by number. */
  readonly feedRuns: ReadonlyMap<number, FeedRun>;
  /** Ascending. */
  readonly feedEpochs: readonly FeedEpoch[];
  /** The trial of the owner before, and the deaths before. */
  readonly trial: TrialNote | undefined;
  /** An owner before has left without giving up its lease. */
  readonly isDeserted: boolean;
}

// ——— Reads ———

/** Records of one type. */
export interface RecordsOfType {
  readonly objectType: string;
  readonly ids: readonly string[];
}

/**
 * Rows in the order in which they were asked for, undefined for a record that there is not; or what
 * each weighs.
 */
export type LoadedRecords =
  | { readonly kind: 'rows'; readonly rows: readonly (Row | undefined)[] }
  | { readonly kind: 'heavy'; readonly bytes: readonly number[] };

/** Rows by id, in the order of the ids; undefined: another program has removed the record. */
export interface RecordChunk {
  readonly rows: ReadonlyMap<string, Row | undefined>;
  /** Whether no more follow. */
  readonly isEnd: boolean;
}

export interface ChunkLimit {
  readonly most: number;
  readonly bytesMax: number;
}

/**
 * A part of something that is walked along. What stays all the while is met; what comes or goes
 * meanwhile may be.
 */
export interface Walk<T> {
  readonly items: readonly T[];
  /** Where the next part begins; undefined: this was the last one. */
  readonly cursor: string | undefined;
}

/** Where such a walk goes on; undefined: from the beginning. */
export interface StrayWalk {
  readonly objectType: string;
  readonly predicateId: number;
  readonly cursor: string | undefined;
  readonly most: number;
}

export interface DueRecord extends RecordKey {
  readonly dueMs: number;
}

/** The partitions of which holders have a value, ascending. */
export interface ValueSources {
  readonly sources: readonly number[];
}

/** A fan-out is known by the target whose holders it visits. */
export type FanoutKey = Pick<Fanout, 'edgeId' | 'target'>;

/** A note on failures, so that the next owner knows what this one died under. */
export interface TrialNote {
  /** The token of the owner that tries, or tried. */
  readonly by?: string;
  readonly trying?: readonly string[];
  /** By the name of a piece of work, how often an owner died under it. */
  readonly deaths: Readonly<Record<string, number>>;
}

/** Messages for one target, numbered on. `payload`: all of them as one text (message.ts). */
export interface OutboxEntry {
  readonly target: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly catalogVersion: number;
  readonly payload: string;
}

/** An entry that waits in the outbox, whichever epoch it was made in. */
export type WaitingEntry = Pick<OutboxEntry, 'sequence' | 'catalogVersion' | 'payload'>;

// ——— Channels: from this partition's point of view as the target ———

/** The state that a target has stored of one source. */
export interface StoredChannel {
  readonly position: ChannelPosition;
  /** Only to be handed back to `beginEpoch`: the same as long as nothing has changed. */
  readonly seen: string;
}

export interface EpochBegin {
  readonly source: number;
  /** The last answer of `channel`. */
  readonly seen: string;
  readonly epoch: number;
  /** The sequence that the source goes on from; -1: it has to resend all its state. */
  readonly sequence: number;
}

export interface Delivery {
  readonly source: number;
  readonly epoch: number;
  /** In this epoch all up to it counts as delivered; 0: nothing does. */
  readonly base: number;
  readonly sequence: number;
  readonly catalogVersion: number;
  readonly payload: string;
}

/** `gap`: one before it is missing; `old`: the source has begun a newer epoch. */
export type DeliveryAnswer = 'appended' | 'duplicate' | 'gap' | 'old';

// ——— Commit ———

export interface CommitHeader {
  readonly token: string;
  /** The number of the commit before, and of this one. */
  readonly before: number;
  readonly number: number;
  /** Tells this commit from any other with its number. */
  readonly nonce: string;
  readonly leaseMs: number;
}

/**
 * `ok`, `duplicate`: it is stored. `fenced`: another owner has taken over. `rolled-back`: the store
 * has lost a tail of what it had acknowledged. After the last two: stop, do not retry.
 */
export type CommitAnswer = 'ok' | 'duplicate' | 'fenced' | 'rolled-back';

/** A commit as the store will write it: made once, sent as often as it takes. */
export interface PreparedCommit {
  readonly number: number;
}

/** The writes of one commit. Where two parts speak of the same thing, what is forgotten wins. */
export interface CommitWrites {
  // — where the partition stands —
  readonly clockMs: number;
  readonly catalogVersion: number;
  /** The log was applied up to here, and may be trimmed below; undefined: nothing of it was. */
  readonly position: LogPosition | undefined;
  /**
   * The inbox was applied up to here, and may be trimmed below. If it does not hold this entry a
   * fail-over has lost it: the commit is refused as rolled back.
   */
  readonly inbox: EntryId | undefined;

  // — records —
  /**
   * Record and state, before and after: what differs is written, also in the index of ids. What is
   * stored is `before`: blocks of predicates that both share may be taken for written.
   */
  readonly records: readonly TouchedRecord[];
  /** Records whose tombstones run out at a moment; undefined: they have none any more. */
  readonly tombstones: readonly (RecordKey & { readonly expiresMs: number | undefined })[];
  /** When records are due, each at most once; undefined: never. */
  readonly timers: readonly (RecordKey & { readonly due: number | undefined })[];

  // — members —
  /** By predicate, the ids that enter its member set, and those that leave it. */
  readonly entering: ReadonlyMap<number, readonly string[]>;
  readonly leaving: ReadonlyMap<number, readonly string[]>;
  /** Predicates whose count becomes the size of their member set, after this commit's flips. */
  readonly counted: Iterable<number>;
  /**
   * Predicates that were given up: count, member set, rows of an edge at its targets, and what is
   * kept of different values.
   */
  readonly dropped: readonly number[];
  /**
   * Predicates that fail, and why: they have no count from now on, whatever other fields hold of
   * them.
   */
  readonly failed: ReadonlyMap<number, Failure>;
  /** Predicates of which it is no longer known why they failed. */
  readonly healed: readonly number[];
  readonly backfills: ReadonlyMap<string, TypeBuild | undefined>;

  // — edges: each row at most once —
  readonly neighbours: EdgeEffects['neighbours'];
  readonly related: EdgeEffects['related'];
  readonly holders: EdgeEffects['holders'];
  readonly values: EdgeEffects['values'];
  readonly valueCounts: EdgeEffects['valueCounts'];
  readonly valueSources: EdgeEffects['valueSources'];
  readonly valueTotals: EdgeEffects['valueTotals'];
  /** Fan-outs that go on, and those that are done. */
  readonly fanouts: readonly Fanout[];
  readonly fanoutsDone: readonly FanoutKey[];
  /**
   * Predicates that may have sets from now on, with their edges; and those of which none is left.
   */
  readonly edgeSets: readonly (readonly [predicateId: number, edgeId: number])[];
  readonly edgeSetsDone: readonly number[];
  /** Sets and rows of edges that were given up. */
  readonly forgottenHolders: readonly { readonly edgeId: number; readonly target: string }[];
  readonly forgottenValues: readonly { readonly predicateId: number; readonly target: string }[];
  readonly forgottenNeighbours: readonly {
    readonly edgeId: number;
    readonly targets: readonly string[];
  }[];
  /** Object types that may have timers from now on, and those that have none left. */
  readonly timedTypes: readonly string[];
  readonly timedTypesDone: readonly string[];

  // — channels to other partitions —
  /** Where channels stand that go on in a new epoch. */
  readonly channels: readonly (readonly [target: number, position: ChannelPosition])[];
  readonly outbox: readonly OutboxEntry[];
  /** By target, up to which sequence its inbox holds what was sent: the outbox may be trimmed. */
  readonly delivered: readonly (readonly [target: number, sequence: number])[];

  // — resynchronizations —
  readonly resending: readonly number[];
  readonly resendingDone: readonly number[];
  readonly receiving: readonly (readonly [source: number, receipt: Receipt])[];
  readonly receivingDone: readonly number[];
  readonly broken: readonly number[];
  readonly brokenDone: readonly number[];
  /** Sources of which nothing is confirmed any more; comes before `confirmed`. */
  readonly unconfirmed: readonly number[];
  /** By source, the (edge, target) pairs about which it has sent something (`confirmedMember`). */
  readonly confirmed: ReadonlyMap<number, ReadonlySet<string>>;

  // — what readers receive —
  /** What the feed tells; undefined: no entry. */
  readonly feed: FeedTold | undefined;
  /** What the feed goes by from now on, by feed id; undefined: it does not follow it any more. */
  readonly followed: ReadonlyMap<number, Followed | undefined>;
  /** Runs of the feed that go on, by number; undefined: one has ended. */
  readonly feedRuns: ReadonlyMap<number, FeedRun | undefined>;
  /** The lowest `since` of those runs; null: there is none any more; undefined: as before. */
  readonly telling: number | null | undefined;
  /** All of them, if there is a new one. */
  readonly feedEpochs: readonly FeedEpoch[] | undefined;
  /** What activations are told of. */
  readonly activations: readonly ActivationTold[];
  readonly outcomes: readonly EntryOutcomes[];
  readonly dead: readonly DeadLetter[];
  /** Records whose earlier dead letters go, and what audits have noted of them. */
  readonly forgotten: readonly RecordKey[];

  /** The note on failures from now on; null: none; undefined: as before. */
  readonly trial: TrialNote | null | undefined;
}

/** What one commit tells of segments. */
export interface FeedTold {
  /** The id of the entry before it; STREAM_START: there was none. */
  readonly after: EntryId;
  readonly control: readonly SegmentNews[];
  readonly events: readonly FeedEvent[];
}

/** A record that entered or left what activations follow. */
export type ActivationTold = readonly [
  objectType: string,
  id: string,
  enters: boolean,
  cause: CauseCode,
  activations: readonly string[],
];

export interface PartitionStore {
  // — office —

  /** Takes the lease if no other token holds it. A lease of the same token is mine again. */
  acquire(token: string, leaseMs: number, install: string): Promise<Acquisition>;
  /**
   * Keeps the lease. A lease that ran out and was not taken by another is mine again: the number
   * shows whether another owner has committed.
   */
  renew(token: string, leaseMs: number): Promise<Renewal>;
  /** Gives up the lease in good order, if it is still mine. */
  release(token: string): Promise<void>;
  readMeta(): Promise<PartitionMeta>;
  /** Notes what the owner is about to try; null: there is nothing to be careful about any more. */
  noteTrial(token: string, note: TrialNote | null): Promise<'noted' | 'fenced'>;

  // — reads. Caller: holds the lease, so that no other process writes them —

  /**
   * The rows of some records, by type and in order; or their weights if they are heavier than
   * `bytesMax` together.
   */
  records(asked: readonly RecordsOfType[], bytesMax: number): Promise<LoadedRecords>;
  /** Rows in the order of the targets; undefined: there is none. */
  neighbours(
    edgeId: number,
    targets: readonly string[],
  ): Promise<readonly (NeighbourRow | undefined)[]>;
  related(edgeId: number, targets: readonly string[]): Promise<readonly (RelatedRow | undefined)[]>;
  /**
   * The `most` lowest and the `most` highest values over a target: lowest first, and highest first.
   */
  extremes(predicateId: number, target: string, most: number): Promise<Extremes>;
  /** How many holders of this partition have each of these values; in their order. */
  valueCounts(predicateId: number, values: readonly TargetValue[]): Promise<readonly number[]>;
  /** As the target's partition: the partitions of which holders have each of these values. */
  valueSources(
    predicateId: number,
    values: readonly TargetValue[],
  ): Promise<readonly (readonly number[])[]>;
  /** As the targets' partition: how many different values holders have; in their order. */
  valueTotals(predicateId: number, targets: readonly string[]): Promise<readonly number[]>;
  /** All that are counted, or have sources. Read whole: only where losses are made good. */
  allValueCounts(predicateId: number): Promise<readonly TargetValue[]>;
  allValueSources(predicateId: number): Promise<readonly (TargetValue & ValueSources)[]>;
  /**
   * The rows of live and archived records in the order of their ids, after `after` ('': from the
   * first one): `most` of them, and none after the one that passes `bytesMax`.
   */
  recordsAfter(objectType: string, after: string, limit: ChunkLimit): Promise<RecordChunk>;
  /**
   * Holders in the order of their ids, after `after` ('': from the first one) up to `until` (null:
   * to the last one).
   */
  holdersAfter(
    edgeId: number,
    target: string,
    after: string,
    until: string | null,
    most: number,
  ): Promise<readonly string[]>;
  /**
   * All holders of each target, in the order of their ids; undefined where there are more than
   * `most`.
   */
  fewHolders(
    asked: readonly FanoutKey[],
    most: number,
  ): Promise<readonly (readonly string[] | undefined)[]>;
  /**
   * Fan-outs that run, those with the oldest news first, from the nth on. Caller: nothing is
   * committed between one part and the next.
   */
  fanouts(from: number, most: number): Promise<readonly Fanout[]>;
  /** The records that are due first, the earliest first, whether it is time or not. */
  firstDue(most: number): Promise<readonly DueRecord[]>;
  /** Records whose tombstones have run out by then. */
  expiredTombstones(untilMs: number, most: number): Promise<readonly RecordKey[]>;
  /** Walks along all timers: about `most` at a time; undefined: from the beginning. */
  walkTimers(cursor: string | undefined, most: number): Promise<Walk<RecordKey>>;
  /** Walks along the targets of an edge that have a neighbour row. */
  walkNeighbourTargets(
    edgeId: number,
    cursor: string | undefined,
    most: number,
  ): Promise<Walk<string>>;
  /** Some targets of an edge that have a neighbour row; fewer than `most` only if these are all. */
  someNeighbourTargets(edgeId: number, most: number): Promise<readonly string[]>;
  /** All of them. Read whole: only where losses are made good. */
  allNeighbourTargets(edgeId: number): Promise<readonly string[]>;
  allRelatedTargets(edgeId: number): Promise<readonly string[]>;
  /** Whether each of these pairs (`confirmedMember`) was confirmed by the source. */
  areConfirmed(source: number, members: readonly string[]): Promise<readonly boolean[]>;
  /** Whether each of these records is in the member set of a predicate; in their order. */
  areMembers(predicateId: number, ids: readonly string[]): Promise<readonly boolean[]>;
  /**
   * Walks along the members of a predicate, about `most` at a time: those that are no listed
   * records of its type.
   */
  walkStrays(of: StrayWalk): Promise<Walk<string>>;
  /** The last entries of log and inbox (STREAM_START if there never was one). */
  lastEntries(): Promise<{ readonly log: EntryId; readonly inbox: EntryId }>;

  // — channels —

  /** The entries in the outbox for a target, in order; with `most`, the first of them. */
  outbox(target: number, most?: number): Promise<readonly WaitingEntry[]>;
  /** As the target: what is stored of a source. */
  channel(source: number): Promise<StoredChannel>;
  /**
   * As the target: begins an epoch of a source if nothing has changed since it was `seen`; what
   * older epochs send is refused from now on.
   */
  beginEpoch(begin: EpochBegin): Promise<'begun' | 'moved'>;
  /** As the target: appends to the inbox, exactly once and in order, however often it is resent. */
  deliver(delivery: Delivery): Promise<DeliveryAnswer>;

  // — commit —

  /**
   * Packs a commit; pure, and at once.
   * @throws Error if a record would be too long to be kept
   */
  prepare(header: CommitHeader, writes: CommitWrites): PreparedCommit;
  /**
   * Caller: holds the token; what is written was made from rows that were read at the commit
   * before. Callee: all or nothing.
   */
  commit(prepared: PreparedCommit): Promise<CommitAnswer>;
}

// ——— Streams ———

/**
 * An entry of a log as it is stored: its text is parsed when a batch takes it (batch.ts
 * `readLogEntry`).
 */
export interface StoredLogEntry {
  readonly id: EntryId;
  /** The catalog version at which the changes were checked. */
  readonly checkedAt: number;
  /** The name under which a writer waits for the outcomes; undefined: none waits. */
  readonly replyTo: string | undefined;
  readonly payload: string;
}

/** An entry of an inbox as it is stored (message.ts `readInboxEntry`). */
export interface StoredInboxEntry {
  readonly id: EntryId;
  readonly from: number;
  readonly catalogVersion: number;
  readonly payload: string;
}

/**
 * Follows the two streams of one partition: each entry after the position that was given, in order,
 * once.
 */
export interface PartitionTail {
  followLog(after: EntryId, onEntries: (entries: readonly StoredLogEntry[]) => void): void;
  followInbox(after: EntryId, onEntries: (entries: readonly StoredInboxEntry[]) => void): void;
  /** Reads no further ahead until `resume`: its follower has enough to do. */
  pause(stream: 'log' | 'inbox'): void;
  resume(stream: 'log' | 'inbox'): void;
  /** Ends both. */
  unfollow(): void;
}

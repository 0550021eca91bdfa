/**
 * membership-store.ts – The port for reads: records, members, and who points at whom.
 *
 * The store keeps true: each answer is of one instant of its partition, or of each partition that
 * it concerns. Answers about ids come in the order of the ids, wherever the records lie, in one
 * round trip. Lists come in the order of ids, by the bytes of UTF-8.
 * Callers keep true: they ask for at most a few hundred records at once, and weigh them before
 * (`weights`) where many may be heavy.
 */
import type { RecordRow } from '../change/record.ts';
import type { PredicateIds } from '../query/network/predicate-ids.ts';
import type { Look, LookRequest, Positions, StatusStore } from './partition-status.ts';

export interface SizedRecord {
  readonly record: RecordRow;
  /** Characters that it takes where it is stored. */
  readonly size: number;
}

/** The predicate of a segment or a view, and the type of its members. */
export interface MemberSet {
  readonly objectType: string;
  readonly predicateId: number;
}

/** How far the backfill of a predicate has come in a partition. */
export interface BackfillProgress {
  readonly records: number;
  readonly visited: number;
}

/** Two predicates of one object type. */
export type PredicatePair = readonly [a: number, b: number];

export interface SharedLook {
  readonly look: Look;
  /** Members that the pairs share, in the order in which they were asked for. */
  readonly shared: readonly number[];
}

/** Entries of a stream that are not applied. */
export interface WaitingEntries {
  /** An upper bound: 0 exactly if there are none. */
  readonly entries: number;
  /** When the oldest came; undefined: there are none. */
  readonly sinceMs: number | undefined;
}

export interface TalliedLook {
  readonly look: Look;
  /** By mask, how many are in just those sets; bit 0 stands for the first predicate. */
  readonly tally: ReadonlyMap<number, number>;
}

export interface MembershipStore extends StatusStore {
  /**
   * A look at a partition, and at the same instant which of some sets their members are in. It
   * costs all members of all sets, in which time the partition's server does nothing else.
   * Caller: at most 32 predicates.
   */
  lookAtTally(
    partition: number,
    request: LookRequest,
    predicateIds: readonly number[],
  ): Promise<TalliedLook>;

  /**
   * A look at a partition, and at the same instant how many members some pairs share. It costs the
   * smaller set of each pair, in which time the partition's server does nothing else.
   */
  lookAtShared(
    partition: number,
    request: LookRequest,
    pairs: readonly PredicatePair[],
  ): Promise<SharedLook>;

  /** Whether a worker holds the lease of the partition at the moment. */
  isOwned(partition: number): Promise<boolean>;

  /**
   * What waits in the log and in the inbox after these positions.
   */
  waiting(
    partition: number,
    applied: Pick<Positions, 'position' | 'inboxPosition'>,
  ): Promise<readonly [log: WaitingEntries, inbox: WaitingEntries]>;

  /** Entries of the partition's log, whether they are applied or not. */
  logLength(partition: number): Promise<number>;

  /**
   * Whether a change of the type waits in the log of the partition; also true if so much waits that
   * not all of it was looked at.
   */
  isAwaited(partition: number, objectType: string): Promise<boolean>;

  /** Records of a type in the partition, archived ones included. */
  recordCount(partition: number, objectType: string): Promise<number>;

  /** Records of the partition that are due between each of some moments and the one after it. */
  dueCounts(partition: number, moments: readonly number[]): Promise<number[]>;

  backfillProgress(partition: number, of: MemberSet): Promise<BackfillProgress>;

  /** Names the last commit of every partition: two equal texts mean that none has committed. */
  lastCommits(): Promise<string>;

  /** The predicates that hold of some records. */
  truths(objectType: string, ids: readonly string[]): Promise<PredicateIds[]>;

  /** Undefined where nothing is stored. A tombstone is a record that does not exist any more. */
  records(objectType: string, ids: readonly string[]): Promise<(SizedRecord | undefined)[]>;

  /** Bytes of some records; 0 where there is none. */
  weights(objectType: string, ids: readonly string[]): Promise<number[]>;

  /**
   * At most `count` ids of the type's records after an id ('': from the first on), of those that
   * begin with `prefix`.
   */
  recordIds(
    partition: number,
    objectType: string,
    after: string,
    count: number,
    prefix?: string,
  ): Promise<string[]>;

  /** At most `count` ids of the type's records, by chance; all of them if there are no more. */
  someRecordIds(partition: number, objectType: string, count: number): Promise<string[]>;

  memberCount(partition: number, predicateId: number): Promise<number>;

  areMembers(predicateId: number, ids: readonly string[]): Promise<boolean[]>;

  /** At most `count` members after an id ('': from the first on). */
  memberIds(partition: number, of: MemberSet, after: string, count: number): Promise<string[]>;

  /** At most `count` records of the partition that point at the target, after an id. */
  holderIds(
    partition: number,
    edgeId: number,
    target: string,
    after: string,
    count: number,
  ): Promise<string[]>;

  /** Per target the partitions in which records point at it. */
  holderPartitions(edgeId: number, targets: readonly string[]): Promise<number[][]>;
}

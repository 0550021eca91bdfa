/**
 * partition-status.ts – The status of partitions: what they have applied, sent and lost.
 *
 * Keeps true: the status of a partition and its counts are of one instant.
 */
import type { Failure } from '../query/failure.ts';

/**
 * `resynchronizing`: state is being resent after a loss; `broken`: a message could not be applied.
 */
export type Loss = 'resynchronizing' | 'broken';

/**
 * Names a commit of a partition. After a roll-back another commit may have the same number, but not
 * the same nonce.
 */
export interface CommitMark {
  readonly number: number;
  readonly nonce: string;
}

/** Where a partition stands. */
export interface Positions extends CommitMark {
  /** The last entry of the log that is applied as a whole, and the last one that there is. */
  readonly position: string;
  readonly end: string;
  readonly inboxPosition: string;
  readonly inboxEnd: string;
  readonly clockMs: number;
  /**
   * The time of the partition's server, and the earliest moment at which a record of the partition
   * is due (undefined: none is).
   */
  readonly serverMs: number;
  readonly dueMs: number | undefined;
  readonly catalogVersion: number;
  /** The lowest version of a switch whose differences its feed is telling; undefined: none. */
  readonly telling: number | undefined;
  /**
   * By partition, the position of the last message sent to it, and of the last one that it has
   * delivered here. Two texts are equal exactly if the positions are. Empty unless channels were
   * asked for.
   */
  readonly sent: readonly string[];
  readonly delivered: readonly string[];
  /**
   * The oldest commit whose news some holder has not seen; undefined: none, or channels were not
   * asked for.
   */
  readonly fanning: number | undefined;
  /** Undefined: none, or channels were not asked for. */
  readonly loss: Loss | undefined;
}

/** Members by predicate; null while the partition does not answer for it. */
export type Count = number | null;

export interface PartitionStatus extends Positions {
  /** The predicate ids that have failed in the partition, and why. */
  readonly failed: ReadonlyMap<number, Failure>;
  /** In the order in which they were asked for. */
  readonly counts: readonly Count[];
}

/** What a look at a partition is to bring, beside where it stands. */
export interface LookRequest {
  /** What was sent, delivered and lost, and what fans out. */
  readonly channels: boolean;
  /** The predicates whose counts it reads. */
  readonly counted: readonly number[];
  /** Which counts have changed since this commit. */
  readonly since: CommitMark | undefined;
  /** `failures` of an earlier look: what has failed is read if it is not that any more. */
  readonly failures: string;
}

export interface Look extends Positions {
  /** In the order of `counted`. */
  readonly counts: readonly Count[];
  /** Undefined: not asked for, or nobody knows any more. */
  readonly changed: ReadonlyMap<number, Count> | undefined;
  /** Names the predicates that have failed now. */
  readonly failures: string;
  /** Undefined: as it was known. */
  readonly failed: ReadonlyMap<number, Failure> | undefined;
}

export interface StatusStore {
  readonly partitions: number;
  /**
   * Looks at a partition, at one instant; one round trip. What it costs does not grow with what is
   * under way there, only with what is asked for.
   */
  look(partition: number, request: LookRequest): Promise<Look>;
}

const NOTHING_KNOWN = { since: undefined, failures: '' } as const;

/** Where all partitions stand, each at an instant of its own; the counts of some predicates. */
export function allStatuses(
  store: StatusStore,
  counted: readonly number[] = [],
): Promise<PartitionStatus[]> {
  const look = (partition: number) =>
    store.look(partition, { ...NOTHING_KNOWN, channels: true, counted });
  return Promise.all(partitionsOf(store).map((each) => look(each).then(wholeStatus)));
}

function wholeStatus({ failed = new Map(), ...look }: Look): PartitionStatus {
  return { ...look, failed };
}

/** The numbers of all partitions. */
export function partitionsOf({ partitions }: Pick<StatusStore, 'partitions'>): number[] {
  return Array.from({ length: partitions }, (_, partition) => partition);
}

/**
 * A partition whose clock is further ahead of its server's has believed a wrong one: time stands
 * still there until the server has caught up.
 */
const CLOCK_AHEAD_MAX_MS = 60_000;

/**
 * Whether segments that move with time have no answer: they are of a moment that has not come.
 */
export function isAheadOfTime(statuses: readonly Positions[]): boolean {
  return statuses.some(({ clockMs, serverMs }) => clockMs > serverMs + CLOCK_AHEAD_MAX_MS);
}

/** The predicates that have failed in some partition; the reason is that of the first. */
export function failuresIn(statuses: readonly PartitionStatus[]): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  for (const { failed } of statuses) {
    for (const [predicateId, failure] of failed)
      if (!failures.has(predicateId)) failures.set(predicateId, failure);
  }
  return failures;
}

/** The loss between partitions, if any: segments over relationships have no number then. */
export function lossOf(statuses: readonly PartitionStatus[]): Loss | undefined {
  const losses = statuses.map(({ loss }) => loss);
  return losses.includes('broken') ? 'broken' : losses.find((loss) => loss !== undefined);
}

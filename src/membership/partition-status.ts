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

export interface PartitionStatus {
  /** The commit number. */
  readonly number: number;
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
  /**
   * By partition, the position of the last message sent to it, and of the last one that it has
   * delivered here. Two texts are equal exactly if the positions are.
   */
  readonly sent: Readonly<Record<string, string>>;
  readonly delivered: Readonly<Record<string, string>>;
  /** The commit with which the oldest fan-out that runs began; undefined: none runs. */
  readonly fanning: number | undefined;
  readonly loss: Loss | undefined;
  /** The predicate ids that have failed in the partition, and why. */
  readonly failed: ReadonlyMap<number, Failure>;
  /**
   * Members per predicate id that was asked for; null while the partition does not answer for it.
   */
  readonly counts: readonly (number | null)[];
}

export interface StatusStore {
  readonly partitions: number;
  /**
   * Where a partition stands, with the counts of some predicates, at one instant. One round trip.
   */
  status(partition: number, predicateIds: readonly number[]): Promise<PartitionStatus>;
}

/** Where all partitions stand, each at an instant of its own; the counts of some predicates. */
export function allStatuses(
  store: StatusStore,
  predicateIds: readonly number[] = [],
): Promise<PartitionStatus[]> {
  return Promise.all(partitionsOf(store).map((each) => store.status(each, predicateIds)));
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
export function isAheadOfTime(statuses: readonly PartitionStatus[]): boolean {
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

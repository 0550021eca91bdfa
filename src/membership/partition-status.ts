/**
 * partition-status.ts – Where partitions stand, and the wait of strong reads until they have caught
 * up.
 *
 * Keeps true: a standing and its counts are from one instant of one script. `waitForWatermark`
 * answers, for each partition, from an instant at which all was applied that was in its log when
 * the read began; so everything acknowledged before is in it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../query/failure.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { isAhead } from './channel-position.ts';

/**
 * `resynchronizing`: state is being sent anew after a loss; `broken`: a message could not be
 * applied.
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
   * The place sent to each partition, and that which each has delivered here, as
   * channel-position.ts writes them.
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

/** What a read waits for, and how long. */
export interface CatchUp {
  readonly timeoutMs: number;
  /** `roundsOver` the edges that segments look over. */
  readonly rounds?: number;
  /** Whether segments move with time: then all that was due when the read began is waited for. */
  readonly isTimed?: boolean;
}

/**
 * A partition whose clock is that far ahead of its server's has believed a wrong one: time stands
 * still there until it is so late.
 */
const CLOCK_AHEAD_MAX_MS = 60_000;

/**
 * Whether segments that move with time can't be told: they are as of a moment that has not come.
 */
export function isAheadOfTime(statuses: readonly PartitionStatus[]): boolean {
  return statuses.some(({ clockMs, serverMs }) => clockMs > serverMs + CLOCK_AHEAD_MAX_MS);
}

/** What has failed in some partition; the reason is that of the first. */
export function failuresIn(statuses: readonly PartitionStatus[]): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  for (const { failed } of statuses) {
    for (const [predicateId, failure] of failed)
      if (!failures.has(predicateId)) failures.set(predicateId, failure);
  }
  return failures;
}

const POLL_FIRST_MS = 1;
const POLL_MAX_MS = 16;

/**
 * How often effects must come through before they have reached the end of a path of `depth` edges:
 * twice for each edge, since a fan-out that a message began sends on only in the round after, and
 * once more for what the last one began; none without edges.
 */
export function roundsOver(depth: number): number {
  return depth === 0 ? 0 : 2 * depth + 1;
}

/**
 * Reads each partition at an instant at which it had applied all that was in its log when the read
 * began, and, for segments over relationships, at which the effects of that had come through
 * `rounds` times: noted, sent, delivered and applied. Everything at rest is seen in one round trip.
 * After a loss on the way between partitions (`lossOf`) the rounds are given up.
 * @returns undefined if it takes longer than `timeoutMs`.
 */
export async function waitForWatermark(
  store: StatusStore,
  partitions: readonly number[],
  predicateIds: readonly number[],
  { timeoutMs, rounds = 0, isTimed = false }: CatchUp,
): Promise<PartitionStatus[] | undefined> {
  const deadlineMs = Date.now() + timeoutMs;
  const read = (partition: number) => store.status(partition, predicateIds);
  let statuses = await Promise.all(partitions.map(read));
  if (rounds > 0 && isQuiet(statuses, isTimed)) return statuses;
  const ends = statuses;
  const wait = async (
    isDone: (status: PartitionStatus, at: number) => boolean,
  ): Promise<boolean> => {
    const latest = await until(partitions, statuses, isDone, read, deadlineMs);
    if (latest) statuses = latest;
    return latest !== undefined;
  };
  const isAsOfThen = (status: PartitionStatus, at: number) =>
    isAppliedUpTo(status, ends[at]!) && (!isTimed || hasFired(status, ends[at]!.serverMs));
  if (!(await wait(isAsOfThen))) return undefined;
  for (let round = 1; round <= rounds; round++) {
    const noted = await Promise.all(partitions.map(read));
    statuses = noted;
    if (lossOf(noted) !== undefined || isQuiet(noted, isTimed)) return noted;
    if (
      !(await wait(
        (status, at) => hasDelivered(status, noted, at) && hasFannedOut(status, noted[at]!),
      ))
    )
      return undefined;
    const delivered = statuses;
    const arrived = await Promise.all(partitions.map(read));
    statuses = arrived;
    if (
      !(await wait(
        (status, at) => compareEntries(status.inboxPosition, arrived[at]!.inboxEnd) >= 0,
      ))
    )
      return undefined;
    if (hasBegunAnew(noted, delivered, arrived)) {
      if (Date.now() >= deadlineMs) return undefined;
      await sleep(POLL_MAX_MS);
      round = 0;
    }
  }
  // Some were last read before others had settled: the numbers are to be of an instant after it.
  return rounds > 0 ? Promise.all(partitions.map(read)) : statuses;
}

/**
 * What is the matter on the way between partitions, if something is: then segments over
 * relationships have no number.
 */
export function lossOf(statuses: readonly PartitionStatus[]): Loss | undefined {
  const losses = statuses.map(({ loss }) => loss);
  return losses.includes('broken') ? 'broken' : losses.find((loss) => loss !== undefined);
}

/** Reads those partitions again of which the condition does not hold, until it holds of all. */
async function until(
  partitions: readonly number[],
  first: readonly PartitionStatus[],
  isDone: (status: PartitionStatus, at: number) => boolean,
  read: (partition: number) => Promise<PartitionStatus>,
  deadlineMs: number,
): Promise<PartitionStatus[] | undefined> {
  const statuses = [...first];
  let waitMs = POLL_FIRST_MS;
  for (;;) {
    const behind = statuses.flatMap((status, at) => (isDone(status, at) ? [] : [at]));
    if (behind.length === 0) return statuses;
    if (Date.now() >= deadlineMs) return undefined;
    await sleep(Math.min(waitMs, Math.max(1, deadlineMs - Date.now())));
    waitMs = Math.min(waitMs * 2, POLL_MAX_MS);
    const again = await Promise.all(behind.map((at) => read(partitions[at]!)));
    behind.forEach((at, i) => {
      statuses[at] = again[i]!;
    });
  }
}

/**
 * Nothing waits anywhere: logs and inboxes are applied, what was sent has arrived, no fan-out runs.
 * Caller: all partitions.
 */
function isQuiet(statuses: readonly PartitionStatus[], isTimed: boolean): boolean {
  return statuses.every(
    (status, at) =>
      isAppliedUpTo(status, status) &&
      status.fanning === undefined &&
      (!isTimed || hasFired(status, status.serverMs)) &&
      statuses.every(({ sent }, from) => sent[at] === status.delivered[from]),
  );
}

/** Whether nothing is due any more at a moment. */
function hasFired({ dueMs }: PartitionStatus, nowMs: number): boolean {
  return dueMs === undefined || dueMs > nowMs;
}

function isAppliedUpTo(
  { position, inboxPosition }: PartitionStatus,
  { end, inboxEnd }: Pick<PartitionStatus, 'end' | 'inboxEnd'>,
): boolean {
  return compareEntries(position, end) >= 0 && compareEntries(inboxPosition, inboxEnd) >= 0;
}

/** Whether all that the others had sent to partition `at` has arrived there. */
function hasDelivered(
  { delivered }: PartitionStatus,
  noted: readonly PartitionStatus[],
  at: number,
): boolean {
  return noted.every(
    ({ sent }, from) =>
      sent[at] === delivered[from] ||
      !isAhead(readChannelPosition(sent[at]), readChannelPosition(delivered[from])),
  );
}

/**
 * Whether a partition was taken over, or has lost a tail, since its places were noted: what was
 * waited for then says nothing. A target that holds more than its source, read later, knows to have
 * sent was sent it by one that lost a tail since.
 */
function hasBegunAnew(
  noted: readonly PartitionStatus[],
  delivered: readonly PartitionStatus[],
  arrived: readonly PartitionStatus[],
): boolean {
  return arrived.some(({ sent }, from) =>
    delivered.some((target, at) => {
      const [now, then] = [
        readChannelPosition(sent[at]),
        readChannelPosition(noted[from]!.sent[at]),
      ];
      return now.epoch !== then.epoch || isAhead(readChannelPosition(target.delivered[from]), now);
    }),
  );
}

/** Whether the fan-outs that ran then are done. */
function hasFannedOut(
  { fanning }: PartitionStatus,
  { number, fanning: before }: PartitionStatus,
): boolean {
  return before === undefined || fanning === undefined || fanning > number;
}

/** Orders stream ids: milliseconds, then sequence. */
export function compareEntries(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSequence) - Number(bSequence);
}

/**
 * watermark.ts – The wait of strong reads until partitions have applied what came before them.
 *
 * Keeps true: each partition answers from an instant at which it had applied everything that was in
 * its log when the read began. For segments over relationships the effects of that have come
 * through as well: sent, delivered and applied, one round for each step of their way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compareEntries } from '../change/entry-order.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { isAhead } from './channel-position.ts';
import { lossOf, type PartitionStatus, type StatusStore } from './partition-status.ts';

/** What is waited for, and how long. */
export interface CatchUp {
  readonly timeoutMs: number;
  /** `roundsOver` the edges that segments look over. */
  readonly rounds?: number;
  /** Whether segments move with time: then all that was due when the read began is waited for. */
  readonly isTimed?: boolean;
}

const POLL_FIRST_MS = 1;
const POLL_MAX_MS = 16;

/**
 * Rounds until an effect has crossed `depth` edges: two an edge (a fan-out sends in the round after
 * its message) plus one for the last fan-out. 0 without edges.
 */
export function roundsOver(depth: number): number {
  return depth === 0 ? 0 : 2 * depth + 1;
}

/**
 * Waits as the header describes. If nothing is under way anywhere, that is seen in one round trip.
 * After a loss between partitions (`lossOf`) the rounds are given up.
 * Caller: with rounds, names all partitions in their order.
 * @returns undefined if it takes longer than `timeoutMs`
 */
export async function waitForWatermark(
  store: StatusStore,
  partitions: readonly number[],
  predicateIds: readonly number[],
  { timeoutMs, rounds = 0, isTimed = false }: CatchUp,
): Promise<PartitionStatus[] | undefined> {
  const deadlineMs = Date.now() + timeoutMs;
  const read = (partition: number) => store.status(partition, predicateIds);
  const readAll = () => Promise.all(partitions.map(read));
  const wait = (first: readonly PartitionStatus[], isDone: IsDone) =>
    until(partitions, first, isDone, read, deadlineMs);

  const ends = await readAll();
  if (rounds > 0 && isQuiet(ends, isTimed)) return ends;
  const isAsOfThen: IsDone = (status, at) =>
    isAppliedUpTo(status, ends[at]!) && (!isTimed || hasFired(status, ends[at]!.serverMs));
  const applied = await wait(ends, isAsOfThen);
  if (!applied || rounds === 0) return applied;
  for (let round = 1; round <= rounds; round++) {
    const first = await readAll();
    if (lossOf(first) !== undefined || isQuiet(first, isTimed)) return first;
    const isDelivered: IsDone = (status, at) =>
      hasDelivered(status, first, at) && hasFannedOut(status, first[at]!);
    const delivered = await wait(first, isDelivered);
    if (!delivered) return undefined;
    const arrived = await readAll();
    const isApplied: IsDone = ({ inboxPosition }, at) =>
      compareEntries(inboxPosition, arrived[at]!.inboxEnd) >= 0;
    if (!(await wait(arrived, isApplied))) return undefined;
    if (hasBegunAnew(first, delivered, arrived)) {
      if (Date.now() >= deadlineMs) return undefined;
      await sleep(POLL_MAX_MS);
      round = 0;
    }
  }
  // Some were last read before others had settled: the numbers are to be of an instant after it.
  return readAll();
}

/** Whether a partition is where it is waited for. */
type IsDone = (status: PartitionStatus, at: number) => boolean;

/** Reads those partitions again of which the condition does not hold, until it holds of all. */
async function until(
  partitions: readonly number[],
  first: readonly PartitionStatus[],
  isDone: IsDone,
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

/** Whether all that the others had sent by then has arrived at partition `at`. */
function hasDelivered(
  { delivered }: PartitionStatus,
  then: readonly PartitionStatus[],
  at: number,
): boolean {
  return then.every(
    ({ sent }, from) =>
      sent[at] === delivered[from] ||
      !isAhead(readChannelPosition(sent[at]), readChannelPosition(delivered[from])),
  );
}

/**
 * Whether a partition was taken over, or has lost a tail, since the round began: then the wait
 * proves nothing. A target may hold more than its source, read later, has sent: that came from a
 * source which lost a tail since.
 */
function hasBegunAnew(
  first: readonly PartitionStatus[],
  delivered: readonly PartitionStatus[],
  arrived: readonly PartitionStatus[],
): boolean {
  return arrived.some(({ sent }, from) =>
    delivered.some((target, at) => {
      const now = readChannelPosition(sent[at]);
      const then = readChannelPosition(first[from]!.sent[at]);
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

/**
 * watermark.ts – The wait of strong reads until partitions have applied what came before them.
 *
 * Keeps true: each partition answers from an instant at which it had applied everything that was in
 * its log when the read began. For segments over relationships the effects of that have come
 * through as well: sent, delivered and applied, one round for each step of their way. Looks during
 * the wait are at positions alone; counts are of the look that ends it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compareEntries } from '../change/entry-order.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { isAhead } from './channel-position.ts';
import { CommitNews } from './commit-news.ts';
import { Looks } from './looks.ts';
import {
  lossOf,
  type PartitionStatus,
  type Positions,
  type StatusStore,
} from './partition-status.ts';

/** What is waited for, and how long. */
export interface CatchUp {
  readonly timeoutMs: number;
  /** `roundsOver` the edges that segments look over. */
  readonly rounds?: number;
  /** Whether segments move with time: then all that was due when the read began is waited for. */
  readonly isTimed?: boolean;
}

/** How a process looks at partitions, and hears of their commits. */
export interface Watch {
  readonly looks: Looks;
  readonly news: CommitNews;
}

export function openWatch(store: StatusStore, news = new CommitNews()): Watch {
  return { looks: new Looks(store), news };
}

/**
 * Commits may come by the thousand, and each look costs: who has waited for long looks again more
 * slowly. The last look is late by at most this share of the whole wait.
 */
const LATE_SHARE = 1 / 16;
const LOOK_APART_MAX_MS = 50;
const ANEW_MS = 16;

const NO_COUNTS: readonly number[] = [];

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
  watch: Watch,
  partitions: readonly number[],
  predicateIds: readonly number[],
  { timeoutMs, rounds = 0, isTimed = false }: CatchUp,
): Promise<PartitionStatus[] | undefined> {
  const wait = new WatermarkWait(
    watch,
    partitions,
    predicateIds,
    rounds > 0,
    Date.now() + timeoutMs,
  );
  const ends = await wait.lookAtAll(predicateIds);
  if (rounds > 0 && isQuiet(ends, isTimed)) return ends;
  const isAsOfThen: IsDone = (status, at) =>
    isAppliedUpTo(status, ends[at]!) && (!isTimed || hasFired(status, ends[at]!.serverMs));
  const applied = await wait.until(ends, isAsOfThen, rounds === 0);
  if (!applied || rounds === 0) return applied;
  for (let round = 1; round <= rounds; round++) {
    const first = await wait.lookAtAll();
    if (lossOf(first) !== undefined) return withLosses(await wait.lookAtAll(predicateIds), first);
    if (isQuiet(first, isTimed)) break;
    const isDelivered: IsDone = (status, at) =>
      hasDelivered(status, first, at) && hasFannedOut(status, first[at]!);
    const delivered = await wait.until(first, isDelivered);
    if (!delivered) return undefined;
    const arrived = await wait.lookAtAll();
    const isApplied: IsDone = ({ inboxPosition }, at) =>
      compareEntries(inboxPosition, arrived[at]!.inboxEnd) >= 0;
    if (!(await wait.until(arrived, isApplied))) return undefined;
    if (hasBegunAnew(first, delivered, arrived)) {
      if (wait.isOver) return undefined;
      await sleep(ANEW_MS);
      round = 0;
    }
  }
  // Some were last looked at before others had settled: the numbers are to be of an instant after
  // it.
  return wait.lookAtAll(predicateIds);
}

/** A loss that was seen is reported, even if it is made good by now: nothing was waited for. */
function withLosses(
  statuses: readonly PartitionStatus[],
  seen: readonly PartitionStatus[],
): PartitionStatus[] {
  return statuses.map((status, at) => ({ ...status, loss: seen[at]!.loss ?? status.loss }));
}

/** Whether a partition is where it is waited for. */
type IsDone = (status: PartitionStatus, at: number) => boolean;

/** One wait for some partitions. */
class WatermarkWait {
  readonly #watch: Watch;
  readonly #partitions: readonly number[];
  readonly #predicateIds: readonly number[];
  readonly #channels: boolean;
  readonly #deadlineMs: number;
  /** Of each partition's last look: when it began, and what was heard of until then. */
  readonly #looked: { readonly atMs: number; readonly heard: number }[] = [];

  constructor(
    watch: Watch,
    partitions: readonly number[],
    predicateIds: readonly number[],
    channels: boolean,
    deadlineMs: number,
  ) {
    this.#watch = watch;
    this.#partitions = partitions;
    this.#predicateIds = predicateIds;
    this.#channels = channels;
    this.#deadlineMs = deadlineMs;
  }

  get isOver(): boolean {
    return Date.now() >= this.#deadlineMs;
  }

  lookAtAll(counted: readonly number[] = NO_COUNTS): Promise<PartitionStatus[]> {
    return Promise.all(this.#partitions.map((_, at) => this.#look(at, counted)));
  }

  /**
   * Looks again at those partitions of which the condition does not hold, until it holds of all.
   * `isCounted`: the look that ends it brings the counts, as `first` has.
   * @returns undefined if the time is over
   */
  async until(
    first: readonly PartitionStatus[],
    isDone: IsDone,
    isCounted = false,
  ): Promise<PartitionStatus[] | undefined> {
    const predicateIds = isCounted ? this.#predicateIds : NO_COUNTS;
    const statuses = await Promise.all(
      first.map((status, at) =>
        isDone(status, at) ? status : this.#reach(at, isDone, predicateIds),
      ),
    );
    return statuses.includes(undefined) ? undefined : (statuses as PartitionStatus[]);
  }

  async #reach(
    at: number,
    isDone: IsDone,
    predicateIds: readonly number[],
  ): Promise<PartitionStatus | undefined> {
    const sinceMs = Date.now();
    for (;;) {
      if (this.isOver) return undefined;
      await this.#hear(at, sinceMs);
      const status = await this.#look(at, NO_COUNTS);
      if (!isDone(status, at)) continue;
      if (predicateIds.length === 0) return status;
      const counted = await this.#look(at, predicateIds);
      // Unless it was rolled back in between.
      if (isDone(counted, at)) return counted;
    }
  }

  /** Until a commit after the last look is heard of, and some time has passed since that look. */
  async #hear(at: number, sinceMs: number): Promise<void> {
    const { atMs, heard } = this.#looked[at]!;
    const leftMs = Math.max(1, this.#deadlineMs - Date.now());
    await this.#watch.news.next(this.#partitions[at]!, heard, leftMs);
    const apartMs = Math.min((atMs - sinceMs) * LATE_SHARE, LOOK_APART_MAX_MS);
    const restMs = atMs + apartMs - Date.now();
    if (restMs >= 1) await sleep(Math.min(restMs, leftMs));
  }

  #look(at: number, counted: readonly number[]): Promise<PartitionStatus> {
    const { looks, news } = this.#watch;
    const partition = this.#partitions[at]!;
    this.#looked[at] = { atMs: Date.now(), heard: news.heard(partition) };
    return looks.look(partition, { channels: this.#channels, counted });
  }
}

/** Whether all that was there at the look was applied, and nothing was due that has not fired. */
export function isCaughtUp(status: Positions, isTimed: boolean): boolean {
  return isAppliedUpTo(status, status) && (!isTimed || hasFired(status, status.serverMs));
}

/**
 * Nothing waits anywhere: logs and inboxes are applied, what was sent has arrived, no fan-out runs.
 * Caller: all partitions.
 */
function isQuiet(statuses: readonly PartitionStatus[], isTimed: boolean): boolean {
  return statuses.every(
    (status, at) =>
      isCaughtUp(status, isTimed) &&
      status.fanning === undefined &&
      statuses.every(({ sent }, from) => sent[at] === status.delivered[from]),
  );
}

/** Whether nothing is due any more at a moment. */
function hasFired({ dueMs }: Positions, nowMs: number): boolean {
  return dueMs === undefined || dueMs > nowMs;
}

function isAppliedUpTo(
  { position, inboxPosition }: Positions,
  { end, inboxEnd }: Pick<Positions, 'end' | 'inboxEnd'>,
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

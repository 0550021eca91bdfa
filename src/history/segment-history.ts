/**
 * segment-history.ts – The past of segments, as a chart shows it: one point an hour or a day, none
 * left out.
 *
 * Keeps true: a point is what the feeds of all partitions have told of its hour, those entries
 * included that are not folded yet. Where a partition does not know, a point has no numbers. What
 * is read of a partition is of one instant.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegments } from '../catalog/entries.ts';
import { startOfDate } from '../change/time-zone.ts';
import { Problem } from '../errors.ts';
import { fold } from './fold.ts';
import {
  bucketAt,
  byDay,
  countBefore,
  type HistoryBucket,
  type HistoryStep,
  joined,
  monthAt,
  nextBucket,
} from './history-bucket.ts';
import { type HistoryFolder, isHourly } from './history-folder.ts';
import type { HistoryPast, HistoryStore, HistoryTail } from './history-store.ts';

/** An hour or a day of a segment; null: nobody knows, or it was not there. */
export interface HistoryPoint {
  /** Its first instant, in ms since 1970. */
  readonly at: number;
  /** Members at its end; of the running one, by now. */
  readonly count: number | null;
  readonly entered: number | null;
  readonly left: number | null;
}

export interface HistorySpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: HistoryStep;
}

export interface HistoryContext {
  readonly store: HistoryStore;
  readonly catalogs: Pick<CatalogStore, 'catalog' | 'refresh'>;
  readonly folder: HistoryFolder;
  readonly timeZone: string;
  /** Points of one answer, over all slugs. */
  readonly pointsMax: number;
}

/** How often a partition is folded first, because too much of its feed is not. */
const FOLDS_MAX = 5;
const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;

export class SegmentHistory {
  readonly #store: HistoryStore;
  readonly #catalogs: Pick<CatalogStore, 'catalog' | 'refresh'>;
  readonly #folder: HistoryFolder;
  readonly #timeZone: string;
  readonly #pointsMax: number;

  constructor({ store, catalogs, folder, timeZone, pointsMax }: HistoryContext) {
    this.#store = store;
    this.#catalogs = catalogs;
    this.#folder = folder;
    this.#timeZone = timeZone;
    this.#pointsMax = pointsMax;
  }

  /**
   * By slug, the points from the one in which `fromMs` lies to the one before `toMs`; those to come
   * are left out.
   * @throws Problem segment_unknown | body_invalid (the span) | not_caught_up
   */
  async read(
    slugs: readonly string[],
    span: HistorySpan,
    nowMs = Date.now(),
  ): Promise<Map<string, HistoryPoint[]>> {
    const segments = await findSegments(this.#catalogs, slugs);
    const starts = this.#startsOf(span, slugs.length, nowMs);
    const ends = this.#endsOf(starts, span.step);
    const feedIds = segments.map(({ feedId }) => feedId);
    const partitions = Array.from({ length: this.#store.partitions }, (_, at) => at);
    const read = await Promise.all(
      partitions.map((each) => this.#bucketsOf(each, feedIds, span, starts)),
    );
    return new Map(
      segments.map(({ slug, feedId }) => {
        const parts = read.map(({ buckets, keptFromMs }) =>
          pointsOf(starts, ends, buckets.get(feedId)!, keptFromMs),
        );
        return [slug, sumOf(starts, parts)];
      }),
    );
  }

  /** @throws Problem body_invalid */
  #startsOf({ fromMs, toMs, step }: HistorySpan, slugs: number, nowMs: number): number[] {
    if (fromMs >= toMs) throw spanInvalid('/to', 'it is not after from');
    if (step === 'hour' && !isHourly(fromMs, nowMs, this.#timeZone))
      throw spanInvalid('/from', 'hours are kept for 90 days; ask for days');
    const endMs = Math.min(toMs, nowMs + 1);
    const points = Math.ceil((endMs - fromMs) / STEP_MS[step]) + 1;
    if (points * slugs > this.#pointsMax)
      throw spanInvalid(
        '/to',
        `${slugs} slugs of ${points} points are more than ${this.#pointsMax} in one answer`,
      );
    const starts: number[] = [];
    for (let at = bucketAt(fromMs, step, this.#timeZone); at < endMs; ) {
      starts.push(at);
      at = Math.max(at + 1, nextBucket(at, step, this.#timeZone));
    }
    return starts;
  }

  /** Where each point ends: the last one too, since more may have happened after it. */
  #endsOf(starts: readonly number[], step: HistoryStep): number[] {
    const last = starts.at(-1);
    if (last === undefined) return [];
    return [...starts.slice(1), nextBucket(last, step, this.#timeZone)];
  }

  /** Those of some segments in one partition, from the first point on until now. */
  async #bucketsOf(
    partition: number,
    feedIds: readonly number[],
    { step }: HistorySpan,
    starts: readonly number[],
  ): Promise<{ buckets: Map<number, HistoryBucket[]>; keptFromMs: number }> {
    const past = await this.#past(partition, feedIds, starts);
    const folded = fold(past.open, past, this.#timeZone);
    const buckets = new Map<number, HistoryBucket[]>();
    for (const feedId of feedIds) {
      const open = folded.open.get(feedId) ?? past.open.get(feedId);
      const hours = [
        ...past.closed.get(feedId)!,
        ...(folded.closed.get(feedId) ?? []),
        ...(open ? [open] : []),
      ];
      buckets.set(feedId, step === 'day' ? byDay(hours, this.#timeZone) : hours);
    }
    const { keptFrom } = past;
    const keptFromMs =
      keptFrom === '' ? -Infinity : startOfDate(Date.parse(`${keptFrom}-01`), this.#timeZone);
    return { buckets, keptFromMs };
  }

  async #past(
    partition: number,
    feedIds: readonly number[],
    starts: readonly number[],
  ): Promise<HistoryTail & HistoryPast> {
    const first = monthAt(starts[0] ?? 0, this.#timeZone);
    for (let attempt = 1; attempt <= FOLDS_MAX; attempt++) {
      const { mark, months } = await this.#store.tail(partition);
      const named = [...months.keys()].filter((month) => month >= first).sort();
      const past = await this.#store.past(partition, feedIds, named);
      // Folded meanwhile: a month may be there that was not named.
      if (past.isEnd && past.mark === mark) return past;
      await this.#folder.foldAll(partition);
    }
    const detail = `partition ${partition} tells more than can be folded`;
    throw new Problem('not_caught_up', detail, [], { retry_after_s: 1 });
  }
}

function spanInvalid(path: string, detail: string): Problem {
  return new Problem('body_invalid', detail, [{ path, detail }]);
}

/** What one partition says of each point. */
function pointsOf(
  starts: readonly number[],
  ends: readonly number[],
  buckets: readonly HistoryBucket[],
  keptFromMs: number,
): (HistoryBucket | undefined)[] {
  let next = 0;
  let before: HistoryBucket | undefined;
  return starts.map((at, point) => {
    const endMs = ends[point]!;
    while (next < buckets.length && buckets[next]!.at < at) before = buckets[next++];
    let bucket: HistoryBucket | undefined;
    while (next < buckets.length && buckets[next]!.at < endMs) {
      bucket = bucket ? joined(bucket, buckets[next]!) : buckets[next]!;
      next += 1;
    }
    if (bucket) {
      before = bucket;
      return bucket;
    }
    const following = at < keptFromMs ? undefined : buckets[next];
    const count = before ? before.count : following ? countBefore(following) : null;
    return count === null ? undefined : { at, count, entered: 0, left: 0, isAnew: false };
  });
}

/** A point has numbers if each partition has. */
function sumOf(
  starts: readonly number[],
  parts: readonly (readonly (HistoryBucket | undefined)[])[],
): HistoryPoint[] {
  return starts.map((at, point) => {
    let [count, entered, left] = [0, 0, 0];
    for (const part of parts) {
      const bucket = part[point];
      if (!bucket || bucket.count === null) return { at, count: null, entered: null, left: null };
      count += bucket.count;
      entered += bucket.entered;
      left += bucket.left;
    }
    return { at, count, entered, left };
  });
}

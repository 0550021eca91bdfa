/**
 * history-folder.ts – Folds the feeds of partitions into the past of segments, and keeps that past
 * within its bounds.
 *
 * Keeps true: each entry of a feed is folded exactly once, whoever folds, dies or is rolled back:
 * a portion is one change of the store, made only onto the history that it was read with. What is
 * not folded yet is not trimmed (meta field `history-folded`); should it be lost all the same,
 * segments have no number, rather than a wrong one, until they are ready anew. Bytes have a bound,
 * and the oldest months go first. Hours are kept for 90 days at least, then days.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { FEED_NEWS } from '../change/cause.ts';
import { type Folded, feedIdsIn, fold } from './fold.ts';
import { bucketAt, byDay, type HistoryBucket, monthAt } from './history-bucket.ts';
import type {
  HistoryChange,
  HistoryPast,
  HistoryStore,
  HistoryTail,
  MonthRow,
} from './history-store.ts';

const DAY_MS = 86_400_000;
/** Hours are kept so long at least. */
const HOURLY_DAYS = 90;
/** Rows that one change rewrites. */
const ROWS_A_CHANGE = 200;
/** Portions that are folded in one go; after them others have their turn. */
const PORTIONS_MAX = 1000;

export interface FolderContext {
  readonly store: HistoryStore;
  readonly timeZone: string;
  /** Bytes of all partitions together. */
  readonly bytesMax: number;
  /** What feeds may still name. */
  readonly catalog: Pick<Catalog, 'feedSegments'>;
  /** Entries of a partition were removed before they were folded. */
  readonly onLost: (partition: number) => void;
}

export class HistoryFolder {
  readonly #store: HistoryStore;
  readonly #timeZone: string;
  readonly #bytesMax: number;
  readonly #catalog: Pick<Catalog, 'feedSegments'>;
  readonly #onLost: (partition: number) => void;

  constructor({ store, timeZone, bytesMax, catalog, onLost }: FolderContext) {
    this.#onLost = onLost;
    this.#store = store;
    this.#timeZone = timeZone;
    this.#bytesMax = Math.floor(bytesMax / store.partitions);
    this.#catalog = catalog;
  }

  /**
   * Folds all that a partition's feed tells by now. Safe beside others that do the same.
   * @returns whether there was anything
   */
  async foldAll(partition: number): Promise<boolean> {
    for (let portion = 0; portion < PORTIONS_MAX; portion++) {
      const tail = await this.#store.tail(partition);
      if (tail.entries.length === 0) return portion > 0;
      await this.#fold(partition, tail);
      if (tail.isEnd) return true;
    }
    return true;
  }

  async #fold(partition: number, tail: HistoryTail): Promise<void> {
    const { entries, mark, lostFromMs } = tail;
    const isLost = lostFromMs !== undefined;
    if (isLost) this.#onLost(partition);
    const all = isLost ? await this.#store.feedIds(partition) : [];
    const feedIds = [...new Set([...all, ...feedIdsIn(entries)])];
    const known = await this.#store.pastAt(partition, mark, feedIds, []);
    if (!known) return; // somebody else has folded
    const { open, closed } = fold(known.open, tail, this.#timeZone);
    const months = await this.#completed(partition, mark, closed);
    if (!months) return;
    const sizes = entries.flatMap(({ id, control }) =>
      control
        .filter(([kind]) => kind !== FEED_NEWS.segment_deleted)
        .map(([, feedId]) => [feedId, id] as const),
    );
    const foldedTo = entries.at(-1)!.id;
    await this.#store.change(partition, { mark, foldedTo, open, months, sizes });
  }

  /** The rows of months, with the hours that are complete now. */
  async #completed(
    partition: number,
    mark: string,
    closed: Folded['closed'],
  ): Promise<MonthRow[] | undefined> {
    if (closed.size === 0) return [];
    const rows: MonthRow[] = [];
    for (const [month, hours] of this.#byMonth(closed)) {
      const feedIds = [...hours.keys()];
      const past = await this.#store.pastAt(partition, mark, feedIds, [month]);
      if (!past) return undefined;
      for (const [feedId, more] of hours)
        rows.push({ month, feedId, buckets: [...past.closed.get(feedId)!, ...more] });
    }
    return rows;
  }

  #byMonth(closed: Folded['closed']): Map<string, Map<number, HistoryBucket[]>> {
    const months = new Map<string, Map<number, HistoryBucket[]>>();
    for (const [feedId, hours] of closed) {
      for (const hour of hours) {
        const month = monthAt(hour.at, this.#timeZone);
        let rows = months.get(month);
        if (!rows) months.set(month, (rows = new Map()));
        const row = rows.get(feedId);
        if (row) row.push(hour);
        else rows.set(feedId, [hour]);
      }
    }
    return months;
  }

  /** Drops what is too much, too old or of nobody, and packs what is old by day. */
  async keepWithin(partition: number, nowMs = Date.now()): Promise<void> {
    await this.#dropOldest(partition);
    await this.#packByDay(partition, nowMs);
    await this.#forgetGone(partition);
  }

  async #dropOldest(partition: number): Promise<void> {
    const { mark, months } = await this.#store.tail(partition);
    let bytes = [...months.values()].reduce((sum, each) => sum + each, 0);
    if (bytes <= this.#bytesMax) return;
    const ascending = [...months.keys()].sort();
    const dropped: string[] = [];
    for (const month of ascending.slice(0, -1)) {
      if (bytes <= this.#bytesMax) break;
      bytes -= months.get(month)!;
      dropped.push(month);
    }
    const keptFrom = ascending[dropped.length]!;
    if (dropped.length > 0) await this.#store.change(partition, { mark, dropped, keptFrom });
    if (bytes > this.#bytesMax) await this.#halve(partition, keptFrom);
  }

  /**
   * Of the only month that is left, the older half of each row goes, but not its last hour. What
   * was before the first hour that stays is not known any more.
   */
  async #halve(partition: number, month: string): Promise<void> {
    await this.#rewrite(partition, month, (buckets) => {
      const [first, ...rest] = buckets.slice(Math.floor(buckets.length / 2));
      return first ? [{ ...first, isAnew: true }, ...rest] : [];
    });
  }

  /** The oldest month that is kept by hour and lies far enough back, one at a time. */
  async #packByDay(partition: number, nowMs: number): Promise<void> {
    const { months, dailyTo } = await this.#store.tail(partition);
    const hourlyFrom = monthAt(nowMs - (HOURLY_DAYS + 1) * DAY_MS, this.#timeZone);
    const old = [...months.keys()].sort().filter((each) => each > dailyTo && each < hourlyFrom);
    for (const month of old) {
      await this.#rewrite(partition, month, (buckets) => byDay(buckets, this.#timeZone));
      const { mark } = await this.#store.tail(partition);
      await this.#store.change(partition, { mark, dailyTo: month });
    }
  }

  /** Writes the rows of a month anew, some at a time. The same once more changes nothing. */
  async #rewrite(
    partition: number,
    month: string,
    rewritten: (buckets: readonly HistoryBucket[]) => readonly HistoryBucket[],
  ): Promise<void> {
    const feedIds = await this.#store.feedIds(partition);
    await this.#change(partition, feedIds, [month], ({ closed }) => ({
      months: [...closed]
        .filter(([, buckets]) => buckets.length > 0)
        .map(([feedId, buckets]) => ({ month, feedId, buckets: rewritten(buckets) })),
    }));
  }

  /** What no feed can name any more, since the catalog does not know it. */
  async #forgetGone(partition: number): Promise<void> {
    const feedIds = await this.#store.feedIds(partition);
    const gone = feedIds.filter((feedId) => !this.#catalog.feedSegments.has(feedId));
    if (gone.length === 0) return;
    const { months } = await this.#store.tail(partition);
    for (const month of months.keys())
      await this.#change(partition, gone, [month], ({ closed }) => ({
        months: [...closed]
          .filter(([, buckets]) => buckets.length > 0)
          .map(([feedId]) => ({ month, feedId, buckets: [] })),
      }));
    await this.#change(partition, gone, [], ({ open }) => ({ gone: [...open.keys()] }));
  }

  /** Some segments at a time; what has moved meanwhile is left to the next time. */
  async #change(
    partition: number,
    feedIds: readonly number[],
    months: readonly string[],
    changeOf: (past: HistoryPast) => Omit<HistoryChange, 'mark'>,
  ): Promise<void> {
    for (let from = 0; from < feedIds.length; from += ROWS_A_CHANGE) {
      const some = feedIds.slice(from, from + ROWS_A_CHANGE);
      const { mark } = await this.#store.tail(partition);
      const past = await this.#store.pastAt(partition, mark, some, months);
      if (past) await this.#store.change(partition, { mark, ...changeOf(past) });
    }
  }
}

/** Whether hours of a moment are still kept. */
export function isHourly(instant: number, nowMs: number, timeZone: string): boolean {
  return instant >= bucketAt(nowMs - HOURLY_DAYS * DAY_MS, 'day', timeZone);
}

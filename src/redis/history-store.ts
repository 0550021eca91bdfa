/**
 * history-store.ts – The past of segments, out of Redis and into it.
 *
 * Keeps true: what history/history-store.ts promises. Each read and each change is one script, and
 * a change is refused if the mark that it was read with is not the stored one any more.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { HistoryBucket } from '../history/history-bucket.ts';
import type {
  HistoryChange,
  HistoryMark,
  HistoryPast,
  HistoryStore,
  HistoryTail,
  MonthRow,
} from '../history/history-store.ts';
import { pushTo } from '../multimap.ts';
import { CommitCommands } from './commit-commands.ts';
import type { PartitionKeys } from './keys.ts';
import { pairs } from './pairs.ts';
import { type FeedEntry, readFeedAt } from './rows/feed-entry.ts';
import { packBuckets, readBuckets, sizeField } from './rows/history-row.ts';
import type { AnswerOf } from './script-signatures.ts';
import { runScript, sendScript } from './scripts.ts';

/** Entries that one look folds, and bytes after which it stops. */
const ENTRIES_MAX = 256;
const BYTES_MAX = 1024 * 1024;

/** Lua's unpack fails near 8000; a row may have 6 kB. */
const FEED_IDS_A_LOOK = 200;

/** Fields of the hash `history` that are no feed ids. */
const KEPT_FROM = 'kept-from';
const DAILY_TO = 'daily-to';

export class RedisHistoryStore implements HistoryStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  get partitions(): number {
    return this.#keys.length;
  }

  tail(partition: number): Promise<HistoryTail> {
    return this.past(partition, [], []);
  }

  async past(
    partition: number,
    feedIds: readonly number[],
    months: readonly string[],
  ): Promise<HistoryTail & HistoryPast> {
    const answer = await this.#read(partition, ENTRIES_MAX, feedIds, months);
    return { ...readTail(answer), ...readPast(answer, feedIds, months.length) };
  }

  /** Bounded by the number of segments. */
  async pastAt(
    partition: number,
    mark: HistoryMark,
    feedIds: readonly number[],
    months: readonly string[],
  ): Promise<HistoryPast | undefined> {
    const open = new Map<number, HistoryBucket>();
    const closed = new Map<number, readonly HistoryBucket[]>();
    for (let from = 0; from < feedIds.length; from += FEED_IDS_A_LOOK) {
      const some = feedIds.slice(from, from + FEED_IDS_A_LOOK);
      const answer = await this.#read(partition, 0, some, months);
      if (answer.mark !== mark) return undefined;
      const past = readPast(answer, some, months.length);
      for (const [feedId, hour] of past.open) open.set(feedId, hour);
      for (const [feedId, buckets] of past.closed) closed.set(feedId, buckets);
    }
    return { open, closed };
  }

  #read(
    partition: number,
    entriesMax: number,
    feedIds: readonly number[],
    months: readonly string[],
  ): Promise<HistoryAnswer> {
    const keys = this.#keys[partition]!;
    const more = { keys: months.map((month) => keys.historyOf(month)), arguments: feedIds };
    const given = { entriesMax, bytesMax: BYTES_MAX };
    return runScript(this.#redis, 'readHistory', keys, given, more);
  }

  async feedIds(partition: number): Promise<number[]> {
    const keys = this.#keys[partition]!;
    const months = await this.#redis.hkeys(keys.historyMonths);
    const hashes = [keys.history, ...months.map((month) => keys.historyOf(month))];
    const fields = await Promise.all(hashes.map((key) => this.#redis.hkeys(key)));
    return [...new Set(fields.flat())].map(Number).filter(Number.isSafeInteger);
  }

  change(partition: number, change: HistoryChange): Promise<'changed' | 'moved'> {
    const keys = this.#keys[partition]!;
    const { mark, foldedTo = '' } = change;
    const named = [keys.meta, keys.feed, keys.history, keys.historyMonths];
    const commands = new CommitCommands(named, [mark, randomBytes(6).toString('hex'), foldedTo]);
    addChange(commands, change, keys);
    return sendScript(this.#redis, 'changeHistory', commands.keys, commands.arguments);
  }
}

function addChange(commands: CommitCommands, change: HistoryChange, keys: PartitionKeys): void {
  const { open, months = [], sizes = [], gone = [], dropped = [], keptFrom, dailyTo } = change;
  const hours = [...(open ?? [])].flatMap(([id, bucket]) => [id, packBuckets([bucket])]);
  commands.add('HSET', keys.history, hours);
  for (const [month, rows] of byMonth(months)) {
    const fields = rows.flatMap(({ feedId, buckets }) => [feedId, packBuckets(buckets)]);
    commands.addWhole('ROWS', keys.historyOf(month), month, ...fields);
  }
  const read = sizes.map(([feedId, entry]) => sizeField(feedId, entry));
  commands.add('HDEL', keys.historySizes, read);
  commands.add('HDEL', keys.history, gone);
  for (const month of dropped) commands.addWhole('DROP', keys.historyOf(month), month);
  if (keptFrom !== undefined) commands.add('HSET', keys.history, [KEPT_FROM, keptFrom]);
  if (dailyTo !== undefined) commands.add('HSET', keys.history, [DAILY_TO, dailyTo]);
}

function byMonth(rows: readonly MonthRow[]): Map<string, MonthRow[]> {
  const months = new Map<string, MonthRow[]>();
  for (const row of rows) pushTo(months, row.month, row);
  return months;
}

type HistoryAnswer = AnswerOf<'readHistory'>;

function readTail(answer: HistoryAnswer): HistoryTail {
  const { mark, folded, keptFrom, dailyTo, isEnd, months } = answer;
  const all = [...pairs(answer.entries)].map(([id, packed]) => ({
    id,
    ...readFeedAt(id, packed),
  }));
  // What follows a gap is the next portion: it begins with the loss.
  const gap = all.findIndex(({ after }, at) => at > 0 && after !== all[at - 1]!.id);
  const entries = gap < 0 ? all : all.slice(0, gap);
  const sizes = pairs(answer.sizes);
  return {
    mark,
    keptFrom,
    dailyTo,
    entries,
    isEnd: isEnd === 1 && gap < 0,
    lostFromMs: lostAfter(folded, entries[0]),
    sizeOf: (feedId, entry) => {
      const size = sizes.get(sizeField(feedId, entry));
      return size === undefined ? undefined : Number(size);
    },
    months: new Map([...pairs(months)].map(([month, bytes]) => [month, Number(bytes)])),
  };
}

function lostAfter(folded: string, first: FeedEntry | undefined): number | undefined {
  return first && first.after !== folded ? Number(folded.split('-')[0]) : undefined;
}

function readPast(
  { open, rows }: HistoryAnswer,
  feedIds: readonly number[],
  months: number,
): HistoryPast {
  const hours = new Map<number, HistoryBucket>();
  const closed = new Map<number, HistoryBucket[]>();
  for (const [at, feedId] of feedIds.entries()) {
    const hour = open[at];
    const bucket = hour && readBuckets(hour)[0];
    if (bucket) hours.set(feedId, bucket);
    const packed = Array.from({ length: months }, (_, month) => rows[month * feedIds.length + at]);
    closed.set(
      feedId,
      packed.flatMap((row) => (row ? readBuckets(row) : [])),
    );
  }
  return { open: hours, closed };
}

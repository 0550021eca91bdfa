/**
 * memory-feed.ts – Feeds of partitions in memory, to which tests commit, and which they trim and
 * roll back.
 */
import type { CatalogStore } from '../../src/catalog/catalog-store.ts';
import { CAUSES, FEED_NEWS, type FeedNews } from '../../src/change/cause.ts';
import { feedFlip } from '../../src/change/feed-event.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { Feed } from '../../src/feed/feed.ts';
import {
  compareMarks,
  type FeedMark,
  type FeedPosition,
  type FeedRollBack,
} from '../../src/feed/feed-position.ts';
import type { FeedPart, FeedReadMost, FeedStore, PlacedEntry } from '../../src/feed/feed-store.ts';
import { CommitNews } from '../../src/membership/commit-news.ts';

const START: FeedMark = { ms: 0, number: 0 };

interface MemoryPartition {
  entries: PlacedEntry[];
  end: FeedMark;
  trimmed: FeedMark;
  last: FeedMark;
  epochs: FeedRollBack[];
}

/** Feed ids 1, 2, … are the segments `s1`, `s2`, … of contacts. */
export class MemoryFeed implements FeedStore {
  readonly partitions: number;
  readonly news = new CommitNews();
  readonly catalogs = {
    catalog: {
      version: 1,
      feedSegments: new Map(
        Array.from({ length: 9 }, (_, at) => [
          at + 1,
          { slug: `s${at + 1}`, segment: `segment-${at + 1}`, object_type: 'contacts' },
        ]),
      ),
    },
  } as unknown as CatalogStore;
  readonly feed: Feed;
  reads = 0;
  entriesRead = 0;
  readonly #all: MemoryPartition[];
  #clockMs = 1_700_000_000_000;

  constructor(partitions: number, tailBytes = 1_000_000) {
    this.partitions = partitions;
    this.#all = Array.from({ length: partitions }, () => ({
      entries: [],
      end: START,
      trimmed: START,
      last: START,
      epochs: [],
    }));
    const { catalogs, news } = this;
    this.feed = new Feed({ store: this, catalogs, news, install: 'an install', tailBytes });
  }

  async read(
    partition: number,
    after: FeedPosition | undefined,
    { entries: most, bytes: bytesMax }: FeedReadMost,
  ): Promise<FeedPart> {
    this.reads++;
    await new Promise((resolve) => setImmediate(resolve));
    const { entries } = this.#all[partition]!;
    const isAfter = ({ mark }: PlacedEntry) => {
      const order = after ? compareMarks(mark, after) : 1;
      return order > 0 || (order === 0 && after!.taken > 0);
    };
    const rest = entries.filter(isAfter);
    let bytes = 0;
    const given = rest.slice(0, most).filter(({ size }) => {
      const isGiven = bytes <= bytesMax;
      bytes += size;
      return isGiven;
    });
    this.entriesRead += given.length;
    const isEnd = given.length === rest.length;
    return { ...this.#all[partition]!, entries: given, isEnd, catalogVersion: 1 };
  }

  /** Commits flips of records of one partition; none: a commit that tells nothing. */
  commit(
    partition: number,
    flips: readonly (readonly [id: string, feedId: number, enters: boolean])[] = [],
    control: readonly (readonly [FeedNews, feedId: number])[] = [],
  ): void {
    this.#clockMs += 1;
    const own = this.#all[partition]!;
    own.end = { ms: this.#clockMs, number: own.end.number + 1 };
    if (flips.length + control.length > 0) {
      own.entries.push({
        mark: own.end,
        after: own.last,
        at: this.#clockMs,
        control: control.map(([kind, feedId]) => [FEED_NEWS[kind], feedId]),
        events: flips.map(([id, feedId, enters]) => [
          'contacts',
          id,
          CAUSES.record_changed,
          [feedFlip(feedId, enters)],
        ]),
        size: 40 * flips.length,
      });
      own.last = own.end;
    }
    this.news.tell(partition);
  }

  put(id: string, feedId: number, enters: boolean): void {
    this.commit(partitionOf(id, this.partitions), [[id, feedId, enters]]);
  }

  /** Keeps the last so many entries of a partition. */
  trim(partition: number, kept: number): void {
    const own = this.#all[partition]!;
    const gone = own.entries.splice(0, Math.max(0, own.entries.length - kept));
    own.trimmed = gone.at(-1)?.mark ?? own.trimmed;
  }

  /** Another program removes the entry at this place. */
  lose(partition: number, at: number): void {
    this.#all[partition]!.entries.splice(at, 1);
  }

  /** Loses the last so many entries, and all commits after the last one that stays. */
  rollBack(partition: number, lost: number, isNoticed = true): void {
    const own = this.#all[partition]!;
    own.entries.splice(Math.max(0, own.entries.length - lost));
    own.end = own.entries.at(-1)?.mark ?? own.trimmed;
    own.last = own.end;
    this.#clockMs = own.end.ms; // what comes may be called as what was lost
    if (isNoticed) own.epochs.push({ epoch: own.epochs.length + 1, from: own.end });
  }
}

/**
 * feed-pages.ts – Pages of the feed of all partitions, merged by time.
 *
 * Keeps true: events of one partition, and so of one record, come in their order; partitions are
 * merged by the clocks of their commits. A page looks at a bounded number of entries and bytes,
 * however little of them is asked for, and always at one: so who goes on reaches the end.
 */

import type { CatalogStore } from '../catalog/catalog-store.ts';
import { partitionOf } from '../change/partition.ts';
import { Turns } from '../turns.ts';
import { compareMarks, endOf, type FeedPosition, type FeedPositions } from './feed-position.ts';
import type { FeedReader } from './feed-reader.ts';
import type { FeedReadMost, PlacedEntry } from './feed-store.ts';
import { type FeedFilter, type ToldEvent, toldEvents } from './told-events.ts';

/** Entries that one page looks at. */
const ENTRIES_MAX = 4000;
/** Characters of entries that one page looks at. */
const BYTES_MAX = 4 * 1024 * 1024;
/** Pages that are read at a time: each holds a few times what it looks at. */
const READING_MAX = 4;
/** More than there may be connections. */
const WAITING_MAX = 100_000;
/** Entries that one read brings of a partition. */
const READ_ENTRIES_MAX = 64;

export interface FeedPageRequest {
  readonly after: FeedPositions;
  readonly filter: FeedFilter;
  /** Events. */
  readonly limit: number;
}

export interface FeedPage<T> {
  readonly data: readonly T[];
  /** Where the next page begins. */
  readonly after: FeedPositions;
  /** Whether there was nothing after this page when it was read. */
  readonly isEnd: boolean;
}

/** Makes an entry of a page of an event; undefined: the page has no room for it. */
export type ShapeEvent<T> = (told: ToldEvent, after: FeedPositions) => T | undefined;

export class FeedPages {
  readonly #reader: FeedReader;
  readonly #catalogs: CatalogStore;
  readonly #turns = new Turns({
    atOnce: READING_MAX,
    waitingMax: WAITING_MAX,
    work: 'pages of changes',
  });

  constructor(reader: FeedReader, catalogs: CatalogStore) {
    this.#reader = reader;
    this.#catalogs = catalogs;
  }

  /** @throws Problem cursor_expired | overloaded */
  read<T>(request: FeedPageRequest, shape: ShapeEvent<T>): Promise<FeedPage<T>> {
    return this.#turns.inTurn(() => this.#read(request, shape));
  }

  async #read<T>(request: FeedPageRequest, shape: ShapeEvent<T>): Promise<FeedPage<T>> {
    const { after, filter, limit } = request;
    const { partitions } = this.#reader;
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const asked = filter.id === undefined ? all : [partitionOf(filter.id, partitions)];
    const most = {
      entries: READ_ENTRIES_MAX,
      bytes: Math.ceil(BYTES_MAX / (4 * asked.length)),
    };
    const sources = asked.map((partition) => new PartitionSource(partition, after[partition]));
    const positions = [...after];
    const page = (isEnd: boolean): FeedPage<T> => ({ data, after: positions, isEnd });
    const data: T[] = [];
    for (let [entries, bytes] = [0, 0]; entries < ENTRIES_MAX && bytes < BYTES_MAX; entries++) {
      await this.#refill(sources, most, positions);
      const source = earliest(sources);
      if (!source) return page(true);
      const { partition } = source;
      const { entry, taken, epoch } = source.next();
      const names = this.#catalogs.catalog.feedSegments;
      for (const { told, position } of toldEvents(entry, taken, epoch, names, filter)) {
        const before = positions[partition];
        positions[partition] = position;
        const shaped = shape(told, positions);
        if (shaped === undefined) positions[partition] = before;
        else data.push(shaped);
        if (shaped === undefined || data.length === limit) return page(false);
      }
      positions[partition] = source.position;
      bytes += entry.size;
    }
    return page(false);
  }

  /** Reads on wherever nothing is left and more may follow: only then is the earliest one known. */
  async #refill(
    sources: readonly PartitionSource[],
    most: FeedReadMost,
    positions: (FeedPosition | undefined)[],
  ): Promise<void> {
    const empty = sources.filter(({ isEmpty, isEnd }) => isEmpty && !isEnd);
    const fill = async (source: PartitionSource) => {
      await source.fill(this.#reader, most);
      positions[source.partition] = source.position;
    };
    await Promise.all(empty.map(fill));
  }
}

/** What was read of a partition and is not on the page yet. */
class PartitionSource {
  readonly partition: number;
  /** Before the entries that are left. */
  position: FeedPosition | undefined;
  isEnd = false;
  #entries: readonly PlacedEntry[] = [];
  #next = 0;
  /** After the last commit, when it was read. */
  #end: FeedPosition | undefined;

  constructor(partition: number, position: FeedPosition | undefined) {
    this.partition = partition;
    this.position = position;
  }

  get isEmpty(): boolean {
    return this.#next === this.#entries.length;
  }

  /** When the next entry was committed; undefined: there is none. */
  get at(): number | undefined {
    return this.#entries[this.#next]?.at;
  }

  async fill(reader: FeedReader, most: FeedReadMost): Promise<void> {
    const part = await reader.read(this.partition, this.position, most);
    this.#entries = part.entries;
    this.#next = 0;
    this.#end = endOf(part);
    this.isEnd = part.isEnd;
    this.position = this.#after(part.from);
  }

  /** Takes the next entry. `taken`: how many of its events were told before. */
  next(): { readonly entry: PlacedEntry; readonly taken: number; readonly epoch: number } {
    const entry = this.#entries[this.#next++]!;
    const { position } = this;
    const isBegun = position !== undefined && compareMarks(position, entry.mark) === 0;
    const { epoch } = this.#end!;
    this.position = this.#after({ ...entry.mark, taken: 0, epoch });
    return { entry, taken: isBegun ? position.taken : 0, epoch };
  }

  /** Commits after the last entry have told nothing: a reader need not look at them again. */
  #after(position: FeedPosition | undefined): FeedPosition | undefined {
    return this.isEnd && this.isEmpty ? this.#end : position;
  }
}

function earliest(sources: readonly PartitionSource[]): PartitionSource | undefined {
  let first: PartitionSource | undefined;
  for (const source of sources)
    if (source.at !== undefined && source.at < (first?.at ?? Infinity)) first = source;
  return first;
}

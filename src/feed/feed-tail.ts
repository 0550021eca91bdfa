/**
 * feed-tail.ts – The live end of the feed, read once for all who follow it in this process.
 *
 * Keeps true: it runs while somebody follows, and leaves nothing running after. It is woken by news
 * of commits, and looks by itself every now and then, for news may be lost. What it has read lately
 * is kept, up to a bound: a follower that falls behind it catches up by pages. After a roll-back it
 * forgets what it has kept.
 */
import { Alarm } from '../alarm.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { CommitNews } from '../membership/commit-news.ts';
import { endOf, type FeedPosition, type FeedPositions, isBeyond } from './feed-position.ts';
import type { FeedReader, ReadPart } from './feed-reader.ts';
import type { FeedReadMost } from './feed-store.ts';
import { type PlacedEvent, type ToldEvent, toldEvents } from './told-events.ts';

/** How long a lost message of a commit delays its events. */
const POLL_MS = 250;
/** Rounds of reading are so far apart at least, however many commits there are. */
const ROUND_MS = 10;
const RETRY_MS = 250;
const READ_ENTRIES_MAX = 64;
/** Characters of entries that one round reads, shared by its partitions. */
const ROUND_BYTES_MAX = 256 * 1024;
/** About the bytes of an event that is kept, with the text that followers are sent. */
const EVENT_BYTES = 700;
const EVERYTHING = {};

/** An event of a batch, and where its partition stands after it. */
interface TailEvent extends PlacedEvent {
  readonly partition: number;
  /** Made by the first follower that sends it and stands where the tail does. */
  line?: FeedLine;
}

/** An event with its cursor. */
export interface FeedLine {
  readonly told: ToldEvent;
  readonly cursor: string;
}

/** What one round has read. */
export interface TailBatch {
  readonly number: number;
  readonly before: FeedPositions;
  readonly events: readonly TailEvent[];
  readonly after: FeedPositions;
  /** About its bytes. */
  readonly size: number;
}

interface TailContext {
  readonly reader: FeedReader;
  readonly catalogs: CatalogStore;
  readonly news: CommitNews;
  /** About the bytes of all that is kept for followers. */
  readonly keptBytes: number;
}

export class FeedTail {
  readonly #context: TailContext;
  readonly #alarm = new Alarm();
  readonly #waiting = new Set<() => void>();
  #followers = 0;
  #running: Promise<void> | undefined;
  #batches: TailBatch[] = [];
  #kept = 0;
  /** Of the next batch; grows for ever, so that a batch of before is not taken for a later one. */
  #number = 1;
  /** Undefined until the first round has begun. */
  #positions: FeedPositions | undefined;
  #hasNews = new Set<number>();

  constructor(context: TailContext) {
    this.#context = context;
  }

  /** How many follow. */
  get followers(): number {
    return this.#followers;
  }

  /** Somebody follows from now on. Caller: `leave` once. */
  join(): void {
    this.#followers++;
    this.#running ??= this.#run();
  }

  leave(): void {
    this.#followers--;
    if (this.#followers === 0) this.#alarm.ring();
  }

  /**
   * The number of the first batch from which a reader can follow that stands at `positions`;
   * undefined: what comes before is not kept.
   */
  follows(positions: FeedPositions): number | undefined {
    const start = this.#batches[0]?.before ?? this.#positions;
    if (!start || start.some((each, partition) => isBeyond(each, positions[partition])))
      return undefined;
    return this.#batches[0]?.number ?? this.#number;
  }

  /** @returns undefined: it is still to come; `gone`: it is not kept any more. */
  batch(number: number): TailBatch | 'gone' | undefined {
    if (number >= this.#number) return number === this.#number ? undefined : 'gone';
    const first = this.#batches[0]?.number ?? this.#number;
    return this.#batches[number - first] ?? 'gone';
  }

  /** Resolves when the next batch comes, when `ms` are over, or when the signal ends it. */
  next(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.#waiting.add(wake);
    });
  }

  async #run(): Promise<void> {
    const stop = this.#context.news.listen((partition) => {
      this.#hasNews.add(partition);
      this.#alarm.ring();
    });
    let polledMs = 0;
    while (this.#followers > 0) {
      try {
        if (!this.#positions) this.#begin(await this.#context.reader.ends());
        if (performance.now() - polledMs >= POLL_MS) {
          this.#lookEverywhere();
          polledMs = performance.now();
        }
        await this.#round();
        await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
        if (this.#hasNews.size === 0) await this.#alarm.sleep(POLL_MS);
      } catch {
        // Redis did not answer, or what was read is not kept any more: followers go on by pages.
        this.#forget(undefined);
        await this.#alarm.sleep(RETRY_MS);
      }
    }
    stop();
    this.#hasNews.clear();
    this.#forget(undefined);
    this.#running = undefined;
  }

  #begin(positions: FeedPositions): void {
    this.#positions = positions;
    this.#wake();
  }

  #lookEverywhere(): void {
    const { reader, news } = this.#context;
    for (let partition = 0; partition < reader.partitions; partition++) {
      this.#hasNews.add(partition);
      news.follow(partition);
    }
  }

  async #round(): Promise<void> {
    const asked = [...this.#hasNews];
    if (asked.length === 0) return;
    const bytes = Math.ceil(ROUND_BYTES_MAX / asked.length);
    const most: FeedReadMost = { entries: READ_ENTRIES_MAX, bytes };
    const before = this.#positions!;
    this.#hasNews.clear();
    const parts = await Promise.all(
      asked.map(async (partition) => {
        const part = await this.#context.reader.read(partition, before[partition], most);
        return { partition, part };
      }),
    );
    for (const { partition, part } of parts) if (!part.isEnd) this.#hasNews.add(partition);
    const [from, after] = [[...before], [...before]];
    for (const { partition, part } of parts) {
      from[partition] = part.from;
      after[partition] = positionAfter(part);
    }
    // After a roll-back what is kept may be lost commits'.
    if (parts.some(({ partition, part }) => part.from !== before[partition])) this.#forget(from);
    this.#publish(from, after, parts);
  }

  #publish(
    before: FeedPositions,
    after: FeedPositions,
    parts: readonly { readonly partition: number; readonly part: ReadPart }[],
  ): void {
    this.#positions = after;
    const entries = parts.flatMap(({ partition, part }) =>
      part.entries.map((entry) => ({ partition, entry, epoch: endOf(part).epoch })),
    );
    if (entries.length === 0) return;
    // Entries of a partition keep their order: its clock never falls.
    entries.sort((a, b) => a.entry.at - b.entry.at);
    const names = this.#context.catalogs.catalog.feedSegments;
    const events = entries.flatMap(({ partition, entry, epoch }) =>
      [...toldEvents(entry, 0, epoch, names, EVERYTHING)].map((each) => ({ ...each, partition })),
    );
    const size = events.length * EVENT_BYTES;
    this.#batches.push({ number: this.#number++, before, events, after, size });
    this.#kept += size;
    while (this.#kept > this.#context.keptBytes && this.#batches.length > 1)
      this.#kept -= this.#batches.shift()!.size;
    this.#wake();
  }

  /** Followers catch up by pages, from where they are. */
  #forget(positions: FeedPositions | undefined): void {
    this.#batches = [];
    this.#kept = 0;
    this.#number++;
    this.#positions = positions;
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Commits after the last entry have told nothing. */
function positionAfter(part: ReadPart): FeedPosition | undefined {
  const { epoch } = endOf(part);
  if (part.isEnd) return endOf(part);
  const last = part.entries.at(-1);
  return last ? { ...last.mark, taken: 0, epoch } : part.from;
}

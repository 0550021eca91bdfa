/**
 * feed.ts – The feed of a deployment: pages of it, its live end, and where it stands now.
 *
 * Keeps true: pages and followers use the same cursors; one that either gave out goes on in both.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { CommitNews } from '../membership/commit-news.ts';
import { FeedCursors } from './feed-cursors.ts';
import { type FeedPage, FeedPages, type ShapeEvent } from './feed-pages.ts';
import type { FeedPositions } from './feed-position.ts';
import { FeedReader } from './feed-reader.ts';
import type { FeedStore } from './feed-store.ts';
import { FeedTail } from './feed-tail.ts';
import { type FollowedPart, follow } from './follow.ts';
import type { FeedFilter, ToldEvent } from './told-events.ts';

export interface FeedContext {
  readonly store: FeedStore;
  readonly catalogs: CatalogStore;
  readonly news: CommitNews;
  /** The install id of the deployment. */
  readonly install: string;
  /** About the bytes of the latest events that are kept for followers. */
  readonly tailBytes: number;
}

export interface PageOfFeed<T> {
  readonly data: readonly T[];
  /** Where the next page begins, be there anything on it or not. */
  readonly cursor: string;
  /** Whether there was nothing after this page when it was read. */
  readonly isEnd: boolean;
}

export class Feed {
  readonly #reader: FeedReader;
  readonly #cursors: FeedCursors;
  readonly #pages: FeedPages;
  readonly #tail: FeedTail;

  constructor({ store, catalogs, news, install, tailBytes }: FeedContext) {
    this.#reader = new FeedReader(store, catalogs);
    this.#cursors = new FeedCursors(install, store.partitions);
    this.#pages = new FeedPages(this.#reader, catalogs);
    this.#tail = new FeedTail({ reader: this.#reader, catalogs, news, keptBytes: tailBytes });
  }

  /** How many follow the live end. */
  get followers(): number {
    return this.#tail.followers;
  }

  /** After all that was told by now. */
  async now(): Promise<string> {
    return this.#cursors.pack(await this.#reader.ends());
  }

  /**
   * A page of events, shaped with their cursors. `cursor` may also be `oldest` or `now`.
   * @throws Problem cursor_invalid | cursor_expired
   */
  async page<T>(
    cursor: string,
    filter: FeedFilter,
    limit: number,
    shape: (told: ToldEvent, cursor: string) => T | undefined,
  ): Promise<PageOfFeed<T>> {
    const request = { after: await this.#positions(cursor), filter, limit };
    const shaped: ShapeEvent<T> = (told, after) => shape(told, this.#cursors.pack(after));
    const { data, after, isEnd }: FeedPage<T> = await this.#pages.read(request, shaped);
    return { data, cursor: this.#cursors.pack(after), isEnd };
  }

  /**
   * Follows the feed until the signal ends it; its first part comes at once.
   * @throws Problem cursor_invalid | cursor_expired
   */
  async *follow(
    cursor: string,
    filter: FeedFilter,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart, void> {
    const context = { pages: this.#pages, tail: this.#tail, cursors: this.#cursors };
    yield* follow(context, await this.#positions(cursor), filter, signal);
  }

  async #positions(cursor: string): Promise<FeedPositions> {
    if (cursor === 'now') return this.#reader.ends();
    return cursor === 'oldest'
      ? Array(this.#reader.partitions).fill(undefined)
      : this.#cursors.read(cursor);
  }
}

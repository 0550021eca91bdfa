/**
 * feed-reader.ts – Reads the feed of one partition from where a reader stands.
 *
 * Keeps true: a reader is told nothing twice and misses nothing. Where that can't be, since entries
 * after its position are gone, it is refused with `cursor_expired`. Each entry names the one before
 * it, so that holds by whomever they were taken. After a roll-back a reader goes on where the
 * partition was rolled back to.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { Problem } from '../errors.ts';
import {
  endOf,
  type FeedPosition,
  type FeedPositions,
  isExpired,
  resumed,
  untilGap,
} from './feed-position.ts';
import type { FeedPart, FeedReadMost, FeedStore } from './feed-store.ts';

/** A part of a feed, and the position from which it was read. */
export interface ReadPart extends FeedPart {
  readonly from: FeedPosition | undefined;
}

const NOTHING: FeedReadMost = { entries: 0, bytes: 0 };

export class FeedReader {
  readonly #store: FeedStore;
  readonly #catalogs: CatalogStore;

  constructor(store: FeedStore, catalogs: CatalogStore) {
    this.#store = store;
    this.#catalogs = catalogs;
  }

  get partitions(): number {
    return this.#store.partitions;
  }

  /** @throws Problem cursor_expired */
  async read(
    partition: number,
    position: FeedPosition | undefined,
    most: FeedReadMost,
  ): Promise<ReadPart> {
    let part = await this.#store.read(partition, position, most);
    const from = resumed(position, part);
    if (from !== position) part = await this.#store.read(partition, from, most);
    if (isExpired(from, part)) throw expired();
    const whole = untilGap(from, part);
    if (whole === 0) throw expired();
    if (whole !== undefined)
      part = { ...part, entries: part.entries.slice(0, whole), isEnd: false };
    // Segments that it names may have been created a moment ago.
    if (part.catalogVersion > this.#catalogs.catalog.version) await this.#catalogs.refresh();
    return { ...part, from };
  }

  /** After all that was told by now. */
  ends(): Promise<FeedPositions> {
    const all = Array.from({ length: this.partitions }, async (_, partition) =>
      endOf(await this.#store.read(partition, undefined, NOTHING)),
    );
    return Promise.all(all);
  }
}

function expired(): Problem {
  const detail = 'events after the cursor are not kept any more: read the members anew';
  return new Problem('cursor_expired', detail, [{ path: '/cursor', detail: 'too old' }]);
}

/**
 * records.ts – Records: one, some, or all of a type page by page.
 *
 * Keeps true: a strong read sees every change that was acknowledged before it. A page lists live
 * records in the order of partition and id, each exactly once while it stays.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findObjectType } from '../catalog/entries.ts';
import { isLive, type RecordRow } from '../change/record.ts';
import { Problem } from '../errors.ts';
import type { MembershipStore } from './membership-store.ts';
import { fillPage, type Page, type PageRequest } from './page.ts';
import type { Progress } from './progress.ts';
import { type ReadOptions, STRONG } from './read-options.ts';
import {
  AS_THEY_ARE,
  type NamedRecord,
  type RecordPageOptions,
  type RecordReader,
  type Wanted,
} from './record-reader.ts';
import { NEEDS_NOTHING, type StrongReads } from './strong-reads.ts';

/** How long unowned partitions are waited for: another process may just be taking them over. */
const UNOWNED_TIMEOUT_MS = 1000;

interface RecordsContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly reader: RecordReader;
  readonly progress: Progress;
}

export class Records {
  readonly #context: RecordsContext;

  constructor(context: RecordsContext) {
    this.#context = context;
  }

  /** @returns undefined if there is none. @throws Problem object_type_unknown | not_caught_up */
  one(
    objectType: string,
    id: string,
    options: ReadOptions = STRONG,
  ): Promise<RecordRow | undefined> {
    return this.#context.reads.current(options, async () => {
      await findObjectType(this.#context.catalogs, objectType, 'known');
      await this.#context.reads.waitForRecords([id], options);
      return (await this.some(objectType, [id]))[0];
    });
  }

  /** Some records as they are, in the order of the ids; undefined for one that does not exist. */
  some(objectType: string, ids: readonly string[]): Promise<(RecordRow | undefined)[]> {
    return this.#context.reader.records(objectType, ids);
  }

  /** One page of the live records of a type. @throws Problem as `shapedPage` */
  page(
    objectType: string,
    request: PageRequest,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedPage(objectType, request, { ...options, shape: AS_THEY_ARE });
  }

  /**
   * As `page`, of what is kept of each record; `idPrefix`: only those whose ids begin with it.
   * @throws Problem object_type_unknown | not_caught_up | cursor_invalid
   */
  async shapedPage<T extends { readonly id: string }>(
    objectType: string,
    request: PageRequest,
    options: RecordPageOptions<T> & { readonly idPrefix?: string | undefined },
  ): Promise<Page<T>> {
    await this.wait(objectType, options);
    const { shape, budget = this.#context.reader.budget(), idPrefix } = options;
    const pick: Wanted<T> = { objectType, budget, shape, isWanted: isLive };
    const read = (partition: number, after: string, count: number) =>
      this.#context.reader.pickAlong(
        (from, some) => this.#context.store.recordIds(partition, objectType, from, some, idPrefix),
        after,
        count,
        pick,
      );
    return fillPage(this.#context.store.partitions, request, read, budget);
  }

  /**
   * Waits until what was acknowledged before is in the records of a type, and in a segment.
   * @throws Problem object_type_unknown | segment_unknown | segment_building | segment_failed |
   * not_caught_up
   */
  wait(objectType: string, options: ReadOptions, segment?: string): Promise<void> {
    return this.#context.reads.current(options, async () => {
      await findObjectType(this.#context.catalogs, objectType, 'known');
      const needs =
        segment === undefined
          ? NEEDS_NOTHING
          : await this.#context.reads.needsOfSegments([segment]);
      await this.#context.reads.waitForAll(options, needs);
    });
  }

  /**
   * Whether a type has records, including those that are only accepted so far. Changes that no
   * owner works off are looked at where they wait: a partition that has stopped holds up only the
   * types with changes waiting there.
   * @throws Problem not_caught_up
   */
  async hasAny(objectType: string): Promise<boolean> {
    const isWorkedOff = (await this.#context.progress.unowned()).length === 0;
    const timeoutMs = isWorkedOff ? STRONG.timeoutMs : UNOWNED_TIMEOUT_MS;
    try {
      await this.#context.reads.waitForAll({ ...STRONG, timeoutMs });
    } catch (error) {
      const isAwaited = (partition: number) => this.#context.store.isAwaited(partition, objectType);
      if (!(error instanceof Problem) || (await this.#inAny(isAwaited))) throw error;
    }
    return this.#inAny(
      async (partition) => (await this.#context.store.recordCount(partition, objectType)) > 0,
    );
  }

  /** Records of a type as of now, archived ones included. */
  async numberOf(objectType: string): Promise<number> {
    const { reads, store } = this.#context;
    const sizes = await Promise.all(
      reads.partitions.map((partition) => store.recordCount(partition, objectType)),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async #inAny(isSo: (partition: number) => Promise<boolean>): Promise<boolean> {
    return (await Promise.all(this.#context.reads.partitions.map(isSo))).includes(true);
  }
}

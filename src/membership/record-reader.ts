/**
 * record-reader.ts – Reads records by their ids, or along a list of ids, with bounded memory.
 *
 * Keeps true: records are weighed before they are read, so that only a part of bounded weight is
 * held at once (parts.ts). What is kept of each is made at once, and the record is let go.
 * Values are read by the catalog's current declarations: some may be older than their declaration.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { asDeclared, exists, type RecordRow } from '../change/record.ts';
import { partsOf } from '../parts.ts';
import type { MembershipStore } from './membership-store.ts';
import { PageBudget } from './page.ts';
import type { ReadOptions } from './read-options.ts';

export interface NamedRecord {
  readonly id: string;
  readonly record: RecordRow;
}

/**
 * The part of a record that a page keeps: a page of texts takes a tenth of the memory of one of
 * records.
 */
export type RecordShape<T extends { readonly id: string }> = (named: NamedRecord) => T;

export const AS_THEY_ARE: RecordShape<NamedRecord> = (named) => named;

/** How a page of records is read. */
export interface RecordPageOptions<T extends { readonly id: string }> extends ReadOptions {
  readonly shape: RecordShape<T>;
  /** Undefined: a page's usual bytes. */
  readonly budget?: PageBudget;
}

/** Which records are wanted, and what is kept of them. */
export interface Wanted<T extends { readonly id: string }> {
  readonly objectType: string;
  readonly budget: PageBudget;
  readonly shape: RecordShape<T>;
  readonly isWanted: (record: RecordRow) => boolean;
}

/** The ids after an id of some list, at most `count`, in their order. */
type ListIds = (after: string, count: number) => Promise<string[]>;

/** Records that are weighed at once. */
export const RECORDS_A_READ = 50;

export class RecordReader {
  readonly #store: MembershipStore;
  readonly #catalogs: CatalogStore;
  readonly #timeZone: string;
  readonly #pageBytesMax: number;

  constructor(
    store: MembershipStore,
    catalogs: CatalogStore,
    timeZone: string,
    pageBytesMax: number,
  ) {
    this.#store = store;
    this.#catalogs = catalogs;
    this.#timeZone = timeZone;
    this.#pageBytesMax = pageBytesMax;
  }

  /** For one page. */
  budget(): PageBudget {
    return new PageBudget(this.#pageBytesMax);
  }

  /** Some records as they are, in the order of the ids; undefined for one that does not exist. */
  async records(objectType: string, ids: readonly string[]): Promise<(RecordRow | undefined)[]> {
    const stored = await this.#store.records(objectType, ids);
    return stored.map((one) =>
      exists(one?.record) ? this.#asDeclared(objectType, one.record) : undefined,
    );
  }

  /** The wanted ones of some records, in the order of the ids, until the budget is spent. */
  async pick<T extends { readonly id: string }>(
    ids: readonly string[],
    { objectType, budget, shape, isWanted }: Wanted<T>,
  ): Promise<T[]> {
    const picked: T[] = [];
    for (const part of partsOf(ids, await this.#weights(objectType, ids))) {
      const stored = await this.#store.records(objectType, part);
      for (const [at, id] of part.entries()) {
        const one = stored[at];
        if (!one || !isWanted(one.record)) continue;
        budget.spend(one.size);
        picked.push(shape({ id, record: this.#asDeclared(objectType, one.record) }));
        if (budget.isSpent) return picked;
      }
    }
    return picked;
  }

  /**
   * As `pick`, along a list of ids: until `count` are picked, the budget is spent, or it ends.
   */
  async pickAlong<T extends { readonly id: string }>(
    list: ListIds,
    after: string,
    count: number,
    pick: Wanted<T>,
  ): Promise<T[]> {
    const picked: T[] = [];
    for (let from = after; picked.length < count && !pick.budget.isSpent; ) {
      const ids = await list(from, RECORDS_A_READ);
      if (ids.length > 0) picked.push(...(await this.pick(ids, pick)));
      if (ids.length < RECORDS_A_READ) break;
      from = ids.at(-1)!;
    }
    return picked.slice(0, count);
  }

  /** One record alone is read whatever it weighs. */
  async #weights(objectType: string, ids: readonly string[]): Promise<number[]> {
    return ids.length === 1 ? [0] : this.#store.weights(objectType, ids);
  }

  #asDeclared(objectType: string, record: RecordRow): RecordRow {
    const type = this.#catalogs.catalog.objectTypes.get(objectType);
    return type ? asDeclared(record, type, this.#timeZone) : record;
  }
}

/**
 * view-orders.ts – The ids of a view in the order that it is sorted by.
 *
 * Keeps true: an order is put together once and then only read (sorted-run.ts), so that a reader
 * meets each record once. A record that the view does not show any more is left out when it is
 * read.
 */
import { createHash } from 'node:crypto';
import type { StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { definitionOf } from '../catalog/views.ts';
import { Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { MembershipStore } from './membership-store.ts';
import type { Neighbourhood } from './neighbourhood.ts';
import { packSortMember } from './sort-key.ts';
import { SORTED_ROWS_MAX, SortedRun } from './sorted-run.ts';
import type { SortedRunStore } from './sorted-run-store.ts';
import { type RunOrder, SortedRuns } from './sorted-runs.ts';
import { valueAt } from './view-cells.ts';
import type { ViewMembership } from './view-membership.ts';

export const ROWS_A_BATCH = 100;
const IDS_A_PAGE = 1000;

/** A view that is read: how it is defined, and through what its neighbours are seen. */
export interface ViewReading {
  readonly view: StoredView;
  readonly definition: ReturnType<typeof definitionOf>;
  readonly neighbourhood: Neighbourhood;
}

/** Where a page of a sorted view begins. */
export interface OrderPosition {
  readonly run: SortedRun;
  readonly at: number;
}

interface ViewOrdersContext {
  readonly store: Pick<MembershipStore, 'lastCommits'>;
  readonly runStore: SortedRunStore;
  readonly catalogs: CatalogStore;
  readonly viewMembers: ViewMembership;
  readonly limits: Pick<Limits, 'sortedRuns' | 'sortedRunsBytes'>;
}

export class ViewOrders {
  readonly #context: ViewOrdersContext;
  readonly #runs: SortedRuns;

  constructor(context: ViewOrdersContext) {
    this.#context = context;
    this.#runs = new SortedRuns(context.runStore, context.limits);
  }

  /**
   * Where a page of a sorted view begins: at the place of a cursor, or at the first row of an
   * order. If there is no order yet, one is put together.
   * @throws Problem cursor_invalid | cursor_expired | view_too_large
   */
  async position(reading: ViewReading, cursor: string | undefined): Promise<OrderPosition> {
    const { slug } = reading.view;
    if (cursor) return SortedRun.resume(this.#context.runStore, slug, cursor);
    await this.#refuseTooMany(slug);
    return { run: await this.#runs.first(this.#orderOf(reading)), at: 0 };
  }

  /**
   * All ids of a view, page by page: in its own order, if it has one.
   * @throws Problem view_too_large
   */
  ids(reading: ViewReading): AsyncGenerator<string[]> {
    return reading.definition.sort.length > 0 ? this.#sortedIds(reading) : this.#ids(reading);
  }

  async *#ids({ view: { slug } }: ViewReading): AsyncGenerator<string[]> {
    let cursor: string | undefined;
    do {
      const page = await this.#context.viewMembers.page(slug, { limit: IDS_A_PAGE, cursor });
      yield page.data.map(({ id }) => id);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async *#sortedIds(reading: ViewReading): AsyncGenerator<string[]> {
    const { slug } = reading.view;
    await this.#refuseTooMany(slug);
    const order = this.#orderOf(reading);
    const shared = await this.#runs.find(slug, await order.label());
    const run = shared ?? (await this.#runs.own(order));
    try {
      for (let at = 0; ; at += IDS_A_PAGE) {
        const ids = await run.read(at, IDS_A_PAGE);
        if (ids.length > 0) yield await this.#context.viewMembers.stillShown(slug, ids);
        if (ids.length < IDS_A_PAGE) return;
        await run.keep();
      }
    } finally {
      if (!shared) await this.#runs.remove(run);
    }
  }

  #orderOf(reading: ViewReading): RunOrder {
    const { slug } = reading.view;
    return { slug, label: () => this.#labelOf(reading), members: () => this.#sortMembers(reading) };
  }

  /**
   * Names what a run of the view would hold now: its filter and its order, and the last commit of
   * each partition.
   */
  async #labelOf({ view }: ViewReading): Promise<string> {
    const { catalog } = this.#context.catalogs;
    const type = catalog.objectTypes.get(view.object_type);
    const named = [
      view.id,
      view.revision,
      catalog.filterOf(view)?.predicateId,
      type?.revision,
      await this.#context.store.lastCommits(),
    ];
    return createHash('sha256').update(JSON.stringify(named)).digest('hex');
  }

  async #refuseTooMany(slug: string): Promise<void> {
    const size = await this.#context.viewMembers.size(slug);
    if (size > SORTED_ROWS_MAX) {
      const detail = `'${slug}' shows ${size} records; up to ${SORTED_ROWS_MAX} can be sorted`;
      throw new Problem('view_too_large', detail, [], { slug });
    }
  }

  async *#sortMembers(reading: ViewReading): AsyncGenerator<Buffer[]> {
    const { view, definition, neighbourhood } = reading;
    for await (const ids of this.#ids(reading)) {
      for (let at = 0; at < ids.length; at += ROWS_A_BATCH) {
        yield* neighbourhood.inParts(ids.slice(at, at + ROWS_A_BATCH), async (some) => {
          const found = await neighbourhood.records(view.object_type, some);
          return found.flatMap((seen) => {
            if (!seen) return [];
            const values = definition.sort.map(({ place }) => valueAt(place, seen));
            return [packSortMember(values, definition.sort, seen.id)];
          });
        });
      }
    }
  }
}

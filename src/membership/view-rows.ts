/**
 * view-rows.ts – The rows of a view: cells of its records, a page at a time or all of them.
 *
 * Keeps true: a row is of a record that the view's filter holds of and that is live when it is
 * read. Strong reads wait once, before the first row. What is held at once is bounded: a few rows
 * of bounded weight, and a chunk of neighbours, however large a view is and however heavy its
 * records are.
 */
import type { StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findView } from '../catalog/entries.ts';
import { definitionOf } from '../catalog/views.ts';
import { exists } from '../change/record.ts';
import type { ViewDefinition } from '../query/dialects/view-columns.ts';
import type { MembershipStore } from './membership-store.ts';
import { Neighbourhood, type Standpoint } from './neighbourhood.ts';
import { type Page, PageBudget } from './page.ts';
import { EVENTUAL, type ReadOptions } from './read-options.ts';
import type { NamedRecord } from './record-reader.ts';
import type { Related } from './related.ts';
import {
  type ChosenSegments,
  isChoosing,
  NONE_CHOSEN,
  type SegmentChoice,
} from './segment-choice.ts';
import type { StrongReads } from './strong-reads.ts';
import { cellsOf, namedCells } from './view-cells.ts';
import type { ViewMembership } from './view-membership.ts';
import {
  type OrderPosition,
  ROWS_A_BATCH,
  type ViewOrders,
  type ViewReading,
} from './view-orders.ts';

export interface ViewRow {
  readonly id: string;
  /** By column; undefined where a value is missing. */
  readonly cells: readonly unknown[];
  /**
   * By the view's relationships: the one record, undefined if there is none, or the first of the
   * many.
   */
  readonly related: readonly (ShownRecord | undefined | Page<ShownRecord>)[];
}

/**
 * A record at the other end of a relationship, as it is answered: as text, which takes a tenth of
 * its memory.
 */
export interface ShownRecord {
  readonly id: string;
  readonly text: Buffer;
}

/** How records at the other ends of relationships are answered. */
export type ShowRecord = (objectType: string, named: NamedRecord) => ShownRecord;

/** @returns whether there was room for the row; the first row of a page always has room. */
type TakeRow = (row: ViewRow, definition: ViewDefinition) => boolean;

/**
 * How the rows of a page are answered: in which form their related records are given, and what
 * takes them.
 */
interface RowAnswer {
  readonly show: ShowRecord;
  readonly take: TakeRow;
}

/** A page that nothing has to be waited for any more. */
export interface OpenedPage {
  /** @returns the cursor of the next page */
  read(limit: number, answer: RowAnswer): Promise<string | null>;
}

export interface ViewExport {
  readonly definition: ViewDefinition;
  readonly rows: AsyncGenerator<ViewRow>;
}

export interface ViewRowsContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly viewMembers: ViewMembership;
  readonly orders: ViewOrders;
  readonly related: Related;
  readonly choice: SegmentChoice;
  readonly timeZone: string;
  readonly pageBytesMax: number;
}

/** A view that is read, and how its related records are answered. */
interface RowsReading extends ViewReading {
  readonly chosen: ChosenSegments;
  readonly show: ShowRecord;
}

/** What is asked of a view beside its slug. */
interface RowsAsked {
  readonly show?: ShowRecord | undefined;
  readonly chosen?: ChosenSegments | undefined;
}

/** Ids of a page that are looked at together where segments are chosen, and for how long. */
const CHOSEN_AT_ONCE = 1000;
const CHOOSING_MS = 500;
/** Of a to-many relationship that is given along; the rest is read from the record itself. */
const FIRST_RELATED = { limit: 20, cursor: undefined };
/**
 * Rows whose related records are read at once, if each row's are light; those of a heavy row are
 * read alone.
 */
const RELATED_AT_ONCE = 10;
const LIGHT_BYTES_MAX = 256 * 1024;

export class ViewRows {
  readonly #context: ViewRowsContext;
  /** By view as it is stored, for the version of the catalog that it was read against. */
  readonly #definitions = new WeakMap<
    StoredView,
    { readonly version: number; readonly of: RowsReading['definition'] }
  >();

  constructor(context: ViewRowsContext) {
    this.#context = context;
  }

  /**
   * Waits for all that a page needs: what was acknowledged, and the order of a sorted view. The
   * page that is answered takes rows until there are `limit` of them, or one is not taken.
   * @throws Problem view_unknown | segment_building | segment_failed | relationship_building |
   * not_caught_up | cursor_invalid | cursor_expired | view_too_large
   */
  async openPage(
    slug: string,
    cursor: string | undefined,
    options: ReadOptions,
    chosen: ChosenSegments = NONE_CHOSEN,
  ): Promise<OpenedPage> {
    const reading = await this.#open(slug, options, { chosen });
    const isSorted = reading.definition.sort.length > 0;
    const place = isSorted ? await this.#context.orders.position(reading, cursor) : undefined;
    return {
      read: async (limit, { show, take }) => {
        const shown = { ...reading, show };
        const taking: Taking = { limit, taken: 0, take: (row) => take(row, reading.definition) };
        const next = place
          ? this.#sortedPage(shown, taking, place)
          : this.#page(shown, taking, cursor);
        return (await next) ?? null;
      },
    };
  }

  /**
   * All rows, as fast as they are taken; without `show` those of cells alone.
   * @throws Problem as `openPage`, before the first row or at one
   */
  async export(
    slug: string,
    options: ReadOptions,
    { show, chosen }: { readonly show?: ShowRecord; readonly chosen?: ChosenSegments } = {},
  ): Promise<ViewExport> {
    const reading = await this.#open(slug, options, { show, chosen });
    const { definition } = reading;
    const shown = show ? reading : { ...reading, definition: { ...definition, relationships: [] } };
    return { definition, rows: this.#all(shown) };
  }

  /**
   * The cells of any records of the type by their fields, whether the view shows them or not, in id
   * order; undefined for one that does not exist. Part by part, so that what is held at once is
   * bounded.
   */
  async *viewRowsOf(
    view: StoredView,
    ids: readonly string[],
  ): AsyncGenerator<readonly (Record<string, unknown> | undefined)[]> {
    const reading = this.#read(view);
    const { definition, neighbourhood } = reading;
    for (let from = 0; from < ids.length; from += ROWS_A_BATCH) {
      yield* neighbourhood.inParts(ids.slice(from, from + ROWS_A_BATCH), async (some) => {
        const found = await neighbourhood.records(view.object_type, some, exists);
        const there = found.filter((at) => at !== undefined);
        const cells = await cellsOf(definition.columns, neighbourhood, there);
        const byId = new Map(there.map(({ id }, row) => [id, cells[row]!]));
        return some.map((id) => {
          const own = byId.get(id);
          return own && namedCells(definition.columns, { id, cells: own });
        });
      });
    }
  }

  #open(slug: string, options: ReadOptions, asked: RowsAsked): Promise<RowsReading> {
    return this.#context.reads.current(options, () => this.#opened(slug, options, asked));
  }

  async #opened(slug: string, options: ReadOptions, asked: RowsAsked): Promise<RowsReading> {
    const { catalogs, choice, viewMembers } = this.#context;
    const known = await findView(catalogs, slug, 'known');
    const { definition } = this.#read(known);
    const more = await choice.segments(asked.chosen ?? NONE_CHOSEN, known.object_type);
    const looksAround = definition.columns.some(({ source }) => source.kind === 'measure');
    const view = await viewMembers.wait(slug, looksAround ? 1 : 0, options, more);
    return this.#read(view, asked);
  }

  #read(view: StoredView, { show = asText, chosen = NONE_CHOSEN }: RowsAsked = {}): RowsReading {
    const { store, catalogs, timeZone } = this.#context;
    const neighbourhood = new Neighbourhood(store, catalogs.catalog, timeZone);
    return { view, definition: this.#definition(view), neighbourhood, show, chosen };
  }

  #definition(view: StoredView): RowsReading['definition'] {
    const { catalogs, timeZone } = this.#context;
    const { catalog } = catalogs;
    const known = this.#definitions.get(view);
    if (known?.version === catalog.version) return known.of;
    const of = definitionOf(catalog, view, timeZone);
    this.#definitions.set(view, { version: catalog.version, of });
    return of;
  }

  /** @returns the cursor of the next page, if there may be one */
  async #page(
    reading: RowsReading,
    taking: Taking,
    first: string | undefined,
  ): Promise<string | undefined> {
    const { choice, viewMembers } = this.#context;
    const { slug } = reading.view;
    const endMs =
      performance.now() + (isChoosing(reading.chosen) ? CHOOSING_MS : Number.POSITIVE_INFINITY);
    let cursor = first;
    do {
      const limit = this.#wanted(reading, taking);
      const page = await viewMembers.page(slug, { limit, cursor });
      const ids = page.data.map(({ id }) => id);
      for await (const row of this.#rows(reading, await choice.among(reading.chosen, ids))) {
        if (taking.taken === taking.limit || !taking.take(row)) return cursor;
        taking.taken += 1;
        cursor = viewMembers.cursorAfter(row.id);
      }
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && taking.taken < taking.limit && performance.now() < endMs);
    return cursor;
  }

  async #sortedPage(
    reading: RowsReading,
    taking: Taking,
    { run, at: first }: OrderPosition,
  ): Promise<string | undefined> {
    const { choice, viewMembers } = this.#context;
    const { slug } = reading.view;
    const endMs =
      performance.now() + (isChoosing(reading.chosen) ? CHOOSING_MS : Number.POSITIVE_INFINITY);
    for (let at = first; ; ) {
      const wanted = this.#wanted(reading, taking);
      const ids = await run.read(at, wanted);
      const shown = await choice.among(reading.chosen, await viewMembers.stillShown(slug, ids));
      for await (const row of this.#rows(reading, shown)) {
        if (taking.taken === taking.limit || !taking.take(row))
          return run.cursor(at + ids.indexOf(row.id));
        taking.taken += 1;
      }
      at += ids.length;
      if (ids.length < wanted) return undefined;
      if (taking.taken === taking.limit || performance.now() >= endMs) return run.cursor(at);
    }
  }

  /** How many ids are looked at at once: many where only few of them may be wanted. */
  #wanted(reading: RowsReading, { limit, taken }: Taking): number {
    return isChoosing(reading.chosen) ? CHOSEN_AT_ONCE : Math.min(ROWS_A_BATCH, limit - taken);
  }

  async *#all(reading: RowsReading): AsyncGenerator<ViewRow> {
    for await (const ids of this.#context.orders.ids(reading)) {
      const shown = await this.#context.choice.among(reading.chosen, ids);
      for (let at = 0; at < shown.length; at += ROWS_A_BATCH)
        yield* this.#rows(reading, shown.slice(at, at + ROWS_A_BATCH));
    }
  }

  /** The rows of those records that are live, in their order. */
  async *#rows(reading: RowsReading, ids: readonly string[]): AsyncGenerator<ViewRow> {
    const { view, definition, neighbourhood } = reading;
    const parts = neighbourhood.inParts(ids, async (some) => {
      const at = (await neighbourhood.records(view.object_type, some)).filter(
        (seen) => seen !== undefined,
      );
      return {
        at,
        cells: await cellsOf(definition.columns, neighbourhood, at),
        ones: await this.#ones(reading, at),
      };
    });
    for await (const { at, cells, ones } of parts) {
      let row = 0;
      for await (const related of this.#related(reading, at, ones)) {
        yield { id: at[row]!.id, cells: cells[row]!, related };
        row += 1;
      }
    }
  }

  /** The records at the ends of the view's to-one relationships: by relationship, then by row. */
  async #ones(
    { definition, neighbourhood }: RowsReading,
    at: readonly Standpoint[],
  ): Promise<readonly (readonly (Standpoint | undefined)[])[]> {
    const found: (readonly (Standpoint | undefined)[])[] = [];
    for (const hop of definition.relationships)
      found.push(hop.many ? [] : await neighbourhood.ends(at, [hop]));
    return found;
  }

  /** Of each row what it is related to. */
  async *#related(
    reading: RowsReading,
    at: readonly Standpoint[],
    ones: readonly (readonly (Standpoint | undefined)[])[],
  ): AsyncGenerator<ViewRow['related']> {
    const read = (row: number, bytesMax: number) =>
      this.#relatedOf(
        reading,
        at[row]!,
        ones.map((some) => some[row]),
        bytesMax,
      );
    for (let from = 0; from < at.length; from += RELATED_AT_ONCE) {
      const rows = at.slice(from, from + RELATED_AT_ONCE).map((_, n) => from + n);
      const light = await Promise.all(rows.map((row) => read(row, LIGHT_BYTES_MAX)));
      for (const [n, row] of rows.entries()) {
        const { found, isCut } = light[n]!;
        light[n] = { found: [], isCut }; // a heavy row is not read beside what was given out
        yield isCut ? (await read(row, this.#context.pageBytesMax)).found : found;
      }
    }
  }

  /** The relationships of a row share the bytes; each gives at least one record. */
  async #relatedOf(
    { definition: { relationships }, show }: RowsReading,
    seen: Standpoint,
    ones: readonly (Standpoint | undefined)[],
    bytesMax: number,
  ): Promise<{ readonly found: ViewRow['related']; readonly isCut: boolean }> {
    const found: ViewRow['related'][number][] = [];
    let left = bytesMax;
    for (const [n, hop] of relationships.entries()) {
      if (left <= 0 && bytesMax === LIGHT_BYTES_MAX) break; // it is read again, alone
      const shape = (named: NamedRecord) => show(hop.target, named);
      if (hop.many) {
        const budget = new PageBudget(Math.max(left, 1));
        const options = { ...EVENTUAL, shape, budget };
        found.push(await this.#context.related.shapedPage(seen, hop, FIRST_RELATED, options));
        left = budget.left;
      } else {
        const one = ones[n] && shape(ones[n]);
        left -= one?.text.length ?? 0;
        found.push(one);
      }
    }
    return { found, isCut: left <= 0 };
  }
}

const asText: ShowRecord = (_, { id, record }) => ({
  id,
  text: Buffer.from(JSON.stringify({ id, ...record })),
});

/** Who takes the rows of a page, and how many more. */
interface Taking {
  readonly limit: number;
  taken: number;
  readonly take: (row: ViewRow) => boolean;
}

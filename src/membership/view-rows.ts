/**
 * view-rows.ts – What a view shows: rows of cells, a page at a time or all of them.
 *
 * Keeps true: a row is of a record that the view's filter holds of and that is live when it is read; a cell equals what a filter
 * sees at its place. Strong reads wait once, before the first row. However large a view is, and however many neighbours a
 * record has, what is held at once is a batch of rows and a chunk of neighbours.
 */
import type { Redis } from 'ioredis';
import type { StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { definitionOf, unknownView } from '../catalog/views.ts';
import { exists } from '../change/record.ts';
import { Problem, unreachable } from '../errors.ts';
import type { Hop } from '../query/relationships.ts';
import type { Column, Place, ViewDefinition } from '../query/view-columns.ts';
import type { Keys } from '../redis/keys.ts';
import type { Memberships, NamedRecord, Page, ReadOptions } from './memberships.ts';
import { Neighbourhood, type Standpoint } from './neighbourhood.ts';
import { packSortMember } from './sort-key.ts';
import { SORTED_ROWS_MAX, SortedRun } from './sorted-run.ts';

export interface ViewRow {
  readonly id: string;
  /** By column; undefined where a value is missing. */
  readonly cells: readonly unknown[];
  /** By the view's relationships: the one record, undefined if there is none, or the first of the many. */
  readonly related: readonly (NamedRecord | undefined | Page<NamedRecord>)[];
}

export interface ViewPage extends Page<ViewRow> {
  readonly definition: ViewDefinition;
}

export interface ViewExport {
  readonly definition: ViewDefinition;
  readonly batches: AsyncGenerator<readonly ViewRow[]>;
}

/** A view as it is read: what it shows, and through what. */
interface Reading {
  readonly view: StoredView;
  readonly definition: ReturnType<typeof definitionOf>;
  readonly neighbourhood: Neighbourhood;
}

const ROWS_A_BATCH = 100;
const IDS_A_PAGE = 1000;
/** About the size after which a page ends early: its cursor goes on from there. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
/** Of a to-many relationship that is given along; the rest is read from the record itself. */
const RELATED_A_ROW = 20;
const RELATED_AT_ONCE = 10;

export class ViewRows {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: CatalogStore;
  readonly #memberships: Memberships;
  readonly #timeZone: string;
  /** By view as it is stored, for the version of the catalog that it was read against. */
  readonly #definitions = new WeakMap<StoredView, { readonly version: number; readonly of: Reading['definition'] }>();

  constructor(redis: Redis, keys: Keys, store: CatalogStore, memberships: Memberships, timeZone: string) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
    this.#memberships = memberships;
    this.#timeZone = timeZone;
  }

  /**
   * One page, in the order of partition and id, or in the view's own.
   * @throws Problem view_unknown | segment_building | relationship_building | not_caught_up | cursor_invalid | view_too_large
   */
  async page(slug: string, limit: number, cursor: string | undefined, options: ReadOptions): Promise<ViewPage> {
    const reading = await this.#open(slug, options);
    const page = await (reading.definition.sort.length > 0
      ? this.#sortedPage(reading, limit, cursor)
      : this.#page(reading, limit, cursor));
    return { definition: reading.definition, ...page };
  }

  /** All rows, batch by batch, as fast as they are taken. @throws Problem as `page`, before the first batch or at one */
  async export(slug: string, options: ReadOptions): Promise<ViewExport> {
    const reading = await this.#open(slug, options);
    return { definition: reading.definition, batches: this.#batches(reading) };
  }

  /** The cells of any record of the type, whether the view shows it or not, by their fields; undefined if there is none. */
  async viewRow(view: StoredView, id: string): Promise<Record<string, unknown> | undefined> {
    return (await this.viewRowsOf(view, [id]))[0];
  }

  /** As `viewRow`, of some records, in the order of their ids. */
  async viewRowsOf(view: StoredView, ids: readonly string[]): Promise<(Record<string, unknown> | undefined)[]> {
    const reading = this.#read(view);
    const found = await reading.neighbourhood.records(view.object_type, ids, exists);
    const cells = await this.#cells(
      reading,
      found.filter((at) => at !== undefined),
    );
    let row = 0;
    return found.map((at, index) =>
      at ? namedCells(reading.definition.columns, { id: ids[index]!, cells: cells[row++]! }) : undefined,
    );
  }

  #open(slug: string, options: ReadOptions): Promise<Reading> {
    const open = () => this.#opened(slug, options);
    return options.consistency === 'strong' ? this.#store.current(open) : open();
  }

  async #opened(slug: string, options: ReadOptions): Promise<Reading> {
    const { definition } = this.#read(await this.#find(slug));
    const looksAround = definition.columns.some(({ source }) => source.kind === 'measure');
    return this.#read(await this.#memberships.awaitView(slug, looksAround ? 1 : 0, options));
  }

  async #find(slug: string): Promise<StoredView> {
    const { views } = this.#store.catalog;
    if (!views.has(slug)) await this.#store.refresh();
    const view = views.get(slug);
    if (!view) throw unknownView(slug);
    return view;
  }

  #read(view: StoredView): Reading {
    const { catalog } = this.#store;
    const neighbourhood = new Neighbourhood(this.#redis, this.#keys, catalog, this.#timeZone);
    return { view, definition: this.#definition(view), neighbourhood };
  }

  #definition(view: StoredView): Reading['definition'] {
    const { catalog } = this.#store;
    const known = this.#definitions.get(view);
    if (known?.version === catalog.version) return known.of;
    const of = definitionOf(catalog, view, this.#timeZone);
    this.#definitions.set(view, { version: catalog.version, of });
    return of;
  }

  // ——— Pages ———

  async #page(reading: Reading, limit: number, first: string | undefined): Promise<Page<ViewRow>> {
    const { slug } = reading.view;
    const data: ViewRow[] = [];
    let cursor = first;
    let bytes = 0;
    do {
      const wanted = Math.min(ROWS_A_BATCH, limit - data.length);
      const page = await this.#memberships.viewMembers(slug, wanted, cursor);
      const rows = await this.#rows(
        reading,
        page.data.map(({ id }) => id),
      );
      data.push(...rows);
      bytes += sizeOf(rows);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && data.length < limit && bytes < PAGE_BYTES_MAX);
    return { data, next_cursor: cursor ?? null };
  }

  async #sortedPage(reading: Reading, limit: number, cursor: string | undefined): Promise<Page<ViewRow>> {
    const { slug } = reading.view;
    const { catalog } = this.#keys;
    const { run, at: first } = cursor
      ? await SortedRun.resume(this.#redis, catalog, slug, cursor)
      : { run: await this.#sort(reading), at: 0 };
    const data: ViewRow[] = [];
    let at = first;
    let bytes = 0;
    let isLast = false;
    do {
      const wanted = Math.min(ROWS_A_BATCH, limit - data.length);
      const ids = await run.read(at, wanted);
      const rows = await this.#rows(reading, await this.#memberships.stillShown(slug, ids));
      data.push(...rows);
      bytes += sizeOf(rows);
      at += ids.length;
      isLast = ids.length < wanted;
    } while (!isLast && data.length < limit && bytes < PAGE_BYTES_MAX);
    return { data, next_cursor: isLast ? null : run.cursor(at) };
  }

  // ——— All ———

  async *#batches(reading: Reading): AsyncGenerator<readonly ViewRow[]> {
    const isSorted = reading.definition.sort.length > 0;
    for await (const ids of isSorted ? this.#sortedIds(reading) : this.#ids(reading)) {
      for (let at = 0; at < ids.length; at += ROWS_A_BATCH) {
        const rows = await this.#rows(reading, ids.slice(at, at + ROWS_A_BATCH));
        if (rows.length > 0) yield rows;
      }
    }
  }

  async *#ids({ view: { slug } }: Reading): AsyncGenerator<string[]> {
    let cursor: string | undefined;
    do {
      const page = await this.#memberships.viewMembers(slug, IDS_A_PAGE, cursor);
      yield page.data.map(({ id }) => id);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async *#sortedIds(reading: Reading): AsyncGenerator<string[]> {
    const { slug } = reading.view;
    const run = await this.#sort(reading);
    try {
      for (let at = 0; ; at += IDS_A_PAGE) {
        const ids = await run.read(at, IDS_A_PAGE);
        if (ids.length > 0) yield await this.#memberships.stillShown(slug, ids);
        if (ids.length < IDS_A_PAGE) return;
        await run.keep();
      }
    } finally {
      await run.remove();
    }
  }

  async #sort(reading: Reading): Promise<SortedRun> {
    const { slug } = reading.view;
    const size = await this.#memberships.viewSize(slug);
    if (size > SORTED_ROWS_MAX) {
      const detail = `'${slug}' shows ${size} records; up to ${SORTED_ROWS_MAX} can be sorted`;
      throw new Problem('view_too_large', detail, [], { slug });
    }
    return SortedRun.make(this.#redis, this.#keys.catalog, slug, this.#sortMembers(reading));
  }

  async *#sortMembers(reading: Reading): AsyncGenerator<Buffer[]> {
    const { view, definition, neighbourhood } = reading;
    for await (const ids of this.#ids(reading)) {
      for (let at = 0; at < ids.length; at += ROWS_A_BATCH) {
        const some = await neighbourhood.records(view.object_type, ids.slice(at, at + ROWS_A_BATCH));
        yield some.flatMap((seen) => {
          if (!seen) return [];
          const values = definition.sort.map(({ place }) => valueAt(place, seen));
          return [packSortMember(values, definition.sort, seen.id)];
        });
      }
    }
  }

  // ——— Rows ———

  /** The rows of those records that are live. */
  async #rows(reading: Reading, ids: readonly string[]): Promise<ViewRow[]> {
    const { view, neighbourhood } = reading;
    const found = await neighbourhood.records(view.object_type, ids);
    const at = found.filter((seen) => seen !== undefined);
    const cells = await this.#cells(reading, at);
    const related = await this.#related(reading, at);
    return at.map(({ id }, row) => ({ id, cells: cells[row]!, related: related.map((some) => some[row]) }));
  }

  async #cells(
    { definition: { columns }, neighbourhood }: Reading,
    at: readonly Standpoint[],
  ): Promise<readonly unknown[][]> {
    const cells = at.map(() => new Array<unknown>(columns.length));
    const fill = (column: number, values: readonly unknown[]) => {
      for (const [row, value] of values.entries()) cells[row]![column] = value;
    };
    const ends = new Map<string, readonly (Standpoint | undefined)[]>([['', at]]);
    const walked = new Set<string>();
    for (const [index, { source }] of columns.entries()) {
      const there = await endsOf(ends, source.hops, neighbourhood);
      if (source.kind === 'value') {
        fill(
          index,
          there.map((seen) => seen && valueAt(source.place, seen)),
        );
        continue;
      }
      const way = wayOf([...source.hops, source.many]);
      if (walked.has(way)) continue;
      walked.add(way);
      const alike = measuresAlong(way, columns);
      const values = await neighbourhood.measures(
        there,
        source.many,
        alike.map(({ source: asked }) => asked),
      );
      for (const [n, { at: column }] of alike.entries()) fill(column, values[n]!);
    }
    return cells;
  }

  /** By relationship, then by row. */
  #related({ definition, neighbourhood }: Reading, at: readonly Standpoint[]) {
    return Promise.all(
      definition.relationships.map(async (hop) => {
        if (hop.many) return this.#relatedMany(at, hop);
        const there = await neighbourhood.ends(at, [hop]);
        return there.map((seen) => seen && { id: seen.id, record: seen.record });
      }),
    );
  }

  /** A few records at once: each has a page of its own. */
  async #relatedMany(at: readonly Standpoint[], hop: Hop): Promise<Page<NamedRecord>[]> {
    const pages: Page<NamedRecord>[] = [];
    const eventual = { consistency: 'eventual', timeoutMs: 0 } as const; // the view was waited for
    for (let row = 0; row < at.length; row += RELATED_AT_ONCE) {
      const some = at.slice(row, row + RELATED_AT_ONCE);
      const read = (seen: Standpoint) => this.#memberships.related(seen, hop, RELATED_A_ROW, undefined, eventual);
      pages.push(...(await Promise.all(some.map(read))));
    }
    return pages;
  }
}

/** The ends of ways begin where shorter ones end. */
async function endsOf(
  ends: Map<string, readonly (Standpoint | undefined)[]>,
  hops: readonly Hop[],
  neighbourhood: Neighbourhood,
): Promise<readonly (Standpoint | undefined)[]> {
  const known = ends.get(wayOf(hops));
  if (known) return known;
  const before = await endsOf(ends, hops.slice(0, -1), neighbourhood);
  const there = await neighbourhood.ends(before, hops.slice(-1));
  ends.set(wayOf(hops), there);
  return there;
}

function wayOf(hops: readonly Hop[]): string {
  return hops.map(({ name }) => name).join('.');
}

/** All measures over one to-many step, so that it is walked once for them. */
function measuresAlong(way: string, columns: readonly Column[]) {
  return columns.flatMap(({ source }, at) =>
    source.kind === 'measure' && wayOf([...source.hops, source.many]) === way ? [{ at, source }] : [],
  );
}

function valueAt(place: Place, { id, record, data }: Standpoint): unknown {
  if (place.kind === 'attribute') return data[place.name];
  const { name } = place;
  switch (name) {
    case 'id':
      return id;
    case 'version':
      return record.version;
    case 'created_at':
      return new Date(record.createdAt).toISOString();
    case 'updated_at':
      return new Date(record.updatedAt).toISOString();
    default:
      return unreachable(name);
  }
}

/** The id and one field per column; null where a value is missing. */
export function namedCells(
  columns: readonly Column[],
  { id, cells }: Pick<ViewRow, 'id' | 'cells'>,
): Record<string, unknown> {
  return { id, ...Object.fromEntries(columns.map(({ field }, at) => [field, cells[at] ?? null])) };
}

function sizeOf(rows: readonly ViewRow[]): number {
  return rows.reduce((bytes, { cells, related }) => bytes + JSON.stringify([cells, related]).length, 0);
}

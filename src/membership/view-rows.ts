/**
 * view-rows.ts – What a view shows: rows of cells, a page at a time or all of them.
 *
 * Keeps true: a row is of a record that the view's filter holds of and that is live when it is
 * read; a cell equals what a filter sees at its place. Strong reads wait once, before the first
 * row. However large a view is, however many neighbours a record has, and however heavy they are,
 * what is held at once is a few rows of bounded weight and a chunk of neighbours; who takes the
 * rows says when a page is full.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { definitionOf, unknownView } from '../catalog/views.ts';
import { exists } from '../change/record.ts';
import { Problem, unreachable } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Column, ColumnPosition, ViewDefinition } from '../query/dialects/view-columns.ts';
import type { Hop } from '../query/predicate/relationships.ts';
import type { Keys } from '../redis/keys.ts';
import {
  EVENTUAL,
  type Memberships,
  type NamedRecord,
  type Page,
  PageBudget,
  type ReadOptions,
} from './memberships.ts';
import { Neighbourhood, type Standpoint } from './neighbourhood.ts';
import { packSortMember } from './sort-key.ts';
import { SORTED_ROWS_MAX, SortedRun } from './sorted-run.ts';
import { type RunOrder, SortedRuns } from './sorted-runs.ts';

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

/** What becomes of the rows of a page: how what they are related to is told, and who takes them. */
export interface RowAnswer {
  readonly show: ShowRecord;
  readonly take: TakeRow;
}

/** A page that nothing has to be waited for any more. */
export interface OpenedPage {
  /** @returns the cursor of the next page */
  read(limit: number, answer: RowAnswer): Promise<string | null>;
}

/** Where a page of a sorted view begins. */
interface RunPlace {
  readonly run: SortedRun;
  readonly at: number;
}

export interface ViewExport {
  readonly definition: ViewDefinition;
  readonly rows: AsyncGenerator<ViewRow>;
}

export interface ViewRowsContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly store: CatalogStore;
  readonly memberships: Memberships;
  readonly timeZone: string;
  readonly limits: Limits;
}

/** A view as it is read: what it shows, and through what. */
interface Reading {
  readonly view: StoredView;
  readonly definition: ReturnType<typeof definitionOf>;
  readonly neighbourhood: Neighbourhood;
  readonly show: ShowRecord;
}

const ROWS_A_BATCH = 100;
const IDS_A_PAGE = 1000;
/** Of a to-many relationship that is given along; the rest is read from the record itself. */
const RELATED_A_ROW = 20;
/**
 * Rows whose related records are read at once, if each row's are light; those of a heavy row are
 * read alone.
 */
const RELATED_AT_ONCE = 10;
const LIGHT_BYTES_MAX = 256 * 1024;

export class ViewRows {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: CatalogStore;
  readonly #memberships: Memberships;
  readonly #timeZone: string;
  readonly #relatedBytesMax: number;
  readonly #runs: SortedRuns;
  /** By view as it is stored, for the version of the catalog that it was read against. */
  readonly #definitions = new WeakMap<
    StoredView,
    { readonly version: number; readonly of: Reading['definition'] }
  >();

  constructor({ redis, keys, store, memberships, timeZone, limits }: ViewRowsContext) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
    this.#memberships = memberships;
    this.#timeZone = timeZone;
    this.#relatedBytesMax = limits.pageBytes;
    this.#runs = new SortedRuns(redis, keys.catalog, limits);
  }

  /**
   * One page, in the order of partition and id, or in the view's own: until `limit` rows are taken,
   * or one is not.
   * @throws Problem view_unknown | segment_building | relationship_building | not_caught_up |
   *   cursor_invalid | cursor_expired | view_too_large
   */
  async page(
    slug: string,
    limit: number,
    cursor: string | undefined,
    options: ReadOptions,
    answer?: RowAnswer,
  ): Promise<Page<ViewRow>> {
    const data: ViewRow[] = [];
    const keep = { show: asText, take: (row: ViewRow) => data.push(row) > 0 };
    const opened = await this.openPage(slug, cursor, options);
    return { data, next_cursor: await opened.read(limit, answer ?? keep) };
  }

  /**
   * All that a page waits for: what was acknowledged, and the order of a sorted view. @throws
   * Problem as `page`
   */
  async openPage(
    slug: string,
    cursor: string | undefined,
    options: ReadOptions,
  ): Promise<OpenedPage> {
    const reading = await this.#open(slug, options);
    const isSorted = reading.definition.sort.length > 0;
    const place = isSorted ? await this.#place(reading, cursor) : undefined;
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

  async #place(reading: Reading, cursor: string | undefined): Promise<RunPlace> {
    if (cursor) return SortedRun.resume(this.#redis, this.#keys.catalog, reading.view.slug, cursor);
    await this.#refuseTooMany(reading.view.slug);
    return { run: await this.#runs.first(this.#orderOf(reading)), at: 0 };
  }

  /**
   * All rows, as fast as they are taken; without `show` those of cells alone. @throws Problem as
   * `page`, before the first row or at one
   */
  async export(slug: string, options: ReadOptions, show?: ShowRecord): Promise<ViewExport> {
    const reading = await this.#open(slug, options, show);
    const { definition } = reading;
    const shown = show ? reading : { ...reading, definition: { ...definition, relationships: [] } };
    return { definition, rows: this.#all(shown) };
  }

  /**
   * The cells of any record of the type, whether the view shows it or not, by their fields;
   * undefined if there is none.
   */
  async viewRow(view: StoredView, id: string): Promise<Record<string, unknown> | undefined> {
    for await (const [row] of this.viewRowsOf(view, [id])) return row;
    return undefined;
  }

  /**
   * As `viewRow`, of some records, in the order of their ids: part by part, so that no more is held
   * than may be.
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
        const cells = await this.#cells(reading, there);
        const byId = new Map(there.map(({ id }, row) => [id, cells[row]!]));
        return some.map((id) => {
          const own = byId.get(id);
          return own && namedCells(definition.columns, { id, cells: own });
        });
      });
    }
  }

  #open(slug: string, options: ReadOptions, show: ShowRecord = asText): Promise<Reading> {
    const open = () => this.#opened(slug, options, show);
    return options.consistency === 'strong' ? this.#store.current(open) : open();
  }

  async #opened(slug: string, options: ReadOptions, show: ShowRecord): Promise<Reading> {
    const { definition } = this.#read(await this.#find(slug));
    const looksAround = definition.columns.some(({ source }) => source.kind === 'measure');
    return this.#read(await this.#memberships.awaitView(slug, looksAround ? 1 : 0, options), show);
  }

  async #find(slug: string): Promise<StoredView> {
    const { views } = this.#store.catalog;
    if (!views.has(slug)) await this.#store.refresh();
    const view = views.get(slug);
    if (!view) throw unknownView(slug);
    return view;
  }

  #read(view: StoredView, show: ShowRecord = asText): Reading {
    const { catalog } = this.#store;
    const neighbourhood = new Neighbourhood(this.#redis, this.#keys, catalog, this.#timeZone);
    return { view, definition: this.#definition(view), neighbourhood, show };
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

  /** @returns the cursor of the next page, if there may be one */
  async #page(
    reading: Reading,
    taking: Taking,
    first: string | undefined,
  ): Promise<string | undefined> {
    const { slug } = reading.view;
    let cursor = first;
    do {
      const wanted = Math.min(ROWS_A_BATCH, taking.limit - taking.taken);
      const page = await this.#memberships.viewMembers(slug, wanted, cursor);
      for await (const row of this.#rows(
        reading,
        page.data.map(({ id }) => id),
      )) {
        if (!taking.take(row)) return cursor;
        taking.taken += 1;
        cursor = this.#memberships.cursorAfter(row.id);
      }
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && taking.taken < taking.limit);
    return cursor;
  }

  async #sortedPage(
    reading: Reading,
    taking: Taking,
    { run, at: first }: RunPlace,
  ): Promise<string | undefined> {
    const { slug } = reading.view;
    for (let at = first; ; ) {
      const wanted = Math.min(ROWS_A_BATCH, taking.limit - taking.taken);
      const ids = await run.read(at, wanted);
      for await (const row of this.#rows(reading, await this.#memberships.stillShown(slug, ids))) {
        if (!taking.take(row)) return run.cursor(at + ids.indexOf(row.id));
        taking.taken += 1;
      }
      at += ids.length;
      if (ids.length < wanted) return undefined;
      if (taking.taken === taking.limit) return run.cursor(at);
    }
  }

  // ——— All ———

  async *#all(reading: Reading): AsyncGenerator<ViewRow> {
    const isSorted = reading.definition.sort.length > 0;
    for await (const ids of isSorted ? this.#sortedIds(reading) : this.#ids(reading)) {
      for (let at = 0; at < ids.length; at += ROWS_A_BATCH)
        yield* this.#rows(reading, ids.slice(at, at + ROWS_A_BATCH));
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
    await this.#refuseTooMany(slug);
    const order = this.#orderOf(reading);
    const shared = await this.#runs.find(slug, await order.label());
    const run = shared ?? (await this.#runs.own(order));
    try {
      for (let at = 0; ; at += IDS_A_PAGE) {
        const ids = await run.read(at, IDS_A_PAGE);
        if (ids.length > 0) yield await this.#memberships.stillShown(slug, ids);
        if (ids.length < IDS_A_PAGE) return;
        await run.keep();
      }
    } finally {
      if (!shared) await this.#runs.remove(run);
    }
  }

  #orderOf(reading: Reading): RunOrder {
    const { slug } = reading.view;
    return { slug, label: () => this.#labelOf(reading), members: () => this.#sortMembers(reading) };
  }

  /**
   * Names what a run of the view would hold now: its filter and its order, and the last commit of
   * each partition.
   */
  async #labelOf({ view }: Reading): Promise<string> {
    const { catalog } = this.#store;
    const commits = this.#keys.partitions.map(({ meta }) =>
      this.#redis.hmget(meta, 'number', 'nonce'),
    );
    const type = catalog.objectTypes.get(view.object_type);
    const named = [
      view.id,
      view.revision,
      catalog.filterOf(view)?.predicateId,
      type?.revision,
      await Promise.all(commits),
    ];
    return createHash('sha256').update(JSON.stringify(named)).digest('hex');
  }

  async #refuseTooMany(slug: string): Promise<void> {
    const size = await this.#memberships.viewSize(slug);
    if (size > SORTED_ROWS_MAX) {
      const detail = `'${slug}' shows ${size} records; up to ${SORTED_ROWS_MAX} can be sorted`;
      throw new Problem('view_too_large', detail, [], { slug });
    }
  }

  async *#sortMembers(reading: Reading): AsyncGenerator<Buffer[]> {
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

  // ——— Rows ———

  /** The rows of those records that are live, in their order. */
  async *#rows(reading: Reading, ids: readonly string[]): AsyncGenerator<ViewRow> {
    const { view, neighbourhood } = reading;
    const parts = neighbourhood.inParts(ids, async (some) => {
      const at = (await neighbourhood.records(view.object_type, some)).filter(
        (seen) => seen !== undefined,
      );
      return { at, cells: await this.#cells(reading, at), ones: await this.#ones(reading, at) };
    });
    for await (const { at, cells, ones } of parts) {
      let row = 0;
      for await (const related of this.#related(reading, at, ones)) {
        yield { id: at[row]!.id, cells: cells[row]!, related };
        row += 1;
      }
    }
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

  /** What lies at the ends of the view's to-one relationships: by relationship, then by row. */
  async #ones(
    { definition, neighbourhood }: Reading,
    at: readonly Standpoint[],
  ): Promise<readonly (readonly (Standpoint | undefined)[])[]> {
    const found: (readonly (Standpoint | undefined)[])[] = [];
    for (const hop of definition.relationships)
      found.push(hop.many ? [] : await neighbourhood.ends(at, [hop]));
    return found;
  }

  /** Of each row what it is related to. */
  async *#related(
    reading: Reading,
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
        yield isCut ? (await read(row, this.#relatedBytesMax)).found : found;
      }
    }
  }

  /** The relationships of a row share the bytes; each gives at least one record. */
  async #relatedOf(
    { definition: { relationships }, show }: Reading,
    seen: Standpoint,
    ones: readonly (Standpoint | undefined)[],
    bytesMax: number,
  ): Promise<{ readonly found: ViewRow['related']; readonly isCut: boolean }> {
    const found: ViewRow['related'][number][] = [];
    let left = bytesMax;
    for (const [n, hop] of relationships.entries()) {
      if (left <= 0 && bytesMax === LIGHT_BYTES_MAX) break; // it is read anew, alone
      const shape = (named: NamedRecord) => show(hop.target, named);
      if (hop.many) {
        const budget = new PageBudget(Math.max(left, 1));
        const options = { ...EVENTUAL, shape, budget };
        found.push(
          await this.#memberships.shapedRelated(seen, hop, RELATED_A_ROW, undefined, options),
        );
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
    source.kind === 'measure' && wayOf([...source.hops, source.many]) === way
      ? [{ at, source }]
      : [],
  );
}

function valueAt(place: ColumnPosition, { id, record, data }: Standpoint): unknown {
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

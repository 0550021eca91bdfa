/**
 * sorted-run.ts – The ids of a view in its order, put together once and read by their rank.
 *
 * Keeps true: a run never changes once it is put together, so its readers meet every record that
 * was there at its start exactly once. A run that is gone can be distinguished from one that ended.
 * It goes away by itself after TTL_S without a reader, also if its maker dies half-way.
 */
import { asOffset, cursorInvalid, packCursor, readCursor } from '../cursor.ts';
import { Problem } from '../errors.ts';
import { idOfSortMember } from './sort-key.ts';
import type { SortedRunStore } from './sorted-run-store.ts';

/**
 * More rows are not put in order: each is read once before the first page. What a run weighs is
 * bounded apart (sorted-runs.ts).
 */
export const SORTED_ROWS_MAX = 1_000_000;
const TTL_S = 600;

interface RunCursor {
  readonly run: string;
  /** The view that it is of. */
  readonly of: string;
  /** The rank at which it goes on, of how many. */
  readonly at: number;
  readonly rows: number;
}

export class SortedRun {
  readonly slug: string;
  readonly name: string;
  readonly #store: SortedRunStore;
  #rows: number;
  #bytes = 0;

  constructor(store: SortedRunStore, slug: string, name: string, rows: number) {
    this.#store = store;
    this.slug = slug;
    this.name = name;
    this.#rows = rows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** About the bytes that were added. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The run that a cursor goes on in, and where.
   * @throws Problem cursor_invalid | cursor_expired if it has gone away
   */
  static async resume(
    store: SortedRunStore,
    slug: string,
    cursor: string,
  ): Promise<{ readonly run: SortedRun; readonly at: number }> {
    const { run: name, of, at, rows } = readCursor(cursor, asRunCursor);
    if (of !== slug)
      throw cursorInvalid('the cursor is of another view: begin with the first page');
    const run = new SortedRun(store, slug, name, rows);
    if (await run.keep()) return { run, at };
    throw expired();
  }

  /**
   * The ids from a rank on, at most `count`; fewer only at the end.
   * @throws Problem cursor_expired
   */
  async read(at: number, count: number): Promise<string[]> {
    const wanted = Math.min(count, this.#rows - at);
    if (wanted <= 0) return [];
    const members = await this.#store.read(this, at, wanted);
    if (members.length < wanted) throw expired();
    return members.map(idOfSortMember);
  }

  /** Keeps it from going away while it is read. @returns whether it is there */
  async keep(): Promise<boolean> {
    return this.#rows === 0 || this.#store.keep(this, TTL_S);
  }

  /** The cursor of the page that begins at a rank. */
  cursor(at: number): string {
    const cursor: RunCursor = { run: this.name, of: this.slug, at, rows: this.#rows };
    return packCursor(cursor);
  }

  /** Caller: puts the run together, before a reader uses it. */
  async add(members: readonly Buffer[]): Promise<void> {
    if (members.length === 0) return;
    const { rows, bytes } = await this.#store.add(this, members, TTL_S);
    this.#rows += rows;
    this.#bytes += bytes;
  }
}

function asRunCursor(place: unknown): RunCursor | undefined {
  const { run, of, at, rows } = (place ?? {}) as Partial<RunCursor>;
  const areRanks = asOffset(at) !== undefined && asOffset(rows) !== undefined;
  const isRun = typeof run === 'string' && /^[0-9a-f-]{36}$/.test(run);
  return isRun && typeof of === 'string' && areRanks
    ? { run, of, at: at!, rows: rows! }
    : undefined;
}

function expired(): Problem {
  const detail =
    'the order that the cursor goes on in is not kept any more: ' +
    `it lasts ${TTL_S} seconds, and less if many views are read; begin with the first page`;
  return new Problem('cursor_expired', detail, [{ path: '/cursor', detail }]);
}

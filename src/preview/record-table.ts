/**
 * record-table.ts – The records of a type in one partition at one commit, as far as previews read
 * them: the attributes that are asked for, and nothing else.
 *
 * Keeps true: a table is never edited. What was written since makes a new one, which shares all
 * that stayed. The truth of an atom that follows from a record alone is kept beside the record, so
 * that it is evaluated once, whichever previews ask for it; a record that is written loses it.
 */
import { RowScan, type ScannedRow, type WantedAttributes } from './row-scan.ts';

/** About the bytes of a record beside its id and values, its place in the index included. */
const RECORD_BYTES = 160;
/** Atoms whose truth is kept; the oldest give way. A byte a record each. */
const ATOMS_KEPT_MAX = 32;
/** A table with more gaps than records, and more than this, is made anew. */
const GAPS_MAX = 1024;

/** Of a record: not looked at yet, or what it was found to be. */
export const UNKNOWN = 0;
export const IS_FALSE = 1;
export const IS_TRUE = 2;

/** What a table and those that are made of it share. Both only grow at their end. */
interface TableIndex {
  readonly scan: RowScan;
  readonly ids: string[];
  readonly places: Map<string, number>;
}

const NOTHING_WANTED = { attributes: new Map(), keys: [], revision: 0, timeZone: 'UTC' };

/** A record as it is stored; null: there is none any more. */
export interface TableWrite {
  readonly id: string;
  readonly row: Buffer | null;
}

export class RecordTable {
  static readonly NONE = RecordTable.empty(NOTHING_WANTED);

  readonly wanted: WantedAttributes;
  /** By place; undefined: no live record is there. */
  readonly rows: readonly (ScannedRow | undefined)[];
  readonly #index: TableIndex;
  readonly #atoms: Map<string, Uint8Array>;
  readonly #bytes: number;

  private constructor(
    wanted: WantedAttributes,
    rows: readonly (ScannedRow | undefined)[],
    index: TableIndex,
    atoms: Map<string, Uint8Array>,
    bytes: number,
  ) {
    this.wanted = wanted;
    this.rows = rows;
    this.#index = index;
    this.#atoms = atoms;
    this.#bytes = bytes;
  }

  static empty(wanted: WantedAttributes): RecordTable {
    const index = { scan: new RowScan(wanted), ids: [], places: new Map<string, number>() };
    return new RecordTable(wanted, [], index, new Map(), 0);
  }

  /** About how much memory it takes. */
  get bytes(): number {
    return this.#bytes + this.#atoms.size * this.rows.length;
  }

  idAt(place: number): string {
    return this.#index.ids[place]!;
  }

  /** Whether all that is asked for was read. */
  has({ attributes, keys, revision }: WantedAttributes): boolean {
    const { wanted } = this;
    if (wanted.revision !== revision) return false;
    for (const name of attributes.keys()) if (!wanted.attributes.has(name)) return false;
    return keys.every((key) => wanted.keys.includes(key));
  }

  /** What is known of an atom, by place: whoever finds out more adds it. `key` names the atom. */
  known(key: string): Uint8Array {
    const known = this.#atoms.get(key);
    if (known) return known;
    const [oldest] = this.#atoms.keys();
    if (this.#atoms.size === ATOMS_KEPT_MAX) this.#atoms.delete(oldest!);
    const made = new Uint8Array(this.rows.length);
    this.#atoms.set(key, made);
    return made;
  }

  /**
   * The table after some records were written. Caller: of all tables that share something, this is
   * the last one that anybody was given.
   */
  with(written: Iterable<TableWrite>): RecordTable {
    const { scan, ids, places } = this.#index;
    const rows = this.rows.slice();
    const changed: number[] = [];
    let bytes = this.#bytes;
    for (const { id, row } of written) {
      const scanned = row === null ? undefined : scan.read(row);
      let place = places.get(id);
      // One beyond the end is of a table that was made of this one, and given to nobody.
      if (place === undefined || place >= rows.length || ids[place] !== id) {
        if (!scanned) continue;
        place = rows.length;
        ids[place] = id;
        places.set(id, place);
        bytes += RECORD_BYTES + 2 * id.length;
      }
      bytes += bytesOf(scanned) - bytesOf(rows[place]);
      rows[place] = scanned;
      changed.push(place);
    }
    const table = new RecordTable(
      this.wanted,
      rows,
      this.#index,
      this.#atomsWithout(changed, rows.length),
      bytes,
    );
    return table.#withoutGaps();
  }

  #atomsWithout(changed: readonly number[], length: number): Map<string, Uint8Array> {
    const atoms = new Map<string, Uint8Array>();
    for (const [key, known] of this.#atoms) {
      const copy = new Uint8Array(length);
      copy.set(known);
      for (const place of changed) copy[place] = UNKNOWN;
      atoms.set(key, copy);
    }
    return atoms;
  }

  #withoutGaps(): RecordTable {
    const { rows, wanted } = this;
    let live = 0;
    for (const row of rows) if (row) live++;
    const gaps = rows.length - live;
    if (gaps <= GAPS_MAX || gaps <= live) return this;
    const builder = new TableBuilder(wanted);
    for (const [place, row] of rows.entries()) if (row) builder.put(this.idAt(place), row);
    return builder.table();
  }

  /** For the builder alone. */
  static of(
    wanted: WantedAttributes,
    rows: readonly (ScannedRow | undefined)[],
    index: TableIndex,
    bytes: number,
  ): RecordTable {
    return new RecordTable(wanted, rows, index, new Map(), bytes);
  }
}

/** Makes a table of records that come one by one, some of them twice. */
export class TableBuilder {
  readonly #wanted: WantedAttributes;
  readonly #index: TableIndex;
  readonly #rows: (ScannedRow | undefined)[] = [];
  #bytes = 0;

  constructor(wanted: WantedAttributes) {
    this.#wanted = wanted;
    this.#index = { scan: new RowScan(wanted), ids: [], places: new Map() };
  }

  add(id: Buffer, row: Buffer): void {
    const scanned = this.#index.scan.read(row);
    if (scanned) this.put(id.toString(), scanned);
  }

  put(id: string, row: ScannedRow): void {
    const { ids, places } = this.#index;
    const known = places.get(id);
    if (known === undefined) {
      places.set(id, ids.length);
      ids.push(id);
      this.#rows.push(row);
      this.#bytes += RECORD_BYTES + 2 * id.length + bytesOf(row);
      return;
    }
    this.#bytes += bytesOf(row) - bytesOf(this.#rows[known]);
    this.#rows[known] = row;
  }

  table(): RecordTable {
    return RecordTable.of(this.#wanted, this.#rows, this.#index, this.#bytes);
  }
}

/** About the bytes of a record's values. */
function bytesOf(row: ScannedRow | undefined): number {
  if (!row) return 0;
  let bytes = 0;
  for (const name in row.attributes) bytes += bytesOfValue(row.attributes[name]);
  for (const name in row.keys) bytes += bytesOfValue(row.keys[name]);
  return bytes;
}

/** About the bytes that a value takes in memory. */
function bytesOfValue(value: unknown): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (!Array.isArray(value)) return 24 + 2 * JSON.stringify(value).length;
  let bytes = 32;
  for (const each of value) bytes += 8 + bytesOfValue(each);
  return bytes;
}

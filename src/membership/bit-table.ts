/**
 * bit-table.ts – Rows of bits, all equally long: one bit for each pair of two numbered lists.
 *
 * Keeps true: the memory is what the bits need, whatever is set.
 */
const WORD_BITS = 5;

export class BitTable {
  readonly #words: Uint32Array;
  readonly #rows: number;
  /** Words in a row. */
  readonly #width: number;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#width = (columns + 31) >>> WORD_BITS;
    this.#words = new Uint32Array(rows * this.#width);
  }

  set(row: number, column: number): void {
    this.#words[row * this.#width + (column >>> WORD_BITS)]! |= 1 << (column & 31);
  }

  /** A row that is in no table, as long as one of these. */
  emptyRow(): BitTable {
    return new BitTable(1, this.#width << WORD_BITS);
  }

  /** Turns the bits of a row that are set in the other table's only row. */
  toggle(row: number, by: BitTable): void {
    const first = row * this.#width;
    for (let at = 0; at < this.#width; at++) this.#words[first + at]! ^= by.#words[at]!;
  }

  /** Sets all that is set in the same row of a table of the same size. */
  add(row: number, other: BitTable): void {
    const first = row * this.#width;
    for (let at = first; at < first + this.#width; at++) this.#words[at]! |= other.#words[at]!;
  }

  clear(): void {
    this.#words.fill(0);
  }

  /**
   * Columns in which something is set, ascending, with the rows in which it is: 32 columns at a
   * time, so that long tables are gone through in small steps.
   */
  *columns(): Generator<readonly (readonly [column: number, rows: readonly number[]])[]> {
    for (let at = 0; at < this.#width; at++)
      yield [...this.#among(at)]
        .map(([column, rows]) => [(at << WORD_BITS) + column, rows] as const)
        .sort(([a], [b]) => a - b);
  }

  /** By column within the word `at` of all rows. */
  #among(at: number): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (let row = 0; row < this.#rows; row++) {
      // Each turn takes the lowest bit.
      for (let rest = this.#words[row * this.#width + at]!; rest !== 0; rest &= rest - 1) {
        const column = 31 - Math.clz32(rest & -rest);
        const rows = found.get(column);
        if (rows) rows.push(row);
        else found.set(column, [row]);
      }
    }
    return found;
  }
}

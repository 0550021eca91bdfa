/**
 * csv-rows.ts – Rows of cells from lines of CSV (RFC 4180).
 *
 * Keeps true: one bad row costs no other. A quote that is never closed, or that something else than
 * a comma follows, is reported at the line where it opens; reading goes on with the line after
 * that. A row is as bounded as a line. A quote within a cell that does not begin with one is a
 * letter like any other.
 */

/** The row that begins at a line, or what is wrong with it. */
export type CsvRow = readonly [line: number, cells: readonly string[] | { readonly fault: string }];

const QUOTE = '"';

export class CsvReader {
  readonly #delimiter: string;
  readonly #lengthMax: number;
  /** The lines of the row that has not ended yet. */
  #open: { readonly line: number; readonly text: string; readonly lineEnd: string }[] = [];
  #openLength = 0;
  #cells: string[] = [];
  /** What has come of a quoted cell; undefined outside of quotes. */
  #quoted: string[] | undefined;

  constructor(delimiter: string, lengthMax: number) {
    this.#delimiter = delimiter;
    this.#lengthMax = lengthMax;
  }

  /**
   * The rows that end with this line: none within quotes, several when it shows that a quote before
   * it was a mistake. Within quotes a line's end is a part of the cell, as it was written.
   */
  *read(line: number, text: string, lineEnd: string): Generator<CsvRow> {
    if (text === '' && this.#open.length === 0) return;
    this.#open.push({ line, text, lineEnd });
    this.#openLength += text.length + lineEnd.length;
    const fault = this.#take(text, lineEnd);
    if (fault !== undefined) yield* this.#giveUp(fault);
    else if (this.#quoted === undefined) yield [this.#open[0]!.line, this.#end()];
    else if (this.#openLength > this.#lengthMax)
      yield* this.#giveUp(`a quote is not closed in ${this.#lengthMax} bytes`);
  }

  /** What is left at the end of the input. */
  *end(): Generator<CsvRow> {
    while (this.#open.length > 0) yield* this.#giveUp('a quote is not closed');
  }

  *#giveUp(fault: string): Generator<CsvRow> {
    const [first, ...rest] = this.#open;
    this.#end();
    yield [first!.line, { fault }];
    for (const { line, text, lineEnd } of rest) yield* this.read(line, text, lineEnd);
  }

  #end(): string[] {
    const cells = this.#cells;
    this.#open = [];
    this.#openLength = 0;
    this.#cells = [];
    this.#quoted = undefined;
    return cells;
  }

  /** Takes one line into the row. @returns what is wrong with it, if anything is */
  #take(text: string, lineEnd: string): string | undefined {
    const end = text.length;
    let at = 0;
    for (;;) {
      if (this.#quoted === undefined && text[at] === QUOTE) {
        this.#quoted = [];
        at++;
      }
      if (this.#quoted === undefined) {
        const delimiter = text.indexOf(this.#delimiter, at);
        const cellEnd = delimiter < 0 ? end : delimiter;
        this.#cells.push(text.slice(at, cellEnd));
        at = cellEnd;
      } else {
        const quotesEnd = this.#takeQuoted(this.#quoted, text, at, lineEnd);
        if (quotesEnd === undefined) return undefined;
        at = quotesEnd;
        this.#cells.push(this.#quoted.join(''));
        this.#quoted = undefined;
        if (at < end && !text.startsWith(this.#delimiter, at))
          return `a closing quote is followed by '${text[at]}', not by '${this.#delimiter}'`;
      }
      if (at >= end) return undefined;
      at += this.#delimiter.length;
    }
  }

  /**
   * @returns where the text goes on after the closing quote, or undefined if that is on a later
   * line.
   */
  #takeQuoted(cell: string[], text: string, from: number, lineEnd: string): number | undefined {
    for (let at = from; ; ) {
      const quote = text.indexOf(QUOTE, at);
      if (quote < 0) {
        cell.push(text.slice(at), lineEnd);
        return undefined;
      }
      cell.push(text.slice(at, quote));
      if (text[quote + 1] !== QUOTE) return quote + 1;
      cell.push(QUOTE);
      at = quote + 2;
    }
  }
}

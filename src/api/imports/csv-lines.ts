/**
 * csv-lines.ts – Cuts a stream of CSV into lines that end with LF, CR LF or a lone CR, without
 * holding more than one of them.
 *
 * Keeps true: a line knows its end, since within quotes the end is a part of the cell. Lines are
 * numbered from 1, and CR LF is one end wherever the chunks are cut. A line that is too long is
 * reported once and skipped to its end.
 */
import type { Line } from '../lines.ts';

export interface CsvLine extends Line {
  /** Nothing after a last line that did not end. */
  readonly end: '' | '\n' | '\r' | '\r\n';
}

const LF = 0x0a;
const CR = 0x0d;

export class CsvLineSplitter {
  readonly #bytesMax: number;
  #number = 1;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** The last chunk ended with a CR: the next byte says whether that is the whole end. */
  #isAfterCr = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that are known to end in this chunk. */
  *split(chunk: Buffer): Generator<CsvLine> {
    if (chunk.length === 0) return;
    let from = 0;
    if (this.#isAfterCr) {
      this.#isAfterCr = false;
      from = chunk[0] === LF ? 1 : 0;
      yield this.#take(from === 1 ? '\r\n' : '\r');
    }
    let [lf, cr] = [-1, -1];
    for (;;) {
      if (lf < from) lf = find(chunk, LF, from);
      if (cr < from) cr = find(chunk, CR, from);
      const at = Math.min(lf, cr);
      this.#keep(chunk.subarray(from, at));
      if (at === chunk.length) return;
      if (at === cr && at + 1 === chunk.length) {
        this.#isAfterCr = true;
        return;
      }
      const end = at === lf ? '\n' : chunk[at + 1] === LF ? '\r\n' : '\r';
      yield this.#take(end);
      from = at + end.length;
    }
  }

  /** The last line, if it did not end, or ended with the input's last byte. */
  *end(): Generator<CsvLine> {
    if (this.#isAfterCr) yield this.#take('\r');
    else if (this.#bytes > 0) yield this.#take('');
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(end: CsvLine['end']): CsvLine {
    const isTooLong = this.#bytes > this.#bytesMax;
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return { number: this.#number++, bytes: isTooLong ? 'too long' : bytes, end };
  }
}

/** Where the byte is; the chunk's end if it is not there, so that it is looked for once. */
function find(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
}

/**
 * lines.ts – Cuts a stream of bytes into lines without ever holding more than one of them.
 *
 * Keeps true: lines are numbered from 1, blank ones included. A line that is too long is reported
 * once and skipped to its end; the next one is read as usual. A last line needs no end.
 */

/** A line's bytes without its end, or why there are none. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer | 'too long';
}

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #bytesMax: number;
  #number = 1;
  /** What has come of the line that has not ended yet. */
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that end in this chunk. */
  *split(chunk: Buffer): Generator<Line> {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      yield this.#take();
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** The last line, if it did not end with a line end. */
  *end(): Generator<Line> {
    if (this.#bytes > 0) yield this.#take();
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(): Line {
    const isTooLong = this.#bytes > this.#bytesMax;
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return { number: this.#number++, bytes: isTooLong ? 'too long' : bytes };
  }
}

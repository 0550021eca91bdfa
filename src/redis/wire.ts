/**
 * wire.ts – A command as Redis reads it (RESP), written in one pass over its arguments.
 *
 * Keeps true: it is what ioredis would send for the same arguments. A commit has thousands of them:
 * to measure each text, join all and encode the whole takes six times as long.
 */

export type WireArgument = string | number | Buffer;

const [DOLLAR, STAR, CR, LF, ZERO] = [0x24, 0x2a, 0x0d, 0x0a, 0x30];
const ASCII_MAX = 0x7f;

/** Shorter texts are written unit by unit: the call takes longer than that. */
const SHORT = 24;
/** Bytes beside a text: its length and the ends of two lines. */
const AROUND = 16;
const NUMBER_LENGTH_MAX = 24;
/** UTF-8 takes up to three bytes for a unit of UTF-16. */
const BYTES_A_UNIT_MAX = 3;

/** Some lists of arguments, one after the other, as one command. */
export function wireOf(...lists: readonly (readonly WireArgument[])[]): Buffer {
  const wire = new Wire(lists);
  for (const list of lists) for (const argument of list) wire.add(argument);
  return wire.written;
}

class Wire {
  #buffer: Buffer;
  #at = 0;

  constructor(lists: readonly (readonly WireArgument[])[]) {
    let [count, length, longest] = [0, AROUND, NUMBER_LENGTH_MAX];
    for (const list of lists) {
      count += list.length;
      for (const argument of list) {
        const own = typeof argument === 'number' ? NUMBER_LENGTH_MAX : argument.length;
        length += own + AROUND;
        if (own > longest) longest = own;
      }
    }
    // As if all were ASCII; the room for what is not grows when it comes.
    this.#buffer = Buffer.allocUnsafe(length + longest * BYTES_A_UNIT_MAX);
    this.#line(STAR, count);
  }

  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  add(argument: WireArgument): void {
    if (typeof argument === 'string') this.#text(argument);
    else if (typeof argument === 'number') this.#text(String(argument));
    else this.#bytes(argument);
  }

  #text(text: string): void {
    const { length } = text;
    this.#reserve(length * BYTES_A_UNIT_MAX);
    const start = this.#at;
    this.#line(DOLLAR, length);
    let bytes = length < SHORT ? this.#ascii(text) : this.#utf8(text);
    if (bytes !== length) {
      // The line before it says another length.
      bytes = Buffer.byteLength(text);
      this.#at = start;
      this.#line(DOLLAR, bytes);
      this.#utf8(text);
    }
    this.#at += bytes;
    this.#endLine();
  }

  #bytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#line(DOLLAR, bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    this.#endLine();
  }

  /** @returns the bytes of it; fewer than its length if something in it is not ASCII */
  #ascii(text: string): number {
    const buffer = this.#buffer;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > ASCII_MAX) return i;
      buffer[this.#at + i] = unit;
    }
    return text.length;
  }

  #utf8(text: string): number {
    return this.#buffer.write(text, this.#at, 'utf8');
  }

  /** A line of a kind and a number. */
  #line(kind: number, number: number): void {
    const buffer = this.#buffer;
    let digits = 1;
    for (let rest = number; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
    buffer[this.#at] = kind;
    for (let [at, rest] = [this.#at + digits, number]; at > this.#at; at--) {
      buffer[at] = ZERO + (rest % 10);
      rest = Math.trunc(rest / 10);
    }
    this.#at += 1 + digits;
    this.#endLine();
  }

  #endLine(): void {
    this.#buffer[this.#at++] = CR;
    this.#buffer[this.#at++] = LF;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes + 2 * AROUND;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

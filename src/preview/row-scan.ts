/**
 * row-scan.ts – Reads a few attributes out of the stored text of a record, without parsing the
 * rest of it.
 *
 * Keeps true: what it gives is what `unpackRecord` and `filterableData` would give of these
 * attributes. It reads the JSON that JSON.stringify writes; of any other text it falls back to
 * parsing all of it. Measured over records of twenty attributes: three of them take 0.4 times as
 * long as to parse all.
 */
import type { Attribute } from '../change/object-type.ts';
import { isLive, type RecordRow, unpackRecord } from '../change/record.ts';
import { fitValue } from '../change/value.ts';

/** What is read of the records of one type. */
export interface WantedAttributes {
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Members that hold ids of other records. */
  readonly keys: readonly string[];
  /** The revision of the type that values in normal form fit. */
  readonly revision: number;
  readonly timeZone: string;
}

/** Of one record; a missing value is an absent member. */
export interface ScannedRow {
  readonly attributes: Record<string, unknown>;
  /** By member, as it is stored. */
  readonly keys: Readonly<Record<string, unknown>>;
}

interface WantedMember {
  readonly name: string;
  readonly bytes: Buffer;
  readonly attribute: Attribute | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const ZERO = 0x30;
const ARCHIVED = 0x61; // "a"
const DELETED = 0x78; // "x"
const FITS = 0x72; // "r"
const DATA = 0x64; // "d"
/** Whole numbers of fewer digits are read digit by digit. */
const DIGITS_MAX = 15;

/** A power of two. */
const KNOWN_TEXTS = 2048;
const KNOWN_LENGTH_MAX = 20;

const NO_KEYS: Readonly<Record<string, unknown>> = Object.freeze({});

export class RowScan {
  readonly #wanted: readonly WantedMember[];
  readonly #revision: number;
  readonly #timeZone: string;
  readonly #hasKeys: boolean;
  /** Texts that were met lately, by a hash. */
  readonly #known: string[] = new Array<string>(KNOWN_TEXTS).fill('');
  /** The row that is read, and how far. */
  #row: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor({ attributes, keys, revision, timeZone }: WantedAttributes) {
    const member = (name: string, attribute: Attribute | undefined): WantedMember => ({
      name,
      bytes: Buffer.from(name),
      attribute,
    });
    this.#wanted = [
      ...[...attributes].map(([name, attribute]) => member(name, attribute)),
      ...keys.map((name) => member(name, undefined)),
    ];
    this.#hasKeys = keys.length > 0;
    this.#revision = revision;
    this.#timeZone = timeZone;
  }

  /** @returns undefined if there is no live record, or what is stored is none */
  read(row: Buffer): ScannedRow | undefined {
    this.#row = row;
    this.#at = 0;
    try {
      return this.#scan();
    } catch (error) {
      if (!(error instanceof Unforeseen)) throw error;
      return this.#parsed(row);
    }
  }

  #scan(): ScannedRow | undefined {
    let fits = 0;
    this.#expect(OPEN);
    for (;;) {
      this.#expect(QUOTE);
      const member = this.#row[this.#at++];
      this.#expect(QUOTE);
      this.#expect(COLON);
      if (member === ARCHIVED || member === DELETED) return undefined;
      if (member === DATA) return this.#scanData(fits === this.#revision);
      if (member === FITS) fits = this.#number() as number;
      else this.#skipValue();
      this.#expect(COMMA);
    }
  }

  #scanData(isFitting: boolean): ScannedRow {
    const attributes: Record<string, unknown> = {};
    const keys: Record<string, unknown> = this.#hasKeys ? {} : NO_KEYS;
    this.#expect(OPEN);
    if (this.#row[this.#at] === CLOSE) return { attributes, keys };
    let left = this.#wanted.length;
    while (left > 0) {
      const wanted = this.#name();
      this.#expect(COLON);
      if (wanted === undefined) this.#skipValue();
      else {
        left--;
        const value = this.#value();
        if (wanted.attribute === undefined) keys[wanted.name] = value;
        else this.#keep(attributes, wanted.name, wanted.attribute, value, isFitting);
      }
      const next = this.#row[this.#at++];
      if (next === CLOSE) break;
      if (next !== COMMA) throw new Unforeseen();
    }
    return { attributes, keys };
  }

  #keep(
    attributes: Record<string, unknown>,
    name: string,
    attribute: Attribute,
    value: unknown,
    isFitting: boolean,
  ): void {
    const kept = isFitting ? value : fitValue(attribute, value, this.#timeZone);
    if (kept !== undefined) attributes[name] = kept;
  }

  /** The wanted member whose name stands here; undefined: another one does. */
  #name(): WantedMember | undefined {
    this.#expect(QUOTE);
    const start = this.#at;
    this.#skipText();
    const length = this.#at - 1 - start;
    for (let each = 0; each < this.#wanted.length; each++) {
      const wanted = this.#wanted[each]!;
      if (wanted.bytes.length === length && this.#isHere(wanted.bytes, start)) return wanted;
    }
    return undefined;
  }

  #isHere(bytes: Buffer, start: number): boolean {
    const row = this.#row;
    for (let i = 0; i < bytes.length; i++) if (row[start + i] !== bytes[i]) return false;
    return true;
  }

  #value(): unknown {
    const first = this.#row[this.#at]!;
    if (first === QUOTE) return this.#text();
    if (first === OPEN_LIST && this.#row[this.#at + 1] === QUOTE) return this.#texts();
    if (first === OPEN || first === OPEN_LIST) return this.#nested(this.#at);
    return this.#number();
  }

  /** A list that begins with a text: of texts, mostly. */
  #texts(): unknown {
    const start = this.#at;
    const texts: string[] = [];
    do {
      this.#at++;
      if (this.#row[this.#at] !== QUOTE) return this.#nested(start);
      texts.push(this.#text());
    } while (this.#row[this.#at] === COMMA);
    if (this.#row[this.#at] !== CLOSE_LIST) return this.#nested(start);
    this.#at++;
    return texts;
  }

  #nested(start: number): unknown {
    this.#at = start;
    this.#skipValue();
    return JSON.parse(this.#row.toString('utf8', start, this.#at));
  }

  /** Past the closing quote; the opening one is behind. */
  #skipText(): void {
    const row = this.#row;
    let at = this.#at;
    for (let byte = row[at++]; byte !== QUOTE; byte = row[at++]) {
      if (byte === undefined) throw new Unforeseen();
      if (byte === BACKSLASH) at++;
    }
    this.#at = at;
  }

  #text(): string {
    const row = this.#row;
    const start = this.#at;
    let at = start + 1;
    let isPlain = true;
    for (let byte = row[at++]; byte !== QUOTE; byte = row[at++]) {
      if (byte === undefined) throw new Unforeseen();
      if (byte === BACKSLASH) {
        at++;
        isPlain = false;
      } else if (byte >= 0x80) isPlain = false;
    }
    this.#at = at;
    if (isPlain) return this.#plainText(start + 1, at - 1);
    return JSON.parse(row.toString('utf8', start, at)) as string;
  }

  /** Of ASCII. Short ones come again and again: to make one anew takes five times as long. */
  #plainText(from: number, to: number): string {
    const row = this.#row;
    const length = to - from;
    if (length > KNOWN_LENGTH_MAX) return row.toString('latin1', from, to);
    let hash = length;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + row[at]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & (KNOWN_TEXTS - 1);
    const known = this.#known[slot]!;
    if (known.length === length && isTextAt(known, row, from)) return known;
    const text = row.toString('latin1', from, to);
    this.#known[slot] = text;
    return text;
  }

  /** A number, `true`, `false` or `null`, as a missing value. */
  #number(): unknown {
    const row = this.#row;
    const start = this.#at;
    const isNegative = row[start] === MINUS;
    let at = isNegative ? start + 1 : start;
    let whole = 0;
    let byte = row[at]!;
    while (byte >= ZERO && byte <= ZERO + 9) {
      whole = whole * 10 + (byte - ZERO);
      byte = row[++at]!;
    }
    const isEnd = byte === COMMA || byte === CLOSE || byte === CLOSE_LIST;
    if (isEnd && at > start && at - start <= DIGITS_MAX) {
      this.#at = at;
      return isNegative ? -whole : whole;
    }
    this.#at = start;
    this.#skipValue();
    return JSON.parse(row.toString('latin1', start, this.#at)) ?? undefined;
  }

  #skipValue(): void {
    const row = this.#row;
    const first = row[this.#at];
    if (first === QUOTE) {
      this.#at++;
      this.#skipText();
    } else if (first === OPEN || first === OPEN_LIST) this.#skipNested();
    else {
      let at = this.#at;
      for (let byte = row[at]; byte !== COMMA && byte !== CLOSE && byte !== CLOSE_LIST; ) {
        if (byte === undefined) throw new Unforeseen();
        byte = row[++at];
      }
      this.#at = at;
    }
  }

  #skipNested(): void {
    const row = this.#row;
    let depth = 0;
    do {
      const byte = row[this.#at++];
      if (byte === undefined) throw new Unforeseen();
      if (byte === QUOTE) this.#skipText();
      else if (byte === OPEN || byte === OPEN_LIST) depth++;
      else if (byte === CLOSE || byte === CLOSE_LIST) depth--;
    } while (depth > 0);
  }

  #expect(byte: number): void {
    if (this.#row[this.#at++] !== byte) throw new Unforeseen();
  }

  /** All of a row, where it was not written as it is here. */
  #parsed(row: Buffer): ScannedRow | undefined {
    const record = unpacked(row.toString());
    if (!isLive(record) || typeof record.data !== 'object' || record.data === null)
      return undefined;
    const attributes: Record<string, unknown> = {};
    const keys: Record<string, unknown> = {};
    for (const { name, attribute } of this.#wanted) {
      const value = record.data[name] ?? undefined;
      if (value === undefined) continue;
      if (attribute === undefined) keys[name] = value;
      else this.#keep(attributes, name, attribute, value, record.fits === this.#revision);
    }
    return { attributes, keys };
  }
}

function isTextAt(text: string, row: Buffer, from: number): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) !== row[from + at]) return false;
  return true;
}

/** The row is not written as JSON.stringify writes records. */
class Unforeseen extends Error {}

/** A row that another program has overwritten counts as none, as it does for the engine. */
function unpacked(text: string): RecordRow | undefined {
  try {
    return unpackRecord(text);
  } catch {
    return undefined;
  }
}

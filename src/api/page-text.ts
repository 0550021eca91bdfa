/**
 * page-text.ts – A page of a list while it is put together, as the text that is answered.
 *
 * Keeps true: a page weighs at most its bound, or is one entry alone. An entry becomes text when it
 * comes onto the page, so that nothing is held twice.
 */
import type { Page } from '../membership/page.ts';

export class PageText {
  readonly #bytesMax: number;
  readonly #texts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @returns whether there was room; the first entry always has room. */
  add(entry: unknown): boolean {
    const text = Buffer.isBuffer(entry) ? entry : Buffer.from(JSON.stringify(entry));
    if (this.#texts.length > 0 && this.#bytes + text.length > this.#bytesMax) return false;
    this.#texts.push(text);
    this.#bytes += text.length;
    return true;
  }

  end(next: string | null): Buffer {
    return joined(listText(this.#texts, next));
  }
}

/** `{ "data": […], "next_cursor" }` of entries that are JSON texts, and what else is said. */
export function listText(
  texts: readonly Buffer[],
  next: string | null,
  more: Readonly<Record<string, string>> = {},
): (string | Buffer)[] {
  const separated = texts.flatMap((text, at) => (at === 0 ? [text] : [',', text]));
  return [
    '{"data":[',
    ...separated,
    `],${JSON.stringify({ next_cursor: next, ...more }).slice(1)}`,
  ];
}

/** A page of entries that are texts already. */
export function pageText(
  { data, next_cursor }: Page<{ readonly id: string; readonly text: Buffer }>,
  more?: Readonly<Record<string, string>>,
): Buffer {
  const texts = data.map(({ text }) => text);
  return joined(listText(texts, next_cursor, more));
}

export function joined(parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

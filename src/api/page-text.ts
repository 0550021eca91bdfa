/**
 * page-text.ts – A page of a list while it is put together, as the text that is answered.
 *
 * Keeps true: a page weighs at most its bound, or is one entry alone; an entry is text as soon as
 * it is on the page, so that nothing is held twice.
 */
import { joined, listText } from './format.ts';

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

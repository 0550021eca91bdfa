/**
 * repeated.ts – The items of a long list whose identity occurred earlier in it.
 *
 * Keeps true: the answer is exact. A list without repetitions takes about 16 bytes an item: the
 * first pass holds hashes alone. Only if a hash came twice does a second pass hold the identities
 * that have it.
 */
import { createHash } from 'node:crypto';

export type Identified<T> = AsyncIterable<
  readonly (readonly [item: T, identity: string | undefined])[]
>;

/** Each item that is repeated, with the first one of its identity. */
export async function findRepeated<T>(source: () => Identified<T>): Promise<[item: T, first: T][]> {
  const hashes = new Hashes();
  const suspects = new Set<number>();
  for await (const some of source()) {
    for (const [, identity] of some) {
      const hash = identity === undefined ? undefined : hashOf(identity);
      if (hash !== undefined && !hashes.add(hash)) suspects.add(hash);
    }
  }
  return suspects.size === 0 ? [] : among(source(), suspects);
}

async function among<T>(items: Identified<T>, suspects: ReadonlySet<number>): Promise<[T, T][]> {
  const firsts = new Map<string, T>();
  const repeated: [T, T][] = [];
  for await (const some of items) {
    for (const [item, identity] of some) {
      if (identity === undefined || !suspects.has(hashOf(identity))) continue;
      const first = firsts.get(identity);
      if (first === undefined) firsts.set(identity, item);
      else repeated.push([item, first]);
    }
  }
  return repeated;
}

/**
 * 48 bits: a million identities share one with a chance of 1 in 600, which costs nothing but a
 * second pass. Never 0.
 */
function hashOf(identity: string): number {
  return createHash('sha1').update(identity).digest().readUIntBE(0, 6) + 1;
}

/** A set of positive numbers in one array, at most half full. */
class Hashes {
  #table = new Float64Array(1024);
  #size = 0;

  /** @returns false if it is there already */
  add(hash: number): boolean {
    const at = this.#placeOf(hash);
    if (this.#table[at] === hash) return false;
    this.#table[at] = hash;
    this.#size++;
    if (this.#size * 2 > this.#table.length) this.#grow();
    return true;
  }

  #placeOf(hash: number): number {
    const { length } = this.#table;
    let at = hash % length;
    while (this.#table[at] !== 0 && this.#table[at] !== hash) at = (at + 1) % length;
    return at;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Float64Array(before.length * 2);
    for (const hash of before) if (hash !== 0) this.#table[this.#placeOf(hash)] = hash;
  }
}

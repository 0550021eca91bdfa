/**
 * counted.ts – `<number> <nonce> <predicate ids>`: the counts that one commit has changed.
 *
 * Keeps true: the commits of a partition share a ring of fields, so that what they have changed is
 * found by their numbers and takes little room. A commit that has changed very many says `*`: its
 * readers read all of theirs anew.
 */

/** Commits that a reader may be behind and still be told what has changed. */
export const COUNTED_RING = 64;
/** Beyond it, all counts are read anew for about the same. Bounds the ring to about 100 kB. */
const NAMED_MAX = 256;

export function countedField(number: number): number {
  return number % COUNTED_RING;
}

export function packCounted(number: number, nonce: string, changed: readonly number[]): string {
  const named = changed.length > NAMED_MAX ? '*' : changed.join(' ');
  return `${number} ${nonce} ${named}`;
}

/**
 * parts.ts – Cuts what is read or sent into parts of bounded bytes.
 *
 * Keeps true: a part weighs at most its bound, or is one item alone.
 */

/**
 * JSON of empty objects takes twelve times its bytes when it is parsed: a part of these is 6 MB.
 */
export const PART_BYTES_MAX = 512 * 1024;

/**
 * Cuts a list so that no part weighs more than the bound, but for one that is a single heavy item.
 */
export function* partsOf<T>(
  items: readonly T[],
  weights: readonly number[],
  most = PART_BYTES_MAX,
): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const [at, item] of items.entries()) {
    const weight = weights[at] ?? 0;
    if (part.length > 0 && bytes + weight > most) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += weight;
  }
  if (part.length > 0) yield part;
}

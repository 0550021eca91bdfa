/**
 * parts.ts – Cuts a list into parts of bounded weight, so that no more is held than fits.
 *
 * Keeps true: a part weighs at most its bound, or is one single heavy item.
 */

/** JSON of empty objects takes twelve times its bytes when it is parsed: such a part is 6 MB. */
export const PART_BYTES_MAX = 512 * 1024;

/** The parts of a list, in its order. `weights` are in bytes, by index. */
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

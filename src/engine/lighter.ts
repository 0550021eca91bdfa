/**
 * lighter.ts – Cuts the work of a batch whose stored records weigh too much to be held at once. A
 * batch is bounded by what it brings, but 500 small patches of large records load all of these.
 *
 * Keeps true: of each kind of work the first pieces stay, at least one, so that no kind starves and
 * each goes on. The next batch meets what is left out. Backfills are not cut: they read no more
 * than may be held.
 */

/** Up to the item that passes what they may weigh together. */
export function firstWithin<T>(
  items: readonly T[],
  bytesMax: number,
  weightOf: (item: T) => number,
): readonly T[] {
  let bytes = 0;
  const full = items.findIndex((item) => (bytes += weightOf(item)) > bytesMax);
  return full < 0 ? items : items.slice(0, full + 1);
}

/**
 * id-order.ts – The order of record ids: by the bytes of UTF-8.
 *
 * Keeps true: it is the order in which the ids of a type are stored and listed. JavaScript's own
 * order of strings differs from it above U+FFFF.
 */

/** Negative if `a` comes first. */
export function compareIds(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

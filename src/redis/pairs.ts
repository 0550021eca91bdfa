/**
 * pairs.ts – Reads the flat list in which Redis hands out the fields of a hash or of a stream's
 * entry: names and values, alternating.
 */

/** The values by their names. */
export function pairs(flat: readonly string[]): Map<string, string> {
  const members = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) members.set(flat[i]!, flat[i + 1]!);
  return members;
}

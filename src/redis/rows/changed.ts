/**
 * changed.ts – `<number> <nonce>`, then a line for each record: those that one commit has written.
 *
 * Keeps true: the commits of a partition share a ring of fields, beside those of what they have
 * counted. So a reader that knows all records of one commit finds what it has missed since, and
 * reads nothing else. A commit that has written very many says `*`: its readers read all anew.
 */

/** Commits that a reader may be behind: some seconds of live changes. */
export const CHANGED_RING = 512;
/** Bounds the ring to 2 MB a partition. */
const NAMED_LENGTH_MAX = 4096;

/** No number, as those are whose fields name what was counted. */
export function changedField(number: number): string {
  return `r${number % CHANGED_RING}`;
}

/** `members`: as `recordMember` names records. A record's id holds no line break. */
export function packChanged(number: number, nonce: string, members: readonly string[]): string {
  const head = `${number} ${nonce}`;
  if (members.length === 0) return head;
  const named = members.join('\n');
  return named.length > NAMED_LENGTH_MAX ? `${head}\n*` : `${head}\n${named}`;
}

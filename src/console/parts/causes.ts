/**
 * causes.ts – Why a record joined or left, in words.
 */
export const CAUSES = [
  ['any', 'Any cause'],
  ['created', 'Created'],
  ['record_changed', 'Record changed'],
  ['related_changed', 'Related changed'],
  ['time', 'Time'],
  ['segment_edited', 'Segment edited'],
  ['catalog_changed', 'Catalog changed'],
  ['repaired', 'Repaired'],
  ['archived', 'Archived'],
  ['restored', 'Restored'],
  ['deleted', 'Deleted'],
] as const;
export type CauseChoice = (typeof CAUSES)[number][0];

/** A cause that is not known yet is shown as the server names it. */
export function causeText(cause: string): string {
  return CAUSES.find(([name]) => name === cause)?.[1] ?? cause;
}

/**
 * saved-draft.ts – Filters that are not saved yet, kept in the tab: of a segment by its slug, of
 * one that has none yet as `new`.
 *
 * Keeps true: what can not be kept or read is as if it were not there; no page fails for it.
 */
export interface SavedDraft {
  readonly object_type: string;
  readonly query: unknown;
  readonly title?: string;
}

/** What the builder keeps has more members (pages/builder/kept-draft.ts). */
export const DRAFT_KEY = 'rollcall-draft:';

export function keepDraft(slug: string, draft: SavedDraft): void {
  try {
    sessionStorage.setItem(DRAFT_KEY + slug, JSON.stringify(draft));
  } catch {
    // Storage is full or switched off.
  }
}

export function draftOf(slug: string): SavedDraft | undefined {
  try {
    return readDraft(sessionStorage.getItem(DRAFT_KEY + slug));
  } catch {
    return undefined;
  }
}

/** A draft as it was kept; undefined if the text is none. */
export function readDraft(text: string | null): SavedDraft | undefined {
  if (text === null) return undefined;
  try {
    const { object_type, query, title } = JSON.parse(text) as Partial<SavedDraft>;
    if (typeof object_type !== 'string' || query === undefined) return undefined;
    return { object_type, query, ...(title === undefined ? {} : { title }) };
  } catch {
    return undefined;
  }
}

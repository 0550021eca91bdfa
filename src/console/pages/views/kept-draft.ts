/**
 * kept-draft.ts – Views that are not saved yet, kept in the tab: by their slugs, a new one under ''.
 *
 * Keeps true: what can not be kept or read is as if it were not there; no page fails for it.
 */
import { revived, type ViewDraft } from './view-draft.ts';

export interface KeptViewDraft {
  /** Of the view as it was when the draft was begun: who saves later is told of others. */
  readonly tag: string | undefined;
  readonly draft: ViewDraft;
}

const KEY = 'rollcall-view:';

/** Undefined: there is nothing to keep any more. */
export function keepViewDraft(slug: string, kept: KeptViewDraft | undefined): void {
  try {
    if (kept) sessionStorage.setItem(KEY + slug, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY + slug);
  } catch {
    // Storage is full or switched off.
  }
}

export function keptViewDraft(slug: string): KeptViewDraft | undefined {
  try {
    return readKept(sessionStorage.getItem(KEY + slug));
  } catch {
    return undefined;
  }
}

/** A draft as it was kept; undefined if the text is none. */
export function readKept(text: string | null): KeptViewDraft | undefined {
  if (text === null) return undefined;
  try {
    const { tag, draft } = JSON.parse(text) as Partial<KeptViewDraft>;
    const lists = [draft?.columns, draft?.relationships, draft?.sort];
    const texts = [draft?.title, draft?.slug, draft?.object_type, draft?.segment];
    const isWhole =
      lists.every((list) => Array.isArray(list)) && texts.every((each) => typeof each === 'string');
    return isWhole ? { tag, draft: revived(draft!) } : undefined;
  } catch {
    return undefined;
  }
}

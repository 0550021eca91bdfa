/**
 * kept-draft.ts – Drafts that are kept in this tab, so that leaving the page loses nothing.
 *
 * Keeps true: a draft is kept with the tag of what it was made from, so that saving it later does
 * not undo what others did meanwhile. No secret is in it. A browser that keeps nothing is no fault.
 */
import { isObject } from '../../../change/object-type.ts';
import { DRAFT_KEY, type SavedDraft } from '../../parts/saved-draft.ts';

/** All that a page edits of a segment. */
export interface KeptDraft extends SavedDraft {
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  /** The keys of its nodes (draft.ts). */
  readonly keys: readonly string[];
  /** What it was made from: nothing, if the segment is new. */
  readonly base?: DraftBase | undefined;
}

export interface DraftBase {
  readonly tag: string | undefined;
  readonly revision: number;
  readonly title: string;
  readonly description: string;
  readonly query: unknown;
  readonly keys: readonly string[];
}

/** The name of the draft of a segment that has no slug yet. */
export const NEW_DRAFT = 'new';

/**
 * What is kept under a name: a slug, or NEW_DRAFT. Other pages keep a filter alone.
 * @param type a draft about records of another type is none
 */
export function readDraft(name: string, type: string): KeptDraft | undefined {
  try {
    const text = sessionStorage.getItem(DRAFT_KEY + name);
    const kept: unknown = text === null ? undefined : JSON.parse(text);
    if (!isObject(kept) || kept.object_type !== type || !('query' in kept)) return undefined;
    return { title: '', slug: '', description: '', keys: [], ...kept } as unknown as KeptDraft;
  } catch {
    return undefined;
  }
}

export function keepDraft(name: string, { title, ...draft }: KeptDraft): void {
  // What has no title yet is called by what it is.
  const kept = title === '' ? draft : { ...draft, title };
  try {
    sessionStorage.setItem(DRAFT_KEY + name, JSON.stringify(kept));
  } catch {
    // It is full, or forbidden: the draft lives as long as the page.
  }
}

/** Drops what is kept under a name; one about records of another type stays. */
export function dropDraft(name: string, type: string): void {
  try {
    if (readDraft(name, type)) sessionStorage.removeItem(DRAFT_KEY + name);
  } catch {
    // As above.
  }
}

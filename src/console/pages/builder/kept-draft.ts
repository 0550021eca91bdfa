/**
 * kept-draft.ts – Drafts that are kept in this tab, so that leaving the page loses nothing.
 *
 * Keeps true: a draft is kept with the tag of what it was made from, so that saving it later does
 * not undo what others did meanwhile. No secret is in it. A browser that keeps nothing is no fault.
 */
import { isObject } from '../../../change/object-type.ts';

/** All that a page edits of a segment. */
export interface KeptDraft {
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly query: unknown;
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

function placeOf(name: string): string {
  return `rollcall-draft:${name}`;
}

/** What is kept under a name: a slug, or `new:` and a type. */
export function readDraft(name: string): KeptDraft | undefined {
  try {
    const text = sessionStorage.getItem(placeOf(name));
    const kept: unknown = text === null ? undefined : JSON.parse(text);
    return isObject(kept) && 'query' in kept && Array.isArray(kept.keys)
      ? (kept as unknown as KeptDraft)
      : undefined;
  } catch {
    return undefined;
  }
}

export function keepDraft(name: string, draft: KeptDraft): void {
  try {
    sessionStorage.setItem(placeOf(name), JSON.stringify(draft));
  } catch {
    // It is full, or forbidden: the draft lives as long as the page.
  }
}

export function dropDraft(name: string): void {
  try {
    sessionStorage.removeItem(placeOf(name));
  } catch {
    // As above.
  }
}

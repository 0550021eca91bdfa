/**
 * explanation.ts – What an explanation says. Times are ms since 1970.
 */
import type { FilterGroup, FilterRule } from '../query/dialects/filter-tree.ts';
import type { WindowEnds } from '../query/words/moments.ts';
import type { NextFlip } from './flip-search.ts';

export interface Explanation {
  /** Whether the record is in the segment, or would be. */
  readonly member: boolean;
  /** Whether it is stored as a member; undefined: the query is not saved. */
  readonly stored: boolean | undefined;
  /** Whether what is stored is what the rows say. */
  readonly agrees: boolean;
  readonly id: string;
  readonly title: string;
  readonly exists: boolean;
  readonly archived: boolean;
  /** The revision that answers; undefined: the query is not saved. */
  readonly revision: number | undefined;
  readonly asOfMs: number;
  /** The moment that was asked for, if it is not now. */
  readonly atMs: number | undefined;
  /** Since when it is as it is; undefined: the feed does not know. */
  readonly sinceMs: number | undefined;
  /** When the clock alone changes that. */
  readonly next: NextFlip;
  /** The whole filter as a sentence. */
  readonly words: string;
  readonly tree: ExplainedPart;
}

/** A part of the filter, as it stands in the query. */
export interface ExplainedPart {
  /** JSON pointer into the query. */
  readonly path: string;
  readonly kind: FilterGroup['kind'] | FilterRule['kind'] | 'json_logic';
  readonly words: string;
  readonly passed: boolean;
  readonly combinator?: FilterGroup['combinator'];
  readonly not?: boolean;
  readonly parts?: readonly ExplainedPart[];
  /** The value that was looked at; null: there is none. */
  readonly seen?: unknown;
  /** What it was compared with. */
  readonly expected?: unknown;
  /** The ends of a window, at the moment that is explained. */
  readonly ends?: WindowEnds;
  /** What was seen, as a sentence. */
  readonly seenWords?: string;
  readonly matching?: number | null;
  readonly of?: number | null;
  /** The number that an aggregate is, or that a match compares. */
  readonly value?: unknown;
  readonly related?: readonly RelatedShown[];
  /** Of what moves with time: when it changes by the clock alone. */
  readonly flips?: NextFlip;
}

export interface RelatedShown {
  readonly objectType: string;
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  /** The attributes that the condition looks at. */
  readonly seen: Readonly<Record<string, unknown>>;
  readonly flips?: NextFlip;
}

/**
 * format.ts – Explanations as they are answered.
 */
import type { ExplainedPart, Explanation, RelatedShown } from '../../explain/explanation.ts';
import type { NextFlip } from '../../explain/flip-search.ts';
import { isoTime, isoTimeOrNull } from '../times.ts';

export function formatExplanation(explanation: Explanation): Record<string, unknown> {
  const { asOfMs, atMs, sinceMs, next, tree, stored, revision, ...rest } = explanation;
  const { member, agrees, id, title, exists, archived, words } = rest;
  return {
    member,
    stored: stored ?? null,
    agrees,
    id,
    title,
    exists,
    archived,
    revision: revision ?? null,
    as_of_time: isoTime(atMs ?? asOfMs),
    ...(atMs === undefined ? {} : { at: isoTime(atMs) }),
    since: isoTimeOrNull(sinceMs),
    next: formatNext(next, member),
    words,
    tree: formatPart(tree),
  };
}

function formatNext(next: NextFlip, member: boolean): Record<string, unknown> | null {
  switch (next.kind) {
    case 'at':
      return { at: isoTime(next.atMs), member: !member };
    case 'searched':
      return { at: null, searched_until: isoTime(next.untilMs) };
    case 'never':
      return null;
  }
}

function formatPart(part: ExplainedPart): Record<string, unknown> {
  const { path, kind, words, passed, combinator, not, parts } = part;
  const { seen, expected, ends, seenWords, matching, of, value, related, flips } = part;
  const given = {
    path,
    kind,
    words,
    passed,
    combinator,
    not,
    seen,
    expected: ends ? formatEnds(ends) : expected,
    seen_words: seenWords,
    matching,
    of,
    value,
    related: related?.map(formatRelated),
    flips_at: flips && momentOf(flips),
    children: parts?.map(formatPart),
  };
  return Object.fromEntries(Object.entries(given).filter(([, each]) => each !== undefined));
}

function formatRelated({ objectType, id, title, passed, seen, flips }: RelatedShown) {
  return {
    object_type: objectType,
    id,
    title,
    passed,
    seen,
    flips_at: flips ? momentOf(flips) : null,
  };
}

/** Null: never, or not before what was searched. */
function momentOf(flip: NextFlip): string | null {
  return flip.kind === 'at' ? isoTime(flip.atMs) : null;
}

function formatEnds(ends: NonNullable<ExplainedPart['ends']>): Record<string, string> {
  const entries = Object.entries(ends) as [string, number][];
  return Object.fromEntries(entries.map(([name, ms]) => [name, isoTime(ms)]));
}

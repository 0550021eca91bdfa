/**
 * and-then.ts – How many are left after each condition in the order of the filter, counted when
 * asked for.
 *
 * Keeps true: it is of the draft that is seen; an edit takes it away. One count runs at a time.
 */
import { useCallback, useEffect, useState } from 'react';
import { ask } from '../../server/ask.ts';
import { type DraftGroup, jointOf, KEY, queryOf } from './draft.ts';
import type { PreviewShown } from './previewing.ts';

/** Each takes a count of its own. */
const CONDITIONS_MAX = 30;

export interface AndThen {
  /** By the keys of conditions, how many pass it and all before it. */
  readonly left: ReadonlyMap<string, number>;
  readonly isCounting: boolean;
  /** Undefined: it makes no sense here. */
  readonly start: (() => void) | undefined;
}

const NONE: ReadonlyMap<string, number> = new Map();

/** The filters of the conditions up to each of them, in order; what is switched off has none. */
export function chainsOf(draft: DraftGroup): (readonly [key: string, query: unknown])[] {
  const { rules } = draft;
  return rules.flatMap((rule, at) =>
    rule.muted === true
      ? []
      : [[rule[KEY], queryOf({ ...draft, rules: rules.slice(0, at + 1) })] as const],
  );
}

/** @param isReady the draft can be counted */
export function useAndThen(draft: DraftGroup, objectType: string, isReady: boolean): AndThen {
  const [left, setLeft] = useState(NONE);
  const [asked, setAsked] = useState<DraftGroup>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each edit takes it away
  useEffect(() => {
    setLeft(NONE);
    setAsked(undefined);
  }, [draft]);
  useEffect(() => {
    if (!asked) return;
    const gone = new AbortController();
    void countChains(asked, objectType, gone.signal, (key, count) =>
      setLeft((before) => new Map(before).set(key, count)),
    ).finally(() => {
      if (!gone.signal.aborted) setAsked(undefined);
    });
    return () => gone.abort();
  }, [asked, objectType]);
  const count = draft.rules.length;
  const isOffered = isReady && jointOf(draft) === 'all' && count > 1 && count <= CONDITIONS_MAX;
  const start = useCallback(() => setAsked(draft), [draft]);
  return { left, isCounting: asked !== undefined, start: isOffered ? start : undefined };
}

/** A count that fails ends it: those before it stay. */
async function countChains(
  draft: DraftGroup,
  objectType: string,
  signal: AbortSignal,
  tell: (key: string, count: number) => void,
): Promise<void> {
  try {
    for (const [key, query] of chainsOf(draft)) {
      const body = { object_type: objectType, query, sample: 0 };
      const asked = { method: 'POST', body, reads: true, signal } as const;
      const { count } = await ask<PreviewShown>('/v1/segments/preview', asked);
      if (count === null || signal.aborted) return;
      tell(key, count);
    }
  } catch {
    // It is an extra beside the count, which says what is wrong.
  }
}

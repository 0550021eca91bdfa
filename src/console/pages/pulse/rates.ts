/**
 * rates.ts – How much came in and how much moved, second by second, while the page is open.
 *
 * Keeps true: fifteen minutes are kept at most.
 */
import { useEffect, useState } from 'react';
import { usePulse } from '../../stream/use-stream.ts';

const SECONDS_MAX = 15 * 60;

interface SecondShown {
  readonly at: string;
  readonly changes: number | null;
  readonly flips: number | null;
}

let seconds: readonly SecondShown[] = [];

/** Oldest first. It goes on where it was when the page is opened again. */
export function useRates(): readonly SecondShown[] {
  const pulse = usePulse();
  const [shown, setShown] = useState(seconds);
  useEffect(() => {
    if (!pulse || pulse.at === seconds.at(-1)?.at) return;
    const { at, changes_per_s: changes, flips_per_s: flips } = pulse;
    seconds = [...seconds, { at, changes, flips }].slice(-SECONDS_MAX);
    setShown(seconds);
  }, [pulse]);
  return shown;
}

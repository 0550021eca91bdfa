/**
 * use-now.ts – The time of now, for what is shown of time that passes.
 */
import { useEffect, useState } from 'react';

const SECOND_MS = 1000;

/** ms, a new value each so often; while the tab is hidden it may come later. */
export function useNow(everyMs = SECOND_MS): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

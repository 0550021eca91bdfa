/**
 * use-later.ts – Lets what is seen first come first.
 *
 * Keeps true: what may be needed at any moment is loaded soon after, and not when it is needed: by
 * then the server may be gone, or have another page.
 */
import { useEffect, useState } from 'react';

const LATER_MS = 1000;

/** False at first, and true a second later. */
export function useLater(): boolean {
  const [isLater, setIsLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLater(true), LATER_MS);
    return () => clearTimeout(timer);
  }, []);
  return isLater;
}

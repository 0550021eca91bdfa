/**
 * shortcuts.ts – Keys that do something on a page.
 *
 * Keeps true: a single letter acts only when no field has the focus and nothing lies over the page.
 */
import { useEffect, useRef } from 'react';

/** By key: `j`, `Enter`, `/`. With Ctrl or Cmd: `mod+k`. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => void>>;

export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey) return;
      const isMod = event.ctrlKey || event.metaKey;
      if (!isMod && isBusy(event.target)) return;
      const act = latest.current[isMod ? `mod+${event.key.toLowerCase()}` : event.key];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

function isBusy(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  const typed = 'input, textarea, select, [contenteditable], [role="menu"], [role="listbox"]';
  return target.closest(`${typed}, [role="dialog"]`) !== null;
}

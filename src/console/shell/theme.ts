/**
 * theme.ts – Light, dark, or as the system is; kept in this browser.
 */
import { Watched } from '../server/signals.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEPT_AS = 'rollcall-theme';

export const theme = new Watched<Theme>('system');

export function chooseTheme(chosen: Theme): void {
  theme.set(chosen);
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
  try {
    localStorage.setItem(KEPT_AS, chosen);
  } catch {
    // A browser that keeps nothing follows the system the next time.
  }
}

/** Shows the theme that was chosen before. */
export function restoreTheme(): void {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEPT_AS);
  } catch {
    // As above.
  }
  if (kept === 'light' || kept === 'dark') chooseTheme(kept);
}

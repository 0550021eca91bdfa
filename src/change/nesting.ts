/**
 * nesting.ts – Measures how deep lists and objects lie in each other.
 *
 * Keeps true: it looks no deeper than it is asked to, so that no input, however deep, can exhaust
 * the stack. `JSON.parse` takes any depth; `JSON.stringify`, comparisons and all other recursion
 * overflow at some thousand levels.
 */

/** Whether lists and objects lie at most so many levels deep in each other. */
export function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (!isNestedWithin(member, levels - 1)) return false;
  }
  return true;
}

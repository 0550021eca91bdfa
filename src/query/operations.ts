/**
 * operations.ts – The operations that Rollcall adds to JsonLogic, in one table.
 *
 * Keeps true: each is total (no argument makes it throw) and pure, so that a program may fold it over constants. `reference.ts`
 * says the same a second time on purpose: the oracle shares no code with the fast path.
 */

type Operation = (...args: unknown[]) => unknown;

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['startsWith', startsWith],
  ['endsWith', endsWith],
  ['toLowerCase', toLowerCase],
]);

function startsWith(value: unknown, needle: unknown): boolean {
  return typeof value === 'string' && typeof needle === 'string' && value.startsWith(needle);
}

function endsWith(value: unknown, needle: unknown): boolean {
  return typeof value === 'string' && typeof needle === 'string' && value.endsWith(needle);
}

/** Folds a string, or each string of a list; anything else stays as it is. */
function toLowerCase(value: unknown): unknown {
  return Array.isArray(value) ? value.map(folded) : folded(value);
}

function folded(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

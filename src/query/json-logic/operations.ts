/**
 * operations.ts – The operations that Rollcall adds to JsonLogic, in one table; but those of time
 * (clock-logic.ts), which no program may use.
 *
 * Keeps true: each is total (no argument makes it throw) and pure, so that a program may fold it
 * over constants. `reference.ts` says the same a second time on purpose: the oracle shares no code
 * with the fast path.
 */

import { isTimeZone } from '../../change/time-zone.ts';
import { beginOfDate } from '../../change/value.ts';
import { average, fromTrillionths, sumOf } from '../predicate/exact-sum.ts';

type Operation = (...args: unknown[]) => unknown;

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['startsWith', startsWith],
  ['endsWith', endsWith],
  ['toLowerCase', toLowerCase],
  ['startOfDay', startOfDay],
  ['sum', sum],
  ['avg', avg],
  ['minimum', (list: unknown) => extreme(list, (a, b) => a < b)],
  ['maximum', (list: unknown) => extreme(list, (a, b) => a > b)],
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

/**
 * The moment at which the day of a date begins in the time zone, as a datetime; null of anything
 * else.
 */
function startOfDay(date: unknown, timeZone: unknown): string | null {
  return typeof timeZone === 'string' && isTimeZone(timeZone)
    ? (beginOfDate(date, timeZone) ?? null)
    : null;
}

// ——— Of a list of values, of which those that are no numbers count as not there ———

/** Exact to 12 decimals; 0 over nothing. */
function sum(list: unknown): number {
  return fromTrillionths(sumOf(numbersOf(list)));
}

/**
 * Over nothing undefined, as the extremes are: every comparison with that is false, so that it
 * needs no guard.
 */
function avg(list: unknown): number | undefined {
  const values = numbersOf(list);
  return values.length === 0 ? undefined : average(sumOf(values), values.length);
}

function extreme(list: unknown, precedes: (a: number, b: number) => boolean): number | undefined {
  let found: number | undefined;
  for (const value of numbersOf(list))
    if (found === undefined || precedes(value, found)) found = value;
  return found;
}

function numbersOf(list: unknown): number[] {
  return Array.isArray(list) ? list.filter((value): value is number => Number.isFinite(value)) : [];
}

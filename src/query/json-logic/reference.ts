/**
 * reference.ts – The oracle: evaluates a rule over a document with JsonLogic itself.
 *
 * Keeps true: it is json-logic-js and nothing of ours. It imports nothing of ours but
 * change/time-zone.ts. The added operations are implemented a second time here, so that one bug
 * cannot be in both.
 */

import jsonLogic, { type RulesLogic } from 'json-logic-js';
import { RE2JS } from 're2js';
import {
  instantOfWallClock,
  isTimeZone,
  startOfDate,
  wallClockAt,
} from '../../change/time-zone.ts';

const lowered = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);

/** What is added to json-logic-js, by name: reference-program.ts calls the same functions. */
export const ADDED_OPERATIONS: ReadonlyMap<string, (...values: never[]) => unknown> = new Map();

/** Global to the process: every file that imports this one has it in json-logic-js. */
function add(name: string, operation: (...values: never[]) => unknown): void {
  (ADDED_OPERATIONS as Map<string, typeof operation>).set(name, operation);
  jsonLogic.add_operation(name, operation as (...values: unknown[]) => unknown);
}

add('startsWith', (value: unknown, needle: unknown) =>
  typeof value === 'string' && typeof needle === 'string'
    ? value.slice(0, needle.length) === needle
    : false,
);
add('endsWith', (value: unknown, needle: unknown) =>
  typeof value === 'string' && typeof needle === 'string'
    ? needle.length <= value.length && value.slice(value.length - needle.length) === needle
    : false,
);
add('matches', (value: unknown, pattern: unknown) =>
  typeof value === 'string' && typeof pattern === 'string' ? isFound(pattern, value) : false,
);
add('toLowerCase', (value: unknown) =>
  Array.isArray(value) ? value.map((item) => lowered(item)) : lowered(value),
);

/** The library's engine that finds where a match lies: not the automaton of the fast path. */
function isFound(pattern: string, text: string): boolean {
  return compiledPattern(pattern)?.matcher(text).find() ?? false;
}

/** A rule is asked of many documents; what is no pattern is in none. */
const compiledPatterns = new Map<string, RE2JS | undefined>();

function compiledPattern(pattern: string): RE2JS | undefined {
  if (!compiledPatterns.has(pattern)) {
    if (compiledPatterns.size === 100) compiledPatterns.clear();
    compiledPatterns.set(pattern, compiled(pattern));
  }
  return compiledPatterns.get(pattern);
}

function compiled(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}

const numbers = (list: unknown): number[] =>
  Array.isArray(list)
    ? list.filter((value) => typeof value === 'number' && Number.isFinite(value))
    : [];

/** A fraction, in which nothing is rounded. The denominator has no sign. */
type Fraction = readonly [over: bigint, under: bigint];

/** The decimal that is printed for the number. */
function asPrinted(value: number): Fraction {
  const [, sign, lead, decimals = '', exponent] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(
    value.toExponential(),
  )!;
  const power = Number(exponent) - decimals.length;
  const digits = BigInt(`${sign}${lead}${decimals}`);
  return power < 0 ? [digits, 10n ** BigInt(-power)] : [digits * 10n ** BigInt(power), 1n];
}

/**
 * The nearest fraction with that many decimals; of two that are as near, the one whose last digit
 * is even.
 */
function roundedTo(places: number, [over, under]: Fraction): Fraction {
  const unit = 10n ** BigInt(places);
  const scaled = over * unit;
  const below = scaled >= 0n ? scaled / under : -((under - 1n - scaled) / under);
  const toBelow = 2n * (scaled - below * under);
  const nearest = toBelow < under ? below : toBelow > under ? below + 1n : below + (below & 1n);
  return [nearest, unit];
}

function plus([a, b]: Fraction, [c, d]: Fraction): Fraction {
  return b === d ? [a + c, b] : [a * d + c * b, b * d];
}

/** Of a fraction that is a decimal. */
function numberOfDecimal([over, under]: Fraction): number {
  return Number(`${over}e-${String(under).length - 1}`);
}

function exactSum(values: readonly number[]): Fraction {
  return values.map((value) => roundedTo(12, asPrinted(value))).reduce(plus, [0n, 1n]);
}

function exactAverage(values: readonly number[]): number {
  const [over, under] = exactSum(values);
  return numberOfDecimal(roundedTo(6, [over, under * BigInt(values.length)]));
}

add('sum', (list: unknown) => numberOfDecimal(exactSum(numbers(list))));
add('avg', (list: unknown) => (numbers(list).length > 0 ? exactAverage(numbers(list)) : undefined));
add('countDistinct', (list: unknown) => {
  const values = (Array.isArray(list) ? list : []).filter(
    (value) =>
      typeof value === 'string' || typeof value === 'boolean' || numbers([value]).length > 0,
  );
  return values.filter((value, at) => values.indexOf(value) === at).length;
});
add('minimum', (list: unknown) => numbers(list).sort((a, b) => a - b)[0]);
add('maximum', (list: unknown) => numbers(list).sort((a, b) => b - a)[0]);

// ——— Time: each operation is given the value, the present, and what it asks of them ———

/** The clock stands where the rule asks for the present. */
function atClock(rule: unknown, nowMs: number): unknown {
  if (Array.isArray(rule)) return rule.map((part) => atClock(part, nowMs));
  if (typeof rule !== 'object' || rule === null) return rule;
  if (Object.keys(rule).join() === 'now') return nowMs;
  return Object.fromEntries(
    Object.entries(rule).map(([name, part]) => [name, atClock(part, nowMs)]),
  );
}

const isMissing = (value: unknown) => value === null || value === undefined;

/** The UTC midnight that a calendar day names, if the value is one. */
function midnightOf(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) return undefined;
  const midnight = new Date(`${value}T00:00:00Z`);
  return Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(value)
    ? undefined
    : midnight;
}

/** A calendar day is the moment at which it begins in the zone. */
function momentOf(value: string, zone: string): number {
  const midnight = midnightOf(value);
  return midnight ? beginOf(midnight, zone) : new Date(value).getTime();
}

add('startOfDay', (value: unknown, zone: unknown) => {
  const midnight = midnightOf(value);
  return midnight && typeof zone === 'string' && isTimeZone(zone)
    ? new Date(beginOf(midnight, zone)).toISOString()
    : null;
});
add('elapsed', (value: string | null, now: number, zone = 'UTC') =>
  isMissing(value) ? null : now - momentOf(value!, zone),
);
add('periods', (value: string | null, now: number, unit: Unit, zone: string) =>
  isMissing(value)
    ? null
    : numberOf(today(now, zone), unit) - numberOf(today(momentOf(value!, zone), zone), unit),
);
add('before', (value: string | null, now: number, ...rest: Moving) =>
  isMissing(value) ? false : compareWithBound(momentOf(value!, rest[3]), now, ...rest) < 0,
);
add('notAfter', (value: string | null, now: number, ...rest: Moving) =>
  isMissing(value) ? false : compareWithBound(momentOf(value!, rest[3]), now, ...rest) <= 0,
);

type Unit = 'day' | 'week' | 'month' | 'quarter' | 'year';
type Moving = [anchor: string, offset: number, unit: 'millisecond' | 'day' | 'month', zone: string];

/** Below 0 if the value lies before the bound, above 0 if after it. */
function compareWithBound(
  value: number,
  now: number,
  ...[anchor, offset, unit, zone]: Moving
): number {
  // months from the very moment are counted from the value, so that each value passes the bound
  // once
  if (anchor === 'now') return movedByMonths(value, -offset, zone) - now;
  const [, edge, period] = /^(start|end)Of(.*)$/.exec(anchor)!;
  const first = firstDay(today(now, zone), period!.toLowerCase() as Unit);
  const date =
    edge === 'start'
      ? first
      : daysLater(firstDay(nextPeriod(first, period!.toLowerCase() as Unit), 'day'), -1);
  const moved =
    unit === 'day' ? daysLater(date, offset) : unit === 'month' ? monthsLater(date, offset) : date;
  const bound = edge === 'start' ? beginOf(moved, zone) : beginOf(daysLater(moved, 1), zone) - 1;
  return value - (unit === 'millisecond' ? bound + offset : bound);
}

/** The same time of day, that many months later. */
function movedByMonths(instant: number, months: number, zone: string): number {
  const wall = new Date(wallClockAt(instant, zone));
  const midnight = new Date(wall.getTime()).setUTCHours(0, 0, 0, 0);
  const moved = monthsLater(new Date(midnight), months).getTime() + (wall.getTime() - midnight);
  return instantOfWallClock(moved, zone);
}

// A date is the UTC midnight that bears its name.

/** The last date that has begun. */
function today(now: number, zone: string): Date {
  const date = new Date(wallClockAt(now, zone));
  date.setUTCHours(0, 0, 0, 0);
  return beginOf(daysLater(date, 1), zone) <= now ? daysLater(date, 1) : date;
}

function beginOf(date: Date, zone: string): number {
  return startOfDate(date.getTime(), zone);
}

function daysLater(date: Date, days: number): Date {
  const later = new Date(date.getTime());
  later.setUTCDate(later.getUTCDate() + days);
  return later;
}

/** On the same day of the month; if it has no such day, on its last one. */
function monthsLater(date: Date, months: number): Date {
  const later = new Date(date.getTime());
  later.setUTCMonth(later.getUTCMonth() + months);
  if (later.getUTCDate() !== date.getUTCDate()) later.setUTCDate(0);
  return later;
}

function firstDay(date: Date, unit: Unit): Date {
  const first = new Date(date.getTime());
  if (unit === 'week') return daysLater(first, -((first.getUTCDay() + 6) % 7));
  if (unit !== 'day') first.setUTCDate(1);
  if (unit === 'quarter') first.setUTCMonth(first.getUTCMonth() - (first.getUTCMonth() % 3));
  if (unit === 'year') first.setUTCMonth(0);
  return first;
}

function nextPeriod(first: Date, unit: Unit): Date {
  if (unit === 'day' || unit === 'week') return daysLater(first, unit === 'day' ? 1 : 7);
  return monthsLater(first, { month: 1, quarter: 3, year: 12 }[unit]);
}

/** Periods of a kind, counted through. */
function numberOf(date: Date, unit: Unit): number {
  const days = firstDay(date, unit).getTime() / 86_400_000;
  if (unit === 'day') return days;
  if (unit === 'week') return Math.round(days / 7);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return Math.floor(months / { month: 1, quarter: 3, year: 12 }[unit]);
}

/**
 * Whether the rule is truthy of the document, at the stated clock. What json-logic-js throws is
 * thrown on: also of a rule that asks for the present where no clock is stated.
 */
export function holds(rule: unknown, document: unknown, nowMs?: number): boolean {
  return jsonLogic.truthy(answerOf(rule, document, nowMs));
}

/** What json-logic-js makes of the rule. @throws what it throws */
export function answerOf(rule: unknown, document: unknown, nowMs?: number): unknown {
  const asked = nowMs === undefined ? rule : stated(rule, nowMs);
  return jsonLogic.apply(asked as RulesLogic, document);
}

/** One rule is asked of many documents at one clock: it is written out once. */
const written = new WeakMap<object, { readonly nowMs: number; readonly rule: unknown }>();

function stated(rule: unknown, nowMs: number): unknown {
  if (typeof rule !== 'object' || rule === null) return rule;
  const known = written.get(rule);
  if (known?.nowMs === nowMs) return known.rule;
  const at = { nowMs, rule: atClock(rule, nowMs) };
  written.set(rule, at);
  return at.rule;
}

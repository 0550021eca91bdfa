/**
 * clock.ts – The age of a value by each clock of the table (clocks.ts), and the moment from which
 * it has an age.
 *
 * Keeps true: an age is a whole number. By a growing clock it never goes down, whatever the time
 * zone's clocks do, so that each statement about it begins and ends once. `moment` is the exact
 * millisecond of that. A period has come when its first date has begun, and stays so where clocks
 * are set back across midnight. A bound at an anchor is a date of the calendar, shifted as a date:
 * that can't go backwards, since no time of day is clamped with it. A bound of months from `now`
 * would, for from March 29 to 31 it comes back to February 28 again and again. There the value is
 * shifted the other way, once for all.
 */
import { dateAt, instantOfWallClock, startOfDate, wallClockAt } from '../../change/time-zone.ts';
import { unreachable } from '../../errors.ts';
import type { Anchor, Bound, CalendarUnit } from '../predicate/predicate.ts';

/** What is kept by age (atom-index.ts): where the statements about it begin and end. */
interface Ages<N> {
  /** The first age above this one at which a statement begins or ends. */
  next(age: number): number | undefined;
  /** Visits what begins or ends on the way from one age to another. */
  cross(from: number, to: number, visit: (node: N) => void): void;
}

/**
 * Tells ages by a clock, and what time does to statements about them. Instants are UTC
 * milliseconds; so is a date's midnight as long as no time zone is asked.
 */
export interface ClockReader {
  readonly age: (valueMs: number, nowMs: number) => number;
  /** The first instant after `nowMs` at which a statement begins or ends; undefined: never. */
  readonly nextFlip: <N>(ages: Ages<N>, valueMs: number, nowMs: number) => number | undefined;
  /** Visits what has begun or ended since an instant. */
  readonly cross: <N>(
    ages: Ages<N>,
    valueMs: number,
    sinceMs: number,
    nowMs: number,
    visit: (node: N) => void,
  ) => void;
}

/** A clock by which ages only grow. `moment`: from when on a value is of that age, or older. */
interface GrowingClock {
  readonly age: (valueMs: number, nowMs: number) => number;
  readonly moment: (valueMs: number, age: number) => number;
}

function growing({ age, moment }: GrowingClock): ClockReader {
  return {
    age,
    nextFlip: (ages, valueMs, nowMs) => {
      const next = ages.next(age(valueMs, nowMs));
      return next === undefined ? undefined : moment(valueMs, next);
    },
    cross: (ages, valueMs, sinceMs, nowMs, visit) =>
      ages.cross(age(valueMs, sinceMs), age(valueMs, nowMs), visit),
  };
}

/** The same of values that are dates: each is the moment at which its day begins. */
export function ofDates({ age, nextFlip, cross }: ClockReader, timeZone: string): ClockReader {
  const begin = lastKnown((midnightMs) => startOfDate(midnightMs, timeZone));
  return {
    age: (midnightMs, nowMs) => age(begin(midnightMs), nowMs),
    nextFlip: (ages, midnightMs, nowMs) => nextFlip(ages, begin(midnightMs), nowMs),
    cross: (ages, midnightMs, sinceMs, nowMs, visit) =>
      cross(ages, begin(midnightMs), sinceMs, nowMs, visit),
  };
}

/** Milliseconds that have passed. */
export function elapsedReader(): ClockReader {
  return growing({
    age: (valueMs, nowMs) => nowMs - valueMs,
    moment: (valueMs, age) => valueMs + age,
  });
}

/** The instant of a datetime in normal form, the midnight of a date; undefined of anything else. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : instant;
}

/** Days, weeks, … of the calendar that have begun since the value's own one. */
export function periodReader(unit: CalendarUnit, timeZone: string): ClockReader {
  const present = lastKnown((nowMs) => periodAt(nowMs, unit, timeZone));
  const own = lastKnown((valueMs) => periodAt(valueMs, unit, timeZone));
  return growing({
    age: (valueMs, nowMs) => present(nowMs) - own(valueMs),
    moment: (valueMs, age) => startOfPeriod(own(valueMs) + age, unit, timeZone),
  });
}

/** The calendar period around an instant, or one that ended so many ago. The end is past it. */
export function periodAround(
  instant: number,
  unit: CalendarUnit,
  ago: number,
  timeZone: string,
): { readonly startMs: number; readonly endMs: number } {
  const period = periodAt(instant, unit, timeZone) - ago;
  return {
    startMs: startOfPeriod(period, unit, timeZone),
    endMs: startOfPeriod(period + 1, unit, timeZone),
  };
}

/** The moment that a bound is at an instant. From now, it is the present moved by its months. */
export function momentAt(bound: Omit<Bound, 'order'>, nowMs: number, timeZone: string): number {
  const { anchor, offset } = bound;
  if (anchor === 'now') return shiftedInstant(nowMs, offset, timeZone);
  const [edge, unit] = ANCHORS[anchor];
  return boundIn(periodAt(nowMs, unit, timeZone), edge, unit, bound, timeZone);
}

/** Of age 1 from the moment on at which the value has passed the bound, of age 0 before it. */
export function passedReader(bound: Bound, timeZone: string): ClockReader {
  const passing = lastKnown(passingOf(bound, timeZone));
  return growing({
    age: (valueMs, nowMs) => (nowMs >= passing(valueMs) ? 1 : 0),
    moment: (valueMs, age) => (age === 1 ? passing(valueMs) : age < 1 ? -Infinity : Infinity),
  });
}

/**
 * Remembers the last answer: records are looked at one after the other by one clock, and of one
 * several things are asked.
 */
function lastKnown(compute: (instant: number) => number): (instant: number) => number {
  let asked = Number.NaN;
  let answer = 0;
  return (instant) => {
    if (instant !== asked) {
      answer = compute(instant);
      asked = instant;
    }
    return answer;
  };
}

// ——— Bounds ———

/** When each value comes to lie before the bound (or at it). */
function passingOf(bound: Bound, timeZone: string): (valueMs: number) => number {
  const { anchor, offset, order } = bound;
  if (anchor !== 'now') return passingOfAnchored(bound, anchor, timeZone);
  const delayMs = order === '<' ? 1 : 0;
  return (valueMs) => shiftedInstant(valueMs, 0 - offset, timeZone) + delayMs;
}

function passingOfAnchored(
  bound: Bound,
  anchor: Exclude<Anchor, 'now'>,
  timeZone: string,
): (valueMs: number) => number {
  const [edge, unit] = ANCHORS[anchor];
  const roughMs = bound.offset * ROUGHLY_MS[bound.unit];
  const hasPassed = (period: number, valueMs: number) => {
    const boundMs = boundIn(period, edge, unit, bound, timeZone);
    return bound.order === '<' ? valueMs < boundMs : valueMs <= boundMs;
  };
  return (valueMs) => {
    // a guess that a few periods correct: months are of unequal length
    let period = periodAt(valueMs - roughMs, unit, timeZone);
    while (hasPassed(period - 1, valueMs)) period -= 1;
    while (!hasPassed(period, valueMs)) period += 1;
    return startOfPeriod(period, unit, timeZone);
  };
}

/**
 * The bound while the period lasts: the first or last date of it, shifted, and then the first or
 * last instant of that date.
 */
function boundIn(
  period: number,
  edge: 'start' | 'end',
  unit: CalendarUnit,
  { offset, unit: by }: Omit<Bound, 'order'>,
  timeZone: string,
): number {
  const date = edge === 'start' ? firstDate(period, unit) : firstDate(period + 1, unit) - 1;
  const shifted = by === 'month' ? shiftedDate(date, offset) : by === 'day' ? date + offset : date;
  const instant =
    edge === 'start' ? startOf(shifted, timeZone) : startOf(shifted + 1, timeZone) - 1;
  return by === 'millisecond' ? instant + offset : instant;
}

const ANCHORS: Readonly<Record<Exclude<Anchor, 'now'>, readonly ['start' | 'end', CalendarUnit]>> =
  {
    startOfDay: ['start', 'day'],
    endOfDay: ['end', 'day'],
    startOfWeek: ['start', 'week'],
    endOfWeek: ['end', 'week'],
    startOfMonth: ['start', 'month'],
    endOfMonth: ['end', 'month'],
    startOfQuarter: ['start', 'quarter'],
    endOfQuarter: ['end', 'quarter'],
    startOfYear: ['start', 'year'],
    endOfYear: ['end', 'year'],
  };

// ——— The calendar: dates in days since 1970-01-01, months since the year 0 ———

const DAY_MS = 86_400_000;
/** 400 years of the Gregorian calendar have 146,097 days. */
const MONTH_MS = (146_097 * DAY_MS) / 4800;
const ROUGHLY_MS: Readonly<Record<Bound['unit'], number>> = {
  millisecond: 1,
  day: DAY_MS,
  month: MONTH_MS,
};
/** 1970-01-01 was a Thursday. */
const THURSDAY = 3;

function startOf(date: number, timeZone: string): number {
  return startOfDate(date * DAY_MS, timeZone);
}

/** The days on either side of 1970 that JavaScript's calendar has, but for a few. */
const DATE_MAX = 99_999_000;

function startOfPeriod(period: number, unit: CalendarUnit, timeZone: string): number {
  const date = firstDate(period, unit);
  // JsonLogic may compare an age with any number; the date of a month that is too far is NaN
  if (!(Math.abs(date) <= DATE_MAX)) return period * Number.POSITIVE_INFINITY;
  return startOf(date, timeZone);
}

/** The last period that has begun. */
function periodAt(instant: number, unit: CalendarUnit, timeZone: string): number {
  return periodOf(dateAt(instant, timeZone) / DAY_MS, unit);
}

function periodOf(date: number, unit: CalendarUnit): number {
  switch (unit) {
    case 'day':
      return date;
    case 'week':
      return Math.floor((date + THURSDAY) / 7);
    case 'month':
      return monthOf(date);
    case 'quarter':
      return Math.floor(monthOf(date) / 3);
    case 'year':
      return Math.floor(monthOf(date) / 12);
    default:
      return unreachable(unit);
  }
}

function firstDate(period: number, unit: CalendarUnit): number {
  switch (unit) {
    case 'day':
      return period;
    case 'week':
      return period * 7 - THURSDAY;
    case 'month':
      return firstOfMonth(period);
    case 'quarter':
      return firstOfMonth(period * 3);
    case 'year':
      return firstOfMonth(period * 12);
    default:
      return unreachable(unit);
  }
}

function monthOf(date: number): number {
  const day = new Date(date * DAY_MS);
  return day.getUTCFullYear() * 12 + day.getUTCMonth();
}

/** `Date.UTC` would read the years 0 to 99 as 1900 to 1999. */
function firstOfMonth(month: number): number {
  return (
    new Date(0).setUTCFullYear(Math.floor(month / 12), month - 12 * Math.floor(month / 12), 1) /
    DAY_MS
  );
}

/** The same day of another month, or the last one that it has. */
function shiftedDate(date: number, months: number): number {
  const month = monthOf(date);
  const first = firstOfMonth(month + months);
  const last = firstOfMonth(month + months + 1) - 1;
  return Math.min(first + (date - firstOfMonth(month)), last);
}

/** The same time of day on a date that many months away. */
function shiftedInstant(instant: number, months: number, timeZone: string): number {
  const wallMs = wallClockAt(instant, timeZone);
  const date = Math.floor(wallMs / DAY_MS);
  return instantOfWallClock(
    shiftedDate(date, months) * DAY_MS + (wallMs - date * DAY_MS),
    timeZone,
  );
}

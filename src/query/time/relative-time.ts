/**
 * relative-time.ts – Reads the values of a rule that are relative to the present: windows, calendar
 * periods, and moments.
 *
 * Keeps true: a duration up to weeks from now is exact, whatever the clocks of the time zone do.
 * Months and longer, and all that counts from an anchor, go by the calendar of the deployment's
 * time zone. Equal moments are read as the same.
 */
import { isObject } from '../../change/object-type.ts';
import { readOperand } from '../../change/value.ts';
import { pointer } from '../../errors.ts';
import { fault, quote, type Reading } from '../dialects/scope.ts';
import {
  ANCHORS,
  type Anchor,
  type Bound,
  CALENDAR_UNITS,
  type CalendarUnit,
} from '../predicate/predicate.ts';
import { OFFSET_MAX } from './clocks.ts';

/** Exactly so many milliseconds from now, or a moment by the calendar. */
export type Moment =
  | { readonly kind: 'exact'; readonly offsetMs: number }
  | { readonly kind: 'calendar'; readonly bound: Omit<Bound, 'order'>; readonly timeZone: string };

export const WINDOW_UNITS = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
} as const;
type WindowUnit = keyof typeof WINDOW_UNITS;

export const MONTHS = { month: 1, quarter: 3, year: 12 } as const;
type OffsetUnit = WindowUnit | keyof typeof MONTHS;

const isKeyOf = <Known extends object>(known: Known, key: unknown): key is keyof Known =>
  typeof key === 'string' && Object.hasOwn(known, key);
const isWindowUnit = (unit: unknown): unit is WindowUnit => isKeyOf(WINDOW_UNITS, unit);
const isMonths = (unit: unknown): unit is keyof typeof MONTHS => isKeyOf(MONTHS, unit);
const isOffsetUnit = (unit: unknown): unit is OffsetUnit => isWindowUnit(unit) || isMonths(unit);
const isCalendarUnit = (unit: unknown): unit is CalendarUnit =>
  CALENDAR_UNITS.some((known) => known === unit);
const isAnchor = (anchor: unknown): anchor is Anchor => ANCHORS.some((known) => known === anchor);

/** Whether a rule's value is meant relative to the present. */
export function isRelative(value: unknown): boolean {
  return isObject(value) && value.mode === 'relative';
}

/** The length of a window `{ "amount", "unit" }` in milliseconds. */
export function readWindow(value: unknown, path: string, reading: Reading): number | undefined {
  if (!isObject(value))
    return fault(reading, path, `a window is { "amount": 30, "unit": "day" }, not ${quote(value)}`);
  refuseOthers(value, ['amount', 'unit'], path, reading);
  const amount = readWhole(value.amount, pointer(path, 'amount'), 'an amount', reading);
  const at = pointer(path, 'unit');
  if (!isWindowUnit(value.unit))
    return fault(reading, at, notOneOf('the unit of a window', WINDOW_UNITS, value.unit));
  if (amount === undefined) return undefined;
  if (amount < 0)
    return fault(
      reading,
      pointer(path, 'amount'),
      `an amount is a whole number from 0, such as 30, not ${quote(amount)}`,
    );
  const ms = amount * WINDOW_UNITS[value.unit];
  return isNear(ms, 'millisecond', pointer(path, 'amount'), reading) ? ms : undefined;
}

/** The unit of a calendar period `{ "unit" }`. */
export function readPeriod(
  value: unknown,
  path: string,
  reading: Reading,
): CalendarUnit | undefined {
  if (!isObject(value))
    return fault(reading, path, `a calendar period is { "unit": "month" }, not ${quote(value)}`);
  refuseOthers(value, ['unit'], path, reading);
  if (isCalendarUnit(value.unit)) return value.unit;
  const units = Object.fromEntries(CALENDAR_UNITS.map((unit) => [unit, unit]));
  return fault(
    reading,
    pointer(path, 'unit'),
    notOneOf('the unit of a calendar period', units, value.unit),
  );
}

/**
 * A value `{ "mode": "relative", "anchor", "offset", "unit" }`; without an offset it is the anchor
 * itself.
 */
export function readMoment(value: unknown, path: string, reading: Reading): Moment | undefined {
  const {
    anchor,
    offset = 0,
    unit = 'day',
    ...others
  } = value as Readonly<Record<string, unknown>>;
  refuseOthers(others, ['mode'], path, reading);
  const by = readWhole(offset, pointer(path, 'offset'), 'an offset', reading);
  const units = { ...WINDOW_UNITS, ...MONTHS };
  if (!isAnchor(anchor)) {
    const anchors = Object.fromEntries(ANCHORS.map((each) => [each, each]));
    fault(
      reading,
      pointer(path, 'anchor'),
      notOneOf('the anchor of a relative value', anchors, anchor),
    );
  }
  if (!isOffsetUnit(unit))
    fault(reading, pointer(path, 'unit'), notOneOf('the unit of an offset', units, unit));
  if (by === undefined || !isAnchor(anchor) || !isOffsetUnit(unit)) return undefined;
  const shift = shiftOf(anchor, by, unit);
  if (!isNear(shift.offset, shift.unit, pointer(path, 'offset'), reading)) return undefined;
  return momentOf(anchor, by, unit, reading.scope.timeZone);
}

/** The moment of a value that was read once already. Caller: its members are well-formed. */
export function momentOf(
  anchor: unknown,
  offset: unknown,
  unit: unknown,
  timeZone: string,
): Moment {
  const shift = shiftOf(anchor as Anchor, Number(offset ?? 0), (unit ?? 'day') as OffsetUnit);
  if (anchor === 'now' && shift.unit === 'millisecond')
    return { kind: 'exact', offsetMs: shift.offset };
  return { kind: 'calendar', bound: { anchor: anchor as Anchor, ...shift }, timeZone };
}

/** Days of the calendar where the anchor is a date of it; no shift at all is no days. */
function shiftOf(anchor: Anchor, by: number, unit: OffsetUnit): Pick<Bound, 'offset' | 'unit'> {
  if (by === 0) return { offset: 0, unit: anchor === 'now' ? 'millisecond' : 'day' };
  if (isMonths(unit)) return { offset: by * MONTHS[unit], unit: 'month' };
  if (anchor !== 'now' && (unit === 'day' || unit === 'week'))
    return { offset: unit === 'week' ? by * 7 : by, unit: 'day' };
  return { offset: by * WINDOW_UNITS[unit], unit: 'millisecond' };
}

function readWhole(
  given: unknown,
  path: string,
  what: string,
  reading: Reading,
): number | undefined {
  const number = readOperand('number', given, reading.scope.timeZone);
  if (typeof number === 'number' && Number.isInteger(number)) return number;
  return fault(reading, path, `${what} is a whole number, such as 30, not ${quote(given)}`);
}

function isNear(offset: number, unit: Bound['unit'], path: string, reading: Reading): boolean {
  if (Math.abs(offset) <= OFFSET_MAX[unit]) return true;
  fault(reading, path, 'nothing is further from now than 1,000 years');
  return false;
}

function notOneOf(what: string, known: object, given: unknown): string {
  return `${what} is one of ${Object.keys(known).join(', ')}, not ${quote(given)}`;
}

function refuseOthers(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
  reading: Reading,
): void {
  for (const member of Object.keys(value)) {
    if (!known.includes(member))
      fault(reading, pointer(path, member), `'${member}' is not known here`);
  }
}

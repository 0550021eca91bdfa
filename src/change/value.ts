/**
 * value.ts – The one normal form that a value of each type has: in records, in filters, and in
 * comparisons.
 *
 * Keeps true: a fitted value fits again and comes back as the same reference. Two values of one
 * type are equal exactly when their normal forms are `===` (of scalars). A date is a calendar day,
 * `YYYY-MM-DD`, in every time zone; a datetime is UTC with milliseconds: so either orders as a
 * string. `fitValue` runs for every value of every record that is taken in: what is already in
 * normal form costs no allocation.
 */
import { unreachable } from '../errors.ts';
import { inexactDetail, isExactNumber } from './exact-json.ts';
import { type Attribute, type AttributeType, isObject, type ScalarType } from './object-type.ts';
import { dateAt, endOfDate, instantOfWallClock, startOfDate } from './time-zone.ts';

type ScalarValue = string | number | boolean;

/** From the first millisecond of the year 0000 to the last of 9999: what four digits can write. */
const INSTANT_MIN_MS = -62_167_219_200_000;
const INSTANT_MAX_MS = 253_402_300_799_999;

/**
 * The normal form of a record's value, or undefined if it does not fit. Strict: `"7"` is no number,
 * null is no value.
 */
export function fitValue(
  attribute: Attribute,
  value: unknown,
  timeZone: string,
): unknown | undefined {
  switch (attribute.type) {
    case 'list':
      return attribute.of && Array.isArray(value)
        ? fitList(attribute.of, value, timeZone)
        : undefined;
    case 'object':
      return isObject(value) ? value : undefined;
    default:
      return fitScalar(attribute.type, value, timeZone);
  }
}

/**
 * The normal form of a filter's value, or undefined. Lenient: a string is read as the type (`"42"`,
 * `"true"`).
 */
export function readOperand(
  type: ScalarType,
  value: unknown,
  timeZone: string,
): ScalarValue | undefined {
  if (typeof value === 'string' && type === 'number')
    return fitScalar(type, readNumber(value), timeZone);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return fitScalar(type, value, timeZone);
}

/**
 * The moment at which the day of a date begins, as a datetime; undefined of what is no date in
 * normal form.
 */
export function beginOfDate(value: unknown, timeZone: string): string | undefined {
  if (typeof value !== 'string' || !isNormalDate(value)) return undefined;
  return new Date(startOfDate(midnightAt(value), timeZone)).toISOString();
}

/** The first and the last moment of a day, as datetimes in normal form. */
export interface Day {
  readonly first: string;
  readonly last: string;
}

/**
 * The day that a date means where moments are asked for; undefined of anything else. What no
 * datetime can be is cut off.
 */
export function readDay(value: unknown, timeZone: string): Day | undefined {
  if (typeof value !== 'string' || !isNormalDate(value)) return undefined;
  const midnightMs = midnightAt(value);
  const first = Math.max(startOfDate(midnightMs, timeZone), INSTANT_MIN_MS);
  const last = Math.min(endOfDate(midnightMs, timeZone), INSTANT_MAX_MS);
  return { first: new Date(first).toISOString(), last: new Date(last).toISOString() };
}

/** A valid value of the attribute, as JSON, for messages that refuse another one. */
export function exampleOf({ type, of }: Attribute): string {
  if (type === 'list') return of ? `[${SCALAR_WORDS[of].example}]` : '[]';
  return type === 'object' ? '{"a":1}' : exampleOfScalar(type);
}

export function exampleOfScalar(type: ScalarType): string {
  return SCALAR_WORDS[type].example;
}

/** The form of the attribute's values, for messages. */
export function describeAttribute({ type, of }: Attribute): string {
  if (type === 'list') return of ? `a list of ${SCALAR_WORDS[of].many}` : 'a list';
  return type === 'object' ? 'an object' : describeScalar(type);
}

/** The form of the type's values, for messages. */
export function describeScalar(type: ScalarType): string {
  return SCALAR_WORDS[type].one;
}

const SCALAR_WORDS: Record<ScalarType, { one: string; many: string; example: string }> = {
  string: { one: 'a string', many: 'strings', example: '"abc"' },
  number: { one: 'a number', many: 'numbers', example: '42' },
  boolean: { one: 'a boolean', many: 'booleans', example: 'true' },
  date: { one: 'a date', many: 'dates', example: '"2026-01-31"' },
  datetime: { one: 'a datetime', many: 'datetimes', example: '"2026-01-31T10:30:00.000Z"' },
};

function fitScalar(type: ScalarType, value: unknown, timeZone: string): ScalarValue | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
      // -0 becomes 0: JSON text and a set's keys can't distinguish them, so no filter may.
      return value === 0 ? 0 : value;
    case 'date':
      return typeof value === 'string' ? fitDate(value, timeZone) : undefined;
    case 'datetime':
      return typeof value === 'string' ? fitDatetime(value, timeZone) : undefined;
    default:
      return unreachable(type);
  }
}

/** The list itself while its elements are in normal form; a copy from the first that is not. */
function fitList(
  of: ScalarType,
  list: readonly unknown[],
  timeZone: string,
): readonly unknown[] | undefined {
  let fitted: unknown[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    const element = list[index];
    const scalar = fitScalar(of, element, timeZone);
    if (scalar === undefined) return undefined;
    if (!fitted && !Object.is(scalar, element)) fitted = list.slice(0, index);
    fitted?.push(scalar);
  }
  return fitted ?? list;
}

const NUMBER = /^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/;

function readNumber(text: string): number | undefined {
  return NUMBER.test(text) && isExactNumber(text.trim()) ? Number(text) : undefined;
}

/**
 * Why a text that writes a number is not read as one: it would be altered. Undefined: it would not,
 * or is no number.
 */
export function inexactText(type: AttributeType, value: unknown): string | undefined {
  if (type !== 'number' || typeof value !== 'string' || !NUMBER.test(value)) return undefined;
  return isExactNumber(value.trim()) ? undefined : inexactDetail(value.trim(), true);
}

function fitDatetime(text: string, timeZone: string): string | undefined {
  if (isNormalInstant(text)) return text;
  const instant = readInstant(text, timeZone);
  return instant === undefined ? undefined : formatInstant(instant);
}

/** A date stays what it is; a time is the day on which it is in the zone. */
function fitDate(text: string, timeZone: string): string | undefined {
  if (isNormalDate(text)) return text;
  const instant = readInstant(text, timeZone);
  const time = instant === undefined ? undefined : formatInstant(dateAt(instant, timeZone));
  return time?.slice(0, DATE_LENGTH);
}

/** `YYYY-MM-DD` */
const DATE_LENGTH = 10;

function isNormalDate(text: string): boolean {
  return text.length === DATE_LENGTH && isDateAt(text);
}

function formatInstant(instant: number): string | undefined {
  if (instant < INSTANT_MIN_MS || instant > INSTANT_MAX_MS) return undefined;
  return new Date(instant).toISOString();
}

/** Whether the text is a valid `YYYY-MM-DDTHH:mm:ss.sssZ`, by its characters alone. */
function isNormalInstant(text: string): boolean {
  return (
    text.length === 24 &&
    text.charCodeAt(10) === UPPER_T &&
    hasSeconds(text) &&
    text.charCodeAt(19) === DOT &&
    text.charCodeAt(23) === UPPER_Z &&
    isDateAt(text) &&
    isTimeAt(text) &&
    digits(text, 20, 3) >= 0
  );
}

/**
 * Reads a date, or a date and time with `Z`, an offset, or none, by RFC 3339, into UTC
 * milliseconds. Beside that it reads what browsers and databases write: no seconds, a space for the
 * `T`, an offset of hours alone.
 */
function readInstant(text: string, timeZone: string): number | undefined {
  if (!isDateAt(text)) return undefined;
  if (text.length === DATE_LENGTH) return startOfDate(midnightAt(text), timeZone);
  const separator = text.charCodeAt(DATE_LENGTH);
  if (((separator | LOWER) !== LOWER_T && separator !== SPACE) || !isTimeAt(text)) return undefined;
  const timeEnd = endOfTime(text);
  if (timeEnd === undefined) return undefined;
  const minutes = digits(text, 11, 2) * 60 + digits(text, 14, 2);
  const wallMs = midnightAt(text) + minutes * 60_000 + milliseconds(text, timeEnd);
  if (timeEnd === text.length) return instantOfWallClock(wallMs, timeZone);
  const offset = readOffset(text, timeEnd);
  return offset === undefined ? undefined : wallMs - offset;
}

const UPPER_T = 84;
const UPPER_Z = 90;
const SPACE = 32;
const LOWER_T = 116;
const LOWER_Z = 122;
const DOT = 46;
const DASH = 45;
const PLUS = 43;
const COLON = 58;
/**
 * The bit by which a lower-case letter differs from its upper-case one: RFC 3339 allows `t` and
 * `z`.
 */
const LOWER = 32;

function isDateAt(text: string): boolean {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false;
  const year = digits(text, 0, 4);
  const day = digits(text, 8, 2);
  return year >= 0 && day >= 1 && day <= daysInMonth(year, digits(text, 5, 2));
}

/**
 * Hours and minutes, and seconds where there are any. A leap second is refused: no instant in
 * milliseconds is it.
 */
function isTimeAt(text: string): boolean {
  if (text.charCodeAt(13) !== COLON) return false;
  if (!inRange(digits(text, 11, 2), 23) || !inRange(digits(text, 14, 2), 59)) return false;
  return !hasSeconds(text) || inRange(digits(text, 17, 2), 59);
}

function hasSeconds(text: string): boolean {
  return text.charCodeAt(16) === COLON;
}

function inRange(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

/**
 * Where the time of day ends, with the fraction of its seconds; undefined after a dot without
 * digits.
 */
function endOfTime(text: string): number | undefined {
  if (!hasSeconds(text)) return 16;
  if (text.charCodeAt(19) !== DOT) return 19;
  let end = 20;
  while (digits(text, end, 1) >= 0) end += 1;
  return end === 20 ? undefined : end;
}

/** The seconds and what is kept of their fraction. */
function milliseconds(text: string, timeEnd: number): number {
  if (timeEnd === 16) return 0;
  const length = Math.min(Math.max(timeEnd - 20, 0), 3);
  const fraction = length === 0 ? 0 : digits(text, 20, length) * 10 ** (3 - length);
  return digits(text, 17, 2) * 1000 + fraction;
}

function readOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if ((sign | LOWER) === LOWER_Z) return text.length === at + 1 ? 0 : undefined;
  if (sign !== PLUS && sign !== DASH) return undefined;
  const isOfHours = text.length === at + 3;
  if (!isOfHours && (text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON)) return undefined;
  const hours = digits(text, at + 1, 2);
  const minutes = isOfHours ? 0 : digits(text, at + 4, 2);
  if (!inRange(hours, 23) || !inRange(minutes, 59)) return undefined;
  return (sign === PLUS ? 1 : -1) * (hours * 60 + minutes) * 60_000;
}

/** The number that `length` digits from `at` write, or -1 if one of them is no digit. */
function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    // Beyond the end the code is NaN, which is not in range either.
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  if (month < 1 || month > 12) return 0;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The midnight, on a wall clock, of the date that the text begins with. */
function midnightAt(text: string): number {
  return midnightOf(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
}

/**
 * `Date.UTC` reads the years 0 to 99 as 1900 to 1999; a whole cycle of 400 years later the calendar
 * is the same.
 */
function midnightOf(year: number, month: number, day: number): number {
  return year < 100
    ? Date.UTC(year + 400, month - 1, day) - CYCLE_MS
    : Date.UTC(year, month - 1, day);
}

/** 400 years of the Gregorian calendar. */
const CYCLE_MS = 146_097 * 86_400_000;

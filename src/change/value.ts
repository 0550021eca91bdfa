/**
 * value.ts – The one normal form that a value of each type has: in records, in filters, and in what is compared.
 *
 * Keeps true: a fitted value fits again and comes back as the same reference, and two values of one type are equal exactly
 * when their normal forms are `===` (of scalars). Dates and datetimes are UTC with milliseconds, so they order as strings.
 * `fitValue` runs for every value of every record that is taken in: what is already in normal form costs no allocation.
 */
import { unreachable } from '../errors.ts';
import { inexactDetail, isExactNumber } from './exact-json.ts';
import { type Attribute, type AttributeType, isObject, type ScalarType } from './object-type.ts';
import { instantOfWallClock, startOfDate, startOfDateAt } from './time-zone.ts';

type Scalar = string | number | boolean;

/** From the first millisecond of the year 0000 to the last of 9999: what four digits can write. */
const INSTANT_MIN_MS = -62_167_219_200_000;
const INSTANT_MAX_MS = 253_402_300_799_999;

/** The normal form of a record's value, or undefined if it does not fit. Strict: `"7"` is no number, null is no value. */
export function fitValue(attribute: Attribute, value: unknown, timeZone: string): unknown | undefined {
  switch (attribute.type) {
    case 'list':
      return attribute.of && Array.isArray(value) ? fitList(attribute.of, value, timeZone) : undefined;
    case 'object':
      return isObject(value) ? value : undefined;
    default:
      return fitScalar(attribute.type, value, timeZone);
  }
}

/** The normal form of a filter's value, or undefined. Lenient: a string is read as the type (`"42"`, `"true"`). */
export function readOperand(type: ScalarType, value: unknown, timeZone: string): Scalar | undefined {
  if (typeof value === 'string' && type === 'number') return fitScalar(type, readNumber(value), timeZone);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return fitScalar(type, value, timeZone);
}

/** What a value of the attribute is, for messages. */
export function describeAttribute({ type, of }: Attribute): string {
  if (type === 'list') return of ? `a list of ${SCALAR_WORDS[of].many}` : 'a list';
  return type === 'object' ? 'an object' : describeScalar(type);
}

/** What a value of the type is, for messages. */
export function describeScalar(type: ScalarType): string {
  return SCALAR_WORDS[type].one;
}

const SCALAR_WORDS: Record<ScalarType, { one: string; many: string }> = {
  string: { one: 'a string', many: 'strings' },
  number: { one: 'a number', many: 'numbers' },
  boolean: { one: 'a boolean', many: 'booleans' },
  date: { one: 'a date', many: 'dates' },
  datetime: { one: 'a datetime', many: 'datetimes' },
};

function fitScalar(type: ScalarType, value: unknown, timeZone: string): Scalar | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
      // -0 becomes 0: JSON text and a set's keys can't tell them apart, so no filter may.
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
function fitList(of: ScalarType, list: readonly unknown[], timeZone: string): readonly unknown[] | undefined {
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

function fitDate(text: string, timeZone: string): string | undefined {
  if (timeZone === 'UTC' && text.endsWith('T00:00:00.000Z') && isNormalInstant(text)) return text;
  const instant = readInstant(text, timeZone);
  if (instant === undefined) return undefined;
  const date = formatInstant(startOfDateAt(instant, timeZone));
  return date === text ? text : date;
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
    text.charCodeAt(19) === DOT &&
    text.charCodeAt(23) === UPPER_Z &&
    isDateAt(text) &&
    isTimeAt(text) &&
    digits(text, 20, 3) >= 0
  );
}

/** Reads a date, or a date and time with `Z`, an offset, or none, by RFC 3339, into UTC milliseconds. */
function readInstant(text: string, timeZone: string): number | undefined {
  if (!isDateAt(text)) return undefined;
  const midnight = midnightOf(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
  if (text.length === 10) return startOfDate(midnight, timeZone);
  if ((text.charCodeAt(10) | LOWER) !== LOWER_T || !isTimeAt(text)) return undefined;
  const fractionEnd = endOfFraction(text);
  if (fractionEnd === undefined) return undefined;
  const seconds = (digits(text, 11, 2) * 60 + digits(text, 14, 2)) * 60 + digits(text, 17, 2);
  const wallMs = midnight + seconds * 1000 + milliseconds(text, fractionEnd);
  if (fractionEnd === text.length) return instantOfWallClock(wallMs, timeZone);
  const offset = readOffset(text, fractionEnd);
  return offset === undefined ? undefined : wallMs - offset;
}

const UPPER_T = 84;
const UPPER_Z = 90;
const LOWER_T = 116;
const LOWER_Z = 122;
const DOT = 46;
const DASH = 45;
const PLUS = 43;
const COLON = 58;
/** The bit by which a lower-case letter differs from its upper-case one: RFC 3339 allows `t` and `z`. */
const LOWER = 32;

function isDateAt(text: string): boolean {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false;
  const year = digits(text, 0, 4);
  const day = digits(text, 8, 2);
  return year >= 0 && day >= 1 && day <= daysInMonth(year, digits(text, 5, 2));
}

/** A leap second is refused: no instant in milliseconds is it. */
function isTimeAt(text: string): boolean {
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return false;
  return inRange(digits(text, 11, 2), 23) && inRange(digits(text, 14, 2), 59) && inRange(digits(text, 17, 2), 59);
}

function inRange(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

/** Where the fraction of the seconds ends: right after them if there is none; undefined after a dot without digits. */
function endOfFraction(text: string): number | undefined {
  if (text.charCodeAt(19) !== DOT) return 19;
  let end = 20;
  while (digits(text, end, 1) >= 0) end += 1;
  return end === 20 ? undefined : end;
}

function milliseconds(text: string, fractionEnd: number): number {
  const length = Math.min(Math.max(fractionEnd - 20, 0), 3);
  return length === 0 ? 0 : digits(text, 20, length) * 10 ** (3 - length);
}

function readOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if ((sign | LOWER) === LOWER_Z) return text.length === at + 1 ? 0 : undefined;
  if ((sign !== PLUS && sign !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return undefined;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
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

/** `Date.UTC` reads the years 0 to 99 as 1900 to 1999; a whole cycle of 400 years later the calendar is the same. */
function midnightOf(year: number, month: number, day: number): number {
  return year < 100 ? Date.UTC(year + 400, month - 1, day) - CYCLE_MS : Date.UTC(year, month - 1, day);
}

/** 400 years of the Gregorian calendar. */
const CYCLE_MS = 146_097 * 86_400_000;

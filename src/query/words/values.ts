/**
 * values.ts – Values in words: texts, numbers, days, and moments on the clocks of the deployment's
 * zone.
 *
 * Keeps true: nothing is as long as what it stands for may be. A text that could be misread is in
 * quotation marks.
 */
import { type AttributeType, isObject, type ScalarType } from '../../change/object-type.ts';
import { wallClockAt } from '../../change/time-zone.ts';
import { readDay, readOperand } from '../../change/value.ts';
import { listed, shortened } from './names.ts';

const TEXT_MAX = 80;
const NO_VALUE = 'no value';
const PLAIN = /^[\p{L}\p{N}](?:[\p{L}\p{N} .@:/+'’&_-]*[\p{L}\p{N}.+%])?$/u;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MINUTE_MS = 60_000;

/** A value of an attribute of the type as it is kept, or as a rule names it. */
export function valueInWords(value: unknown, type: AttributeType, timeZone: string): string {
  if (value === undefined || value === null) return NO_VALUE;
  if (Array.isArray(value)) {
    if (value.length === 0) return 'nothing';
    return listed(
      value.map((each) => scalarInWords(each, timeZone)),
      'and',
    );
  }
  if (isObject(value)) return shortened(JSON.stringify(value), TEXT_MAX);
  if (type === 'date' || type === 'datetime') return timeInWords(value, type, timeZone);
  const read = type === 'list' || type === 'object' ? value : readOperand(type, value, timeZone);
  return scalarInWords(read ?? value, timeZone);
}

function scalarInWords(value: unknown, timeZone: string): string {
  if (typeof value === 'number') return numberInWords(value);
  if (typeof value !== 'string') return shortened(JSON.stringify(value), TEXT_MAX);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return timeInWords(value, 'datetime', timeZone);
  return textInWords(value);
}

/** Made once: making one takes longer than all else that is done for an explanation. */
const NUMBERS = new Intl.NumberFormat('en', { maximumFractionDigits: 12 });

export function numberInWords(value: number): string {
  return NUMBERS.format(value);
}

/** Quoted where its ends could not be seen. */
export function textInWords(text: string): string {
  const short = shortened(text, TEXT_MAX);
  return PLAIN.test(text) ? short : `“${short}”`;
}

function timeInWords(value: unknown, type: ScalarType, timeZone: string): string {
  const read = readOperand(type, value, timeZone);
  // A day that is given for a moment is the whole of it.
  if (type === 'date' || readDay(value, timeZone)) {
    const day = type === 'date' ? read : value;
    return typeof day === 'string' ? dayInWords(Date.parse(day)) : textInWords(String(value));
  }
  return typeof read === 'string'
    ? momentInWords(Date.parse(read), timeZone)
    : textInWords(String(value));
}

/** "29 Oct 2026", of its midnight in UTC */
function dayInWords(midnightMs: number): string {
  const date = new Date(midnightMs);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** "29 Oct 2026, 07:15", with the seconds if there are any. */
export function momentInWords(instantMs: number, timeZone: string): string {
  const wallMs = wallClockAt(instantMs, timeZone);
  const clock = new Date(wallMs).toISOString();
  const left = ((wallMs % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
  const end = left === 0 ? 16 : left % 1000 === 0 ? 19 : 23;
  return `${dayInWords(wallMs)}, ${clock.slice(clock.indexOf('T') + 1).slice(0, end - 11)}`;
}

const SPANS = [
  ['year', 365.25 * 86_400_000],
  ['month', 30.4375 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE_MS],
  ['second', 1000],
] as const;

/** "2 days, 3 hours": its two largest units, the second rounded down. */
export function spanInWords(ms: number): string {
  const from = ms >= 60 * 86_400_000 ? 0 : 2;
  const at = SPANS.findIndex(([, unitMs], index) => index >= from && ms >= unitMs);
  if (at < 0) return 'less than a second';
  const [unit, unitMs] = SPANS[at]!;
  const whole = Math.floor(ms / unitMs);
  const [nextUnit, nextMs] = SPANS[at + 1] ?? SPANS[at]!;
  const rest = Math.floor((ms - whole * unitMs) / nextMs);
  return rest > 0 && nextUnit !== unit
    ? `${counted(whole, unit)}, ${counted(rest, nextUnit)}`
    : counted(whole, unit);
}

/** "in 2 days, 3 hours", "28 days ago" */
export function distanceInWords(instantMs: number, nowMs: number): string {
  const ms = Math.abs(instantMs - nowMs);
  if (ms < 1000) return 'now';
  return instantMs > nowMs ? `in ${spanInWords(ms)}` : `${spanInWords(ms)} ago`;
}

/** "1 day", "30 days" */
export function counted(count: number, unit: string): string {
  return `${numberInWords(count)} ${unit}${Math.abs(count) === 1 ? '' : 's'}`;
}

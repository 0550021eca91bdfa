/**
 * clock-logic.ts – The operations by which JsonLogic speaks of time: how what an `age` says is
 * written, and read again.
 *
 * Keeps true: each operation is given the present as its second argument, `{"now": []}`, and the
 * time zone by name, so that whoever runs a rule says at which clock; nothing else in a rule may
 * ask for the time. Bounds are written in closed form, so that what one rule says is one
 * comparison.
 */
import { isTimeZone } from '../../change/time-zone.ts';
import { isLogic, operationOf } from '../json-logic/json-logic-program.ts';
import {
  type Aged,
  ANCHORS,
  type Bound,
  CALENDAR_UNITS,
  type Clock,
  type Interval,
} from '../predicate/predicate.ts';

/** The present, as an argument. */
const NOW = { now: [] };

/**
 * The operations that look at the present, by the number of their arguments; of a date all of them
 * are given a time zone.
 */
const ARGUMENTS: ReadonlyMap<string, readonly number[]> = new Map([
  ['elapsed', [2, 3]],
  ['periods', [4]],
  ['before', [6]],
  ['notAfter', [6]],
]);

export const CLOCK_OPERATIONS: readonly string[] = ['now', ...ARGUMENTS.keys()];

/** Whether it is one of the operations of time. */
export function isClockOperation(name: string): boolean {
  return name === 'now' || ARGUMENTS.has(name);
}

/** The atom, over the record's document. */
export function ageLogic({ attribute, clock, intervals }: Aged): unknown {
  const value = { var: attribute };
  const [first, ...more] = intervals.map((interval) => clockLogic(value, clock, interval));
  return { and: [{ '!=': [value, null] }, more.length === 0 ? first : { or: [first, ...more] }] };
}

function clockLogic(value: unknown, clock: Clock, interval: Interval): unknown {
  switch (clock.kind) {
    case 'elapsed':
      return withinLogic(
        { elapsed: clock.datesIn === undefined ? [value, NOW] : [value, NOW, clock.datesIn] },
        interval,
      );
    case 'periods':
      return withinLogic({ periods: [value, NOW, clock.unit, clock.timeZone] }, interval);
    default: {
      const { anchor, offset, unit, order } = clock.bound;
      const passed = { [ORDER_NAMES[order]]: [value, NOW, anchor, offset, unit, clock.timeZone] };
      return interval.low === null ? { '!': [passed] } : passed;
    }
  }
}

const ORDER_NAMES = { '<': 'before', '<=': 'notAfter' } as const;

/** Whether a whole number lies in the interval, which a bound above does not belong to. */
function withinLogic(age: unknown, { low, high }: Interval): unknown {
  if (high === null) return { '>=': [age, low] };
  if (low === null) return { '<': [age, high] };
  const last = Number(high) - 1;
  return last === low ? { '===': [age, low] } : { '<=': [low, age, last] };
}

/**
 * The clock that an operation reads, and the value whose age it tells; undefined, if it is none or
 * not well-formed. A time zone that is there for dates alone is `datesIn`.
 */
export function readClock(
  rule: unknown,
): { readonly value: unknown; readonly clock: Clock } | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  if (!ARGUMENTS.get(name)?.includes(args.length) || !isNow(args[1])) return undefined;
  const [value, , ...given] = args;
  const clock = clockOf(name, given);
  return clock && { value, clock };
}

function clockOf(name: string, given: readonly unknown[]): Clock | undefined {
  switch (name) {
    case 'elapsed': {
      const [zone] = given;
      if (zone === undefined) return { kind: 'elapsed' };
      return isZone(zone) ? { kind: 'elapsed', datesIn: zone } : undefined;
    }
    case 'periods': {
      const unit = CALENDAR_UNITS.find((known) => known === given[0]);
      return unit && isZone(given[1]) ? { kind: 'periods', unit, timeZone: given[1] } : undefined;
    }
    default:
      return passedClock(name === 'before' ? '<' : '<=', given);
  }
}

function passedClock(
  order: Bound['order'],
  [anchor, offset, unit, timeZone]: readonly unknown[],
): Clock | undefined {
  const known = ANCHORS.find((each) => each === anchor);
  const by = OFFSET_UNITS.find((each) => each === unit);
  if (
    !known ||
    !by ||
    !isZone(timeZone) ||
    !isOffset(offset, by) ||
    (known === 'now' && by !== 'month')
  ) {
    return undefined;
  }
  return {
    kind: 'passed',
    bound: { anchor: known, offset: offset + 0, unit: by, order },
    timeZone,
  };
}

const OFFSET_UNITS = ['millisecond', 'day', 'month'] as const;

function isZone(value: unknown): value is string {
  return typeof value === 'string' && isTimeZone(value);
}

/**
 * About 1,000 years: the shifts of values of four-digit years then stay far inside of what
 * JavaScript's calendar has.
 */
const YEARS_MAX = 1000;
export const OFFSET_MAX: Readonly<Record<Bound['unit'], number>> = {
  millisecond: YEARS_MAX * 366 * 86_400_000,
  day: YEARS_MAX * 366,
  month: YEARS_MAX * 12,
};

function isOffset(value: unknown, unit: Bound['unit']): value is number {
  return (
    typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= OFFSET_MAX[unit]
  );
}

/** Whether it is `{"now": []}`. */
function isNow(rule: unknown): boolean {
  return isLogic(rule) && operationOf(rule)[0] === 'now' && operationOf(rule)[1].length === 0;
}

/** Whether a rule asks for the time anywhere. */
export function looksAtClock(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(looksAtClock);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  return isClockOperation(name) || args.some(looksAtClock);
}

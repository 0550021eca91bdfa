/**
 * clocks.ts – THE table of clocks, which count the age of a date or datetime: one row per kind.
 *
 * Keeps true: to add a clock is to add its row (and its operations to the oracle, reference.ts). A
 * row holds how old a value is, when the clock alone flips a condition on it, and its operations in
 * JsonLogic. Each operation is given the present as its second argument, `{"now": []}`, and the
 * time zone by name. So the caller that runs a rule sets its clock. Nothing else in a rule may ask
 * for the time. A bound is written in closed form, so that one rule is one comparison.
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
import { type ClockReader, elapsedReader, ofDates, passedReader, periodReader } from './clock.ts';

type ClockOf<K extends Clock['kind']> = Extract<Clock, { kind: K }>;

interface ClockRow<C extends Clock> {
  /** Counts ages of instants; dates are instants where `zonedDates` names the zone. */
  readonly reader: (clock: C) => ClockReader;
  /** The same clock of values that are dates, each the moment at which its day begins. */
  readonly zonedDates: (clock: C) => C;
  readonly operations: Readonly<Record<string, ClockOperation<C>>>;
  /** Whether the age of a value lies in the interval, which a bound above does not belong to. */
  readonly logic: (value: unknown, clock: C, interval: Interval) => unknown;
  /** How JsonLogic asks for it, for people. */
  readonly form: string;
}

interface ClockOperation<C extends Clock> {
  /** With the value and the present. */
  readonly numbersOfArguments: readonly number[];
  /** Its result: an age that is compared, or by itself whether the age is at least 1. */
  readonly gives: 'age' | 'truth';
  /** Reads what follows the present. */
  readonly clock: (given: readonly unknown[]) => C | undefined;
  /** Its arguments for a date, where they need not name a time zone yet. */
  readonly naming: 'named' | ((args: readonly unknown[], timeZone: string) => readonly unknown[]);
}

/** The present, as an argument. */
const NOW = { now: [] };

const CLOCKS: { readonly [K in Clock['kind']]: ClockRow<ClockOf<K>> } = {
  elapsed: {
    reader: elapsedReader,
    zonedDates: (clock) => clock,
    operations: {
      elapsed: {
        numbersOfArguments: [2, 3],
        gives: 'age',
        clock: ([zone]) => {
          if (zone === undefined) return { kind: 'elapsed' };
          return isZone(zone) ? { kind: 'elapsed', datesIn: zone } : undefined;
        },
        naming: (args, timeZone) => (args.length === 2 ? [...args, timeZone] : args),
      },
    },
    logic: (value, { datesIn }, interval) =>
      withinLogic({ elapsed: [value, NOW, ...(datesIn === undefined ? [] : [datesIn])] }, interval),
    form: '{ "elapsed": [value, now] } (of a date [value, now, zone])',
  },
  periods: {
    reader: ({ unit, timeZone }) => periodReader(unit, timeZone),
    zonedDates: (clock) => ({ ...clock, datesIn: clock.timeZone }),
    operations: {
      periods: {
        numbersOfArguments: [4],
        gives: 'age',
        clock: ([given, timeZone]) => {
          const unit = CALENDAR_UNITS.find((known) => known === given);
          return unit && isZone(timeZone) ? { kind: 'periods', unit, timeZone } : undefined;
        },
        naming: 'named',
      },
    },
    logic: (value, { unit, timeZone }, interval) =>
      withinLogic({ periods: [value, NOW, unit, timeZone] }, interval),
    form: '{ "periods": [value, now, "day" | "week" | "month" | "quarter" | "year", zone] }',
  },
  passed: {
    reader: ({ bound, timeZone }) => passedReader(bound, timeZone),
    zonedDates: (clock) => ({ ...clock, datesIn: clock.timeZone }),
    operations: { before: passing('<'), notAfter: passing('<=') },
    logic: (value, { bound, timeZone }, { low }) => {
      const { anchor, offset, unit, order } = bound;
      const name = order === '<' ? 'before' : 'notAfter';
      const passed = { [name]: [value, NOW, anchor, offset, unit, timeZone] };
      return low === null ? { '!': [passed] } : passed;
    },
    form:
      '{ "before" | "notAfter": [value, now, anchor, offset, "millisecond" | "day" | "month", ' +
      'zone] }',
  },
};

function passing(order: Bound['order']): ClockOperation<ClockOf<'passed'>> {
  return {
    numbersOfArguments: [6],
    gives: 'truth',
    clock: (given) => passedClock(order, given),
    naming: 'named',
  };
}

function passedClock(
  order: Bound['order'],
  [anchor, offset, unit, timeZone]: readonly unknown[],
): ClockOf<'passed'> | undefined {
  const known = ANCHORS.find((each) => each === anchor);
  const by = OFFSET_UNITS.find((each) => each === unit);
  if (!known || !by || !isZone(timeZone) || !isOffset(offset, by)) return undefined;
  if (known === 'now' && by !== 'month') return undefined;
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

/** Whether a whole number lies in the interval, which a bound above does not belong to. */
function withinLogic(age: unknown, { low, high }: Interval): unknown {
  if (high === null) return { '>=': [age, low] };
  if (low === null) return { '<': [age, high] };
  const last = Number(high) - 1;
  return last === low ? { '===': [age, low] } : { '<=': [low, age, last] };
}

function row<C extends Clock>(clock: C): ClockRow<C> {
  return CLOCKS[clock.kind] as unknown as ClockRow<C>;
}

/** Tells the ages of values by a clock. */
export function clockReader(clock: Clock): ClockReader {
  const reader = row(clock).reader(clock);
  return clock.datesIn === undefined ? reader : ofDates(reader, clock.datesIn);
}

/** The same clock of values that are dates. */
export function clockOfDates(clock: Clock): Clock {
  return row(clock).zonedDates(clock);
}

// ——— JsonLogic ———

const OPERATIONS: ReadonlyMap<string, ClockOperation<Clock>> = new Map(
  Object.values(CLOCKS).flatMap(
    ({ operations }) => Object.entries(operations) as [string, ClockOperation<Clock>][],
  ),
);

/** The operations that look at the present, and the one that stands for it. */
export const CLOCK_OPERATIONS: readonly string[] = ['now', ...OPERATIONS.keys()];

function namesOf(gives: 'age' | 'truth'): readonly string[] {
  return [...OPERATIONS].flatMap(([name, each]) => (each.gives === gives ? [name] : []));
}

/** The operations that give an age, which is compared. */
export const AGE_OPERATIONS = namesOf('age');
/** The operations that are true of a value of age 1 or older. */
export const PASSING_OPERATIONS = namesOf('truth');

/** How JsonLogic asks for the time, for people. */
export const CLOCK_FORMS = Object.values(CLOCKS)
  .map(({ form }) => form)
  .join(', ')
  .replace(/, (?=\{ "before")/, ' and ');

/** Whether it is one of the operations of time. */
export function isClockOperation(name: string): boolean {
  return name === 'now' || OPERATIONS.has(name);
}

/** The atom, over the record's document. */
export function ageLogic({ attribute, clock, intervals }: Aged): unknown {
  const value = { var: attribute };
  const { logic } = row(clock);
  const [first, ...more] = intervals.map((interval) => logic(value, clock, interval));
  return { and: [{ '!=': [value, null] }, more.length === 0 ? first : { or: [first, ...more] }] };
}

/**
 * The clock that an operation reads, and the value whose age it counts; undefined, if it is none or
 * not well-formed. A time zone that is there for dates alone is `datesIn`.
 */
export function readClock(
  rule: unknown,
): { readonly value: unknown; readonly clock: Clock } | undefined {
  if (!isLogic(rule)) return undefined;
  const [name, args] = operationOf(rule);
  const operation = OPERATIONS.get(name);
  if (!operation?.numbersOfArguments.includes(args.length) || !isNow(args[1])) return undefined;
  const [value, , ...given] = args;
  const clock = operation.clock(given);
  return clock && { value, clock };
}

/** The arguments of an operation over a date, with the time zone where its day begins. */
export function namingZone(
  name: string,
  args: readonly unknown[],
  timeZone: string,
): readonly unknown[] {
  const naming = OPERATIONS.get(name)?.naming;
  return naming === undefined || naming === 'named' ? args : naming(args, timeZone);
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

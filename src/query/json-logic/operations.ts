/**
 * operations.ts – THE table of the operations that Rollcall adds to JsonLogic, except those of time
 * (clocks.ts), which no program may use.
 *
 * Keeps true: each is total (no argument makes it throw, unless it passes the budget) and pure, so
 * that a program may fold it over constants. To add one is to add its row, and its second
 * implementation in the oracle (reference.ts), which shares no code with the fast path.
 */
import { isTimeZone } from '../../change/time-zone.ts';
import { beginOfDate } from '../../change/value.ts';
import { spendBytes } from '../budget.ts';
import {
  ADDED,
  LOOKED_AT,
  MEASURES_OF_VALUES,
  type MeasureOfValues,
} from '../predicate/measures.ts';
import { RunningTally } from '../predicate/tally.ts';
import {
  admitNeedle,
  paidTest,
  TEXT_OPERATIONS,
  type TextKind,
  textTest,
} from '../predicate/text-tests.ts';
import {
  NOTHING,
  NUMBER_TEXT,
  scalar,
  textBytes,
  type ValueShape,
  type Worst,
  worstOfTexts,
} from '../value-shape.ts';

/** Why arguments are not taken as they are written. `at`: which one is at fault, if it is one. */
interface ArgumentRefusal {
  readonly at?: number;
  readonly why: string;
  /** Whether they are understood, and would cost too much. */
  readonly costs: boolean;
}

export interface AddedOperation {
  /** Given its second argument, the operation over the first. */
  readonly apply: (second: unknown) => (first: unknown) => unknown;
  /** What a run pays for each item of a list that it is given. */
  readonly itemPrice: number;
  /** What cost.ts counts it as. */
  readonly worst: (shapes: readonly ValueShape[], args: readonly unknown[]) => Worst;
  /**
   * The operations that it takes with these arguments, or why a query with them is refused.
   * `isThorough`: also by what takes work to find out; a query that costs too much is spared that.
   */
  readonly admit:
    | 'anything'
    | ((args: readonly unknown[], isThorough: boolean) => ArgumentRefusal | number);
}

export const OPERATIONS: ReadonlyMap<string, AddedOperation> = new Map<string, AddedOperation>([
  ...TEXT_OPERATIONS.map(([name, kind]): [string, AddedOperation] => [name, textOperation(kind)]),
  [
    'toLowerCase',
    {
      apply: () => toLowerCase,
      itemPrice: LOOKED_AT,
      worst: ([first = NOTHING]) => ({
        operations: LOOKED_AT * first.items,
        bytes: textBytes(first),
        shape: first,
      }),
      admit: 'anything',
    },
  ],
  [
    'startOfDay',
    {
      apply: (timeZone) => (date) => startOfDay(date, timeZone),
      itemPrice: LOOKED_AT,
      worst: worstOfTexts,
      admit: (args) => (isZoned(args) ? 0 : { why: DAYS, costs: false }),
    },
  ],
  ...MEASURES_OF_VALUES.map((row): [string, AddedOperation] => [
    row.operation,
    measuringOperation(row),
  ]),
]);

/** A test of texts (text-tests.ts): of anything else it is false. */
function textOperation(kind: TextKind): AddedOperation {
  const { cost, refuses } = textTest(kind);
  return {
    apply: (needle) => {
      if (typeof needle !== 'string') return () => false;
      const test = paidTest(kind, needle);
      return (text) => typeof text === 'string' && test(text);
    },
    itemPrice: LOOKED_AT,
    worst: (shapes, [, needle]) => {
      const texts = worstOfTexts(shapes);
      if (cost === 'little') return texts;
      // what a computed needle costs is unknown: it is refused
      if (typeof needle !== 'string') return { ...texts, operations: Number.POSITIVE_INFINITY };
      const [{ text } = NOTHING] = shapes;
      return { ...texts, operations: texts.operations + cost(needle)(text) };
    },
    admit:
      refuses === 'nothing'
        ? 'anything'
        : ([, needle, ...more], isThorough) => {
            if (typeof needle !== 'string' || more.length > 0)
              return { why: CONSTANT, costs: false };
            const admitted = isThorough ? admitNeedle(kind, needle) : 0;
            return typeof admitted === 'number' ? admitted : { at: 1, ...admitted };
          },
  };
}

const CONSTANT = 'it takes a value and a text, which is not computed';

/** Folds a string, or each string of a list; anything else stays as it is. */
function toLowerCase(value: unknown): unknown {
  return Array.isArray(value) ? value.map(foldedItem) : folded(value);
}

function foldedItem(value: unknown): unknown {
  if (typeof value === 'string') spendBytes(value.length);
  return folded(value);
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

function isZoned(args: readonly unknown[]): boolean {
  return args.length === 2 && typeof args[1] === 'string' && isTimeZone(args[1]);
}

const DAYS =
  `'startOfDay' takes a date and the name of a time zone: { "startOfDay": [{ "var": … }, ` +
  `"Europe/Zurich"] }`;

/** A measure of the values of a list. What it does not take counts as not there. */
function measuringOperation({ keeps, readOff, itemPrice }: MeasureOfValues): AddedOperation {
  return {
    apply: () => (list) => {
      const tally = new RunningTally(keeps);
      for (const item of Array.isArray(list) ? list : []) {
        if (typeof item === 'string') spendBytes(item.length);
        tally.add(item);
      }
      return readOff(tally);
    },
    itemPrice,
    worst: ([first = NOTHING]) => ({
      operations: ADDED * first.items,
      bytes: first.text,
      shape: scalar(NUMBER_TEXT),
    }),
    admit: 'anything',
  };
}

/**
 * atom.ts – The whole meaning of each kind of atom in one table row: its JsonLogic, its closure,
 * what it reads, how selective it is.
 *
 * Keeps true: `test` and `jsonLogic` of a row agree on every record (test/property compares them),
 * and two atoms with the same `atomKey` are the same statement. The index of a kind (index.ts) is
 * the third telling of the same meaning.
 */
import { beginOfDate } from '../../change/value.ts';
import { OverBudget, runProgram, sizeOf } from '../budget.ts';
import { compileProgram, truthy } from '../json-logic/json-logic-program.ts';
import { includesText } from '../network/text-search.ts';
import { clockReader, instantOf } from '../time/clock.ts';
import { ageLogic } from '../time/clock-logic.ts';
import { boundType, intervalTest } from './interval.ts';
import type { Atom, AttributeView, Interval, Scalar, Textual } from './predicate.ts';

/**
 * A record's values by attribute name, in normal form; a missing value is an absent member, never
 * null.
 */
export type Attributes = Readonly<Record<string, unknown>>;

/** The truth of a record at an instant: only what an `age` says moves with it. */
export type Test = (attributes: Attributes, nowMs: number) => boolean;

interface AtomKind<A> {
  readonly jsonLogic: (atom: A) => unknown;
  readonly test: (atom: A) => Test;
  readonly reads: (atom: A) => readonly string[];
  /**
   * A rough share of records, in thousandths, of which the atom is true: orders conjunctions,
   * chooses covers.
   */
  readonly share: (atom: A) => number;
}

type AtomOf<K extends Atom['kind']> = Extract<Atom, { kind: K }>;

const textual = <K extends 'prefix' | 'suffix' | 'substring'>(
  operation: string,
  needleFirst: boolean,
  holds: (value: string, needle: string) => boolean,
): AtomKind<Textual<K>> => ({
  jsonLogic: ({ view, needle }) => ({
    [operation]: needleFirst ? [needle, viewLogic(view)] : [viewLogic(view), needle],
  }),
  test: ({ view, needle }) => {
    const read = viewReader(view);
    return (attributes) => {
      const value = read(attributes);
      return typeof value === 'string' && holds(value, needle);
    };
  },
  reads: ({ view }) => [view.attribute],
  share: ({ needle }) => (needle === '' ? 900 : 30),
});

const ATOM_KINDS: { readonly [K in Atom['kind']]: AtomKind<AtomOf<K>> } = {
  equals: {
    jsonLogic: ({ view, values }) => equalsLogic(viewLogic(view), values),
    test: ({ view, values }) => {
      const read = viewReader(view);
      if (values.length === 1) {
        const [only] = values;
        return (attributes) => read(attributes) === only;
      }
      const set = new Set<unknown>(values);
      return (attributes) => set.has(read(attributes));
    },
    reads: ({ view }) => [view.attribute],
    share: ({ values }) =>
      typeof values[0] === 'boolean' ? 400 : Math.min(50 * values.length, 500),
  },
  range: {
    jsonLogic: ({ view, intervals }) => ({
      and: [{ '!=': [viewLogic(view), null] }, intervalsLogic(viewLogic(view), intervals)],
    }),
    test: ({ view, intervals }) => {
      const read = viewReader(view);
      const type = boundType(intervals);
      const tests = intervals.map(intervalTest);
      const [only] = tests;
      if (tests.length === 1 && only) {
        return (attributes) => {
          const value = read(attributes);
          return typeof value === type && only(value as Scalar);
        };
      }
      return (attributes) => {
        const value = read(attributes);
        return typeof value === type && tests.some((test) => test(value as Scalar));
      };
    },
    reads: ({ view }) => [view.attribute],
    share: ({ intervals }) =>
      intervals.every(({ low, high }) => low !== null && high !== null) ? 250 : 450,
  },
  prefix: textual<'prefix'>('startsWith', false, (value, needle) => value.startsWith(needle)),
  suffix: textual<'suffix'>('endsWith', false, (value, needle) => value.endsWith(needle)),
  substring: textual<'substring'>('in', true, includesText),
  member: {
    jsonLogic: ({ view, value }) => ({ in: [value, viewLogic(view)] }),
    test: ({ view, value }) => {
      const read = viewReader(view);
      return (attributes) => {
        const list = read(attributes);
        return Array.isArray(list) && list.includes(value);
      };
    },
    reads: ({ view }) => [view.attribute],
    share: () => 100,
  },
  present: {
    jsonLogic: ({ attribute }) => ({ '!=': [{ var: attribute }, null] }),
    test:
      ({ attribute }) =>
      (attributes) =>
        attributes[attribute] !== undefined,
    reads: ({ attribute }) => [attribute],
    share: () => 800,
  },
  age: {
    jsonLogic: ageLogic,
    test: ({ attribute, clock, intervals }) => {
      const { age } = clockReader(clock);
      const tests = intervals.map(intervalTest);
      return (attributes, nowMs) => {
        const valueMs = instantOf(attributes[attribute]);
        if (valueMs === undefined) return false;
        const reached = age(valueMs, nowMs);
        return tests.some((test) => test(reached));
      };
    },
    reads: ({ attribute }) => [attribute],
    share: () => 250,
  },
  compare: {
    jsonLogic: ({ left, order, right }) => ({
      and: [
        { '!=': [guardedLogic(left), null] },
        { '!=': [guardedLogic(right), null] },
        { [order === '=' ? '===' : order]: [viewLogic(left), viewLogic(right)] },
      ],
    }),
    test: ({ left, order, right }) => {
      const readLeft = viewReader(left);
      const readRight = viewReader(right);
      const stands = COMPARISONS[order];
      return (attributes) => {
        const a = readLeft(attributes);
        const b = readRight(attributes);
        return a !== undefined && b !== undefined && stands(a as Scalar, b as Scalar);
      };
    },
    reads: ({ left, right }) => [...new Set([left.attribute, right.attribute])],
    share: ({ order }) => (order === '=' ? 50 : 450),
  },
  program: {
    jsonLogic: ({ rule }) => rule,
    test: ({ rule, attributes: read }) => {
      const program = compileProgram(rule);
      const run = (attributes: Attributes) => truthy(program(attributes));
      const parts = sizeOf(rule);
      const sizeOfRead = (attributes: Attributes) =>
        read.reduce((all, name) => all + sizeOf(attributes[name]), 0);
      return (attributes) => {
        try {
          return runProgram(run, attributes, parts, sizeOfRead);
        } catch (error) {
          if (error instanceof OverBudget) throw error;
          // an object value with a `toString` or `indexOf` of its own makes JavaScript throw, there
          // as here: it holds of nothing
          return false;
        }
      };
    },
    reads: ({ attributes }) => attributes,
    share: () => 500,
  },
};

const COMPARISONS: Record<'=' | '<' | '<=', (a: Scalar, b: Scalar) => boolean> = {
  '=': (a, b) => a === b,
  '<': (a, b) => typeof a === typeof b && a < b,
  '<=': (a, b) => typeof a === typeof b && a <= b,
};

function row<A extends Atom>(atom: A): AtomKind<A> {
  return ATOM_KINDS[atom.kind] as unknown as AtomKind<A>;
}

/**
 * The JsonLogic of an atom, over the record's document: false of a missing value, but for a
 * `program`.
 */
export function atomJsonLogic(atom: Atom): unknown {
  return row(atom).jsonLogic(atom);
}

/** The closure of an atom, over the record's attributes. */
export function atomTest(atom: Atom): Test {
  return row(atom).test(atom);
}

/** The attributes whose change can change the atom's truth. */
export function atomReads(atom: Atom): readonly string[] {
  return row(atom).reads(atom);
}

/** A rough share of records, in thousandths, of which the atom is true. */
export function atomShare(atom: Atom): number {
  return row(atom).share(atom);
}

/**
 * Two atoms with one key are the same statement. Members are written in a fixed order, so JSON is a
 * canonical form.
 */
export function atomKey(atom: Atom): string {
  return JSON.stringify(atom, keyMembers);
}

/**
 * Sorts the members of objects, so that the way in which an atom was built does not tell it from
 * its equals.
 */
function keyMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Lower-cases strings, and the strings of a list, as the operation `toLowerCase` does; anything
 * else is left as it is.
 */
export function fold(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  return Array.isArray(value) ? value.map(fold) : value;
}

function viewReader({
  attribute,
  folded,
  datesIn,
}: AttributeView): (attributes: Attributes) => unknown {
  if (datesIn !== undefined) return (attributes) => beginOfDate(attributes[attribute], datesIn);
  return folded
    ? (attributes) => fold(attributes[attribute])
    : (attributes) => attributes[attribute];
}

function viewLogic({ attribute, folded, datesIn }: AttributeView): unknown {
  if (datesIn !== undefined) return { startOfDay: [{ var: attribute }, datesIn] };
  return folded ? { toLowerCase: [{ var: attribute }] } : { var: attribute };
}

/** What is asked whether it is there: a date is there if the moment is at which its day begins. */
function guardedLogic({ attribute, folded }: AttributeView): unknown {
  return viewLogic({ attribute, folded });
}

/** Whether the value is one of these, as JsonLogic. */
export function equalsLogic(value: unknown, values: readonly Scalar[]): unknown {
  return values.length === 1 ? { '===': [value, values[0]] } : { in: [value, values] };
}

/** Whether the value lies in one of the intervals, as JsonLogic: not guarded against a missing one. */
export function intervalsLogic(value: unknown, intervals: readonly Interval[]): unknown {
  const [first, ...more] = intervals.map((interval) => intervalLogic(value, interval));
  return more.length === 0 ? first : { or: [first, ...more] };
}

/** Whether the value lies in the interval, as JsonLogic. */
function intervalLogic(
  value: unknown,
  { low, lowInclusive, high, highInclusive }: Interval,
): unknown {
  const above = { [lowInclusive ? '>=' : '>']: [value, low] };
  const below = { [highInclusive ? '<=' : '<']: [value, high] };
  if (low !== null && high !== null) {
    return lowInclusive && highInclusive ? { '<=': [low, value, high] } : { and: [above, below] };
  }
  return low !== null ? above : below;
}

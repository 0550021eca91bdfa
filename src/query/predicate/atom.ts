/**
 * atom.ts – THE table of atoms: one row holds the whole meaning of a kind of atom.
 *
 * Keeps true: to add a kind is to add its row (of a text: a row of text-tests.ts). A row's test,
 * its JsonLogic and its index agree on every record (test/property compares them). Two atoms with
 * the same `atomKey` are the same statement.
 */
import type { ObjectType } from '../../change/object-type.ts';
import { OPERATIONS_MAX, OverBudget, runProgram, sizeOf, within } from '../budget.ts';
import { charactersAssumed, costOf } from '../cost.ts';
import { compileProgram, truthy } from '../json-logic/json-logic-program.ts';
import {
  type AtomIndex,
  type AtomNode,
  EqualsIndex,
  MemberIndex,
  PresentIndex,
  RangeIndex,
} from '../network/atom-index.ts';
import { instantOf } from '../time/clock.ts';
import { ageLogic, clockReader } from '../time/clocks.ts';
import { boundType, intervalTest } from './interval.ts';
import type { Aged, Atom, AttributeView, Clock, Interval, Scalar, Textual } from './predicate.ts';
import { paidTest, TEXT_KINDS, type TextKind, textTest } from './text-tests.ts';
import { PRESENT, setOfIntervals, setOfPoints, type ValueSet } from './value-set.ts';
import { type Attributes, guardedLogic, viewKey, viewLogic, viewReader } from './view.ts';

/** The truth of a record at an instant: only conditions on an `age` move with it. */
export type Test = (attributes: Attributes, nowMs: number) => boolean;

/** How a network finds the atoms that a changed value flips. */
type Indexing<A> =
  /** By an index over the values of a view. */
  | {
      readonly by: 'value';
      readonly view: (atom: A) => AttributeView;
      readonly make: <N extends AtomNode>() => AtomIndex<N>;
    }
  /** By an index over ages; time moves them too. */
  | { readonly by: 'age'; readonly of: (atom: A) => Aged }
  /** By its test, whenever an attribute that it reads has changed. */
  | { readonly by: 'test' };

/** A view of values, or of their ages by a clock. */
export interface ValueView extends AttributeView {
  readonly clock?: Clock;
}

/** An atom in the normal form (normalize.ts). */
export type AtomForm =
  /** A set of values: all conditions on one view become one set. */
  | { readonly kind: 'values'; readonly view: ValueView; readonly set: ValueSet }
  /** A statement by itself, of which there is only the complement. */
  | { readonly kind: 'fact'; readonly atom: Atom }
  | { readonly kind: 'constant'; readonly holds: boolean };

/** Operations (budget.ts) that are not worth counting: the test reads a value and compares it. */
const LITTLE = 'little';

interface AtomRow<A> {
  /** The attributes whose change can change its truth. */
  readonly reads: (atom: A) => readonly string[];
  readonly test: (atom: A) => Test;
  /** Over the record's document. */
  readonly jsonLogic: (atom: A) => unknown;
  /** Whether it is false where what it reads is missing. */
  readonly needsValues: boolean;
  readonly form: (atom: A) => AtomForm;
  readonly index: Indexing<A>;
  /**
   * A rough share of records, in thousandths, of which it is true: orders conjunctions, chooses
   * covers.
   */
  readonly share: (atom: A) => number;
  /**
   * The operations that its test may take of a record of the size that cost.ts assumes. What is
   * worth counting is run within a budget, and fails where it passes that (`OverBudget`).
   */
  readonly cost: typeof LITTLE | ((atom: A, type: ObjectType) => number);
}

type AtomOf<K extends Atom['kind']> = Extract<Atom, { kind: K }>;

const ofView = ({ view }: { readonly view: AttributeView }): readonly string[] => [view.attribute];

const byValue = <A extends { readonly view: AttributeView }>(
  make: <N extends AtomNode>() => AtomIndex<N>,
): Indexing<A> => ({ by: 'value', view: ({ view }) => view, make });

const presence = (attribute: string): AtomForm => ({
  kind: 'values',
  view: { attribute, folded: false },
  set: PRESENT,
});

const fact = (atom: Atom): AtomForm => ({ kind: 'fact', atom });

const ATOMS: { readonly [K in Atom['kind']]: AtomRow<AtomOf<K>> } = {
  equals: {
    reads: ofView,
    test: ({ view, values }) => {
      const read = viewReader(view);
      if (values.length === 1) {
        const [only] = values;
        return (attributes) => read(attributes) === only;
      }
      const set = new Set<unknown>(values);
      return (attributes) => set.has(read(attributes));
    },
    jsonLogic: ({ view, values }) => equalsLogic(viewLogic(view), values),
    needsValues: true,
    form: ({ view, values }) => ({ kind: 'values', view, set: setOfPoints(values) }),
    index: byValue(<N extends AtomNode>() => new EqualsIndex<N>()),
    share: ({ values }) =>
      typeof values[0] === 'boolean' ? 400 : Math.min(50 * values.length, 500),
    cost: LITTLE,
  },
  range: {
    reads: ofView,
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
    jsonLogic: ({ view, intervals }) => ({
      and: [{ '!=': [viewLogic(view), null] }, intervalsLogic(viewLogic(view), intervals)],
    }),
    needsValues: true,
    form: ({ view, intervals }) => ({ kind: 'values', view, set: setOfIntervals(intervals) }),
    index: byValue(<N extends AtomNode>() => new RangeIndex<N>()),
    share: ({ intervals }) =>
      intervals.every(({ low, high }) => low !== null && high !== null) ? 250 : 450,
    cost: LITTLE,
  },
  ...(Object.fromEntries(TEXT_KINDS.map((kind) => [kind, textRow(kind)])) as Readonly<
    Record<TextKind, AtomRow<Textual>>
  >),
  member: {
    reads: ofView,
    test: ({ view, value }) => {
      const read = viewReader(view);
      return (attributes) => {
        const list = read(attributes);
        return Array.isArray(list) && list.includes(value);
      };
    },
    jsonLogic: ({ view, value }) => ({ in: [value, viewLogic(view)] }),
    needsValues: true,
    form: fact,
    index: byValue(<N extends AtomNode>() => new MemberIndex<N>()),
    share: () => 100,
    cost: LITTLE,
  },
  present: {
    reads: ({ attribute }) => [attribute],
    test:
      ({ attribute }) =>
      (attributes) =>
        attributes[attribute] !== undefined,
    jsonLogic: ({ attribute }) => ({ '!=': [{ var: attribute }, null] }),
    needsValues: true,
    form: ({ attribute }) => presence(attribute),
    index: {
      by: 'value',
      view: ({ attribute }) => ({ attribute, folded: false }),
      make: <N extends AtomNode>() => new PresentIndex<N>(),
    },
    share: () => 800,
    cost: LITTLE,
  },
  age: {
    reads: ({ attribute }) => [attribute],
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
    jsonLogic: ageLogic,
    needsValues: true,
    form: ({ attribute, clock, intervals }) => ({
      kind: 'values',
      view: { attribute, folded: false, clock },
      set: setOfIntervals(intervals),
    }),
    index: { by: 'age', of: (atom) => atom },
    share: () => 250,
    cost: LITTLE,
  },
  compare: {
    reads: ({ left, right }) => [...new Set([left.attribute, right.attribute])],
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
    jsonLogic: ({ left, order, right }) => ({
      and: [
        { '!=': [guardedLogic(left), null] },
        { '!=': [guardedLogic(right), null] },
        { [order === '=' ? '===' : order]: [viewLogic(left), viewLogic(right)] },
      ],
    }),
    needsValues: true,
    form: compareForm,
    index: { by: 'test' },
    share: ({ order }) => (order === '=' ? 50 : 450),
    cost: LITTLE,
  },
  program: {
    reads: ({ attributes }) => attributes,
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
    jsonLogic: ({ rule }) => rule,
    needsValues: false,
    form: fact,
    index: { by: 'test' },
    share: () => 500,
    cost: ({ rule, attributes }, type) => {
      const cost = costOf(rule, type, attributes);
      return typeof cost === 'number' ? cost : Number.POSITIVE_INFINITY;
    },
  },
};

function textRow(kind: TextKind): AtomRow<Textual> {
  const { operation, cost, share, index } = textTest(kind);
  return {
    reads: ofView,
    test: ({ view, needle }) => {
      const read = viewReader(view);
      const paid = paidTest(kind, needle);
      const test = cost === LITTLE ? paid : (text: string) => within(OPERATIONS_MAX, paid, text);
      return (attributes) => {
        const value = read(attributes);
        return typeof value === 'string' && test(value);
      };
    },
    jsonLogic: ({ view, needle }) => ({
      [operation.name]: operation.needleFirst
        ? [needle, viewLogic(view)]
        : [viewLogic(view), needle],
    }),
    needsValues: true,
    form: (atom) => (atom.needle === '' ? presence(atom.view.attribute) : fact(atom)),
    index: index === 'none' ? { by: 'test' } : byValue(index),
    share: () => share,
    cost:
      cost === LITTLE
        ? LITTLE
        : ({ view, needle }, type) => cost(needle)(charactersAssumed(type, view.attribute)),
  };
}

/** A value compared with itself is a test of presence only; equality has no left and right. */
function compareForm(atom: AtomOf<'compare'>): AtomForm {
  const [left, right] = [viewKey(atom.left), viewKey(atom.right)];
  if (left === right) {
    return atom.order === '<' ? { kind: 'constant', holds: false } : presence(atom.left.attribute);
  }
  const turned = atom.order === '=' && left > right;
  return fact(turned ? { ...atom, left: atom.right, right: atom.left } : atom);
}

const COMPARISONS: Record<'=' | '<' | '<=', (a: Scalar, b: Scalar) => boolean> = {
  '=': (a, b) => a === b,
  '<': (a, b) => typeof a === typeof b && a < b,
  '<=': (a, b) => typeof a === typeof b && a <= b,
};

function row<A extends Atom>(atom: A): AtomRow<A> {
  return ATOMS[atom.kind] as unknown as AtomRow<A>;
}

/** The kinds of atoms that an index finds. */
export const INDEXED_KINDS = (Object.keys(ATOMS) as Atom['kind'][]).filter(
  (kind) => ATOMS[kind].index.by !== 'test',
);

/**
 * The JsonLogic of an atom, over the record's document: false of a missing value, but for a
 * `program`.
 */
export function atomJsonLogic(atom: Atom): unknown {
  return row(atom).jsonLogic(atom);
}

/** The closure of an atom, over the record's attributes. @throws OverBudget if it `canFail` */
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

/** How a network finds out that it has flipped. */
export function atomIndexing(atom: Atom): Indexing<Atom> {
  return row(atom).index;
}

/** Whether time alone can flip it. */
export function isTimed(atom: Atom): boolean {
  return row(atom).index.by === 'age';
}

/** The atom in the normal form. */
export function atomForm(atom: Atom): AtomForm {
  return row(atom).form(atom);
}

/** The attributes that have a value wherever it holds. */
export function attributesPresentBy(atom: Atom): readonly string[] {
  return row(atom).needsValues ? row(atom).reads(atom) : [];
}

/** Whether its test may take more than a record's budget. */
export function canFail(atom: Atom): boolean {
  return row(atom).cost !== LITTLE;
}

/** The operations that its test may take of a record of the size that cost.ts assumes. */
export function atomCost(atom: Atom, type: ObjectType): number {
  const { cost } = row(atom);
  return cost === LITTLE ? 0 : cost(atom, type);
}

/**
 * Two atoms with one key are the same statement. Members are written in a fixed order, so JSON is a
 * canonical form.
 */
export function atomKey(atom: Atom): string {
  return JSON.stringify(atom, keyMembers);
}

/** Sorts the members of objects, so that equal atoms have one text however they were built. */
function keyMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether the value is one of these, as JsonLogic. */
export function equalsLogic(value: unknown, values: readonly Scalar[]): unknown {
  return values.length === 1 ? { '===': [value, values[0]] } : { in: [value, values] };
}

/** Whether the value, which is there, lies in one of the intervals, as JsonLogic. */
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

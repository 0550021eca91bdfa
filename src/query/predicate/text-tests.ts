/**
 * text-tests.ts – THE table of tests of a text against a constant: one row each.
 *
 * Keeps true: to add a test of texts is to add its row, and its operation to the oracle
 * (json-logic/reference.ts). The rest is made from the row: its operator and complement in rules,
 * its atom and how a network finds it, its JsonLogic, and what a program does and pays for it.
 */
import { spend } from '../budget.ts';
import {
  type AtomIndex,
  type AtomNode,
  PrefixIndex,
  SubstringIndex,
} from '../network/atom-index.ts';
import { includesText } from '../network/text-search.ts';
import { TEXT_ASSUMED } from '../value-shape.ts';
import { caselessPattern, patternCost, patternTest, refusePattern } from './pattern.ts';

/** An operator's name, and the words that a person reads between attribute and value. */
interface OperatorName {
  readonly name: string;
  readonly words: string;
}

/** Why a constant is not taken. `costs`: it is understood, and would cost too much. */
export interface Refusal {
  readonly why: string;
  readonly costs: boolean;
}

interface TextTest {
  readonly operator: OperatorName;
  readonly complement: OperatorName;
  /**
   * Its form in JsonLogic: an operation over the text and the needle. `isAdded`: JsonLogic has no
   * such operation by itself, so that programs and the oracle get it from us.
   */
  readonly operation: {
    readonly name: string;
    readonly needleFirst: boolean;
    readonly isAdded: boolean;
  };
  /** Whether the needle is one: what is refused never becomes an atom. */
  readonly refuses: 'nothing' | ((needle: string) => Refusal | undefined);
  /** The needle where case does not count; 'folded': both sides are lower-cased. */
  readonly caseless: 'folded' | ((needle: string) => string);
  /** The test of a text. An empty needle holds of every text, and becomes no atom. */
  readonly holds: (needle: string) => (text: string) => boolean;
  /**
   * The operations (budget.ts) that a test of so many characters takes at worst, paid for before it
   * runs; 'little': no more than it takes to read the text.
   */
  readonly cost: 'little' | ((needle: string) => (characters: number) => number);
  /** A rough share of records, in thousandths, of which it holds. */
  readonly share: number;
  /** The index that finds the needles of a changed text; 'none': each is tried. */
  readonly index: 'none' | (<N extends AtomNode>() => AtomIndex<N>);
}

const TEXT_TESTS = {
  substring: {
    operator: { name: 'contains', words: 'contains' },
    complement: { name: 'doesNotContain', words: 'does not contain' },
    operation: { name: 'in', needleFirst: true, isAdded: false },
    refuses: 'nothing',
    caseless: 'folded',
    holds: (needle) => (text) => includesText(text, needle),
    cost: 'little',
    share: 30,
    index: <N extends AtomNode>() => new SubstringIndex<N>(),
  },
  prefix: {
    operator: { name: 'beginsWith', words: 'begins with' },
    complement: { name: 'doesNotBeginWith', words: 'does not begin with' },
    operation: { name: 'startsWith', needleFirst: false, isAdded: true },
    refuses: 'nothing',
    caseless: 'folded',
    holds: (needle) => (text) => text.startsWith(needle),
    cost: 'little',
    share: 30,
    index: <N extends AtomNode>() => new PrefixIndex<N>('beginnings'),
  },
  suffix: {
    operator: { name: 'endsWith', words: 'ends with' },
    complement: { name: 'doesNotEndWith', words: 'does not end with' },
    operation: { name: 'endsWith', needleFirst: false, isAdded: true },
    refuses: 'nothing',
    caseless: 'folded',
    holds: (needle) => (text) => text.endsWith(needle),
    cost: 'little',
    share: 30,
    index: <N extends AtomNode>() => new PrefixIndex<N>('ends'),
  },
  pattern: {
    operator: { name: 'matches', words: 'matches the pattern' },
    complement: { name: 'doesNotMatch', words: 'does not match the pattern' },
    operation: { name: 'matches', needleFirst: false, isAdded: true },
    refuses: refusePattern,
    caseless: caselessPattern,
    holds: patternTest,
    cost: patternCost,
    share: 300,
    index: 'none',
  },
} as const satisfies Record<string, TextTest>;

export type TextKind = keyof typeof TEXT_TESTS;

const ROWS: Readonly<Record<TextKind, TextTest>> = TEXT_TESTS;

export const TEXT_KINDS = Object.keys(TEXT_TESTS) as readonly TextKind[];

export function textTest(kind: TextKind): TextTest {
  return ROWS[kind];
}

/** The operations that the test of an assumed text takes; or why the needle is none. */
export function admitNeedle(kind: TextKind, needle: string): Refusal | number {
  const { refuses, cost } = ROWS[kind];
  const refusal = refuses === 'nothing' ? undefined : refuses(needle);
  if (refusal) return refusal;
  return cost === 'little' ? 0 : cost(needle)(TEXT_ASSUMED);
}

/** The operations that we add to JsonLogic for them: a text, then the needle. */
export const TEXT_OPERATIONS: readonly (readonly [name: string, kind: TextKind])[] =
  TEXT_KINDS.flatMap((kind) =>
    ROWS[kind].operation.isAdded ? [[ROWS[kind].operation.name, kind] as const] : [],
  );

/**
 * The test of a text, paid for before it runs where it costs more than a little.
 * @throws OverBudget
 */
export function paidTest(kind: TextKind, needle: string): (text: string) => boolean {
  const { holds, cost } = ROWS[kind];
  const test = holds(needle);
  if (cost === 'little') return test;
  const costOf = cost(needle);
  return (text) => {
    spend(costOf(text.length));
    return test(text);
  };
}

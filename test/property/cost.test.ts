/**
 * cost.test.ts – What is told from a rule alone is no less than what the rule takes: a program that
 * is accepted stays within its budget over records of everyday size, and what it spends is the same
 * whenever it is run.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs twenty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectType } from '../../src/change/object-type.ts';
import { OverBudget, spentSince, spentSoFar } from '../../src/query/budget.ts';
import { costOf } from '../../src/query/cost.ts';
import { programReads } from '../../src/query/json-logic/json-logic-program.ts';
import { atomTest } from '../../src/query/predicate/atom.ts';
import { jsonDocument, jsonLogicRule } from '../support/arbitrary-json-logic.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 100_000 : isWhole ? 5_000 : 2_000;

const TYPE = objectType('things', 1, {
  attributes: {
    a: { type: 'number' },
    b: { type: 'object' },
    c: { type: 'number' },
    name: { type: 'string' },
    tags: { type: 'list', of: 'string' },
    items: { type: 'object' },
    nested: { type: 'object' },
  },
  relationships: {},
});
const ATTRIBUTES = [...TYPE.attributes.keys()];

/** Of more items than a random document has. */
const everyday = jsonDocument
  .filter(
    (document) => typeof document === 'object' && document !== null && !Array.isArray(document),
  )
  .map((document) => ({
    ...(JSON.parse(JSON.stringify(document)) as Record<string, unknown>),
    tags: Array.from({ length: 300 }, (_, at) => `tag${at % 7}`),
    items: Array.from({ length: 60 }, (_, at) => ({ a: at, b: 'x', c: [at, at] })),
    name: 'n'.repeat(90),
  }));

interface Run {
  readonly spent: number;
  readonly isOver: boolean;
}

function run(rule: unknown, document: Record<string, unknown>): Run {
  const before = spentSoFar();
  try {
    atomTest({ kind: 'program', rule, attributes: ATTRIBUTES })(document, 0);
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
    return { spent: spentSince(before), isOver: true };
  }
  return { spent: spentSince(before), isOver: false };
}

describe('a random program that is accepted', { timeout: SOAK ? 300_000 : 60_000 }, () => {
  it(`is within its budget, and spends the same twice (seed=${SEED})`, () => {
    let accepted = 0;
    let longest = 0;
    fc.assert(
      fc.property(jsonLogicRule(4), everyday, (rule, document) => {
        if (programReads(rule).computed) return; // refused before anything is told of it
        const cost = costOf(rule, TYPE, ATTRIBUTES);
        if (typeof cost !== 'number') return;
        accepted++;
        const { spent, isOver } = run(rule, document);
        longest = Math.max(longest, spent);
        expect(isOver, `cost=${cost} spent=${spent}`).toBe(false);
        // what is folded into a constant counts where it is folded, and half again is room for what
        // is told of lists in lists
        expect(spent, JSON.stringify(rule)).toBeLessThanOrEqual(1.5 * cost + 1000);
        expect(run(rule, structuredClone(document)).spent).toBe(spent);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(RUNS / 2);
    expect(longest).toBeGreaterThan(1000);
  });
});

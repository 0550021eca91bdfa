/**
 * json-logic-program.test.ts – A compiled program and json-logic-js agree, whatever the rule and
 * the document.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs twenty times as many under a new
 * seed.
 */

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import jsonLogic, { type RulesLogic } from 'json-logic-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  compileProgram,
  isLogic,
  PROGRAM_OPERATIONS,
  truthy,
} from '../../src/query/json-logic/json-logic-program.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { jsonDocument, jsonLogicRule } from '../support/arbitrary-json-logic.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 200_000 : isWhole ? 10_000 : 4_000;
const OCCURRENCES_MIN = 50;
const TIMEOUT_MS = SOAK ? 300_000 : 30_000;

type Outcome = { readonly value: unknown } | { readonly threw: string };

function outcome(run: () => unknown): Outcome {
  try {
    return { value: run() };
  } catch (error) {
    return { threw: (error as Error).name };
  }
}

function reference(rule: unknown, document: unknown): Outcome {
  return outcome(() => jsonLogic.apply(rule as RulesLogic, document));
}

/** Adds each operation of the rule, and of what stands in it, to the counts. */
function countOperations(rule: unknown, counts: Map<string, number>): void {
  if (Array.isArray(rule)) for (const item of rule) countOperations(item, counts);
  if (!isLogic(rule)) return;
  const [name, args] = Object.entries(rule)[0]!;
  counts.set(name, (counts.get(name) ?? 0) + 1);
  countOperations(args, counts);
}

describe('a random program', { timeout: TIMEOUT_MS }, () => {
  // the reference prints what `log` is given
  beforeAll(() => void vi.spyOn(console, 'log').mockImplementation(() => undefined));
  afterAll(() => void vi.restoreAllMocks());

  const occurrences = new Map<string, number>();

  it(`has the value of json-logic-js, or throws with it (seed=${SEED})`, () => {
    fc.assert(
      fc.property(
        jsonLogicRule(4),
        fc.array(jsonDocument, { minLength: 1, maxLength: 3 }),
        (rule, documents) => {
          countOperations(rule, occurrences);
          const program = compileProgram(rule);
          for (const document of documents) {
            const [ours, theirs] = [outcome(() => program(document)), reference(rule, document)];
            if (!isDeepStrictEqual(ours, theirs))
              expect.fail(difference(rule, document, ours, theirs));
          }
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it(`has had each operator at least ${OCCURRENCES_MIN} times`, () => {
    const rare = [...PROGRAM_OPERATIONS].filter(
      (name) => (occurrences.get(name) ?? 0) < OCCURRENCES_MIN,
    );
    expect(rare).toEqual([]);
  });

  it(`changes neither its rule nor its document, and answers the same a second time (seed=${SEED})`, () => {
    fc.assert(
      fc.property(jsonLogicRule(4), jsonDocument, (rule, document) => {
        const before = structuredClone([rule, document]);
        const program = compileProgram(rule);
        const first = structuredClone(outcome(() => program(document)));
        expect(outcome(() => program(document))).toEqual(first);
        expect([rule, document]).toEqual(before);
      }),
      { seed: SEED, numRuns: RUNS / 10 },
    );
  });

  it(`is true of a document exactly when the reference holds of it (seed=${SEED})`, () => {
    fc.assert(
      fc.property(jsonLogicRule(3), jsonDocument, (rule, document) => {
        const ours = outcome(() => truthy(compileProgram(rule)(document)));
        expect(ours).toEqual(outcome(() => holds(rule, document)));
      }),
      { seed: SEED, numRuns: RUNS / 10 },
    );
  });
});

function difference(rule: unknown, document: unknown, ours: Outcome, theirs: Outcome): string {
  const [r, d] = [JSON.stringify(rule), JSON.stringify(document)];
  return (
    `seed=${SEED} rule=${r} document=${d} program=${JSON.stringify(ours)} ` +
    `reference=${JSON.stringify(theirs)}`
  );
}

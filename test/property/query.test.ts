/**
 * query.test.ts – A compiled query holds for exactly the records for which its JsonLogic does, in
 * whatever form it is put.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs fifty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileQuery, type QueryScope } from '../../src/query/dialects/compile.ts';
import { predicateJsonLogic } from '../../src/query/json-logic/json-logic.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { normalize, predicateKey } from '../../src/query/predicate/normalize.ts';
import { and, not, or, type Predicate } from '../../src/query/predicate/predicate.ts';
import { predicateAttributes } from '../../src/query/predicate/statement.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import {
  anyObjectType,
  attributesOf,
  operatorNames,
  queryOf,
  SLUGS,
  scopeOf,
} from '../support/arbitrary-queries.ts';
import { evaluate, NOON } from '../support/contacts.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 100_000 : isWhole ? 2_000 : 600;
const TIMEOUT_MS = SOAK ? 600_000 : 60_000;

const WITH_TIME = { time: true };

interface Case {
  readonly scope: QueryScope;
  readonly queries: readonly unknown[];
  readonly records: readonly Attributes[];
}

const anyCase: fc.Arbitrary<Case> = anyObjectType.chain((type) =>
  fc.record({
    scope: scopeOf(type, WITH_TIME),
    queries: fc.array(queryOf(type, SLUGS, WITH_TIME), { minLength: 1, maxLength: 3 }),
    records: fc
      .array(attributesOf(type), { minLength: 4, maxLength: 8 })
      .map((records) => [{}, ...records]),
  }),
);

function check(property: (drawn: Case) => void): void {
  fc.assert(fc.property(anyCase, property), { seed: SEED, numRuns: RUNS });
}

function truths(predicate: Predicate, records: readonly Attributes[]): boolean[] {
  return records.map((record) => evaluate(predicate, record));
}

/** Adds each operator of the rules and items to those that have occurred. */
function noteOperators(query: unknown, seen: Set<unknown>): void {
  if (typeof query !== 'object' || query === null) return;
  for (const [key, value] of Object.entries(query)) {
    if (key === 'operator') seen.add(value);
    else noteOperators(value, seen);
  }
}

describe('a random query', { timeout: TIMEOUT_MS }, () => {
  const seen = new Set<unknown>();

  it(`holds for the records for which its JsonLogic holds, by json-logic-js (seed=${SEED})`, () => {
    check(({ scope, queries, records }) => {
      for (const query of queries) {
        noteOperators(query, seen);
        const { predicate, jsonLogic } = compileQuery(query, scope);
        const reference = records.map((record) => holds(jsonLogic, record, NOON));
        expect(truths(predicate, records)).toEqual(reference);
      }
    });
  });

  it('has every operator in some case', () => {
    expect(operatorNames(WITH_TIME).filter((name) => !seen.has(name))).toEqual([]);
  });

  it(`has the same key when its JsonLogic is sent as the query (seed=${SEED})`, () => {
    check(({ scope, queries }) => {
      for (const query of queries) {
        const { key, jsonLogic } = compileQuery(query, scope);
        expect(compileQuery(JSON.parse(JSON.stringify(jsonLogic)), scope).key).toBe(key);
      }
    });
  });

  it(`is in a form that normalizing again, also by way of its JsonLogic, does not change (seed=${SEED})`, () => {
    check(({ scope, queries }) => {
      for (const query of queries) {
        const { key, predicate } = compileQuery(query, scope);
        expect(predicateKey(normalize(predicate))).toBe(predicateKey(predicate));
        expect(compileQuery(predicateJsonLogic(predicate, scope.types), scope).key).toBe(key);
      }
    });
  });

  it(`keeps its truth when it is joined with others and normalized (seed=${SEED})`, () => {
    check(({ scope, queries, records }) => {
      const parts = queries.map((query) => compileQuery(query, scope).predicate);
      const [first = and([])] = parts;
      const wholes = [
        and(parts),
        or(parts),
        not(and(parts)),
        and([first, not(or(parts))]),
        or([not(first), ...parts]),
      ];
      for (const whole of wholes)
        expect(truths(normalize(whole), records)).toEqual(truths(whole, records));
    });
  });

  it(`reads only the attributes that it names (seed=${SEED})`, () => {
    check(({ scope, queries, records }) => {
      for (const query of queries) {
        const { predicate } = compileQuery(query, scope);
        const named = new Set(predicateAttributes(predicate));
        const bare = records.map((record) =>
          Object.fromEntries(Object.entries(record).filter(([name]) => named.has(name))),
        );
        expect(truths(predicate, bare)).toEqual(truths(predicate, records));
      }
    });
  });
});

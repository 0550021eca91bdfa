/**
 * relationships-query.test.ts – A query over related records holds for exactly those records for
 * whose nested document its JsonLogic does, in whatever form it is put: as it was compiled, joined
 * and normalized, and lowered to flat predicates.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs thirty times as many under a new
 * seed.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { predicateJsonLogic } from '../../src/query/json-logic/json-logic.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { MEASURE_NAMES } from '../../src/query/predicate/measures.ts';
import { normalize, predicateKey } from '../../src/query/predicate/normalize.ts';
import { and, not, or, type Predicate } from '../../src/query/predicate/predicate.ts';
import { type RelatedCase, relatedCase, scopeOver } from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import { holdsAt, loweredTruth } from '../support/graph.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 30_000 : isWhole ? 1_000 : 250;
const TIMEOUT_MS = SOAK ? 600_000 : 60_000;

function check(property: (drawn: RelatedCase) => void): void {
  fc.assert(fc.property(relatedCase({ time: true }), property), { seed: SEED, numRuns: RUNS });
}

function standpoints({ type, graph }: RelatedCase) {
  return [...graph.records(type.name)].map((record) => ({ type: type.name, record }));
}

function truths(predicate: Predicate, drawn: RelatedCase): boolean[] {
  return standpoints(drawn).map((at) => holdsAt(predicate, at, drawn.graph));
}

/** Adds the modes, aggregates and measures that occur. */
function noteParts(value: unknown, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === 'mode' || key === 'aggregate' || (key === 'kind' && 'attribute' in value))
      seen.add(member);
    if (key === 'measure') seen.add((member as { kind: string }).kind);
    noteParts(member, seen);
  }
}

describe('a random query over relationships', { timeout: TIMEOUT_MS }, () => {
  const seen = new Set<unknown>();

  it(`holds for the records for whose documents its JsonLogic holds (seed=${SEED})`, () => {
    check((drawn) => {
      for (const query of drawn.queries) {
        const { predicate, jsonLogic } = compileQuery(query, scopeOver(drawn.types, drawn.type));
        noteParts([query, predicate], seen);
        const reference = standpoints(drawn).map(({ type, record }) =>
          holds(jsonLogic, document(type, record, drawn.graph), NOON),
        );
        expect(truths(predicate, drawn)).toEqual(reference);
      }
    });
  });

  it('has every mode, aggregate and measure in some case', () => {
    const modes = ['all', 'some', 'none', 'atLeast', 'atMost', 'exactly'];
    const measures = ['truth', 'exists', ...MEASURE_NAMES];
    expect([...modes, ...measures].filter((part) => !seen.has(part))).toEqual([]);
  });

  it(`has the same key when its JsonLogic is sent as the query (seed=${SEED})`, () => {
    check(({ types, type, queries }) => {
      const scope = scopeOver(types, type);
      for (const query of queries) {
        const { key, jsonLogic } = compileQuery(query, scope);
        expect(compileQuery(JSON.parse(JSON.stringify(jsonLogic)), scope).key).toBe(key);
      }
    });
  });

  it(`is in a form that normalizing again, also by way of its JsonLogic, does not change (seed=${SEED})`, () => {
    check(({ types, type, queries }) => {
      const scope = scopeOver(types, type);
      for (const query of queries) {
        const { key, predicate } = compileQuery(query, scope);
        expect(predicateKey(normalize(predicate))).toBe(predicateKey(predicate));
        expect(compileQuery(predicateJsonLogic(predicate, types), scope).key).toBe(key);
      }
    });
  });

  it(`keeps its truth when it is joined with others and normalized (seed=${SEED})`, () => {
    check((drawn) => {
      const scope = scopeOver(drawn.types, drawn.type);
      const parts = drawn.queries.map((query) => compileQuery(query, scope).predicate);
      const [first = and([])] = parts;
      const wholes = [
        and(parts),
        or(parts),
        not(and(parts)),
        and([first, not(or(parts))]),
        or([not(first), ...parts]),
      ];
      for (const whole of wholes)
        expect(truths(normalize(whole), drawn)).toEqual(truths(whole, drawn));
    });
  });

  it(`keeps its truth when it is lowered (seed=${SEED})`, () => {
    check((drawn) => {
      for (const query of drawn.queries) {
        const { predicate } = compileQuery(query, scopeOver(drawn.types, drawn.type));
        const flat = loweredTruth(predicate, drawn.graph);
        expect(standpoints(drawn).map(flat)).toEqual(truths(predicate, drawn));
      }
    });
  });
});

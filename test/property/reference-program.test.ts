/**
 * reference-program.test.ts – The oracle of audits says of every rule and every document what
 * json-logic-js says, however many rules it is asked of together.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs fifty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { ReferencePrograms } from '../../src/query/json-logic/reference-program.ts';
import { jsonDocument, jsonLogicRule } from '../support/arbitrary-json-logic.ts';
import {
  anyObjectType,
  attributesOf,
  queryOf,
  SLUGS,
  scopeOf,
} from '../support/arbitrary-queries.ts';
import { relatedCase, scopeOver } from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 20_000 : isWhole ? 2_000 : 300;
const TIMEOUT_MS = SOAK ? 600_000 : 60_000;
const WITH_TIME = { time: true };
/** The clock of one document, and that of the next. */
const CLOCKS = [NOON, NOON + 86_400_000, 0];

function outcome(ask: () => boolean): string {
  try {
    return String(ask());
  } catch (error) {
    return `throws ${(error as Error).message}`;
  }
}

/** Asked one after the other, from the last one on too: what was worked out before is used. */
function expectSame(drawn: readonly unknown[], documents: readonly unknown[]): void {
  // As they are stored: a generator may make objects without a prototype.
  const rules = JSON.parse(JSON.stringify(drawn)) as unknown[];
  const programs = new ReferencePrograms();
  const places = rules.map((rule) => programs.add(rule));
  for (const [nth, one] of documents.entries()) {
    const nowMs = CLOCKS[nth % CLOCKS.length]!;
    const expected = rules.map((rule) => outcome(() => holds(rule, one, nowMs)));
    programs.begin(one, nowMs);
    const there = places.map((place) => outcome(() => programs.holds(place)));
    const back = places.toReversed().map((place) => outcome(() => programs.holds(place)));
    const told = JSON.stringify({ rules, nowMs });
    expect(there, told).toEqual(expected);
    expect(back.reverse(), told).toEqual(expected);
  }
}

describe('the reference over many rules', { timeout: TIMEOUT_MS }, () => {
  // json-logic-js prints what `log` is given
  beforeAll(() => void vi.spyOn(console, 'log').mockImplementation(() => undefined));
  afterAll(() => void vi.restoreAllMocks());

  it(`is json-logic-js of rules over every operator (seed=${SEED})`, () => {
    const rules = fc.array(jsonLogicRule(3), { minLength: 1, maxLength: 4 });
    const documents = fc.array(jsonDocument, { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(rules, documents, expectSame), { seed: SEED, numRuns: 5 * RUNS });
  });

  it(`is json-logic-js of queries in every dialect, with time (seed=${SEED})`, () => {
    const drawn = anyObjectType.chain((type) =>
      fc.record({
        scope: scopeOf(type, WITH_TIME),
        queries: fc.array(queryOf(type, SLUGS, WITH_TIME), { minLength: 1, maxLength: 4 }),
        records: fc.array(attributesOf(type), { minLength: 2, maxLength: 6 }),
      }),
    );
    const check = fc.property(drawn, ({ scope, queries, records }) => {
      const rules = queries.map((query) => compileQuery(query, scope).jsonLogic);
      expectSame(rules, [{}, ...records]);
    });
    fc.assert(check, { seed: SEED, numRuns: RUNS });
  });

  it(`is json-logic-js of queries over relationships (seed=${SEED})`, () => {
    const check = fc.property(relatedCase(WITH_TIME), ({ types, type, queries, graph }) => {
      const scope = scopeOver(types, type);
      const rules = queries.map((query) => compileQuery(query, scope).jsonLogic);
      const records = [...graph.records(type.name)];
      expectSame(
        rules,
        records.map((record) => document(type.name, record, graph)),
      );
    });
    fc.assert(check, { seed: SEED, numRuns: RUNS / 2 });
  });
});

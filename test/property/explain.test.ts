/**
 * explain.test.ts – What an explanation finds out from records in memory is what json-logic-js says
 * of them: of each condition alone, of the whole, and at the very millisecond at which it says that
 * the clock changes either. Over random schemas, records and filters of every dialect.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs under a new seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilter, truthOfParts } from '../../src/explain/compiled-filter.ts';
import { type NextFlip, searchFlips } from '../../src/explain/flip-search.ts';
import { NearbyRecords, type Place } from '../../src/explain/nearby-records.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import type { FilterPart } from '../../src/query/dialects/filter-tree.ts';
import { isLogic, truthy } from '../../src/query/json-logic/json-logic-program.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { readsClock } from '../../src/query/predicate/statement.ts';
import { partInWords } from '../../src/query/words/conditions.ts';
import { type RelatedCase, relatedCase, scopeOver } from '../support/arbitrary-relationships.ts';
import { NOON } from '../support/contacts.ts';
import { GraphReader } from '../support/graph-reader.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 20_000 : isWhole ? 5_000 : 150;
const FAR_MS = [1, 1000, 3_600_000, 86_400_000, 40 * 86_400_000, 400 * 86_400_000];

interface Examined {
  readonly query: unknown;
  readonly place: Place;
  readonly nearby: NearbyRecords;
  readonly document: unknown;
}

/** The query of a condition alone, as JsonLogic. */
function logicOf(part: FilterPart, drawn: RelatedCase): unknown {
  if (part.kind === 'group') throw new Error('a group is no condition');
  const scope = scopeOver(drawn.types, drawn.type);
  if (part.kind !== 'json_logic') return compileQuery(part.query, scope).jsonLogic;
  return isLogic(part.logic) ? compileQuery(part.logic, scope).jsonLogic : truthy(part.logic);
}

async function examine(drawn: RelatedCase, { query, place, nearby, document }: Examined) {
  const { types, type } = drawn;
  const scope = scopeOver(types, type);
  const filter = compileFilter(query, scope);
  const whole = compileQuery(query, scope).jsonLogic;
  for (const { predicate } of filter.conditions) await nearby.look(predicate, [place]);
  const truthAt = (nowMs: number) =>
    truthOfParts(filter.tree, (part) => {
      const { predicate } = filter.conditions.find((each) => each.part === part)!;
      return nearby.truth(predicate, place, nowMs);
    });
  const says = (rule: unknown, nowMs: number) => holds(rule, document, nowMs);
  for (const { part, predicate } of filter.conditions) {
    const where = `${part.path} of ${JSON.stringify(query)}`;
    expect(nearby.truth(predicate, place, NOON), where).toBe(says(logicOf(part, drawn), NOON));
    const vocabulary = { types, timeZone: 'UTC', segmentTitle: () => undefined };
    expect(partInWords(part, type, vocabulary)).not.toMatch(/undefined|\[object/);
  }
  expect(truthAt(NOON), JSON.stringify(query)).toBe(says(whole, NOON));
  const timed = filter.conditions.filter(({ predicate }) => readsClock(predicate));
  const found = searchFlips(
    timed.map(({ predicate }) => ({
      predicate,
      place,
      truth: (nowMs) => nearby.truth(predicate, place, nowMs),
    })),
    (truths) =>
      truthOfParts(filter.tree, (part) => {
        const at = timed.findIndex((each) => each.part === part);
        if (at >= 0) return truths[at]!;
        const { predicate } = filter.conditions.find((each) => each.part === part)!;
        return nearby.truth(predicate, place, NOON);
      }),
    nearby,
    NOON,
  );
  flipsWhen(found.whole, (nowMs) => says(whole, nowMs), query);
  for (const [at, { part }] of timed.entries()) {
    const rule = logicOf(part, drawn);
    flipsWhen(found.each[at]!, (nowMs) => says(rule, nowMs), query);
  }
  return found.whole.kind;
}

/** It is as it was until the millisecond before, and is not at the one that was told. */
function flipsWhen(flip: NextFlip, truth: (nowMs: number) => boolean, query: unknown): void {
  const said = JSON.stringify({ flip, query });
  const first = truth(NOON);
  if (flip.kind === 'at') {
    expect(truth(flip.atMs), said).toBe(!first);
    expect(truth(flip.atMs - 1), said).toBe(first);
  }
  const untilMs =
    flip.kind === 'at' ? flip.atMs : flip.kind === 'searched' ? flip.untilMs + 1 : Infinity;
  for (const far of FAR_MS) if (NOON + far < untilMs) expect(truth(NOON + far), said).toBe(first);
}

describe('an explanation of records in memory', { timeout: SOAK ? 3_600_000 : 180_000 }, () => {
  it(`says of each condition and of the clock what json-logic-js says (seed=${SEED})`, async () => {
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(relatedCase({ time: true }), async (drawn) => {
        const { type, types, graph, queries } = drawn;
        const reader = new GraphReader(graph);
        const room = { records: 1000, bytes: 1e6, evaluations: 1e6, operations: 1e9 };
        const nearby = new NearbyRecords(reader, types, room);
        for (const record of graph.records(type.name)) {
          const place = nearby.place(type, reader.standpoint(type.name, record));
          for (const query of queries) {
            const of = document(type.name, record, graph);
            const kind = await examine(drawn, { query, place, nearby, document: of });
            kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
          }
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // A search that never finds anything would pass all of the above.
    expect(kinds.get('at') ?? 0).toBeGreaterThan(RUNS / 100);
  });
});

/**
 * engine.test.ts – After any history, the engine's member sets are those of json-logic-js.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=1 runs fifty times as many under a new
 * seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { compileQuery, type QueryScope } from '../../src/query/dialects/compile.ts';
import { INDEXED_KINDS } from '../../src/query/predicate/atom.ts';
import type { Atom } from '../../src/query/predicate/predicate.ts';
import { members } from '../reference.ts';
import { changeOf, ModelRecords } from '../support/arbitrary-histories.ts';
import { anyObjectType, queryOf, SLUGS, scopeOf } from '../support/arbitrary-queries.ts';
import { MemoryPartition } from '../support/memory-partition.ts';
import { isWhole } from '../support/whole.ts';

const SOAK = process.env.ROLLCALL_SOAK === '1';
const SEED = Number(process.env.ROLLCALL_SEED ?? (SOAK ? Date.now() % 2 ** 31 : 1));
const RUNS = SOAK ? 100_000 : isWhole ? 2_000 : 500;

const WITH_TIME = { time: true };

/** One thing that happens: a batch of entries, or the edit of a segment beside live changes. */
type Event =
  | { readonly kind: 'batch'; readonly groups: readonly (readonly Change[])[] }
  | {
      readonly kind: 'edit';
      readonly segment: number;
      readonly query: unknown;
      readonly meanwhile: readonly Change[];
    };

interface Case {
  readonly scope: QueryScope;
  readonly queries: readonly unknown[];
  readonly events: readonly Event[];
}

const anyCase: fc.Arbitrary<Case> = anyObjectType.chain((type) => {
  const changes = fc.array(changeOf(type), { minLength: 1, maxLength: 4 });
  const batch = fc.record({
    kind: fc.constant('batch' as const),
    groups: fc.array(changes, { minLength: 1, maxLength: 3 }),
  });
  const edit = fc.record({
    kind: fc.constant('edit' as const),
    segment: fc.nat({ max: 5 }),
    query: queryOf(type, SLUGS, WITH_TIME),
    meanwhile: changes,
  });
  return fc.record({
    scope: scopeOf(type, WITH_TIME),
    queries: fc.array(queryOf(type, SLUGS, WITH_TIME), { minLength: 1, maxLength: 6 }),
    events: fc.array(fc.oneof({ arbitrary: batch, weight: 5 }, { arbitrary: edit, weight: 1 }), {
      minLength: 1,
      maxLength: 8,
    }),
  });
});

/** Runs a history, and compares after each event. @throws with what only one side has */
function run({ scope, queries, events }: Case, brokenIndex?: Atom['kind']): void {
  const partition = new MemoryPartition(scope.type, brokenIndex ? { brokenIndex } : {});
  const model = new ModelRecords();
  const segments = queries.map((query, at) => ({
    predicateId: at * 40 + 1,
    ...compileQuery(query, scope),
  }));
  let nextPredicateId = 1000;
  for (const { predicateId, predicate } of segments) partition.add(predicateId, predicate);
  const apply = (groups: readonly (readonly Change[])[]) => {
    for (const change of groups.flat()) model.apply(change);
    partition.apply(groups);
  };
  events.forEach((event, at) => {
    if (event.kind === 'batch') apply(event.groups);
    else {
      const index = event.segment % segments.length;
      const old = segments[index]!.predicateId;
      segments[index] = { predicateId: nextPredicateId++, ...compileQuery(event.query, scope) };
      partition.add(segments[index].predicateId, segments[index].predicate, () =>
        apply([event.meanwhile]),
      );
      partition.remove(old);
    }
    compare(partition, model, segments, at);
  });
}

function compare(
  partition: MemoryPartition,
  model: ModelRecords,
  segments: readonly { predicateId: number; jsonLogic: unknown }[],
  event: number,
): void {
  const records = model.live();
  for (const { predicateId, jsonLogic } of segments) {
    const reference = new Set(members(jsonLogic, records, partition.nowMs));
    const set = partition.sets.get(predicateId)!;
    const engineOnly = [...set].filter((id) => !reference.has(id));
    const referenceOnly = [...reference].filter((id) => !set.has(id));
    if (engineOnly.length + referenceOnly.length === 0) continue;
    throw new Error(
      `event=${event} segment=${predicateId} engine-only=[${engineOnly}] ` +
        `reference-only=[${referenceOnly}]`,
    );
  }
  for (const [id, { truth }] of partition.rows) {
    const held = segments
      .filter(({ predicateId }) => partition.sets.get(predicateId)!.has(id))
      .map(({ predicateId }) => predicateId);
    expect(
      [...truth].filter((predicateId) =>
        segments.some((segment) => segment.predicateId === predicateId),
      ),
    ).toEqual(held.sort((a, b) => a - b));
  }
}

describe('a random history', { timeout: SOAK ? 3_600_000 : 120_000 }, () => {
  it(`leaves the member sets of json-logic-js after every event (seed=${SEED})`, () => {
    fc.assert(
      fc.property(anyCase, (drawn) => run(drawn)),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it.each(INDEXED_KINDS)('is found out when the %s index reports nothing', (kind) => {
    const found = fc.check(
      fc.property(anyCase, (drawn) => run(drawn, kind)),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});

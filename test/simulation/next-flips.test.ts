/**
 * next-flips.test.ts – The moment at which an explanation says that the clock alone changes a
 * membership is the one at which it does: a deployment's clock is driven to the millisecond before
 * it and to it, over drawn types, relationships and filters.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; `npm test` runs a sixth of the seeds,
 * ROLLCALL_WHOLE=1 all of them, ROLLCALL_SOAK=<n> 10n times as many.
 */
import { describe, expect, it } from 'vitest';
import { compileFilter, truthOfParts } from '../../src/explain/compiled-filter.ts';
import { type NextFlip, searchFlips } from '../../src/explain/flip-search.ts';
import { NearbyRecords } from '../../src/explain/nearby-records.ts';
import type { Graph } from '../../src/query/json-logic/reference-document.ts';
import { readsClock } from '../../src/query/predicate/statement.ts';
import { scopeOver } from '../support/arbitrary-relationships.ts';
import { GraphReader } from '../support/graph-reader.ts';
import { chooser } from '../support/memory-deployment.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS } from './faults.ts';
import { randomSubject } from './random-subject.ts';
import { seeds } from './simulate.ts';

const STEPS = 150;
/** Moments to which the clock is driven. */
const MOMENTS_MAX = 4;

/** A record and a segment, and what is foretold of them. */
interface Pair {
  readonly name: string;
  readonly predicateId: number;
  readonly id: string;
  readonly isMember: boolean;
  readonly next: NextFlip;
}

const isHeld = ({ stores }: Cluster, predicateId: number, id: string) =>
  stores.some(({ content }) => content.members.get(predicateId)?.has(id));

/** Of all records and segments of a deployment that is at rest. */
async function foretold(cluster: Cluster): Promise<Pair[]> {
  const { objectTypes: types, segments } = cluster.catalog.catalog;
  const failed = cluster.failed();
  const graph: Graph = { types, records: (name) => cluster.model.live(name) };
  const reader = new GraphReader(graph);
  const pairs: Pair[] = [];
  for (const {
    slug,
    predicateId,
    object_type: objectType,
    json_logic: query,
  } of segments.values()) {
    if (predicateId === null || failed.has(predicateId)) continue;
    const type = types.get(objectType)!;
    const { tree, conditions } = compileFilter(query, scopeOver(types, type));
    for (const record of graph.records(objectType)) {
      const room = { records: 1000, bytes: 1e6, evaluations: 1e6, operations: 1e9 };
      const nearby = new NearbyRecords(reader, types, room);
      const place = nearby.place(type, reader.standpoint(objectType, record));
      for (const { predicate } of conditions) await nearby.look(predicate, [place]);
      const timed = conditions.filter(({ predicate }) => readsClock(predicate));
      const found = searchFlips(
        timed.map(({ predicate }) => ({
          predicate,
          place,
          truth: (nowMs) => nearby.truth(predicate, place, nowMs),
        })),
        (truths) =>
          truthOfParts(tree, (part) => {
            const at = timed.findIndex((each) => each.part === part);
            if (at >= 0) return truths[at]!;
            const { predicate } = conditions.find((each) => each.part === part)!;
            return nearby.truth(predicate, place, cluster.nowMs);
          }),
        nearby,
        cluster.nowMs,
      );
      const { id } = record;
      const isMember = isHeld(cluster, predicateId, id);
      const next = timed.length > 0 ? found.whole : ({ kind: 'never' } as const);
      pairs.push({ name: `segment=${slug} id=${id}`, predicateId, id, isMember, next });
    }
  }
  return pairs;
}

/** Undefined: that was not foretold. */
function memberAt({ isMember, next }: Pair, nowMs: number): boolean | undefined {
  if (next.kind === 'never') return isMember;
  if (next.kind === 'searched') return nowMs <= next.untilMs ? isMember : undefined;
  if (nowMs > next.atMs) return undefined;
  return nowMs === next.atMs ? !isMember : isMember;
}

/** @returns how many memberships the clock has changed */
async function driveAlong(seed: number): Promise<number> {
  // Every second subject looks at the clock.
  const cluster = new Cluster(chooser(seed), ALL_GUARDS, randomSubject(2 * seed));
  for (let step = 0; step < STEPS; step++) await cluster.step();
  await cluster.settle();
  const pairs = await foretold(cluster);
  const moments = new Set(pairs.flatMap(({ next }) => (next.kind === 'at' ? [next.atMs] : [])));
  let flips = 0;
  for (const atMs of [...moments].sort((a, b) => a - b).slice(0, MOMENTS_MAX)) {
    for (const nowMs of [Math.max(cluster.nowMs, atMs - 1), atMs]) {
      cluster.passTo(nowMs);
      await cluster.settle();
      for (const pair of pairs) {
        const expected = memberAt(pair, nowMs);
        if (expected === undefined) continue;
        const said = `seed=${seed} ${pair.name} at=${nowMs} ${JSON.stringify(pair.next)}`;
        expect(isHeld(cluster, pair.predicateId, pair.id), said).toBe(expected);
        if (expected !== pair.isMember) flips++;
      }
    }
  }
  return flips;
}

describe('the next flip of an explanation', { timeout: 3_600_000 }, () => {
  it('is when the clock of a deployment that is driven there changes the membership', async () => {
    const run = seeds(180);
    let flips = 0;
    for (const seed of run) flips += await driveAlong(seed);
    // Foretelling nothing would pass all of the above.
    expect(flips).toBeGreaterThan(run.length / 4);
  });
});

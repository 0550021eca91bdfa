/**
 * edge-sweep.test.ts – What the sweep of given-up relationships reads and removes, commit by
 * commit.
 */
import { describe, expect, it } from 'vitest';
import { CORE_LIMITS } from '../../../src/engine/core-limits.ts';
import { EdgeSweep, type SweepChunk } from '../../../src/engine/edge-sweep.ts';
import type { Edge } from '../../../src/engine/edges.ts';

const EDGE_ID = 1;

/** The one edge, with these exports of which the extremes are asked. */
function edgeWith(...ordered: number[]): ReadonlyMap<number, Edge> {
  const up = [
    { predicateId: EDGE_ID },
    ...ordered.map((predicateId) => ({
      predicateId,
      attribute: 'age',
      keeps: 'extremes' as const,
    })),
  ];
  return new Map([[EDGE_ID, { edgeId: EDGE_ID, up } as unknown as Edge]]);
}

/** As recovered, with these sets noted. */
function sweepOf(...noted: (readonly [predicateId: number, edgeId: number])[]): EdgeSweep {
  const sweep = new EdgeSweep(CORE_LIMITS);
  sweep.recover({ edgeSets: new Map(noted) });
  return sweep;
}

/** A commit over the edges, which took place. @returns what it writes, a line each */
function commit(
  sweep: EdgeSweep,
  edges: ReadonlyMap<number, Edge>,
  chunk?: SweepChunk,
  gone: readonly string[] = [],
): string[] {
  const neighbours = gone.map((target) => ({ edgeId: EDGE_ID, target, row: null }));
  const written = sweep.progress(edges, chunk, neighbours);
  sweep.apply(edges, chunk, written);
  return [
    ...written.edgeSets.map(([predicateId, edgeId]) => `note ${predicateId} of ${edgeId}`),
    ...written.forgottenHolders.map(({ edgeId, target }) => `holders of ${edgeId} ${target}`),
    ...written.forgottenValues.map(
      ({ predicateId, target }) => `values of ${predicateId} ${target}`,
    ),
    ...written.forgottenNeighbours.map(({ edgeId, targets }) => `rows of ${edgeId} ${targets}`),
    ...written.edgeSetsDone.map((predicateId) => `strike out ${predicateId}`),
  ];
}

describe('a sweep', () => {
  it('notes what has sets with the first commit that may write one, and only then', () => {
    const sweep = sweepOf();
    expect(commit(sweep, edgeWith(2))).toEqual(['note 1 of 1', 'note 2 of 1']);
    expect(commit(sweep, edgeWith(2))).toEqual([]);
    expect(commit(sweep, edgeWith(2, 3))).toEqual(['note 3 of 1']);
    expect(sweep.next(edgeWith(2, 3))).toBeUndefined();
  });

  it('of values goes through the rows of an edge that stays, and takes those along that go before it comes by', () => {
    const sweep = sweepOf([1, EDGE_ID], [2, EDGE_ID]);
    const edges = edgeWith();
    const request = sweep.next(edges)!;
    expect(request).toEqual({
      edgeId: EDGE_ID,
      predicateIds: [2],
      isWholeEdge: false,
      cursor: undefined,
    });
    const first = { ...request, targets: ['a'], cursor: '7', isLast: false };
    expect(commit(sweep, edges, first, ['z'])).toEqual(['values of 2 a', 'values of 2 z']);
    expect(sweep.next(edges)?.cursor).toBe('7');
    const last = { ...request, targets: ['b'], cursor: undefined, isLast: true };
    expect(commit(sweep, edges, last)).toEqual(['values of 2 b', 'strike out 2']);
    expect(sweep.next(edges)).toBeUndefined();
  });

  it('begins anew when more is given up meanwhile', () => {
    const sweep = sweepOf([1, EDGE_ID], [2, EDGE_ID], [3, EDGE_ID]);
    const request = sweep.next(edgeWith(3))!;
    commit(sweep, edgeWith(3), { ...request, targets: ['a'], cursor: '7', isLast: false });
    expect(sweep.next(edgeWith())).toMatchObject({ predicateIds: [2, 3], cursor: undefined });
  });

  it('of a whole edge lets a row go together with its sets', () => {
    const sweep = sweepOf([1, EDGE_ID], [2, EDGE_ID]);
    const request = sweep.next(new Map())!;
    expect(request).toMatchObject({ predicateIds: [1, 2], isWholeEdge: true });
    expect(commit(sweep, new Map(), { ...request, targets: ['a'], isLast: false })).toEqual([
      'holders of 1 a',
      'values of 1 a',
      'values of 2 a',
      'rows of 1 a',
    ]);
  });
});

/**
 * edge-sweep.test.ts – What the sweep of given-up relationships reads and removes, commit by
 * commit.
 */
import { describe, expect, it } from 'vitest';
import { EdgeSweep, type SweepChunk } from '../../../src/engine/edge-sweep.ts';
import type { Edge } from '../../../src/engine/edges.ts';
import { CommitCommands } from '../../../src/redis/commit-commands.ts';
import { PartitionKeys } from '../../../src/redis/keys.ts';

const EDGE_ID = 1;
const keys = new PartitionKeys('rc', 0);

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

/** A commit over the edges, which took place. @returns its commands as the script is given them */
function commit(
  sweep: EdgeSweep,
  edges: ReadonlyMap<number, Edge>,
  chunk?: SweepChunk,
  gone: readonly string[] = [],
): string[] {
  const commands = new CommitCommands(keys);
  const progress = sweep.progress(edges, chunk);
  const neighbours = gone.map((target) => ({ edgeId: EDGE_ID, target, row: null }));
  sweep.addTo(commands, progress, edges, neighbours, keys);
  sweep.committed(edges, progress);
  const written: string[] = [];
  const { arguments: all } = commands;
  for (let at = 0; at < all.length; at += 3 + Number(all[at + 2])) {
    const key = commands.keys[Number(all[at + 1]) - 1]!;
    written.push([all[at], key, ...all.slice(at + 3, at + 3 + Number(all[at + 2]))].join(' '));
  }
  return written;
}

describe('a sweep', () => {
  it('notes what has sets with the first commit that may write one, and only then', () => {
    const sweep = new EdgeSweep([]);
    expect(commit(sweep, edgeWith(2))).toEqual([`HSET ${keys.meta} sets:1 1 sets:2 1`]);
    expect(commit(sweep, edgeWith(2))).toEqual([]);
    expect(commit(sweep, edgeWith(2, 3))).toEqual([`HSET ${keys.meta} sets:3 1`]);
    expect(sweep.next(edgeWith(2, 3))).toBeUndefined();
  });

  it('of values goes through the rows of an edge that stays, and takes those along that go before it comes by', () => {
    const sweep = new EdgeSweep([
      [1, EDGE_ID],
      [2, EDGE_ID],
    ]);
    const edges = edgeWith();
    const request = sweep.next(edges)!;
    expect(request).toEqual({
      edgeId: EDGE_ID,
      predicateIds: [2],
      isWholeEdge: false,
      cursor: '0',
    });
    const first = { ...request, targets: ['a'], cursor: '7', isLast: false };
    expect(commit(sweep, edges, first, ['z'])).toEqual([
      `UNLINK ${keys.values(2, 'a')}`,
      `UNLINK ${keys.values(2, 'z')}`,
    ]);
    expect(sweep.next(edges)?.cursor).toBe('7');
    const last = { ...request, targets: ['b'], cursor: '0', isLast: true };
    expect(commit(sweep, edges, last)).toEqual([
      `UNLINK ${keys.values(2, 'b')}`,
      `HDEL ${keys.meta} sets:2`,
    ]);
    expect(sweep.next(edges)).toBeUndefined();
  });

  it('begins anew when more is given up meanwhile', () => {
    const sweep = new EdgeSweep([
      [1, EDGE_ID],
      [2, EDGE_ID],
      [3, EDGE_ID],
    ]);
    const request = sweep.next(edgeWith(3))!;
    commit(sweep, edgeWith(3), { ...request, targets: ['a'], cursor: '7', isLast: false });
    expect(sweep.next(edgeWith())).toMatchObject({ predicateIds: [2, 3], cursor: '0' });
  });

  it('of a whole edge lets a row go together with its sets', () => {
    const sweep = new EdgeSweep([
      [1, EDGE_ID],
      [2, EDGE_ID],
    ]);
    const request = sweep.next(new Map())!;
    expect(request).toMatchObject({ predicateIds: [1, 2], isWholeEdge: true });
    expect(commit(sweep, new Map(), { ...request, targets: ['a'], isLast: false })).toEqual([
      `UNLINK ${keys.holders(1, 'a')}`,
      `UNLINK ${keys.values(1, 'a')}`,
      `UNLINK ${keys.values(2, 'a')}`,
      `HDEL ${keys.neighbours(1)} a`,
    ]);
  });
});

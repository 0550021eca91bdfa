/**
 * step-neighbours.test.ts – What a step tells the targets of the records that it touches.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import type { Edge } from '../../../src/engine/edges.ts';
import type { Row, StepContext, TypeContext } from '../../../src/engine/step.ts';
import { ABSENT } from '../../../src/engine/step.ts';
import { StepNeighbours, WITHOUT_EDGES } from '../../../src/engine/step-neighbours.ts';
import { predicateIds } from '../../../src/query/network/predicate-ids.ts';

const EDGE_ID = 1;
const relationship = {
  to: 'organizations',
  key: 'organization_id',
  cardinality: 'one',
  inverse: 'contacts',
} as const;
const contacts = objectType('contacts', 1, {
  attributes: {},
  relationships: { organization: relationship },
});
const local = { counts: { [EDGE_ID]: 1 }, sums: {}, lows: {}, highs: {} };

/** The edge over which organizations read their contacts, if somebody asks for that. */
function edgeThat(isRead: boolean): Edge {
  const definition = {
    name: 'contacts.organization',
    holder: 'contacts',
    target: 'organizations',
    ...relationship,
  };
  const reads = isRead ? [{}] : [];
  return {
    edgeId: EDGE_ID,
    definition,
    up: [{ predicateId: EDGE_ID }],
    shares: new Set([EDGE_ID]),
    down: [],
    outReads: [],
    inReads: reads,
  } as unknown as Edge;
}

/** A contact of the organization o1. */
function holder(): Row {
  const data = { organization_id: 'o1' };
  return {
    record: { data, version: 1, createdAt: 0, updatedAt: 0, fits: 1 },
    truth: predicateIds([EDGE_ID]),
    due: undefined,
  };
}

/** What is said about o1 when one of its contacts goes and another one comes in the same step. */
function saidOfSuccession(isRead: boolean): unknown[] {
  const edge = edgeThat(isRead);
  const known = { type: contacts, out: [edge], in: [] } as unknown as TypeContext;
  const context = {
    ...WITHOUT_EDGES,
    types: new Map([['contacts', known]]),
    edges: new Map([[EDGE_ID, edge]]),
    neighbour: () => ({ local }),
  } as unknown as StepContext;
  const neighbours = new StepNeighbours(context);
  neighbours.settle(known, 'c1', holder(), ABSENT);
  neighbours.settle(known, 'c2', ABSENT, holder());
  return [...neighbours.finish(() => ABSENT, []).messages.values()].flat();
}

describe('a target, of which one holder goes and another one comes in the same step,', () => {
  // A scan that announces what its holders add up to visits neither of them: the one is gone, the
  // other has come behind it.
  it('is told what its holders add up to, if it reads that', () => {
    expect(saidOfSuccession(true)).toEqual([
      { kind: 'holder-aggregate', edge: EDGE_ID, target: 'o1', aggregate: local },
    ]);
  });

  it('is told nothing, if it does not', () => {
    expect(saidOfSuccession(false)).toEqual([]);
  });
});

/**
 * step-rows.test.ts – Which rows a step may look at: those that its batch leads to, and no others.
 */
import { describe, expect, it } from 'vitest';
import { type Batch, LOG_START } from '../../../src/engine/batch.ts';
import type { Edge } from '../../../src/engine/edges.ts';
import type { Message } from '../../../src/engine/message.ts';
import type { Networks } from '../../../src/engine/networks.ts';
import type { Request } from '../../../src/engine/requests.ts';
import { RowCache } from '../../../src/engine/row-cache.ts';
import { ABSENT } from '../../../src/engine/step.ts';
import { loadStepRows, recordOfMessage, type StepRows } from '../../../src/engine/step-rows.ts';
import { NOT_RELATED, UNKNOWN_NEIGHBOUR } from '../../../src/membership/neighbour-row.ts';

const EDGE_ID = 7;
const definition = {
  name: 'contacts.organization',
  holder: 'contacts',
  target: 'organizations',
  key: 'organization_id',
  cardinality: 'one',
};
const edge = {
  edgeId: EDGE_ID,
  definition,
  up: [{ predicateId: EDGE_ID }],
  valuesUp: new Set(),
} as unknown as Edge;
const edges = new Map([[EDGE_ID, edge]]);
const types = new Map([
  ['contacts', { out: [edge], in: [] }],
  ['organizations', { out: [], in: [edge] }],
]);
const networks = { edges, types } as unknown as Networks;
const withoutEdges = { edges: new Map(), types: new Map() } as unknown as Networks;

/** The rows of a batch over a store that holds nothing. */
function loaded(batch: Partial<Batch>, over = networks): StepRows {
  const whole = { entries: [], position: LOG_START, backfills: [], expired: [], ...batch };
  const loading = loadStepRows(new RowCache(10), over, 'UTC', whole);
  let next = loading.next();
  while (!next.done) next = loading.next(nothingFor(next.value));
  return next.value as StepRows;
}

function nothingFor(request: Request): unknown {
  switch (request.kind) {
    case 'records':
      return { kind: 'rows', rows: request.asked.flatMap(({ ids }) => ids.map(() => undefined)) };
    case 'edge-rows': {
      const none = ({ targets }: { readonly targets: readonly string[] }) =>
        targets.map(() => undefined);
      const { neighbours, related } = request;
      return {
        neighbours: neighbours.map(none),
        related: related.map(none),
        extremes: [],
        valueCounts: [],
        valueSources: [],
        valueTotals: [],
      };
    }
    default:
      throw new Error(`${request.kind} is asked for`);
  }
}

const put = (id: string, organization: string): Partial<Batch> => ({
  entries: [
    {
      id: '1-0',
      checkedAt: 1,
      payload: '',
      changes: [
        { op: 'put', object_type: 'contacts', id, data: { organization_id: organization } },
      ],
    },
  ],
});

const message = (kind: Message): Partial<Batch> => ({
  inbox: [{ id: '1-0', from: 1, catalogVersion: 1, messages: [kind], payload: '' }],
});

describe('rows of a step', () => {
  it('are absent if the store has none', () => {
    const { row, neighbour } = loaded(put('c1', 'o1'));
    expect(row('contacts', 'c1')).toBe(ABSENT);
    expect(neighbour(EDGE_ID, 'o1')).toBe(UNKNOWN_NEIGHBOUR);
  });

  it('that were not loaded are a bug, not "there is none"', () => {
    const rows = loaded(put('c1', 'o1'));
    expect(() => rows.row('contacts', 'c2')).toThrow('was not loaded');
    expect(() => rows.neighbour(EDGE_ID, 'o2')).toThrow('was not loaded');
    expect(() => rows.related(EDGE_ID, 'o1')).toThrow('was not loaded');
    expect(() => rows.extremes(EDGE_ID, 'o1')).toThrow('was not loaded');
  });

  it('without relationships have no ends of edges at all', () => {
    const rows = loaded(put('c1', 'o1'), withoutEdges);
    expect(rows.row('contacts', 'c1')).toBe(ABSENT);
    expect(() => rows.neighbour(EDGE_ID, 'o1')).toThrow('was not loaded');
  });

  it('of a record whose timer is given up are loaded too', () => {
    const timer = { objectType: 'contacts', id: 'c1' };
    const { row } = loaded({ aside: { detail: '', letter: '', timer } });
    expect(row('contacts', 'c1')).toBe(ABSENT);
  });
});

describe('a message', () => {
  const edge7 = { edge: EDGE_ID, target: 'o1' };

  it('of holders leads to the target and to what it knows of them', () => {
    const heard: Message = { kind: 'holder-aggregate', ...edge7, aggregate: null };
    expect(recordOfMessage(heard, edges)).toEqual({ objectType: 'organizations', id: 'o1' });
    expect(recordOfMessage(heard, new Map())).toBeUndefined();
    const rows = loaded(message(heard));
    expect(rows.row('organizations', 'o1')).toBe(ABSENT);
    expect(rows.related(EDGE_ID, 'o1')).toBe(NOT_RELATED);
  });

  it('of a target leads to what its holders know of it, and to no record', () => {
    const shown: Message = { kind: 'target-state', ...edge7, shared: null };
    expect(recordOfMessage(shown, edges)).toBeUndefined();
    expect(loaded(message(shown)).neighbour(EDGE_ID, 'o1')).toBe(UNKNOWN_NEIGHBOUR);
  });

  it.each(['snapshot-begin', 'snapshot-end'] as const)('%s leads to nothing', (kind) => {
    expect(recordOfMessage({ kind }, edges)).toBeUndefined();
  });
});

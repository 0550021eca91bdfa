/**
 * step-due.test.ts – Records that are due, in a batch: what a step makes of them, and how many it
 * comes to.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import type { RecordRow } from '../../../src/change/record.ts';
import { type Batch, LOG_START } from '../../../src/engine/batch.ts';
import { ABSENT, EFFECTS_MAX, type Row, type Step, step } from '../../../src/engine/step.ts';
import { WITHOUT_EDGES } from '../../../src/engine/step-neighbours.ts';
import { compileQuery } from '../../../src/query/dialects/compile.ts';
import { PredicateNetwork } from '../../../src/query/network/network.ts';
import { predicateIds } from '../../../src/query/network/predicate-ids.ts';

const TYPE = objectType('things', 1, {
  attributes: { at: { type: 'datetime' }, size: { type: 'number' } },
  relationships: {},
});
const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const WINDOW_MS = 10_000;

const recent = {
  field: 'at',
  operator: 'inLast',
  value: { amount: WINDOW_MS / 1000, unit: 'second' },
};

/** As many segments that all are left at the same moment. */
function networkOf(segments: number): PredicateNetwork {
  const network = new PredicateNetwork();
  const scope = {
    type: TYPE,
    types: new Map([['things', TYPE]]),
    timeZone: 'UTC',
    segment: () => undefined,
  };
  for (let i = 0; i < segments; i++) {
    const larger = { field: 'size', operator: '>=', value: i };
    network.add(i, compileQuery({ combinator: 'and', rules: [recent, larger] }, scope).predicate);
  }
  return network;
}

/** Things whose windows have just ended, with the truth of the moment before. */
function rowsOf(network: PredicateNetwork, count: number): Map<string, Row> {
  const data = { at: new Date(NOW_MS - WINDOW_MS).toISOString(), size: 1e6 };
  const record: RecordRow = { data, version: 1, createdAt: 0, updatedAt: 0, fits: TYPE.revision };
  const row: Row = {
    record,
    truth: predicateIds(network.create(data, NOW_MS - 1)),
    due: network.nextFlip(data, NOW_MS - 1),
  };
  return new Map(Array.from({ length: count }, (_, i) => [`t${i}`, row]));
}

const ALL = predicateIds(Array.from({ length: 1000 }, (_, at) => at));

function stepOver(
  network: PredicateNetwork,
  rows: ReadonlyMap<string, Row>,
  batch: Partial<Batch>,
): Step {
  const context = {
    ...WITHOUT_EDGES,
    types: new Map([['things', { type: TYPE, network, predicateIds: ALL, out: [], in: [] }]]),
    timeZone: 'UTC',
    nowMs: NOW_MS,
    row: (_: string, id: string) => rows.get(id) ?? ABSENT,
  };
  return step({ entries: [], position: LOG_START, backfills: [], expired: [], ...batch }, context);
}

const keysOf = (rows: ReadonlyMap<string, Row>) =>
  [...rows.keys()].map((id) => ({ objectType: 'things', id }));

describe('a step over records that are due', () => {
  it('comes to all of them while they flip little, and has nothing due any more', () => {
    const network = networkOf(3);
    const rows = rowsOf(network, 100);
    const made = stepOver(network, rows, { due: keysOf(rows) });
    expect(made.fired).toBe(100);
    expect(made.effects).toBe(300);
    expect(made.records.map(({ after }) => after.due)).toEqual(
      Array.from({ length: 100 }, () => undefined),
    );
  });

  it('stops at the record that passes the most a commit may flip, and leaves the others as they were', () => {
    const network = networkOf(500);
    const rows = rowsOf(network, 100);
    const made = stepOver(network, rows, { due: keysOf(rows) });
    expect(made.effects).toBe(8500);
    expect(made.effects).toBeLessThanOrEqual(EFFECTS_MAX + 500);
    expect(made.fired).toBe(17);
    expect(made.records).toHaveLength(17);
  });

  it('comes to at least one of them, however much a change and one record flip', () => {
    const network = networkOf(EFFECTS_MAX + 1);
    const rows = rowsOf(network, 3);
    const change = { op: 'delete' as const, object_type: 'things', id: 't2' };
    const entry = { id: '1-0', checkedAt: 1, changes: [change], payload: '' };
    const made = stepOver(network, rows, { entries: [entry], due: keysOf(rows) });
    expect(made.fired).toBe(1);
    expect(made.records.map(({ id }) => id).sort()).toEqual(['t0', 't2']);
  });

  it('fires a record once though it is changed too, before the change is applied', () => {
    const network = networkOf(1);
    const rows = rowsOf(network, 2);
    const again = {
      op: 'patch' as const,
      object_type: 'things',
      id: 't0',
      data: { at: new Date(NOW_MS).toISOString() },
    };
    const entry = { id: '1-0', checkedAt: 1, changes: [again], payload: '' };
    const made = stepOver(network, rows, { entries: [entry], due: keysOf(rows) });
    const [changed, left] = made.records;
    expect(changed).toMatchObject({ id: 't0', flips: [], after: { due: NOW_MS + WINDOW_MS } });
    expect(left).toMatchObject({ id: 't1', flips: [0] });
  });

  it('names those that are taken for due and never are, also such that do not exist', () => {
    const made = stepOver(networkOf(1), new Map(), { due: [{ objectType: 'things', id: 'gone' }] });
    expect(made.timers).toEqual([{ objectType: 'things', id: 'gone', due: undefined }]);
    expect(made.records).toEqual([]);
  });
});

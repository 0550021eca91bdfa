/**
 * step-failures.test.ts – A record that is too much for a program, in a batch: the predicates that
 * share it fail, once, and everything else of the batch is carried out; a batch of much work ends
 * early.
 */
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/change/change.ts';
import { objectType } from '../../../src/change/object-type.ts';
import { type Batch, LOG_START } from '../../../src/engine/batch.ts';
import { ABSENT, type Row, type Step, step } from '../../../src/engine/step.ts';
import { WITHOUT_EDGES } from '../../../src/engine/step-neighbours.ts';
import { PredicateNetwork } from '../../../src/query/network/network.ts';
import { predicateIds } from '../../../src/query/network/predicate-ids.ts';
import type { Predicate } from '../../../src/query/predicate/predicate.ts';

const TYPE = objectType('things', 1, {
  attributes: { t: { type: 'list', of: 'number' }, a: { type: 'number' } },
  relationships: {},
});
const ONES = Array(100).fill(1);
const COSTLY: Predicate = {
  kind: 'program',
  rule: { some: [{ var: 't' }, { some: [ONES, { some: [ONES, { '==': [{ var: '' }, 2] }] }] }] },
  attributes: ['t'],
};
const OLD: Predicate = { kind: 'equals', view: { attribute: 'a', folded: false }, values: [1] };

function networkOf(...predicates: Predicate[]): PredicateNetwork {
  const network = new PredicateNetwork();
  for (const [predicateId, predicate] of predicates.entries()) network.add(predicateId, predicate);
  return network;
}

const ALL = predicateIds(Array.from({ length: 1000 }, (_, at) => at));

function stepOver(
  network: PredicateNetwork,
  batch: Partial<Batch>,
  rows = new Map<string, Row>(),
  failed = new Set<number>(),
): Step {
  const context = {
    ...WITHOUT_EDGES,
    types: new Map([['things', { type: TYPE, network, predicateIds: ALL, out: [], in: [] }]]),
    timeZone: 'UTC',
    nowMs: 0,
    row: (_: string, id: string) => rows.get(id) ?? ABSENT,
    failed,
  };
  return step({ entries: [], position: LOG_START, backfills: [], expired: [], ...batch }, context);
}

function entriesOf(...changes: [id: string, data: Record<string, unknown>][]): Batch['entries'] {
  return changes.map(([id, data], at) => {
    const change: Change = { op: 'put', object_type: 'things', id, data };
    return { id: `${at + 1}-0`, checkedAt: 1, changes: [change], payload: '' };
  });
}

const pit = { t: Array(100).fill(0), a: 1 };

describe('a step over a record that is too much', () => {
  it('fails what shares the program, names the record, and applies every change', () => {
    const network = networkOf(COSTLY, OLD, { kind: 'and', children: [OLD, COSTLY] });
    const made = stepOver(network, {
      entries: entriesOf(['x', { a: 1 }], ['pit', pit], ['y', { a: 1 }]),
    });
    const failure = {
      object_type: 'things',
      id: 'pit',
      passed: expect.stringMatching(/^[\d,]+ operations$/) as string,
    };
    expect([...made.failures].sort()).toEqual([
      [0, failure],
      [2, failure],
    ]);
    expect(made.applied).toBe(3);
    expect(made.dead).toEqual([]);
    expect(made.records.map(({ id, after }) => [id, [...after.truth]])).toEqual([
      ['x', [1]],
      ['pit', [1]],
      ['y', [1]],
    ]);
  });

  it('says nothing again of what has failed before', () => {
    const network = networkOf(COSTLY, OLD);
    const made = stepOver(network, { entries: entriesOf(['pit', pit]) }, undefined, new Set([0]));
    expect(made.failures.size).toBe(0);
    expect([...made.records[0]!.after.truth]).toEqual([1]);
  });

  it('finds it by a backfill too, also where another part decides', () => {
    const first = stepOver(networkOf(), {
      entries: entriesOf(['pit', { ...pit, a: 2 }], ['y', { a: 1 }]),
    });
    const rows = new Map(first.records.map(({ id, after }) => [id, after]));
    const network = networkOf({ kind: 'and', children: [OLD, COSTLY] }, OLD);
    const backfills = [{ objectType: 'things', predicateIds: [0, 1], ids: ['pit', 'y'] }];
    const made = stepOver(network, { backfills }, rows);
    expect([...made.failures.keys()]).toEqual([0]);
    expect(made.backfilled).toBe(2);
    expect(made.records.map(({ id, after }) => [id, [...after.truth]])).toEqual([['y', [1]]]);
  });

  it('fails what can not be told of nothing without a record', () => {
    const loop = (body: unknown) => ({ all: [ONES, body] });
    const rule = loop(loop(loop({ '!': { var: 'a' } })));
    const made = stepOver(networkOf({ kind: 'program', rule, attributes: ['a'] }), {});
    expect(made.failures.get(0)).toMatchObject({ object_type: 'things', id: null });
  });
});

describe('a batch whose programs take much', () => {
  const heavy = { t: Array(8).fill(0), a: 1 }; // within the budget, and near to it
  const many = Array.from({ length: 60 }, (_, at): [string, Record<string, unknown>] => [
    `h${at}`,
    structuredClone(heavy),
  ]);

  it('ends early, after a change, and goes on where it ended', () => {
    const network = networkOf(COSTLY);
    const entries = entriesOf(...many);
    const made = stepOver(network, { entries });
    expect(made.applied).toBeGreaterThan(0);
    expect(made.applied).toBeLessThan(60);
    expect(made.position).toEqual({ entry: `${made.applied}-0`, offset: 0 });
  });

  it('ends a backfill early, and says how far it came', () => {
    const first = stepOver(networkOf(), { entries: entriesOf(...many) });
    const rows = new Map(first.records.map(({ id, after }) => [id, after]));
    const backfills = [{ objectType: 'things', predicateIds: [0], ids: [...rows.keys()] }];
    const made = stepOver(networkOf(COSTLY), { backfills }, rows);
    expect(made.backfilled).toBeGreaterThan(0);
    expect(made.backfilled).toBeLessThan(60);
  });

  it('always comes to one record', () => {
    const network = networkOf(
      ...Array.from(
        { length: 30 },
        (_, at): Predicate => ({ ...COSTLY, rule: { and: [COSTLY.rule, at] } }) as Predicate,
      ),
    );
    expect(stepOver(network, { entries: entriesOf(['h', heavy]) }).applied).toBe(1);
  });
});

/** Cheap over any one list; a query holds hundreds of these. */
function looksFor(value: number): Predicate {
  return {
    kind: 'program',
    rule: { some: [{ var: 't' }, { '==': [{ var: '' }, value] }] },
    attributes: ['t'],
  };
}

describe('many short loops of one predicate over one long list', () => {
  const many: Predicate = {
    kind: 'or',
    children: Array.from({ length: 300 }, (_, n) => looksFor(n + 1)),
  };
  const long = { t: Array(200_000).fill(0), a: 1 };

  it('fail it together, where each alone is within its budget, and nothing that shares one of them', () => {
    const network = networkOf(many, looksFor(7), OLD);
    const made = stepOver(network, { entries: entriesOf(['x', long]) });
    expect([...made.failures.keys()]).toEqual([0]);
    expect(made.failures.get(0)).toMatchObject({ id: 'x', passed: '20,000,000 operations' });
    expect(made.records.map(({ id, after }) => [id, [...after.truth]])).toEqual([['x', [2]]]);
    const next = stepOver(
      network,
      { entries: entriesOf(['y', { t: [7] }]) },
      undefined,
      new Set([0]),
    );
    expect(next.records.map(({ id, after }) => [id, [...after.truth]])).toEqual([['y', [1]]]);
  });

  it('fail it in a backfill as they do at a change', () => {
    const network = networkOf(many, looksFor(7), OLD);
    expect(() => network.holds(0, long, 0)).toThrow(
      'predicate ids 0 took more than 20,000,000 operations',
    );
    expect(network.holds(1, long, 0)).toBe(false);
  });
});

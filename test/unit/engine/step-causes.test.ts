/**
 * step-causes.test.ts – Why memberships flip, as a step says it of each.
 */
import { describe, expect, it } from 'vitest';
import { CAUSE_NAMES, CAUSES } from '../../../src/change/cause.ts';
import type { Change } from '../../../src/change/change.ts';
import { objectType } from '../../../src/change/object-type.ts';
import { LOG_START } from '../../../src/engine/batch.ts';
import { ABSENT, type Row, step, type TouchedRecord } from '../../../src/engine/step.ts';
import { WITHOUT_EDGES } from '../../../src/engine/step-neighbours.ts';
import { compileQuery } from '../../../src/query/dialects/compile.ts';
import {
  entered,
  flippedPredicateId,
  PredicateNetwork,
} from '../../../src/query/network/network.ts';
import { predicateIds } from '../../../src/query/network/predicate-ids.ts';

const TYPE = objectType('things', 1, {
  attributes: { at: { type: 'datetime' }, size: { type: 'number' } },
  relationships: {},
});
const NOW_MS = Date.parse('2026-03-01T12:00:00Z');
const [RECENT, LARGE] = [1, 2];
const network = new PredicateNetwork();
const scope = {
  type: TYPE,
  types: new Map([['things', TYPE]]),
  timeZone: 'UTC',
  segment: () => undefined,
};
const add = (predicateId: number, rule: object) =>
  network.add(predicateId, compileQuery({ combinator: 'and', rules: [rule] }, scope).predicate);
add(RECENT, { field: 'at', operator: 'inLast', value: { amount: 1, unit: 'hour' } });
add(LARGE, { field: 'size', operator: '>', value: 5 });

type Given = Omit<Change, 'object_type' | 'id'>;

/** What a batch of changes makes of one record, at a moment. */
function touchedBy(nowMs: number, before: Row, ...given: readonly Given[]): TouchedRecord {
  const changes = given.map((change) => ({ ...change, object_type: 'things', id: 'a' }));
  const all = { network, predicateIds: predicateIds([RECENT, LARGE]), out: [], in: [] };
  const made = step(
    {
      entries: [{ id: '1-0', checkedAt: 1, changes, payload: '' }],
      position: LOG_START,
      backfills: [],
      expired: [],
      due: [{ objectType: 'things', id: 'a' }],
    },
    {
      ...WITHOUT_EDGES,
      types: new Map([['things', { type: TYPE, ...all }]]),
      timeZone: 'UTC',
      nowMs,
      row: () => before,
    },
  );
  return made.records[0]!;
}

/** `left 2: archived`, … */
function said({ liveFlips, cause, causes }: TouchedRecord): string[] {
  return liveFlips.map((flip, at) => {
    const why = CAUSE_NAMES[causes ? causes[at]! : cause];
    return `${entered(flip) ? 'entered' : 'left'} ${flippedPredicateId(flip)}: ${why}`;
  });
}

const put = (data: object): Given => ({ op: 'put', data: { ...data } });
const at = new Date(NOW_MS).toISOString();
const created = touchedBy(NOW_MS, ABSENT, put({ size: 9, at }));
const archived = touchedBy(NOW_MS, created.after, { op: 'archive' });

describe('a membership flips because a record', () => {
  it('is created, changed, archived, restored or deleted', () => {
    expect(said(created)).toEqual(['entered 1: created', 'entered 2: created']);
    const changed = touchedBy(NOW_MS, created.after, { op: 'patch', data: { size: 1 } });
    expect(said(changed)).toEqual(['left 2: record_changed']);
    expect(said(archived)).toEqual(['left 1: archived', 'left 2: archived']);
    const restored = touchedBy(NOW_MS, archived.after, { op: 'restore' });
    expect(said(restored)).toEqual(['entered 1: restored', 'entered 2: restored']);
    const deleted = touchedBy(NOW_MS, created.after, { op: 'delete' });
    expect(said(deleted)).toEqual(['left 1: deleted', 'left 2: deleted']);
  });

  it('is created again after its deletion, also where a tombstone is left', () => {
    const tombstone = touchedBy(NOW_MS, created.after, { op: 'delete', source_version: 3 });
    expect(tombstone.after.record?.deletedAt).toBe(NOW_MS);
    const anew = touchedBy(NOW_MS, tombstone.after, put({ size: 9 }));
    expect(said(anew)).toEqual(['entered 2: created']);
  });

  it('grows older: the change in the same batch is the cause of what it flips itself', () => {
    const later = touchedBy(NOW_MS + 3_600_001, created.after, {
      op: 'patch',
      data: { size: 1 },
    });
    expect(said(later)).toEqual(['left 1: time', 'left 2: record_changed']);
  });
});

describe('of several causes in a batch', () => {
  it('that of the last flip counts', () => {
    const thrice = [put({ size: 9 }), { op: 'archive' }, { op: 'restore' }] as const;
    expect(said(touchedBy(NOW_MS, ABSENT, ...thrice))).toEqual(['entered 2: restored']);
    expect(CAUSES.restored).toBe(8);
  });

  it('none counts if the record is where it was', () => {
    const back = touchedBy(NOW_MS, created.after, { op: 'archive' }, { op: 'restore' });
    expect(said(back)).toEqual([]);
  });
});

/**
 * record-view.test.ts – What a network reads of a record is its own values and those of its
 * neighbours, and nothing is looked up that is not read.
 */
import { describe, expect, it } from 'vitest';
import type { Edge } from '../../../src/engine/edges.ts';
import { recordView } from '../../../src/engine/record-view.ts';
import type { TypeContext } from '../../../src/engine/step.ts';
import { NO_AGGREGATE } from '../../../src/membership/neighbour-row.ts';

const [VIP, RICH] = ['@contacts.organization>truth:3', '@contacts.organization>truth:4'];

const read = (name: string, predicateId: number) => ({
  name,
  edge: 'contacts.organization',
  direction: 'out',
  measure: { kind: 'truth' },
  predicateId,
  absentTruth: false,
  keeps: undefined,
});
const edge = {
  edgeId: 1,
  definition: { key: 'organization_id', cardinality: 'one' },
  outReads: [read(VIP, 3), read(RICH, 4)],
} as unknown as Edge;
const contacts = { out: [edge], in: [] } as unknown as TypeContext;

function viewed(data: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const view = recordView(contacts, 'a', data, data, {
    neighbourRow: (_, target) => {
      asked.push(target);
      return { shared: { truth: [3], values: {} }, local: NO_AGGREGATE };
    },
    relatedRow: () => ({}),
    differentValues: () => 0,
  });
  return { view, asked };
}

describe('the view of a record', () => {
  it('has its own values and what its neighbours show', () => {
    const { view } = viewed({ name: 'Ann', organization_id: 'x' });
    expect([view.name, view[VIP], view[RICH]]).toEqual(['Ann', true, false]);
    expect(view.missing).toBeUndefined();
  });

  it('looks a neighbour up when it is first read, and once', () => {
    const { view, asked } = viewed({ organization_id: 'x' });
    expect(asked).toEqual([]);
    expect([view[VIP], view[RICH], view[VIP]]).toEqual([true, false, true]);
    expect(asked).toEqual(['x']);
  });

  it('is the own document for a program that walks through it', () => {
    const data = { name: 'Ann', constructor: 'Ltd', organization_id: 'x' };
    const { view } = viewed(data);
    expect(Object.entries(view)).toEqual(Object.entries(data));
    expect(Object.hasOwn(view, 'constructor')).toBe(true);
    expect(JSON.parse(JSON.stringify(view))).toEqual(data);
  });
});

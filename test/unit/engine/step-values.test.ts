/**
 * step-values.test.ts – Different values in one step: what is counted, said and written.
 */
import { describe, expect, it } from 'vitest';
import { StepValues, type ValueRows } from '../../../src/engine/step-values.ts';

const EDGE = 3;
const at = (value: string, target = 't') => ({ predicateId: 7, target, value });
const rows = (given: Partial<ValueRows> = {}): ValueRows => ({
  valueCount: () => 0,
  valueSources: () => [],
  valueTotal: () => 0,
  ...given,
});
const message = { kind: 'holder-values', edge: EDGE, target: 't', predicateId: 7 };

describe('with the holders', () => {
  it('the first holder of a value and the last one are told, and no other', () => {
    const before: Record<string, number> = { first: 0, more: 4, last: 1 };
    const values = new StepValues(rows({ valueCount: ({ value }) => before[value]! }));
    values.count(EDGE, at('first'), 1);
    values.count(EDGE, at('more'), 1);
    values.count(EDGE, at('last'), -1);
    expect(values.messages()).toEqual([{ ...message, held: ['first'], gone: ['last'] }]);
    expect(values.effects().valueCounts).toEqual([
      { ...at('first'), count: 1 },
      { ...at('more'), count: 5 },
      { ...at('last'), count: 0 },
    ]);
  });

  it('a holder that comes and goes within a step changes nothing', () => {
    const values = new StepValues(rows());
    values.count(EDGE, at('a'), 1);
    values.count(EDGE, at('a'), -1);
    expect(values.messages()).toEqual([]);
    expect(values.effects()).toEqual({ valueCounts: [], valueSources: [], valueTotals: [] });
  });

  it('what is said once more is what is so after the step', () => {
    const before: Record<string, number> = { held: 2, leaving: 1, gone: 0 };
    const values = new StepValues(rows({ valueCount: ({ value }) => before[value]! }));
    for (const value of Object.keys(before)) values.resend(EDGE, at(value));
    values.count(EDGE, at('leaving'), -1);
    expect(values.messages()).toEqual([{ ...message, held: ['held'], gone: ['leaving', 'gone'] }]);
  });

  it('targets are told in messages of their own', () => {
    const values = new StepValues(rows());
    values.count(EDGE, at('a'), 1);
    values.count(EDGE, at('a', 'other'), 1);
    const told = values.messages().map(({ target, held }) => [target, held]);
    expect(told).toEqual([
      ['t', ['a']],
      ['other', ['a']],
    ]);
  });
});

describe('at the target', () => {
  it('a value is counted once, however many partitions have holders of it', () => {
    const values = new StepValues(rows());
    values.hear(at('a'), 2, true);
    values.hear(at('a'), 1, true);
    values.hear(at('b'), 1, true);
    expect(values.total(7, 't')).toBe(2);
    expect(values.effects().valueSources).toEqual([
      { ...at('a'), sources: [1, 2] },
      { ...at('b'), sources: [1] },
    ]);
    expect(values.effects().valueTotals).toEqual([{ predicateId: 7, target: 't', total: 2 }]);
  });

  it('a value is gone when no partition has it any more', () => {
    const values = new StepValues(rows({ valueSources: () => [0, 5], valueTotal: () => 1 }));
    values.hear(at('a'), 0, false);
    expect(values.total(7, 't')).toBe(1);
    values.hear(at('a'), 5, false);
    expect(values.total(7, 't')).toBe(0);
  });

  it('a repeated message changes nothing', () => {
    const values = new StepValues(rows({ valueSources: () => [5], valueTotal: () => 1 }));
    values.hear(at('a'), 5, true);
    values.hear(at('b'), 4, false);
    expect(values.effects()).toEqual({ valueCounts: [], valueSources: [], valueTotals: [] });
  });
});

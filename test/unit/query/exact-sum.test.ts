/** exact-sum.test.ts – Numbers as they are printed, added without loss; the operations over lists, here and in the reference. */
import jsonLogic, { type RulesLogic } from 'json-logic-js';
import { describe, expect, it } from 'vitest';
import { average, fromMicros, scaled, sumOf, toMicros } from '../../../src/query/exact-sum.ts';
import { compileProgram } from '../../../src/query/json-logic-program.ts';
import '../../../src/query/reference.ts';

describe('a number in millionths', () => {
  it.each<[number, bigint]>([
    [0, 0n],
    [-0, 0n],
    [1, 1_000_000n],
    [-2.5, -2_500_000n],
    [0.1, 100_000n],
    [1.005, 1_005_000n],
    [0.0000005, 1n],
    [-0.0000005, -1n],
    [0.00000049, 0n],
    [1.0000005, 1_000_001n],
    [1e-300, 0n],
    [9_000_000_001, 9_000_000_001_000_000n],
    [9007199254740991, 9_007_199_254_740_991_000_000n],
    [1e21, 10n ** 27n],
    [1.5e300, 15n * 10n ** 305n],
  ])('%d', (value, micros) => {
    expect(toMicros(value)).toBe(micros);
  });

  it('becomes the nearest double again', () => {
    for (const value of [0.1, -0.3, 123.456789, 1e21, 450359962737.25, -9007199254740991, 1.5e300]) {
      expect(fromMicros(toMicros(value))).toBe(value);
    }
    expect(Object.is(fromMicros(0n), 0)).toBe(true);
    expect(fromMicros(-1n)).toBe(-0.000001);
  });
});

it('a sum depends on no order, and an average is one division', () => {
  expect(fromMicros(sumOf([0.1, 0.2, 0.3]))).toBe(0.6);
  expect(fromMicros(sumOf([0.3, 0.2, 0.1]))).toBe(0.6);
  expect(sumOf([1e21, 0.000001]) - toMicros(1e21)).toBe(1n);
  expect(average(sumOf([0.1, 0.2, 0.3]), 3)).toBe(0.6 / 3);
  expect(scaled(toMicros(0.1), 3)).toBe(toMicros(0.3));
});

describe('the operations over a list', () => {
  const run = (rule: unknown) => {
    const [ours, theirs] = [compileProgram(rule)({}), jsonLogic.apply(rule as RulesLogic, {})];
    expect(ours).toBe(theirs);
    return ours;
  };

  it('pass over what is no number', () => {
    const list = [[0.1, null, 'x', 0.2, true, [7], 0.3]];
    expect([run({ sum: list }), run({ avg: list }), run({ minimum: list }), run({ maximum: list })]).toEqual([
      0.6,
      0.6 / 3,
      0.1,
      0.3,
    ]);
  });

  it('are missing over nothing, but for the sum', () => {
    for (const nothing of [[[]], [[null]], [null], ['ab'], []]) {
      const each = ['sum', 'avg', 'minimum', 'maximum'].map((name) => run({ [name]: nothing }));
      expect(each).toEqual([0, undefined, undefined, undefined]);
    }
  });

  it('round alike', () => {
    for (const value of [0.0000005, -0.0000015, 1.0000005, 1e21, 1e-300, 123456.7890125, 2 ** 53, 5e-324, -1.5e300]) {
      run({ sum: [[value]] });
      run({ avg: [[value, 1, 0.1]] });
    }
  });
});

/**
 * exact-sum.test.ts – Numbers as they are printed, added without loss; the operations over lists,
 * here and in the reference.
 */
import fc from 'fast-check';
import jsonLogic, { type RulesLogic } from 'json-logic-js';
import { describe, expect, it } from 'vitest';
import { addToAggregate, NO_AGGREGATE, tallyOf } from '../../../../src/membership/neighbour-row.ts';
import { compileProgram } from '../../../../src/query/json-logic/json-logic-program.ts';
import {
  average,
  fromTrillionths,
  scaled,
  sumOf,
  toTrillionths,
} from '../../../../src/query/predicate/exact-sum.ts';
import '../../../../src/query/json-logic/reference.ts';

describe('a number in trillionths', () => {
  it.each<[number, bigint]>([
    [0, 0n],
    [-0, 0n],
    [1, 1_000_000_000_000n],
    [-2.5, -2_500_000_000_000n],
    [0.1, 100_000_000_000n],
    [1.005, 1_005_000_000_000n],
    [0.0000006, 600_000n],
    [1e-12, 1n],
    [1e-13, 0n],
    [6e-13, 1n],
    [5e-13, 0n],
    [15e-13, 2n],
    [-15e-13, -2n],
    [1.0000000000005, 1_000_000_000_000n],
    [1.0000000000015, 1_000_000_000_002n],
    [1e-300, 0n],
    [9001, 9_001_000_000_000_000n],
    [9_007_199_254_740_991, 9_007_199_254_740_991n * 10n ** 12n],
    [1e21, 10n ** 33n],
    [1.5e300, 15n * 10n ** 311n],
  ])('%d', (value, trillionths) => {
    expect(toTrillionths(value)).toBe(trillionths);
  });

  it('becomes the nearest double again', () => {
    for (const value of [
      0.1, -0.3, 123.456789, 1e21, 450359962737.25, -9007199254740991, 1.5e300,
    ]) {
      expect(fromTrillionths(toTrillionths(value))).toBe(value);
    }
    expect(Object.is(fromTrillionths(0n), 0)).toBe(true);
    expect(fromTrillionths(-1n)).toBe(-1e-12);
  });

  it('has a bounded length, whatever is added', () => {
    const sum =
      scaled(toTrillionths(Number.MAX_VALUE), Number.MAX_SAFE_INTEGER) + toTrillionths(1e-12);
    expect(String(sum).length).toBeLessThanOrEqual(340);
    expect(fromTrillionths(sum)).toBe(Number.POSITIVE_INFINITY);
  });
});

it('a sum depends on no order', () => {
  expect(fromTrillionths(sumOf([0.1, 0.2, 0.3]))).toBe(0.6);
  expect(fromTrillionths(sumOf([0.3, 0.2, 0.1]))).toBe(0.6);
  expect(sumOf([1e21, 0.000001]) - toTrillionths(1e21)).toBe(1_000_000n);
  expect(scaled(toTrillionths(0.1), 3)).toBe(toTrillionths(0.3));
});

it('adds what is smaller than a millionth', () => {
  expect(fromTrillionths(sumOf(Array(10).fill(0.0000006)))).toBe(0.000006);
  expect(fromTrillionths(sumOf(Array(10).fill(1e-12)))).toBe(1e-11);
});

it.each<[readonly number[], number]>([
  [[1.1, 1.1, 1.1], 1.1],
  [[0.1, 0.2, 0.3], 0.2],
  [[1, 2, 2], 1.666667],
  [[0.000001, 0.000002], 0.000002],
  [[0.000001, 0], 0],
  [[0.000003, 0], 0.000002],
  [[-0.000003, 0], -0.000002],
  [[-1e-7], 0],
  [[1e-7], 0],
  [[1e300, 1e300], 1e300],
  [[9_007_199_254_740_991, 1], 4_503_599_627_370_496],
])('the average of %j is %d', (values, expected) => {
  expect(average(sumOf(values), values.length)).toBe(expected);
  expect(Object.is(average(sumOf(values), values.length), -0)).toBe(false);
});

describe('the operations over a list', () => {
  const run = (rule: unknown) => {
    const [ours, theirs] = [compileProgram(rule)({}), jsonLogic.apply(rule as RulesLogic, {})];
    expect(ours).toBe(theirs);
    return ours;
  };

  it('pass over what is no number', () => {
    const list = [[0.1, null, 'x', 0.2, true, [7], 0.3]];
    expect([
      run({ sum: list }),
      run({ avg: list }),
      run({ minimum: list }),
      run({ maximum: list }),
    ]).toEqual([0.6, 0.2, 0.1, 0.3]);
  });

  it('are missing over nothing, but for the sum', () => {
    for (const nothing of [[[]], [[null]], [null], ['ab'], []]) {
      const each = ['sum', 'avg', 'minimum', 'maximum'].map((name) => run({ [name]: nothing }));
      expect(each).toEqual([0, undefined, undefined, undefined]);
    }
  });

  it('round alike', () => {
    for (const value of [
      5e-13,
      -15e-13,
      1.0000000000005,
      -1e-7,
      0.0000005,
      -0.0000015,
      1e21,
      1e-300,
      123456.7890125,
      2 ** 53,
      5e-324,
      -1.5e300,
    ]) {
      run({ sum: [[value]] });
      run({ avg: [[value, 1, 0.1]] });
    }
  });

  /** Decimals of up to 12 places, and doubles of any kind. */
  const number = fc.oneof(
    fc
      .tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.integer({ min: 0, max: 12 }))
      .map(([digits, places]) => Number(`${digits}e-${places}`)),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(5e-324, 5e-13, 1.5e-12, 1e300, -1e300, 2 ** 53, 0.1),
  );

  it('are the same here and in the reference, of any numbers', () => {
    fc.assert(
      fc.property(fc.array(number, { maxLength: 8 }), (values) => {
        for (const name of ['sum', 'avg', 'minimum', 'maximum']) run({ [name]: [values] });
      }),
      { numRuns: 2000 },
    );
  });

  it('find what was added and taken away again gone, in any order, in parts', () => {
    const change = fc.tuple(number, fc.boolean(), fc.integer({ min: 0, max: 2 }), fc.nat());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const parts = [NO_AGGREGATE, NO_AGGREGATE, NO_AGGREGATE];
        const steps = changes.flatMap(([value, isTaken, part, at]) => {
          const added = { value, part, sign: 1 as const, at: 0 };
          return isTaken ? [added, { ...added, sign: -1 as const, at: at + 1 }] : [added];
        });
        for (const { value, part, sign } of steps.sort((a, b) => a.at - b.at)) {
          parts[part] = addToAggregate(parts[part]!, [
            { predicateId: 7, by: sign, trillionths: toTrillionths(value) },
          ]);
        }
        const kept = changes.filter(([, isTaken]) => !isTaken).map(([value]) => value);
        const { trillionths, values } = tallyOf(JSON.parse(JSON.stringify(parts)), 7);
        expect(values).toBe(kept.length);
        expect(fromTrillionths(trillionths)).toBe(
          jsonLogic.apply({ sum: [kept] } as unknown as RulesLogic, {}),
        );
        if (values > 0)
          expect(average(trillionths, values)).toBe(
            jsonLogic.apply({ avg: [kept] } as unknown as RulesLogic, {}),
          );
      }),
      { numRuns: 1000 },
    );
  });
});

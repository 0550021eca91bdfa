/**
 * budget.test.ts – What a program may spend: the same count for the same rule and document, and no
 * work that is not counted.
 */
import { describe, expect, it } from 'vitest';
import {
  allowanceOf,
  OPERATIONS_FREE,
  OPERATIONS_MAX,
  OverBudget,
  sizeOf,
  spend,
  spentSince,
  spentSoFar,
  within,
} from '../../../src/query/budget.ts';
import { NONE_FAILED, ProgramFailed } from '../../../src/query/failure.ts';
import {
  entered,
  flippedPredicateId,
  PredicateNetwork,
} from '../../../src/query/network/network.ts';
import { atomTest, type Test } from '../../../src/query/predicate/atom.ts';
import type { Atom, Predicate } from '../../../src/query/predicate/predicate.ts';
import type { Attributes } from '../../../src/query/predicate/view.ts';
import { SANE, SLEEPING } from '../../support/hostile-queries.ts';

const ITEM = { var: '' };
const ONES = Array(100).fill(1);

function program(rule: unknown, ...attributes: string[]): Extract<Atom, { kind: 'program' }> {
  return { kind: 'program', rule, attributes };
}

function spentBy(test: Test, attributes: Attributes): number {
  const before = spentSoFar();
  try {
    test(attributes, 0);
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
  }
  return spentSince(before);
}

describe('a program', () => {
  it.each<[string, unknown, Attributes]>([
    [
      'loops',
      { some: [{ var: 't' }, { some: [ONES, { some: [ONES, { '==': [ITEM, 2] }] }] }] },
      { t: Array(100).fill(1) },
    ],
    [
      'gathers',
      { in: ['q', { merge: Array(50).fill({ var: 't' }) }] },
      { t: Array(100_000).fill('x') },
    ],
    ['joins', { in: ['q', { cat: Array(50).fill({ var: 't' }) }] }, { t: 'x'.repeat(1_000_000) }],
    [
      'doubles',
      {
        '==': [
          { reduce: [{ var: 't' }, [{ var: 'accumulator' }, { var: 'accumulator' }], 'a'] },
          'x',
        ],
      },
      { t: Array(40).fill(1) },
    ],
    [
      'compares lists as text',
      { some: [{ var: 't' }, { '==': [Array(3000).fill('abc'), ITEM] }] },
      { t: Array(3000).fill('x') },
    ],
    [
      'compares long texts',
      { some: [{ var: 't' }, { some: [ONES, { '<': ['x'.repeat(5000), ITEM] }] }] },
      { t: Array(100).fill('x'.repeat(5000)) },
    ],
    [
      'searches',
      { some: [{ var: 't' }, { in: [ITEM, 'a'.repeat(50_000)] }] },
      { t: Array(200).fill('b') },
    ],
    [
      'looks for what is computed',
      { some: [{ var: 't' }, { in: [ITEM, { map: [ONES, ITEM] }] }] },
      { t: Array(50_000).fill(0) },
    ],
    [
      'folds',
      { in: ['q', { cat: Array(60).fill({ toLowerCase: [{ var: 't' }] }) }] },
      { t: 'X'.repeat(900_000) },
    ],
    [
      'adds up',
      { '>': [{ '+': Array(9).fill({ sum: [{ var: 't' }] }) }, 1] },
      { t: Array(200_000).fill(0.5) },
    ],
    [
      'names keys',
      { all: [{ var: 't' }, { missing: Array(800).fill('a.b.c.d') }] },
      { t: Array(4000).fill({}) },
    ],
    [
      'asks for keys that it computes',
      { missing: { map: [{ var: 't' }, { var: 'k' }] } },
      { t: Array(60_000).fill({ k: 'a' }) },
    ],
  ])('that %s too much is stopped, at the same count each time', (_, rule, attributes) => {
    const atom = program(rule, 't');
    expect(() => atomTest(atom)(attributes, 0)).toThrow(OverBudget);
    expect(spentBy(atomTest(atom), attributes)).toBe(
      spentBy(atomTest(atom), structuredClone(attributes)),
    );
  });

  it('of everyday size over a list of 200,000 is not', () => {
    const small = { t: ['x'], n: [1], s: 'a', o: {}, a: 1 };
    for (const { query, data } of SANE) {
      const test = atomTest(program(query, 't', 'n', 's', 'o', 'a'));
      expect(() => test({ ...small, ...data }, 0)).not.toThrow();
    }
    const sleeping = SLEEPING.map(
      ({ query, data }) =>
        () =>
          atomTest(program(query, 't', 'n', 's', 'o', 'a'))({ ...small, ...data }, 0),
    );
    expect(
      sleeping.some((run) => {
        try {
          run();
          return false;
        } catch {
          return true;
        }
      }),
    ).toBe(true);
  });

  it('pays for each item that it comes to, and no further', () => {
    const some = atomTest(program({ some: [{ var: 't' }, { '==': [ITEM, 'a'] }] }, 't'));
    const all = Array(10_000).fill('b');
    const whole = spentBy(some, { t: all });
    expect(spentBy(some, { t: ['a', ...all] })).toBeLessThan(20);
    expect(spentBy(some, { t: [...all, ...all] })).toBeGreaterThan(1.9 * whole);
  });

  it('that throws holds of nothing, and spends nothing of the next one', () => {
    const test = atomTest(program({ in: ['a', { var: 'o' }] }, 'o'));
    expect(test({ o: { indexOf: 1 } }, 0)).toBe(false);
    expect(within(10, () => 'within', undefined)).toBe('within');
    expect(() => within(10, () => spend(11), undefined)).toThrow(OverBudget);
    expect(() => spend(OPERATIONS_MAX)).not.toThrow();
  });
});

describe('what is allowed', () => {
  it('is free up to a point, then what program and record hold, then no more', () => {
    expect(allowanceOf(10, 10)).toBe(OPERATIONS_FREE);
    expect(allowanceOf(10, 20_000)).toBe(4_800_000);
    expect(allowanceOf(1000, 500_000)).toBe(OPERATIONS_MAX);
    expect(sizeOf({ a: [1, 'x'.repeat(80)], b: null })).toBe(15);
  });
});

describe('a network', () => {
  const costly = program(
    { some: [{ var: 't' }, { some: [ONES, { some: [ONES, { '==': [ITEM, 2] }] }] }] },
    't',
  );
  const plain: Predicate = { kind: 'member', view: { attribute: 't', folded: false }, value: 1 };
  const and = (...children: Predicate[]): Predicate => ({ kind: 'and', children });
  const few = { t: [1] };
  const many = { t: Array(100).fill(1) };
  const network = new PredicateNetwork();
  network.add(1, costly);
  network.add(2, plain);
  network.add(3, and(plain, { kind: 'not', child: costly }));
  network.add(
    4,
    and(costly, { kind: 'equals', view: { attribute: 'a', folded: false }, values: [1] }),
  );
  const asked = (failed = NONE_FAILED) => ({ verify: [], open: new Set<string>(), failed });

  it('names all predicates that share the program, whatever decides them', () => {
    let caught: unknown;
    try {
      network.create(many, 0);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ProgramFailed);
    expect([...(caught as ProgramFailed).predicateIds].sort()).toEqual([1, 3, 4]);
    expect(() => network.update(few, many, ['t'], () => false, 0)).toThrow(ProgramFailed);
    for (const predicateId of [1, 3, 4])
      expect(() => network.holds(predicateId, many, 0), `${predicateId}`).toThrow(ProgramFailed);
  });

  it('tells of the others once it knows which have failed, and runs none of those', () => {
    const failed = new Set([1, 3, 4]);
    expect(network.create(many, 0, asked(failed))).toEqual([2]);
    const before = spentSoFar();
    const flips = network.update({}, many, ['t'], () => false, 0, asked(failed));
    expect(flips.map((flip) => [flippedPredicateId(flip), entered(flip)])).toEqual([[2, true]]);
    expect(spentSince(before)).toBe(0);
  });

  it('takes in what can not even be told of nothing, and says so', () => {
    const hopeless = program(
      { all: [ONES, { all: [ONES, { all: [ONES, { '!': { var: 'a' } }] }] }] },
      'a',
    );
    network.add(5, hopeless);
    expect([...network.hopeless.keys()]).toEqual([5]);
    network.remove(5);
    expect(network.hopeless.size).toBe(0);
  });
});

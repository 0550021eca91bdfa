/**
 * operators.test.ts – Each operator on values that meet it, on values that don't, and on a missing
 * value.
 */
import { describe, expect, it } from 'vitest';
import { OPERATORS } from '../../../../src/query/dialects/operators.ts';
import type { Attributes } from '../../../../src/query/predicate/view.ts';
import { group, holdsFor } from '../../../support/contacts.ts';

type Case = readonly [
  operator: string,
  field: string,
  value: unknown,
  meets: readonly unknown[],
  fails: readonly unknown[],
];

const DAY = '2024-02-29T00:00:00.000Z';
const NEXT_DAY = '2024-03-01T00:00:00.000Z';
const BEFORE = '2024-02-28T23:59:59.999Z';
const LAST = '2024-03-01T23:59:59.999Z';
const AFTER = '2024-03-02T00:00:00.000Z';

const POSITIVE: readonly Case[] = [
  ['=', 'name', 'Ann', ['Ann'], ['ann', 'Anna', '']],
  ['=', 'name', '', [''], ['a']],
  ['=', 'age', '42', [42], [43, 0]],
  ['=', 'age', 0, [0], [1]],
  ['=', 'vip', 'false', [false], [true]],
  ['=', 'born_on', '2024-02-29', ['2024-02-29'], ['2024-03-01', '2024-02-28']],
  ['=', 'born_on', '2024-02-29T23:30:00-02:00', ['2024-03-01'], ['2024-02-29']],
  ['=', 'seen_at', '2024-02-29T01:00:00+01:00', [DAY], [NEXT_DAY]],
  ['in', 'name', ['a', 'b'], ['a', 'b'], ['c', 'a,b']],
  ['in', 'name', 'a, b', ['a', 'b'], ['a, b']],
  ['in', 'name', 'a\\,b,c', ['a,b', 'c'], ['a', 'b']],
  ['in', 'age', '1,2', [1, 2], [12]],
  ['in', 'name', [], [], ['', 'a']],
  ['in', 'name', '', [], ['', 'a']],
  ['<', 'age', 5, [4.9, -1, 0], [5, 6]],
  ['<=', 'age', 5, [5, 0], [5.1]],
  ['>', 'age', -1, [0, 1], [-1, -2]],
  ['>=', 'age', -1, [-1, 0], [-2]],
  ['<', 'name', 'b', ['', 'B', 'a'], ['b', 'c', '\u{1F600}']],
  ['>=', 'born_on', '2024-03-01', ['2024-03-01'], ['2024-02-29']],
  ['<=', 'born_on', '2024-03-01 23:59', ['2024-03-01'], ['2024-03-02']],
  ['between', 'age', [1, 2], [1, 1.5, 2], [0, 3]],
  ['between', 'age', '1,2', [1, 2], [3]],
  ['between', 'age', [2, 1], [1, 1.5, 2], [0, 3]],
  ['between', 'age', '25,12', [12, 12.5, 25], [11, 26]],
  ['between', 'age', [2, 2], [2], [1, 3]],
  ['between', 'name', ['c', 'a'], ['a', 'b', 'c'], ['', 'd', 'B']],
  ['between', 'born_on', '2024-03-01,2024-02-29', ['2024-02-29', '2024-03-01'], ['2024-03-02']],
  ['between', 'seen_at', [NEXT_DAY, DAY], [DAY, NEXT_DAY], ['2024-03-01T00:00:00.001Z']],
  ['between', 'seen_at', ['2024-02-29', '2024-03-01'], [DAY, NEXT_DAY, LAST], [BEFORE, AFTER]],
  ['between', 'seen_at', ['2024-03-01', '2024-02-29'], [DAY, NEXT_DAY, LAST], [BEFORE, AFTER]],
  [
    'between',
    'seen_at',
    ['2024-02-29T12:00', '2024-02-29'],
    ['2024-02-29T12:00:00.000Z'],
    [DAY, NEXT_DAY],
  ],
  ['=', 'seen_at', '2024-02-29', [DAY, '2024-02-29T23:59:59.999Z'], [BEFORE, NEXT_DAY]],
  [
    'in',
    'seen_at',
    ['2024-02-29', AFTER],
    [DAY, '2024-02-29T10:00:00.000Z', AFTER],
    [BEFORE, NEXT_DAY],
  ],
  [
    'in',
    'seen_at',
    '2024-02-29, 2024-03-01T10:00',
    [DAY, '2024-03-01T10:00:00.000Z'],
    [BEFORE, NEXT_DAY],
  ],
  [
    'in',
    'seen_at',
    ['2024-02-29', '2024-02-29T10:00'],
    [DAY, '2024-02-29T10:00:00.000Z'],
    [BEFORE],
  ],
  ['<', 'seen_at', '2024-03-01', [BEFORE, DAY], [NEXT_DAY, LAST]],
  ['<=', 'seen_at', '2024-03-01', [DAY, NEXT_DAY, LAST], [AFTER]],
  ['>', 'seen_at', '2024-03-01', [AFTER], [NEXT_DAY, LAST]],
  ['>=', 'seen_at', '2024-03-01', [NEXT_DAY, LAST, AFTER], [DAY]],
  ['contains', 'name', 'nn', ['Anna', 'nn'], ['aN', '']],
  ['contains', 'name', '', ['', 'a'], []],
  ['beginsWith', 'name', 'An', ['An', 'Anna'], ['anna', 'Ban', '']],
  ['beginsWith', 'name', '', ['', 'a'], []],
  ['endsWith', 'name', 'na', ['na', 'Anna'], ['NA', 'nab', '']],
  ['endsWith', 'name', '', ['', 'a'], []],
  ['matches', 'name', '^A.*a$', ['Anna', 'Aa'], ['anna', 'Ann', 'xAna', '']],
  ['matches', 'name', 'n{2}', ['Ann', 'Anna'], ['n', '']],
  ['matches', 'name', '', ['', 'a'], []],
  ['contains', 'tags', 'a', [['a'], ['b', 'a']], [[], ['ab'], ['A']]],
  ['contains', 'days', '2024-02-29', [['2024-02-29']], [['2024-03-01'], []]],
  ['containsAny', 'tags', ['a', 'b'], [['a'], ['c', 'b']], [[], ['c']]],
  ['containsAny', 'tags', 'a,b', [['a'], ['b']], [['a,b']]],
  ['containsAny', 'tags', [], [], [[], ['a']]],
  [
    'containsAll',
    'tags',
    ['a', 'b'],
    [
      ['b', 'a'],
      ['a', 'b', 'c'],
    ],
    [[], ['a']],
  ],
  ['containsAll', 'tags', [], [[], ['a']], []],
  ['notNull', 'tags', undefined, [[], ['a']], []],
  ['notNull', 'name', '', ['', 'a'], []],
  ['notNull', 'extra', null, [{}, { a: 1 }], []],
];

const COMPLEMENTS: Readonly<Record<string, string>> = {
  '=': '!=',
  in: 'notIn',
  between: 'notBetween',
  contains: 'doesNotContain',
  beginsWith: 'doesNotBeginWith',
  endsWith: 'doesNotEndWith',
  matches: 'doesNotMatch',
  containsAny: 'containsNone',
  notNull: 'null',
};

const truths = (rule: object, field: string, values: readonly unknown[]) =>
  holdsFor(
    group(rule),
    values.map((value): Attributes => ({ [field]: value })),
  );

describe.each(POSITIVE)('%s on %s with %j', (operator, field, value, meets, fails) => {
  const rule = { field, operator, value };

  it('holds for the values that meet it, and no others', () => {
    expect(truths(rule, field, meets)).toEqual(meets.map(() => true));
    expect(truths(rule, field, fails)).toEqual(fails.map(() => false));
  });

  it('does not hold for a missing value', () => {
    expect(holdsFor(group(rule), [{}, { other: 1 }])).toEqual([false, false]);
  });
});

describe.each(POSITIVE.filter(([operator]) => operator in COMPLEMENTS))(
  'the complement of %s on %s with %j',
  (operator, field, value, meets, fails) => {
    it('holds for every other value, and for a missing one', () => {
      const negated = { field, operator: COMPLEMENTS[operator], value };
      expect(truths(negated, field, meets)).toEqual(meets.map(() => false));
      expect(truths(negated, field, fails)).toEqual(fails.map(() => true));
      expect(holdsFor(group(negated), [{}])).toEqual([true]);
    });
  },
);

describe('caseInsensitive', () => {
  it.each<Case>([
    ['=', 'name', 'ANN', ['ann', 'Ann', 'ANN'], ['Anna']],
    ['in', 'name', ['A', 'b'], ['a', 'A', 'B'], ['ab']],
    ['<', 'name', 'B', ['a', 'A'], ['b', 'B', 'c']],
    ['between', 'name', ['c', 'A'], ['b', 'B', 'C'], ['d']],
    ['between', 'name', ['A', 'c'], ['b', 'B', 'C'], ['d']],
    ['between', 'name', ['b', 'C'], ['B', 'c'], ['A']],
    ['contains', 'name', 'NN', ['anna', 'ANNA'], ['an']],
    ['beginsWith', 'name', 'an', ['ANNA', 'anna'], ['b']],
    ['endsWith', 'name', 'NA', ['anna', 'ANNA'], ['ann']],
    ['matches', 'name', '^\\D+A$', ['anna', 'ANNA'], ['1a', 'ann']],
    ['contains', 'tags', 'A', [['a'], ['A']], [['ab']]],
    ['containsAny', 'tags', ['A', 'b'], [['a'], ['B']], [['c']]],
    ['containsAll', 'tags', ['A', 'b'], [['B', 'a']], [['a']]],
    ['=', 'name', 'ΑΣ', ['ΑΣ', 'ας'], ['ασ']],
    ['=', 'name', 'İ', ['İ', 'i̇'], ['i', 'I']],
  ])('makes %s on %s fold as toLowerCase does: %j', (operator, field, value, meets, fails) => {
    const rule = { field, operator, value, caseInsensitive: true };
    expect(truths(rule, field, meets)).toEqual(meets.map(() => true));
    expect(truths(rule, field, fails)).toEqual(fails.map(() => false));
    expect(holdsFor(group(rule), [{}])).toEqual([false]);
  });

  it('folds a folded text to itself, for every character, so that what is folded once is folded', () => {
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const folded = String.fromCodePoint(code).toLowerCase();
      if (folded.toLowerCase() !== folded) expect.fail(`U+${code.toString(16)}`);
    }
  });
});

describe('valueSource field', () => {
  const records: Attributes[] = [
    { age: 1, score: 2 },
    { age: 2, score: 2 },
    { age: 3, score: 2 },
    { age: 1 },
    { score: 1 },
    {},
  ];

  it.each([
    ['=', [false, true, false, false, false, false]],
    ['!=', [true, false, true, true, true, true]],
    ['<', [true, false, false, false, false, false]],
    ['<=', [true, true, false, false, false, false]],
    ['>', [false, false, true, false, false, false]],
    ['>=', [false, true, true, false, false, false]],
  ])(
    'compares two attributes by %s, and a missing one meets no positive operator',
    (operator, expected) => {
      expect(
        holdsFor(group({ field: 'age', operator, valueSource: 'field', value: 'score' }), records),
      ).toEqual(expected);
    },
  );

  it('compares a date with a datetime', () => {
    const rule = { field: 'born_on', operator: '<', valueSource: 'field', value: 'seen_at' };
    expect(
      holdsFor(group(rule), [
        { born_on: '2024-02-29', seen_at: '2024-02-29T00:00:00.001Z' },
        { born_on: '2024-02-29', seen_at: DAY },
        { born_on: '2024-02-29' },
        { seen_at: DAY },
      ]),
    ).toEqual([true, false, false, false]);
  });

  it('folds both sides', () => {
    const rule = {
      field: 'name',
      operator: '=',
      valueSource: 'field',
      value: 'nick',
      caseInsensitive: true,
    };
    expect(
      holdsFor(group(rule), [{ name: 'Ann', nick: 'ANN' }, { name: 'Ann', nick: 'b' }, {}]),
    ).toEqual([true, false, false]);
  });

  it('finds a value equal to itself, if there is one', () => {
    const rule = { field: 'age', operator: '=', valueSource: 'field', value: 'age' };
    expect(holdsFor(group(rule), [{ age: 0 }, {}])).toEqual([true, false]);
  });
});

it('every operator has words, and a name that is its own on each type', () => {
  const names = OPERATORS.flatMap((row) =>
    row.kind === 'attribute' ? row.on.map((type) => `${type} ${row.name}`) : [row.name],
  );
  expect(new Set(names).size).toBe(names.length);
  expect(OPERATORS.filter(({ words }) => words === '')).toEqual([]);
});

/**
 * normalize.test.ts – What is the same after normalizing, what is not, and how it is then written.
 */
import { describe, expect, it, vi } from 'vitest';
import { normalize, predicateKey } from '../../../../src/query/predicate/normalize.ts';
import {
  ALWAYS,
  type Atom,
  and,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  type Scalar,
} from '../../../../src/query/predicate/predicate.ts';

const plain = (attribute: string) => ({ attribute, folded: false });
const folded = (attribute: string) => ({ attribute, folded: true });
const is = (attribute: string, ...values: Scalar[]): Atom => ({
  kind: 'equals',
  view: plain(attribute),
  values,
});
const isFolded = (attribute: string, ...values: Scalar[]): Atom => ({
  kind: 'equals',
  view: folded(attribute),
  values,
});
const has = (attribute: string): Atom => ({ kind: 'present', attribute });
const contains = (attribute: string, needle: string): Atom => ({
  kind: 'substring',
  view: plain(attribute),
  needle,
});
const member = (attribute: string, value: Scalar): Atom => ({
  kind: 'member',
  view: plain(attribute),
  value,
});
const program = (attribute: string): Atom => ({
  kind: 'program',
  rule: { var: `${attribute}.x` },
  attributes: [attribute],
});

/** `'[1,2)'` */
function interval(text: string): Interval {
  const [low = '', high = ''] = text.slice(1, -1).split(',');
  return {
    low: low === '' ? null : Number(low),
    lowInclusive: text.startsWith('['),
    high: high === '' ? null : Number(high),
    highInclusive: text.endsWith(']'),
  };
}

const range = (attribute: string, ...intervals: string[]): Atom => ({
  kind: 'range',
  view: plain(attribute),
  intervals: intervals.map(interval),
});

const compare = (left: string, order: '=' | '<' | '<=', right: string): Atom => ({
  kind: 'compare',
  left: plain(left),
  order,
  right: plain(right),
});

describe('a predicate is written', () => {
  it.each<[string, Predicate, Predicate]>([
    // groups
    [
      'flat',
      and([is('a', 1), and([is('b', 1), and([member('c', 1)])])]),
      and([is('a', 1), is('b', 1), member('c', 1)]),
    ],
    [
      'sorted',
      or([member('c', 1), is('b', 1), is('a', 1)]),
      or([is('a', 1), is('b', 1), member('c', 1)]),
    ],
    ['without repetition', and([member('a', 1), member('a', 1)]), member('a', 1)],
    ['without a group around one part', or([and([or([member('a', 1)])])]), member('a', 1)],
    ['without what always holds', and([ALWAYS, member('a', 1), not(NEVER)]), member('a', 1)],
    ['without what never holds', or([NEVER, member('a', 1), not(ALWAYS)]), member('a', 1)],
    ['as never, if a part of an and never holds', and([member('a', 1), NEVER]), NEVER],
    ['as always, if a part of an or always holds', or([member('a', 1), ALWAYS]), ALWAYS],
    [
      'as never, if a part stands beside its complement',
      and([member('a', 1), not(member('a', 1))]),
      NEVER,
    ],
    [
      'as always, if a group stands beside its complement',
      or([and([member('a', 1), program('b')]), not(and([program('b'), member('a', 1)]))]),
      ALWAYS,
    ],
    ['without double negation', not({ kind: 'not', child: member('a', 1) }), member('a', 1)],
    [
      'with not at atoms only',
      not(and([member('a', 1), program('b')])),
      or([not(program('b')), not(member('a', 1))]),
    ],
    [
      'without a disjunction that another part decides',
      and([member('a', 1), or([member('a', 1), program('b')])]),
      member('a', 1),
    ],
    [
      'without the part of a disjunction that can not hold beside the others',
      and([member('a', 1), or([not(member('a', 1)), program('b')])]),
      and([program('b'), member('a', 1)]),
    ],
    // value sets
    ['with values once and sorted', is('a', 2, 1, 2, -0), is('a', 0, 1, 2)],
    ['with one list for equalities', or([is('a', 1), is('a', 2)]), is('a', 1, 2)],
    ['with what two lists share', and([is('a', 1, 2), is('a', 2, 3)]), is('a', 2)],
    ['as never, if they share nothing', and([is('a', 1), is('a', 2)]), NEVER],
    [
      'with one list for what is left out',
      and([not(is('a', 1)), not(is('a', 2))]),
      not(is('a', 1, 2)),
    ],
    ['as always, if nothing is left out by both', or([not(is('a', 1)), not(is('a', 2))]), ALWAYS],
    [
      'with one range for ranges that touch',
      or([range('a', '(,5)'), range('a', '[5,9]')]),
      range('a', '(,9]'),
    ],
    [
      'with intervals apart in order',
      or([range('a', '[5,9]'), range('a', '(,2)')]),
      range('a', '(,2)', '[5,9]'),
    ],
    [
      'with two intervals where a value lies between',
      range('a', '(,5)', '(5,)'),
      and([not(is('a', 5)), has('a')]),
    ],
    [
      'with what two ranges share',
      and([range('a', '(,5]'), range('a', '[3,)')]),
      range('a', '[3,5]'),
    ],
    [
      'as equality, if that is one value',
      and([range('a', '(,5]'), range('a', '[5,)')]),
      is('a', 5),
    ],
    ['as never, if ranges share nothing', and([range('a', '(,5)'), range('a', '[5,)')]), NEVER],
    ['as never, if an interval is upside down', range('a', '[5,1]'), NEVER],
    [
      'with values inside of a range left out',
      or([range('a', '(,5)'), is('a', 1, 5, 7)]),
      or([range('a', '(,5]'), is('a', 7)]),
    ],
    [
      'with the values of a list that a range has',
      and([range('a', '(,5)'), is('a', 1, 5, 7)]),
      is('a', 1),
    ],
    ['as presence, if any value will do', or([range('a', '(,5)'), range('a', '[5,)')]), has('a')],
    [
      'as one negated range, if missing belongs to it',
      or([range('a', '(,5)'), not(has('a'))]),
      not(range('a', '[5,)')),
    ],
    [
      'as always, if missing completes it',
      or([range('a', '(,5)'), not(range('a', '(,5)'))]),
      ALWAYS,
    ],
    ['as presence, if both truth values will do', or([is('a', true), is('a', false)]), has('a')],
    [
      'as the other truth value, if one is left out',
      and([has('a'), not(is('a', true))]),
      is('a', false),
    ],
    ['apart where missing belongs to it: not true', not(is('a', true)), not(is('a', true))],
    // presence
    ['without presence that a list implies', and([has('a'), is('a', 1)]), is('a', 1)],
    [
      'without presence that a text implies',
      and([has('a'), contains('a', 'x')]),
      contains('a', 'x'),
    ],
    [
      'without presence that a comparison implies',
      and([has('a'), has('b'), compare('a', '<', 'b')]),
      compare('a', '<', 'b'),
    ],
    [
      'with presence beside a program',
      and([has('a'), program('a')]),
      and([has('a'), program('a')]),
    ],
    [
      'as never, if what is missing contains something',
      and([not(has('a')), contains('a', 'x')]),
      NEVER,
    ],
    [
      'as presence, if it stands beside something on it',
      or([has('a'), contains('a', 'x')]),
      has('a'),
    ],
    [
      'as absence alone, beside what absence implies',
      and([not(has('a')), not(contains('a', 'x'))]),
      not(has('a')),
    ],
    [
      'with a range, where a text implies presence',
      and([contains('a', 'x'), not(range('a', '[5,)'))]),
      and([range('a', '(,5)'), contains('a', 'x')]),
    ],
    [
      'with presence of a lower-cased value as that of the value',
      and([has('a'), isFolded('a', 'x')]),
      isFolded('a', 'x'),
    ],
    [
      'as presence, if any lower-cased value will do',
      or([{ kind: 'range', view: folded('a'), intervals: [interval('(,)')] }, is('a', 'x')]),
      has('a'),
    ],
    // atoms
    ['with an empty text as presence', contains('a', ''), has('a')],
    ['with the sides of an equality in order', compare('b', '=', 'a'), compare('a', '=', 'b')],
    ['with the sides of an inequality as they are', compare('b', '<', 'a'), compare('b', '<', 'a')],
    ['with what equals itself as presence', compare('a', '=', 'a'), has('a')],
    ['as never, if a value is less than itself', compare('a', '<', 'a'), NEVER],
  ])('%s', (_, predicate, normal) => {
    expect(normalize(predicate)).toEqual(normal);
    expect(normalize(normal)).toEqual(normal);
  });
});

describe('the key', () => {
  it.each<[string, Predicate, Predicate]>([
    ['of order', and([member('a', 1), program('b')]), and([program('b'), member('a', 1)])],
    [
      'of the way negation is spread',
      not(or([member('a', 1), program('b')])),
      and([not(member('a', 1)), not(program('b'))]),
    ],
    [
      'of the order of members in a program',
      { kind: 'program', rule: { if: [{ var: 'a' }] }, attributes: ['a'] },
      { attributes: ['a'], rule: { if: [{ var: 'a' }] }, kind: 'program' },
    ],
  ])('does not depend on %s', (_, one, other) => {
    expect(predicateKey(normalize(one))).toBe(predicateKey(normalize(other)));
  });

  it.each<[string, Predicate, Predicate]>([
    ['and from or', and([member('a', 1), member('b', 1)]), or([member('a', 1), member('b', 1)])],
    ['a text from a number', is('a', '1'), is('a', 1)],
    ['lower-cased from as it is', is('a', 'x'), isFolded('a', 'x')],
    ['open from closed', range('a', '(,5)'), range('a', '(,5]')],
    ['a negation', not(is('a', 1)), range('a', '(,1)', '(1,)')],
  ])('tells %s', (_, one, other) => {
    expect(predicateKey(normalize(one))).not.toBe(predicateKey(normalize(other)));
  });
});

/** Groups in groups, each negated, of 20 parts each and many values at the bottom. */
function deep(levels: number, values: number): Predicate {
  let nested: Predicate = is('a', ...Array.from({ length: values }, (_, value) => value));
  for (let level = 0; level < levels; level += 1) {
    const parts = Array.from({ length: 20 }, (_, index) => contains(`b${index}`, `x${level}`));
    nested = not(level % 2 === 0 ? and([nested, ...parts]) : or([nested, ...parts]));
  }
  return nested;
}

/**
 * Keys that are written and lists that are put in order: whatever is done twice does these twice.
 */
function workOf(predicate: Predicate): number {
  const written = vi.spyOn(JSON, 'stringify');
  const ordered = vi.spyOn(Array.prototype, 'sort');
  try {
    normalize(predicate);
    return written.mock.calls.length + ordered.mock.calls.length;
  } finally {
    written.mockRestore();
    ordered.mockRestore();
  }
}

it('the work of normalizing grows with the parts, not with how deep they lie, nor with their values', () => {
  const shallow = workOf(deep(10, 10));
  expect(shallow).toBeGreaterThan(100);
  expect(workOf(deep(50, 10)) / shallow).toBeLessThan(6);
  expect(workOf(deep(10, 10_000)) / shallow).toBeLessThan(1.5);
  expect(workOf(deep(50, 10_000))).toBeLessThan(20 * 1_000);
});

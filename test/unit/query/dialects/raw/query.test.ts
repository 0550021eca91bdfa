/**
 * query.test.ts – Which atoms are found in JsonLogic, that its treatment of missing values
 * is kept, and what is refused.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../../src/query/dialects/compile.ts';
import type { Predicate } from '../../../../../src/query/predicate/predicate.ts';
import { contactsScope, faultsOf, group, holdsFor } from '../../../../support/contacts.ts';

const AGE = { var: 'age' };
const NAME = { var: 'name' };
const TAGS = { var: 'tags' };

/** The kinds of the predicate's nodes, from the outside in. */
function shapeOf(query: unknown): string {
  const shape = (predicate: Predicate): string => {
    if ('children' in predicate)
      return `${predicate.kind}(${predicate.children.map(shape).join()})`;
    return 'child' in predicate ? `not(${shape(predicate.child)})` : predicate.kind;
  };
  return shape(compileQuery(query, contactsScope()).predicate);
}

const keyOf = (query: unknown) => compileQuery(query, contactsScope()).key;

describe('a part of JsonLogic', () => {
  it.each<[unknown, string]>([
    [{ '==': [AGE, 5] }, 'equals'],
    [{ '===': [5, AGE] }, 'equals'],
    [{ '!=': [AGE, 5] }, 'not(equals)'],
    [{ '!==': [{ var: ['name'] }, 'a'] }, 'not(equals)'],
    [{ '==': [{ var: 'vip' }, true] }, 'equals'],
    [{ '==': [AGE, null] }, 'not(present)'],
    [{ '!==': [null, TAGS] }, 'present'],
    [{ '<': [AGE, -5] }, 'range'],
    [{ '>': [AGE, 5] }, 'range'],
    [{ '<': [AGE, 5] }, 'not(range)'],
    [{ '>=': [5, AGE] }, 'not(range)'],
    [{ '<=': [1, AGE, 5] }, 'range'],
    [{ '<': [-1, AGE, 5] }, 'not(range)'],
    [{ '<=': [0, AGE, 0] }, 'or(not(present),equals)'],
    [{ '<=': [5, AGE, 5] }, 'equals'],
    [{ '<': [5, AGE, 5] }, 'or()'],
    [{ '<': [NAME, 'm'] }, 'range'],
    [{ in: [NAME, ['a', 'b']] }, 'equals'],
    [{ in: [NAME, []] }, 'or()'],
    [{ in: ['a', NAME] }, 'substring'],
    [{ in: ['', NAME] }, 'and(not(equals),present)'],
    [{ in: ['a', TAGS] }, 'member'],
    [{ startsWith: [NAME, 'a'] }, 'prefix'],
    [{ endsWith: [NAME, 'a'] }, 'suffix'],
    [{ startsWith: [NAME, ''] }, 'present'],
    [{ matches: [NAME, '^a'] }, 'pattern'],
    [{ '!': [{ matches: [NAME, '^a'] }] }, 'not(pattern)'],
    [{ matches: [AGE, '^1'] }, 'program'],
    [{ '===': [{ toLowerCase: [NAME] }, 'a'] }, 'equals'],
    [{ in: ['a', { toLowerCase: TAGS }] }, 'member'],
    [{ '!!': [NAME] }, 'and(not(equals),present)'],
    [{ '!': AGE }, 'or(not(present),equals)'],
    [{ var: 'vip' }, 'equals'],
    [{ var: 'extra' }, 'present'],
    [
      { and: [AGE, { or: [NAME, { var: 'vip' }] }] },
      'and(not(equals),or(and(not(equals),present),equals),present)',
    ],
    [
      { if: [{ var: 'vip' }, { '==': [AGE, 1] }, { '==': [NAME, 'a'] }] },
      'or(and(not(equals),equals),and(equals,equals))',
    ],
    [{ '?:': [{ var: 'vip' }, true, false] }, 'equals'],
    [
      {
        and: [
          { '!=': [AGE, null] },
          { '!=': [{ var: 'score' }, null] },
          { '<': [AGE, { var: 'score' }] },
        ],
      },
      'compare',
    ],
    [{ and: [] }, 'or()'],
    [{ and: [true] }, 'and()'],
    [{ or: [false] }, 'or()'],
    [{ '==': [1, 1] }, 'and()'],
    [{ '>': [1, 2] }, 'or()'],
  ])('becomes atoms where that is exact: %j is %s', (query, shape) => {
    expect(shapeOf(query)).toBe(shape);
  });

  it.each<[unknown]>([
    [{ '==': [AGE, '5'] }],
    [{ '<': [AGE, '5'] }],
    [{ '<': [{ var: 'vip' }, true] }],
    [{ '==': [{ var: ['age', 0] }, 0] }],
    [{ '<': [AGE, { var: 'score' }] }],
    [{ '===': [{ toLowerCase: NAME }, 'A'] }],
    [{ in: [NAME, ['a', null]] }],
    [{ in: [1, NAME] }],
    [{ '<': [1, 2, AGE] }],
    [{ '>': [5, AGE, 1] }],
    [{ '==': [AGE, 5, 6] }],
    [{ var: 'tags' }],
    [{ var: 'extra.a' }],
    [{ '>': [{ '+': [AGE, 1] }, 5] }],
    [{ some: [TAGS, { '==': [{ var: '' }, 'a'] }] }],
    [{ missing: ['name'] }],
    [{ if: [{ if: [AGE, NAME] }, NAME, AGE] }],
  ])('stays a program elsewhere: %j', (query) => {
    expect(shapeOf(query)).toBe('program');
  });

  it('has the key of the rule that says the same', () => {
    expect(keyOf({ in: [NAME, ['b', 'a']] })).toBe(
      keyOf(group({ field: 'name', operator: 'in', value: ['a', 'b'] })),
    );
    expect(keyOf({ and: [{ '!=': [AGE, null] }, { '<': [AGE, 5] }] })).toBe(
      keyOf(group({ field: 'age', operator: '<', value: 5 })),
    );
  });

  it('is kept as it was sent', () => {
    const query = { and: [{ '==': [AGE, 5] }] };
    expect(compileQuery(query, contactsScope()).jsonLogic).toBe(query);
  });
});

describe("JsonLogic's own semantics", () => {
  it.each<[unknown, boolean]>([
    [{ '<': [AGE, 10] }, true],
    [{ '<': [AGE, 0] }, false],
    [{ '<=': [AGE, 0] }, true],
    [{ '>': [AGE, -1] }, true],
    [{ '<': [-1, AGE, 1] }, true],
    [{ '<': [NAME, 'm'] }, false],
    [{ '<=': [NAME, ''] }, true],
    [{ '==': [AGE, 0] }, false],
    [{ '!=': [AGE, 0] }, true],
    [{ '==': [NAME, null] }, true],
    [{ '!': [NAME] }, true],
    [{ '!': [{ '<': [AGE, 10] }] }, false],
    [{ in: [NAME, ['a']] }, false],
    [{ in: ['', NAME] }, false],
    [{ in: ['n', NAME] }, false],
    [{ var: ['name', 'x'] }, true],
    [{ missing: ['name'] }, true],
    [{ none: [TAGS, true] }, true],
    [{ all: [TAGS, true] }, false],
  ])('%j of a record without values: %s', (query, truth) => {
    expect(holdsFor(query, [{}])).toEqual([truth]);
  });

  it('let a date be the text that is returned for it', () => {
    const query = { '>=': [{ var: 'born_on' }, '2024-02'] };
    expect(holdsFor(query, [{ born_on: '2024-02-29' }, { born_on: '2024-01-31' }, {}])).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('take 0, "", false and [] for false', () => {
    const query = { or: [AGE, NAME, { var: 'vip' }, TAGS] };
    expect(
      holdsFor(query, [
        { age: 0, name: '', vip: false, tags: [] },
        { age: 1 },
        { name: '0' },
        { tags: [''] },
      ]),
    ).toEqual([false, true, true, true]);
  });

  it('find no empty text in an empty text', () => {
    expect(holdsFor({ in: ['', NAME] }, [{ name: '' }, { name: 'a' }])).toEqual([false, true]);
  });

  it('tell -0 and 0 no more apart than records do', () => {
    expect(keyOf({ '==': [AGE, -0] })).toBe(keyOf({ '==': [AGE, 0] }));
    expect(keyOf({ '>=': [AGE, -0] })).toBe(keyOf({ '>=': [AGE, 0] }));
  });
});

describe('JsonLogic is refused', () => {
  const WHOLE = 'the record as a whole can not be read, only its attributes';

  it.each<[unknown, string]>([
    [{}, '/query: JsonLogic has one operation at each level; here are none'],
    [
      { and: [{ '==': [AGE, 5], '!=': [AGE, 6] }] },
      "/query/and/0: JsonLogic has one operation at each level; here are '==', '!='",
    ],
    [{ '==': [AGE, {}] }, '/query/==/1: JsonLogic has one operation at each level; here are none'],
    [{ like: [NAME, 'a'] }, "/query/like: there is no operation 'like'"],
    [{ '!': { 'a/b': 1 } }, "/query/!/a~1b: there is no operation 'a/b'"],
    [{ constructor: [] }, "/query/constructor: there is no operation 'constructor'"],
    [{ log: NAME }, "/query/log: the operation 'log' is not allowed"],
    [
      { and: [{ method: [NAME, 'trim'] }] },
      "/query/and/0/method: the operation 'method' is not allowed",
    ],
    [
      { '==': [{ var: 'nmae' }, 'a'] },
      "/query/==/0/var: contacts has no attribute 'nmae'; there are name, nick, " +
        'age, score, vip, born_on, seen_at, tags, days, extra',
    ],
    [{ var: '' }, `/query/var: ${WHOLE}`],
    [{ var: [] }, `/query/var/0: ${WHOLE}`],
    [{ '!': [{ var: null }] }, `/query/!/0/var: ${WHOLE}`],
    [{ var: [NAME] }, "/query/var/0: the path of 'var' is a text, not one that is computed"],
    [
      { var: { cat: ['na', 'me'] } },
      "/query/var: the path of 'var' is a text, not one that is computed",
    ],
    [
      { some: [TAGS, { var: { var: '' } }] },
      "/query/some/1/var: the path of 'var' is a text, not one that is computed",
    ],
    [{ var: ['name', 1, 2] }, "/query/var: 'var' takes a path and a default, and no more"],
    [
      { var: ['age', { var: 'nope' }] },
      expect.stringMatching(/^\/query\/var\/1\/var: contacts has no attribute 'nope'/) as never,
    ],
    [{ var: 'name.length' }, "/query/var: 'length' is no part of 'name'"],
    [{ var: 'tags.first' }, "/query/var: 'first' is no part of 'tags'"],
    [{ var: 'tags.0.length' }, "/query/var: '0.length' is no part of 'tags'"],
    [{ var: 'extra.constructor' }, "/query/var: 'constructor' can't be part of a path"],
    [{ var: '__proto__' }, "/query/var: '__proto__' can't be part of a path"],
    [
      { some: [TAGS, { var: 'a.__proto__' }] },
      "/query/some/1/var: '__proto__' can't be part of a path",
    ],
    [{ missing: { merge: ['a'] } }, '/query/missing: the keys are texts, not {"merge":["a"]}'],
    [{ missing_some: [1, NAME] }, '/query/missing_some/1: the keys are a list of texts'],
    [{ '*': [] }, "/query/*: '*' takes at least one argument"],
    [
      { reduce: [TAGS, { merge: [{ var: 'accumulator' }, { var: ['accumulator'] }] }, []] },
      "/query/reduce/1: what 'reduce' repeats may compute with its accumulator, but " +
        "not put it together or loop over it (in a list, 'merge', 'cat', 'in', " +
        "'map', 'filter', …): its work would grow with each item",
    ],
    [{ '==': [AGE, JSON.parse('1e999')] }, '/query/==/1: the number is too large'],
    [{ combinatorr: 'and' }, "/query/combinatorr: there is no operation 'combinatorr'"],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('with all of its faults at once', () => {
    const faults = faultsOf({ and: [{ log: 1 }, { var: '' }, { like: [] }] });
    expect(faults.map((line) => line.split(':')[0])).toEqual([
      '/query/and/0/log',
      '/query/and/1/var',
      '/query/and/2/like',
    ]);
  });
});

describe('JsonLogic is accepted', () => {
  it.each<[unknown]>([
    [{ var: 'tags.0' }],
    [{ var: 'tags.length' }],
    [{ var: 'extra.a.b.0' }],
    [{ some: [TAGS, { '==': [{ var: '' }, { var: 'anything.at.all' }] }] }],
    [{ reduce: [TAGS, { '+': [{ var: 'accumulator' }, 1] }, 0] }],
    [{ missing: [] }],
    [{ missing_some: [1, ['name', 'age']] }],
    [{ '==': [{ substr: [NAME, 0, 1] }, 'a'] }],
  ])('%j', (query) => {
    expect(faultsOf(query)).toEqual([]);
  });
});

/**
 * compile.test.ts – The three dialects by their root, the limits, the key, and the JsonLogic that
 * is given back.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../../src/change/object-type.ts';
import { Problem } from '../../../../src/errors.ts';
import { compileQuery, type SegmentMeaning } from '../../../../src/query/dialects/compile.ts';
import { predicateAttributes } from '../../../../src/query/predicate/statement.ts';
import { CONTACTS, contactsScope, faultsOf, group, holdsFor } from '../../../support/contacts.ts';

const RULE = { field: 'age', operator: '>', value: 5 };
const compile = (query: unknown, scope = contactsScope()) => compileQuery(query, scope);

describe('the root', () => {
  it('tells the three dialects apart', () => {
    const guarded = { and: [{ '!=': [{ var: 'age' }, null] }, { '>': [{ var: 'age' }, 5] }] };
    const item = {
      type: 'group',
      operator: 'and',
      items: [{ type: 'attribute', slug: 'age', operator: '>', value: 5 }],
    };
    expect(new Set([group(RULE), item, guarded].map((query) => compile(query).key)).size).toBe(1);
  });

  it.each<[unknown, string]>([
    [
      RULE,
      '/query: a single rule is no query: put it into a group, { "combinator": ' +
        '"and", "rules": [ … ] }',
    ],
    [[1], '/query: a query is a rule group, an item tree or JsonLogic, not [1]'],
    [null, '/query: a query is a rule group, an item tree or JsonLogic, not null'],
    [undefined, '/query: a query is a rule group, an item tree or JsonLogic, not undefined'],
    ['age > 5', '/query: a query is a rule group, an item tree or JsonLogic, not "age > 5"'],
    [true, '/query: a query is a rule group, an item tree or JsonLogic, not true'],
  ])('refuses %j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('refuses with a problem that says the first fault and lists all', () => {
    const query = group({ ...RULE, operator: 'contains' }, { ...RULE, value: 'x' });
    expect(() => compile(query)).toThrow(Problem);
    try {
      compile(query);
    } catch (error) {
      const problem = error as Problem;
      expect([problem.code, problem.status, problem.errors.length]).toEqual([
        'query_invalid',
        422,
        2,
      ]);
      expect(problem.message).toBe(problem.errors[0]?.detail);
    }
  });
});

describe('the limits', () => {
  const nested = (levels: number, wrap: (inner: unknown) => unknown, innermost: unknown) => {
    let query = innermost;
    for (let level = 0; level < levels; level += 1) query = wrap(query);
    return query;
  };
  const tooDeep = 'the query is nested deeper than 50 levels';
  const tooMany = 'the query has more than 1000 groups and conditions';

  it('of depth are 50 groups', () => {
    const wrap = (inner: unknown) => ({ combinator: 'and', not: true, rules: [inner] });
    expect(faultsOf(nested(50, wrap, RULE))).toEqual([]);
    expect(faultsOf(nested(51, wrap, RULE))).toEqual([
      `/query${'/rules/0'.repeat(50)}: ${tooDeep}`,
    ]);
    const item = (inner: unknown) => ({ type: 'group', operator: 'and', items: [inner] });
    expect(faultsOf(nested(50, item, item([])))).toEqual(
      expect.arrayContaining([`/query${'/items/0'.repeat(50)}: ${tooDeep}`]),
    );
  });

  it('of depth are 50 levels of JsonLogic, where reading a value and negation are none', () => {
    const leaf = { '==': [{ var: 'age' }, 5] };
    expect(faultsOf(nested(50, (inner) => ({ '!': [{ and: [inner] }] }), leaf))).toEqual([]);
    expect(faultsOf(nested(51, (inner) => ({ or: [inner] }), leaf))).toEqual([
      `/query: ${tooDeep}`,
    ]);
    expect(faultsOf(nested(51, (inner) => ({ '+': [inner, 1] }), leaf))).toEqual([
      `/query: ${tooDeep}`,
    ]);
  });

  it('of size are 1,000 groups and rules, whatever the number of values', () => {
    expect(faultsOf(group(...new Array(999).fill(RULE)))).toEqual([]);
    expect(faultsOf(group(...new Array(1000).fill(RULE)))).toEqual([
      `/query/rules/999: ${tooMany}`,
    ]);
    expect(faultsOf({ or: new Array(999).fill({ '>': [{ var: 'age' }, 5] }) })).toEqual([]);
    expect(faultsOf({ or: new Array(1000).fill({ '>': [{ var: 'age' }, 5] }) })).toEqual([
      `/query: ${tooMany}`,
    ]);
    const many = {
      field: 'tags',
      operator: 'containsAny',
      value: Array.from({ length: 5000 }, (_, index) => `t${index}`),
    };
    expect(faultsOf(group(many, { ...many, field: 'name', operator: 'in' }))).toEqual([]);
  });

  it('let every JsonLogic that is given back be sent again, the largest too', () => {
    const rules = [
      RULE,
      { field: 'age', operator: 'notBetween', value: [1, 2] },
      { field: 'age', operator: '<=', valueSource: 'field', value: 'score' },
      { field: 'tags', operator: 'containsNone', value: ['a', 'b', 'c'], caseInsensitive: true },
      { field: 'name', operator: 'doesNotContain', value: 'a', caseInsensitive: true },
      { field: 'name', operator: 'null' },
    ];
    const full = (inner: unknown[]) => ({
      combinator: 'or',
      not: true,
      rules: [...inner, ...rules, ...rules, ...rules],
    });
    const query = nested(50, (inner) => full(inner ? [inner] : []), undefined);
    const { jsonLogic, key } = compile(query);
    expect(compile(jsonLogic).key).toBe(key);
  });

  it.each([
    ['a rule group', (inner: unknown) => ({ combinator: 'and', rules: [inner] })],
    ['an item tree', (inner: unknown) => ({ type: 'group', operator: 'and', items: [inner] })],
    ['JsonLogic', (inner: unknown) => ({ '!': [inner] })],
    ['a list', (inner: unknown) => ({ in: [1, [inner]] })],
    ['a value', (inner: unknown) => ({ rules: [], combinator: 'and', value: [inner] })],
  ])('protect the stack from %s that is 200,000 levels deep', (_, wrap) => {
    expect(faultsOf(nested(200_000, wrap, 1))).toEqual([`/query: ${tooDeep}`]);
  });

  it('hold for what the segments add, which may double at each link of a chain', () => {
    const segments: Record<string, SegmentMeaning> = {};
    const scope = contactsScope(segments);
    const use = (slug: string, operator = 'inSegment') => ({ operator, field: '', value: slug });
    segments.s0 = { objectType: 'contacts', ...compile(group(RULE), scope) };
    let refused = 0;
    for (let link = 1; link <= 30 && refused === 0; link += 1) {
      const twice = {
        combinator: 'or',
        rules: [use(`s${link - 1}`), use(`s${link - 1}`, 'notInSegment')],
      };
      refused = faultsOf(twice, scope).length;
      if (refused === 0)
        segments[`s${link}`] = { objectType: 'contacts', ...compile(twice, scope) };
    }
    expect(
      faultsOf(
        group(use(Object.keys(segments).at(-1)!), use(Object.keys(segments).at(-1)!)),
        scope,
      ),
    ).toEqual(['/query: the query is too large or too deep with the segments that it uses']);
  });
});

describe('the key', () => {
  it('is the same for the same statement in other words', () => {
    const one = group({ field: 'name', operator: 'in', value: ['b', 'a'] }, RULE);
    const other = {
      combinator: 'or',
      not: true,
      rules: [
        { field: 'age', operator: 'null' },
        { field: 'age', operator: '<=', value: '5' },
        { combinator: 'and', rules: [{ field: 'name', operator: 'notIn', value: 'a,b,a' }] },
      ],
    };
    expect(compile(one).key).toBe(compile(other).key);
  });

  it('changes with the type of an attribute that is read, and with no other', () => {
    const attributes = Object.fromEntries(CONTACTS.attributes);
    const keyWith = (changed: object) => {
      const type = objectType('contacts', 2, {
        attributes: { ...attributes, ...changed },
        relationships: {},
      });
      return compile(group({ field: 'born_on', operator: 'notNull' }), { ...contactsScope(), type })
        .key;
    };
    expect(keyWith({ born_on: { type: 'datetime' } })).not.toBe(keyWith({}));
    expect(keyWith({ born_on: { type: 'list', of: 'date' } })).not.toBe(
      keyWith({ born_on: { type: 'list', of: 'string' } }),
    );
    expect(keyWith({ age: { type: 'string' } })).toBe(keyWith({}));
  });

  it('depends on the time zone where a day is one of moments, and not where it is one of dates', () => {
    const berlin = { ...contactsScope(), timeZone: 'Europe/Berlin' };
    const seen = group({ field: 'seen_at', operator: '<', value: '2024-01-01' });
    const born = group({ field: 'born_on', operator: '<', value: '2024-01-01' });
    expect(compile(seen, berlin).key).not.toBe(compile(seen).key);
    expect(compile(born, berlin).key).toBe(compile(born).key);
    expect(
      compile(group({ field: 'seen_at', operator: '=', value: '2024-01-01' }), berlin).jsonLogic,
    ).toEqual({
      and: [
        {
          and: [
            { '!=': [{ var: 'seen_at' }, null] },
            { '<=': ['2023-12-31T23:00:00.000Z', { var: 'seen_at' }, '2024-01-01T22:59:59.999Z'] },
          ],
        },
      ],
    });
  });
});

describe('the JsonLogic', () => {
  it.each<[object, unknown]>([
    [{ field: 'name', operator: '=', value: 'a' }, { '===': [{ var: 'name' }, 'a'] }],
    [
      { field: 'name', operator: 'notIn', value: 'a,b' },
      { '!': [{ in: [{ var: 'name' }, ['a', 'b']] }] },
    ],
    [RULE, { and: [{ '!=': [{ var: 'age' }, null] }, { '>': [{ var: 'age' }, 5] }] }],
    [
      { field: 'name', operator: 'beginsWith', value: 'A', caseInsensitive: true },
      { startsWith: [{ toLowerCase: [{ var: 'name' }] }, 'a'] },
    ],
    [
      { field: 'tags', operator: 'containsAll', value: ['a', 'b'] },
      { and: [{ in: ['a', { var: 'tags' }] }, { in: ['b', { var: 'tags' }] }] },
    ],
    [{ field: 'name', operator: 'in', value: [] }, { or: [false] }],
    [{ field: 'name', operator: 'null', value: '' }, { '!': [{ '!=': [{ var: 'name' }, null] }] }],
  ])('of %j is as one would write it', (rule, jsonLogic) => {
    expect(compile(group(rule)).jsonLogic).toEqual({ and: [jsonLogic] });
  });

  it('is as it was meant for a name with a text that looks like null', () => {
    expect(
      holdsFor(group({ field: 'name', operator: 'contains', value: 'null' }), [
        {},
        { name: 'null' },
      ]),
    ).toEqual([false, true]);
  });
});

it('the attributes of a predicate are those that its atoms read, sorted', () => {
  const query = {
    and: [
      { '>': [{ '+': [{ var: 'score' }, { var: 'extra.a' }] }, 1] },
      { '==': [{ var: 'age' }, 1] },
    ],
  };
  expect(predicateAttributes(compile(query).predicate)).toEqual(['age', 'extra', 'score']);
  expect(predicateAttributes(compile({ and: [true] }).predicate)).toEqual([]);
});

/**
 * rule-group.test.ts – How groups join rules, and each way in which a rule group is refused, in the
 * words that a stranger reads.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { predicateJsonLogic } from '../../../../src/query/json-logic/json-logic.ts';
import { contactsScope, faultsOf, group, holdsFor, TYPES } from '../../../support/contacts.ts';

const ANN = { field: 'name', operator: '=', value: 'Ann' };
const OLD = { field: 'age', operator: '>', value: 60 };
const RECORDS = [{ name: 'Ann', age: 70 }, { name: 'Ann' }, { age: 70 }, {}];

describe('a group', () => {
  it('joins its rules by and, by or, and is negated by not', () => {
    expect(holdsFor({ combinator: 'and', rules: [ANN, OLD] }, RECORDS)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(holdsFor({ combinator: 'or', rules: [ANN, OLD] }, RECORDS)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(holdsFor({ combinator: 'or', not: true, rules: [ANN, OLD] }, RECORDS)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(holdsFor({ combinator: 'and', not: false, rules: [ANN] }, RECORDS)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('nests', () => {
    const inner = { combinator: 'or', not: true, rules: [ANN] };
    expect(holdsFor(group(OLD, inner), RECORDS)).toEqual([false, false, true, false]);
  });

  it.each(['and', 'or'])('that is empty holds for every record, joined by %s too', (combinator) => {
    expect(holdsFor({ combinator, rules: [] }, RECORDS)).toEqual([true, true, true, true]);
    expect(holdsFor({ combinator, not: true, rules: [] }, RECORDS)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(compileQuery({ combinator, rules: [] }, contactsScope()).jsonLogic).toEqual({
      and: [true],
    });
  });

  it('leaves muted rules and groups out, whatever is in them', () => {
    const muted = { field: 'gone', operator: '??', muted: true };
    expect(
      holdsFor(group(ANN, muted, { combinator: 'or', rules: [OLD], muted: true }), RECORDS),
    ).toEqual([true, true, false, false]);
    expect(holdsFor(group({ ...ANN, muted: false }), RECORDS)).toEqual([true, true, false, false]);
    expect(holdsFor({ combinator: 'or', rules: [muted] }, RECORDS)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(holdsFor({ combinator: 'or', not: true, muted: true, rules: [ANN] }, RECORDS)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('ignores what editors add for themselves', () => {
    const plain = compileQuery(group(ANN), contactsScope());
    const edited = {
      id: 'g',
      path: [],
      disabled: true,
      ...(group({ ...ANN, id: 'r', path: [0], disabled: true }) as object),
    };
    expect(compileQuery(edited, contactsScope())).toEqual(plain);
  });
});

describe('a rule over a segment', () => {
  const { predicate } = compileQuery(group(ANN), contactsScope());
  const jsonLogic = predicateJsonLogic(predicate, TYPES);
  const scope = contactsScope({
    anns: { objectType: 'contacts', predicate, jsonLogic },
    firms: { objectType: 'organizations', predicate, jsonLogic },
  });
  const rule = (operator: string, value: unknown, more = {}) =>
    group({ operator, field: '', value, ...more });

  it('means what the segment means', () => {
    expect(holdsFor(rule('inSegment', 'anns'), RECORDS, scope)).toEqual([true, true, false, false]);
    expect(holdsFor(rule('notInSegment', 'anns'), RECORDS, scope)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(compileQuery(rule('inSegment', 'anns'), scope).key).toBe(
      compileQuery(group(ANN), scope).key,
    );
  });

  it('takes over its JsonLogic, and says which segments are used', () => {
    const both = {
      combinator: 'or',
      rules: [
        { operator: 'notInSegment', value: 'anns' },
        { operator: 'inSegment', value: 'anns' },
        OLD,
      ],
    };
    const compiled = compileQuery(both, scope);
    expect(compiled.uses).toEqual(['anns']);
    expect(compiled.jsonLogic).toMatchObject({ or: [{ '!': [jsonLogic] }, jsonLogic, {}] });
  });

  it.each([
    [rule('inSegment', 'gone'), "/query/rules/0/value: there is no segment 'gone'"],
    [
      rule('inSegment', 'firms'),
      "/query/rules/0/value: the segment 'firms' is of organizations, not of contacts",
    ],
    [
      rule('inSegment', ['anns']),
      `/query/rules/0/value: 'inSegment' takes the slug of a segment, not ["anns"]`,
    ],
    [
      rule('notInSegment', null),
      "/query/rules/0/value: 'notInSegment' takes the slug of a segment, not null",
    ],
    [
      rule('inSegment', 'name', { valueSource: 'field' }),
      "/query/rules/0/valueSource: 'inSegment' takes the slug of a segment, not an attribute",
    ],
    [
      group({ operator: 'inSegment', field: 'friends', value: 'anns' }),
      `/query/rules/0/field: 'inSegment' is about the record itself: 'field' is "", ` +
        'or left out, not "friends"',
    ],
    [
      group({ operator: 'notInSegment', field: null, value: 'anns' }),
      `/query/rules/0/field: 'notInSegment' is about the record itself: 'field' is ` +
        '"", or left out, not null',
    ],
    [
      rule('inSegment', 'anns', { caseInsensitive: true }),
      '/query/rules/0/caseInsensitive: the slug of a segment has no case to fold',
    ],
    [
      rule('inSegment', 'anns', { valueSource: 'parameter' }),
      "/query/rules/0/valueSource: 'inSegment' takes the slug of a segment, not an attribute",
    ],
    [
      rule('inSegment', 'anns', { where: group() }),
      "/query/rules/0/where: 'where' is not known here",
    ],
    [
      rule('inSegment', 'anns', { match: { mode: 'all' } }),
      `/query/rules/0/operator: the operator of a rule with 'match' is "=", not "inSegment"`,
    ],
  ])('is refused: %j', (query, fault) => {
    expect(faultsOf(query, scope)[0]).toEqual(fault);
  });

  it('is refused in an item tree too, where it names an attribute', () => {
    const leaf = { type: 'attribute', operator: 'inSegment', slug: 'friends', value: 'anns' };
    expect(faultsOf({ type: 'group', operator: 'and', items: [leaf] }, scope)).toEqual([
      `/query/items/0/slug: 'inSegment' is about the record itself: 'slug' is "", ` +
        'or left out, not "friends"',
    ]);
    const own = { type: 'group', operator: 'and', items: [{ ...leaf, slug: '' }] };
    expect(holdsFor(own, RECORDS, scope)).toEqual([true, true, false, false]);
  });
});

describe('a member that a rule does not read is refused', () => {
  it.each<[unknown, string]>([
    [{ ...ANN, not: true }, "/not: 'not' is not known here"],
    [{ ...ANN, where: group(OLD) }, "/where: 'where' is not known here"],
    [{ ...ANN, threshold: 3 }, "/threshold: 'threshold' is not known here"],
    [{ ...ANN, combinator: 'or' }, "/combinator: 'combinator' is not known here"],
    [{ ...ANN, lhs: {} }, "/lhs: 'lhs' is not known here"],
    [{ ...ANN, unit: 'day' }, "/unit: 'unit' is not known here"],
    [
      { ...ANN, match: { mode: 'all' } },
      "/field: 'name' is an attribute of one record: 'match' is of a relationship " +
        'that leads to many',
    ],
    [
      { ...OLD, caseInsensitive: true },
      "/caseInsensitive: 'age' is a number: only strings and lists of strings have a case",
    ],
    [
      { field: 'name', operator: 'null', caseInsensitive: true },
      "/caseInsensitive: 'null' compares nothing, so there is no case to fold",
    ],
    [
      { field: 'name', operator: 'null', value: { combinator: 'and', rules: [] } },
      `/value: 'null' takes no value, but here is {"combinator":"and","rules":[]}`,
    ],
    [
      { field: 'name', operator: 'notNull', value: [{}] },
      "/value: 'notNull' takes no value, but here is [{}]",
    ],
    [
      { field: 'name', operator: 'notNull', valueSource: 'field', value: 'nick' },
      "/operator: 'notNull' does not compare two attributes; = != < <= > >= do",
    ],
    [
      { field: 'seen_at', operator: '<', value: { mode: 'relative', anchor: 'now', amount: 1 } },
      "/value/amount: 'amount' is not known here",
    ],
    [
      { field: 'seen_at', operator: 'inCurrent', value: { unit: 'day', amount: 1 } },
      "/value/amount: 'amount' is not known here",
    ],
    [
      { field: 'seen_at', operator: 'inLast', value: { unit: 'day', amount: 1, anchor: 'now' } },
      "/value/anchor: 'anchor' is not known here",
    ],
    [{ combinator: 'and', rules: [], field: 'name' }, "/field: 'field' is not known here"],
    [{ combinator: 'and', rules: [], value: 1 }, "/value: 'value' is not known here"],
  ])('%j', (rule, fault) => {
    expect(faultsOf(group(rule))[0]).toEqual(`/query/rules/0${fault}`);
  });

  it('but for what an editor keeps for itself, or leaves behind', () => {
    const own = {
      id: 'x',
      path: [0],
      disabled: true,
      meta: { a: [{}] },
      combinatorPreceding: 'or',
      valueSource: 'value',
    };
    const left = ['', 'Ann', 7, false, null, ['Ann', 'Bob']];
    const none = [
      ...left.map((value) => ({ ...own, field: 'nick', operator: 'null', value })),
      { ...own, field: 'nick', operator: 'null' },
    ];
    expect(holdsFor(group(...none), RECORDS)).toEqual(RECORDS.map(() => true));
    const { valueSource: _, ...ofGroup } = own;
    expect(
      holdsFor({ ...ofGroup, combinator: 'and', rules: [{ ...own, ...ANN }] }, RECORDS),
    ).toEqual([true, true, false, false]);
    expect(holdsFor(group({ ...OLD, caseInsensitive: false }), RECORDS)).toEqual(
      holdsFor(group(OLD), RECORDS),
    );
    expect(
      holdsFor(group({ field: 'age', operator: 'in', value: 7 }), [{ age: 7 }, { age: 8 }]),
    ).toEqual([true, false]);
  });
});

describe('combinators between the rules', () => {
  const [a, b, c] = ['name', 'nick', 'age'].map((field) => ({ field, operator: 'notNull' }));
  const records = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
    ...(bits & 1 ? { name: 'x' } : {}),
    ...(bits & 2 ? { nick: 'x' } : {}),
    ...(bits & 4 ? { age: 1 } : {}),
  }));
  const and = (...rules: unknown[]) => ({ combinator: 'and', rules });
  const or = (...rules: unknown[]) => ({ combinator: 'or', rules });
  const muted = { ...b, muted: true };

  it.each<[unknown[], unknown]>([
    [[a, 'and', b, 'and', c], and(a, b, c)],
    [[a, 'or', b, 'or', c], or(a, b, c)],
    [[a, 'and', b, 'or', c], or(and(a, b), c)],
    [[a, 'or', b, 'and', c], or(a, and(b, c))],
    [[a, 'or', b, 'and', c, 'or', { rules: [a, 'and', c] }], or(a, and(b, c), and(a, c))],
    [[a, 'and', { not: true, rules: [b, 'or', c] }], and(a, { ...or(b, c), not: true })],
    [[a], and(a)],
    [[], and()],
    [[a, 'or', muted, 'and', c], or(a, c)],
    [[a, 'or', muted], a],
    [[muted, 'or', a], a],
    [[muted, 'and', a, 'or', c], or(a, c)],
    [[muted, 'or', muted], and()],
    [[{ rules: [muted] }, 'or', a], or(and(), a)],
  ])('%j', (rules, nested) => {
    const whole = 'combinator' in (nested as object) ? nested : and(nested);
    expect(holdsFor({ rules }, records)).toEqual(holdsFor(whole, records));
    expect(holdsFor({ rules, not: true }, records)).toEqual(
      holdsFor(whole, records).map((truth) => !truth),
    );
    const { jsonLogic } = compileQuery({ rules }, contactsScope());
    if (JSON.stringify(rules).includes('muted')) return;
    expect(jsonLogic).toEqual(compileQuery(whole, contactsScope()).jsonLogic);
  });

  it('count as the groups that they stand for: what they are compiled to is a query again', () => {
    const deep = (depth: number): unknown =>
      depth === 0 ? a : { not: true, rules: [a, 'and', deep(depth - 1), 'or', c] };
    expect(faultsOf(deep(26))[0]).toMatch(/nested deeper than 50 levels$/);
    const { jsonLogic, key } = compileQuery(deep(25), contactsScope());
    expect(compileQuery(jsonLogic, contactsScope()).key).toBe(key);
  });
});

describe('a rule group is refused', () => {
  it.each<[unknown, string]>([
    [
      { combinator: 'xor', rules: [] },
      `/query/combinator: the combinator of a group is "and" or "or", not "xor"`,
    ],
    [{ rules: [ANN, OLD] }, `/query/combinator: the combinator of a group is "and" or "or"`],
    [{ combinator: 'and', rules: {} }, '/query/rules: the rules of a group are a list'],
    [{ combinator: 'and' }, '/query/rules: the rules of a group are a list'],
    [{ combinator: 'and', rules: [], not: 'no' }, '/query/not: "no" is neither true nor false'],
    [{ combinator: 'and', rules: [], muted: 1 }, '/query/muted: 1 is neither true nor false'],
    [{ combinator: 'and', rules: [], limit: 5 }, "/query/limit: 'limit' is not known here"],
    [group(7), '/query/rules/0: 7 is neither a rule nor a group'],
    [
      { combinator: 'and', rules: [ANN, 'or', OLD] },
      '/query/rules/1: "or" stands where a rule should: a group has one combinator, ' +
        'or one between each two rules',
    ],
    [
      { rules: [ANN, 'xor', OLD] },
      `/query/rules/1: between two rules stands "and" or "or", not "xor"`,
    ],
    [
      { rules: [ANN, OLD, 'and'] },
      '/query/rules/1: between two rules stands "and" or "or", not ' +
        '{"field":"age","operator":">","value":60}',
    ],
    [{ rules: [ANN, 'and'] }, `/query/rules/1: after "and" there is no rule`],
    [
      { rules: ['and', 'or', ANN] },
      '/query/rules/0: "and" stands where a rule should: a group has one ' +
        'combinator, or one between each two rules',
    ],
    [
      { combinator: null, rules: [ANN] },
      `/query/combinator: the combinator of a group is "and" or "or", not null`,
    ],
    [group({ ...ANN, muted: 'yes' }), '/query/rules/0/muted: "yes" is neither true nor false'],
    [group({ ...ANN, weight: 1 }), "/query/rules/0/weight: 'weight' is not known here"],
    [group({ ...ANN, 'a/b~c': 1 }), "/query/rules/0/a~1b~0c: 'a/b~c' is not known here"],
    [group({ field: 'name', value: 'a' }), '/query/rules/0/operator: a rule has an operator'],
    [group({ ...ANN, operator: 5 }), '/query/rules/0/operator: 5 is not the name of an operator'],
    [group({ ...ANN, field: undefined }), '/query/rules/0/field: a rule names an attribute'],
    [group({ ...ANN, field: '' }), '/query/rules/0/field: a rule names an attribute'],
    [
      group({ ...ANN, field: 'nmae' }),
      "/query/rules/0/field: contacts has no attribute 'nmae'; there are name, " +
        'nick, age, score, vip, born_on, seen_at, tags, days, extra',
    ],
    [
      group({ ...ANN, field: 'extra.a' }),
      "/query/rules/0/field: 'extra.a' looks into 'extra', which a rule can't; only " +
        'JsonLogic reads inside of objects',
    ],
    [
      group({ ...ANN, operator: 'containsAny' }),
      "/query/rules/0/operator: 'name' is a string and does not take 'containsAny'; " +
        'it takes =, !=, in, notIn, <, <=, >, >=, between, notBetween, contains, ' +
        'doesNotContain, beginsWith, doesNotBeginWith, endsWith, doesNotEndWith, ' +
        'matches, doesNotMatch, notNull, null',
    ],
    [
      group({ field: 'vip', operator: '<', value: true }),
      "/query/rules/0/operator: 'vip' is a boolean and does not take '<'; it takes " +
        '=, !=, in, notIn, notNull, null',
    ],
    [
      group({ field: 'tags', operator: '=', value: ['a'] }),
      "/query/rules/0/operator: 'tags' is a list of strings and does not take '='; " +
        'it takes contains, doesNotContain, containsAny, containsAll, containsNone, notNull, null',
    ],
    [
      group({ field: 'extra', operator: '=', value: {} }),
      "/query/rules/0/operator: 'extra' is an object and does not take '='; it takes notNull, null",
    ],
    [
      group({ field: 'age', operator: '=', value: 'x' }),
      `/query/rules/0/value: 'age' is a number: "x" is not a number, such as 42`,
    ],
    [
      group({ field: 'name', operator: '=', value: 5 }),
      '/query/rules/0/value: \'name\' is a string: 5 is not a string, such as "abc"',
    ],
    [
      group({ field: 'born_on', operator: '=', value: '2023-02-29' }),
      `/query/rules/0/value: 'born_on' is a date: "2023-02-29" is not a date, such as "2026-01-31"`,
    ],
    [
      group({ field: 'tags', operator: 'contains', value: 5 }),
      '/query/rules/0/value: \'tags\' is a list of strings: 5 is not a string, such as "abc"',
    ],
    [
      group({ ...ANN, value: null }),
      `/query/rules/0/value: '=' takes a value; for "no value" there are null and notNull`,
    ],
    [
      group({ field: 'name', operator: 'in' }),
      `/query/rules/0/value: 'in' takes a value; for "no value" there are null and notNull`,
    ],
    [
      group({ field: 'name', operator: 'in', value: ['a', null] }),
      '/query/rules/0/value/1: \'name\' is a string: null is not a string, such as "abc"',
    ],
    [
      group({ field: 'age', operator: 'in', value: '1,x' }),
      `/query/rules/0/value: 'age' is a number: "x" is not a number, such as 42`,
    ],
    [
      group({ field: 'age', operator: 'in', value: {} }),
      "/query/rules/0/value: 'in' takes a list of values, such as [42], not {}",
    ],
    [
      group({ field: 'age', operator: 'between', value: 5 }),
      "/query/rules/0/value: 'between' takes two values, [low, high], such as [42,42], not 5",
    ],
    [
      group({ field: 'age', operator: 'between', value: [1] }),
      "/query/rules/0/value: 'between' takes two values, [low, high], such as [42,42], not [1]",
    ],
    [
      group({ field: 'age', operator: 'between', value: '1,2,3' }),
      `/query/rules/0/value: 'between' takes two values, [low, high], such as [42,42], not "1,2,3"`,
    ],
    [
      group({ field: 'age', operator: '=', value: 5, caseInsensitive: true }),
      "/query/rules/0/caseInsensitive: 'age' is a number: only strings and lists of " +
        'strings have a case',
    ],
    [
      group({ ...ANN, caseInsensitive: 'yes' }),
      '/query/rules/0/caseInsensitive: "yes" is neither true nor false',
    ],
    [
      group({ ...ANN, valueSource: 'row' }),
      '/query/rules/0/valueSource: "row" is neither "value" nor "field"',
    ],
    [
      group({ ...ANN, operator: 'in', valueSource: 'field', value: 'nick' }),
      "/query/rules/0/operator: 'in' does not compare two attributes; = != < <= > >= do",
    ],
    [
      group({ ...ANN, valueSource: 'field', value: 'age' }),
      "/query/rules/0/value: 'name' is a string and 'age' is a number: they can't be compared",
    ],
    [
      group({ ...ANN, valueSource: 'field', value: 7 }),
      '/query/rules/0/value: a rule names an attribute',
    ],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('with the operators that there are, if it has another', () => {
    expect(faultsOf(group({ ...ANN, operator: 'like' }))[0]).toMatch(
      /^\/query\/rules\/0\/operator: there is no operator "like"; there are =, !=, in, .*inSegment/,
    );
  });

  it('with all of its faults at once, up to 20', () => {
    const wrong = { field: 'gone', operator: 'like', extra: 1 };
    expect(faultsOf(group(wrong)).map((line) => line.split(':')[0])).toEqual([
      '/query/rules/0/extra',
      '/query/rules/0/operator',
      '/query/rules/0/field',
    ]);
    expect(faultsOf(group(...new Array(50).fill(wrong)))).toHaveLength(20);
  });

  it('when it quotes something long, in short', () => {
    expect(
      faultsOf(group({ field: 'age', operator: '=', value: 'x'.repeat(1000) }))[0]!.length,
    ).toBeLessThan(150);
  });
});

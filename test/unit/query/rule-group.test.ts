/** rule-group.test.ts – How groups join rules, and each way in which a rule group is refused, in the words that a stranger reads. */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../src/query/compile.ts';
import { predicateJsonLogic } from '../../../src/query/json-logic.ts';
import { contactsScope, faultsOf, group, holdsFor, TYPES } from '../../support/contacts.ts';

const ANN = { field: 'name', operator: '=', value: 'Ann' };
const OLD = { field: 'age', operator: '>', value: 60 };
const RECORDS = [{ name: 'Ann', age: 70 }, { name: 'Ann' }, { age: 70 }, {}];

describe('a group', () => {
  it('joins its rules by and, by or, and is negated by not', () => {
    expect(holdsFor({ combinator: 'and', rules: [ANN, OLD] }, RECORDS)).toEqual([true, false, false, false]);
    expect(holdsFor({ combinator: 'or', rules: [ANN, OLD] }, RECORDS)).toEqual([true, true, true, false]);
    expect(holdsFor({ combinator: 'or', not: true, rules: [ANN, OLD] }, RECORDS)).toEqual([false, false, false, true]);
    expect(holdsFor({ combinator: 'and', not: false, rules: [ANN] }, RECORDS)).toEqual([true, true, false, false]);
  });

  it('nests', () => {
    const inner = { combinator: 'or', not: true, rules: [ANN] };
    expect(holdsFor(group(OLD, inner), RECORDS)).toEqual([false, false, true, false]);
  });

  it.each(['and', 'or'])('that is empty holds for every record, joined by %s too', (combinator) => {
    expect(holdsFor({ combinator, rules: [] }, RECORDS)).toEqual([true, true, true, true]);
    expect(holdsFor({ combinator, not: true, rules: [] }, RECORDS)).toEqual([false, false, false, false]);
    expect(compileQuery({ combinator, rules: [] }, contactsScope()).jsonLogic).toEqual({ and: [true] });
  });

  it('leaves muted rules and groups out, whatever is in them', () => {
    const muted = { field: 'gone', operator: '??', muted: true };
    expect(holdsFor(group(ANN, muted, { combinator: 'or', rules: [OLD], muted: true }), RECORDS)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(holdsFor(group({ ...ANN, muted: false }), RECORDS)).toEqual([true, true, false, false]);
    expect(holdsFor({ combinator: 'or', rules: [muted] }, RECORDS)).toEqual([true, true, true, true]);
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
  const rule = (operator: string, value: unknown, more = {}) => group({ operator, field: '', value, ...more });

  it('means what the segment means', () => {
    expect(holdsFor(rule('inSegment', 'anns'), RECORDS, scope)).toEqual([true, true, false, false]);
    expect(holdsFor(rule('notInSegment', 'anns'), RECORDS, scope)).toEqual([false, false, true, true]);
    expect(compileQuery(rule('inSegment', 'anns'), scope).key).toBe(compileQuery(group(ANN), scope).key);
  });

  it('takes over its JsonLogic, and says which segments are used', () => {
    const both = {
      combinator: 'or',
      rules: [{ operator: 'notInSegment', value: 'anns' }, { operator: 'inSegment', value: 'anns' }, OLD],
    };
    const compiled = compileQuery(both, scope);
    expect(compiled.uses).toEqual(['anns']);
    expect(compiled.jsonLogic).toMatchObject({ or: [{ '!': [jsonLogic] }, jsonLogic, {}] });
  });

  it.each([
    [rule('inSegment', 'gone'), "/query/rules/0/value: there is no segment 'gone'"],
    [rule('inSegment', 'firms'), "/query/rules/0/value: the segment 'firms' is of organizations, not of contacts"],
    [rule('inSegment', ['anns']), `/query/rules/0/value: 'inSegment' takes the slug of a segment, not ["anns"]`],
    [rule('notInSegment', null), "/query/rules/0/value: 'notInSegment' takes the slug of a segment, not null"],
    [
      rule('inSegment', 'name', { valueSource: 'field' }),
      "/query/rules/0/valueSource: 'inSegment' takes the slug of a segment, not an attribute",
    ],
  ])('is refused: %j', (query, fault) => {
    expect(faultsOf(query, scope)).toEqual([fault]);
  });
});

describe('a rule group is refused', () => {
  it.each<[unknown, string]>([
    [{ combinator: 'xor', rules: [] }, `/query/combinator: the combinator of a group is "and" or "or", not "xor"`],
    [{ rules: [] }, `/query/combinator: the combinator of a group is "and" or "or"`],
    [{ combinator: 'and', rules: {} }, '/query/rules: the rules of a group are a list'],
    [{ combinator: 'and' }, '/query/rules: the rules of a group are a list'],
    [{ combinator: 'and', rules: [], not: 'no' }, '/query/not: "no" is neither true nor false'],
    [{ combinator: 'and', rules: [], muted: 1 }, '/query/muted: 1 is neither true nor false'],
    [{ combinator: 'and', rules: [], limit: 5 }, "/query/limit: 'limit' is not known here"],
    [group(7), '/query/rules/0: 7 is neither a rule nor a group'],
    [
      { rules: [ANN, 'or', OLD] },
      `/query/rules/1: "or" stands between rules: give the group one combinator, and nest a group for the other`,
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
      "/query/rules/0/field: contacts has no attribute 'nmae'; there are name, nick, age, score, vip, born_on, seen_at, tags, days, extra",
    ],
    [
      group({ ...ANN, field: 'extra.a' }),
      "/query/rules/0/field: 'extra.a' looks into 'extra', which a rule can't; only JsonLogic reads inside of objects",
    ],
    [
      group({ ...ANN, operator: 'containsAny' }),
      "/query/rules/0/operator: 'name' is a string and does not take 'containsAny'; it takes =, !=, in, notIn, <, <=, >, >=, between, notBetween, contains, doesNotContain, beginsWith, doesNotBeginWith, endsWith, doesNotEndWith, notNull, null",
    ],
    [
      group({ field: 'vip', operator: '<', value: true }),
      "/query/rules/0/operator: 'vip' is a boolean and does not take '<'; it takes =, !=, in, notIn, notNull, null",
    ],
    [
      group({ field: 'tags', operator: '=', value: ['a'] }),
      "/query/rules/0/operator: 'tags' is a list of strings and does not take '='; it takes contains, doesNotContain, containsAny, containsAll, containsNone, notNull, null",
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
      group({ field: 'age', operator: 'in', value: 5 }),
      "/query/rules/0/value: 'in' takes a list of values, such as [42], not 5",
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
      "/query/rules/0/caseInsensitive: 'age' is a number: only strings and lists of strings have a case",
    ],
    [group({ ...ANN, caseInsensitive: 'yes' }), '/query/rules/0/caseInsensitive: "yes" is neither true nor false'],
    [group({ ...ANN, valueSource: 'row' }), '/query/rules/0/valueSource: "row" is neither "value" nor "field"'],
    [
      group({ ...ANN, operator: 'in', valueSource: 'field', value: 'nick' }),
      "/query/rules/0/operator: 'in' does not compare two attributes; = != < <= > >= do",
    ],
    [
      group({ ...ANN, valueSource: 'field', value: 'age' }),
      "/query/rules/0/value: 'name' is a string and 'age' is a number: they can't be compared",
    ],
    [group({ ...ANN, valueSource: 'field', value: 7 }), '/query/rules/0/value: a rule names an attribute'],
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
    expect(faultsOf(group({ field: 'age', operator: '=', value: 'x'.repeat(1000) }))[0]!.length).toBeLessThan(150);
  });
});

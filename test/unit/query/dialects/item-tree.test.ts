/**
 * item-tree.test.ts – An item tree means what the rule group means, and is refused in its own
 * terms.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { contactsScope, faultsOf } from '../../../support/contacts.ts';

const tree = (operator: unknown, ...items: unknown[]) => ({ type: 'group', operator, items });
const leaf = (slug: unknown, operator: string, value?: unknown, more = {}) => ({
  type: 'attribute',
  slug,
  operator,
  value,
  ...more,
});

describe('an item', () => {
  it.each([
    ['==', '=', 'age', 5],
    ['=', '=', 'age', '5'],
    ['!=', '!=', 'age', 5],
    ['>', '>', 'age', 5],
    ['>=', '>=', 'age', 5],
    ['<', '<', 'age', 5],
    ['<=', '<=', 'age', 5],
    ['in', 'in', 'name', ['a', 'b']],
    ['contains', 'contains', 'name', 'a'],
    ['contains', 'contains', 'tags', 'a'],
    ['notBetween', 'notBetween', 'age', [1, 2]],
    ['null', 'null', 'name', undefined],
  ])('with %s means the rule with %s', (operator, ruleOperator, field, value) => {
    const item = compileQuery(tree('and', leaf(field, operator, value)), contactsScope());
    const rule = compileQuery(
      { combinator: 'and', rules: [{ field, operator: ruleOperator, value }] },
      contactsScope(),
    );
    expect(item).toEqual(rule);
  });

  it('may fold case, be muted, or compare attributes, as a rule', () => {
    const items = [
      leaf('name', '==', 'A', { caseInsensitive: true }),
      leaf('gone', '??', 1, { muted: true }),
      leaf('age', '<', 'score', { valueSource: 'field' }),
    ];
    const rules = [
      { field: 'name', operator: '=', value: 'a', caseInsensitive: true },
      { field: 'age', operator: '<', value: 'score', valueSource: 'field' },
    ];
    expect(compileQuery(tree('or', ...items), contactsScope())).toEqual(
      compileQuery({ combinator: 'or', rules }, contactsScope()),
    );
  });
});

it('a tree without items holds for every record', () => {
  expect(compileQuery(tree('or'), contactsScope()).jsonLogic).toEqual({ and: [true] });
});

it('trees nest', () => {
  const nested = tree(
    'and',
    leaf('age', '>', 1),
    tree('or', leaf('vip', '==', true), leaf('name', '==', 'a')),
  );
  expect(compileQuery(nested, contactsScope()).jsonLogic).toEqual({
    and: [
      { and: [{ '!=': [{ var: 'age' }, null] }, { '>': [{ var: 'age' }, 1] }] },
      { or: [{ '===': [{ var: 'vip' }, true] }, { '===': [{ var: 'name' }, 'a'] }] },
    ],
  });
});

describe('an item tree is refused', () => {
  it.each<[unknown, string]>([
    [tree('xor'), '/query/operator: the operator of a group is "and" or "or", not "xor"'],
    [{ type: 'group', items: [] }, '/query/operator: the operator of a group is "and" or "or"'],
    [{ type: 'group', operator: 'and' }, '/query/items: the items of a group are a list'],
    [{ ...tree('and'), rule: 1 }, "/query/rule: 'rule' is not known here"],
    [tree('and', 'x'), '/query/items/0: "x" is neither a group nor an attribute item'],
    [
      tree('and', { type: 'relation' }),
      '/query/items/0/type: "relation" is neither "group" nor "attribute"',
    ],
    [
      tree('and', { ...leaf('age', '==', 1), field: 'age' }),
      "/query/items/0/field: 'field' is not known here",
    ],
    [tree('and', leaf(undefined, '==', 1)), '/query/items/0/slug: a rule names an attribute'],
    [
      tree('and', leaf('age', '==', 'x')),
      `/query/items/0/value: 'age' is a number: "x" is not a number, such as 42`,
    ],
    [
      tree('and', tree('and', leaf('age', '==', null))),
      `/query/items/0/items/0/value: '=' takes a value; for "no value" there are null and notNull`,
    ],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('if an operator is unknown', () => {
    expect(faultsOf(tree('and', leaf('age', '===', 1)))[0]).toMatch(
      /^\/query\/items\/0\/operator: there is no operator "==="; there are/,
    );
  });
});

/**
 * react-querybuilder.test.ts – What the editors of react-querybuilder 8 give out is taken, and
 * means what they show.
 *
 * The cases are made by its own core: rules are added, and their fields, operators and values
 * changed, as a person does it.
 */
import {
  convertToIC,
  defaultMatchModes,
  defaultOperators,
  type Field,
  formatQuery,
  getMultiValueUpdate,
  getValueSelectorUpdate,
  prepareRuleGroup,
  QueryManager,
  type RuleGroupType,
  type RuleGroupTypeIC,
  type RuleType,
} from '@react-querybuilder/core';
import { parseJsonLogic } from '@react-querybuilder/core/parseJsonLogic';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { queryOf } from '../../../support/arbitrary-queries.ts';
import { CONTACTS, contactsScope, group, holdsFor } from '../../../support/contacts.ts';

const FIELDS: Field[] = ['name', 'nick', 'age', 'vip', 'born_on', 'seen_at', 'tags', 'orders'].map(
  (name) => ({
    name,
    label: name,
    valueSources: ['value', 'field'],
    ...(name === 'age' ? { inputType: 'number' } : {}),
    ...(name === 'vip' ? { valueEditorType: 'checkbox' } : {}),
    ...(name === 'orders' ? { matchModes: true } : {}),
  }),
);

function edited(
  query: RuleGroupType | RuleGroupTypeIC = { combinator: 'and', rules: [] },
): QueryManager {
  return new QueryManager(query as RuleGroupType, { fields: FIELDS });
}

/** A rule that a person has added, and edited member by member. */
function rule(edits: Readonly<Record<string, unknown>>): RuleType {
  const manager = edited();
  manager.add(manager.createRule());
  for (const [member, value] of Object.entries(edits)) manager.update(member, value, [0]);
  return manager.toJSON().rules[0] as RuleType;
}

function keyOf(query: unknown): string {
  return compileQuery(query, contactsScope()).key;
}

/** What the two inputs of `between` give when one after the other is filled in. */
function pair(
  low: string,
  high: string,
  operator: string,
  listsAsArrays: boolean,
  parseNumberMethod: unknown,
) {
  const filledIn = (value: string, index: number, before: unknown[]) =>
    getMultiValueUpdate({
      ...{ value, index, valueAsArray: before, operator, values: [], listsAsArrays },
      ...(parseNumberMethod ? { parseNumberMethod: 'strict' } : {}),
    } as never) as unknown;
  const first = filledIn(low, 0, []);
  return filledIn(high, 1, Array.isArray(first) ? first : [low, '']);
}

const TEXTS: Readonly<Record<string, readonly [string, string]>> = {
  name: ['Ann', 'Bob'],
  age: ['12', '25'],
  born_on: ['2024-01-31', '2024-02-29'],
  seen_at: ['2024-01-31T10:30:00', '2024-02-29T10:30:00'],
  tags: ['a', 'b'],
};
const [NULLS, PAIRS, LISTS] = [
  ['null', 'notNull'],
  ['between', 'notBetween'],
  ['in', 'notIn'],
];
const SUBSTRINGS = /^(?:contains|beginsWith|endsWith|doesNot)/;

function takes(field: string, operator: string): boolean {
  if (NULLS.includes(operator)) return true;
  if (field === 'tags') return ['contains', 'doesNotContain'].includes(operator);
  return field === 'name' || !SUBSTRINGS.test(operator);
}

/**
 * Each form in which an editor may give a value: as text or read as a number, lists as text or as
 * lists.
 */
function formsOf(operator: string, [one, other]: readonly [string, string]): unknown[] {
  if (NULLS.includes(operator)) return ['', one, [one, other]];
  const modes = [false, true].flatMap((listsAsArrays) =>
    [false, true].map((parses) => [listsAsArrays, parses] as const),
  );
  if (PAIRS.includes(operator)) {
    return modes.flatMap(([asLists, parses]) => [
      pair(one, other, operator, asLists, parses),
      pair(other, one, operator, asLists, parses),
    ]);
  }
  if (LISTS.includes(operator))
    return [false, true].map((listsAsArrays) =>
      getValueSelectorUpdate([one, other], { multiple: true, listsAsArrays }),
    );
  return [one];
}

describe('a rule that was put together in an editor', () => {
  const cases = Object.entries(TEXTS).flatMap(([field, texts]) =>
    defaultOperators
      .filter(({ name }) => takes(field, name))
      .map(({ name }) => [field, name, formsOf(name, texts), texts] as const),
  );

  it.each(cases)('%s %s, in each form of its value', (field, operator, forms, [one, other]) => {
    const isMany = PAIRS.includes(operator) || LISTS.includes(operator);
    const plain = keyOf(group({ field, operator, value: isMany ? [one, other] : one }));
    for (const value of forms) {
      const made = rule({ field, value, operator });
      expect(made).toMatchObject({ field, operator, valueSource: 'value', value });
      expect(keyOf(edited({ combinator: 'and', rules: [made] }).toJSON())).toBe(plain);
    }
  });

  it('keeps the value that was typed for another operator', () => {
    const left = rule({ field: 'name', value: 'Ann', operator: 'null' });
    expect(left).toMatchObject({ operator: 'null', value: 'Ann' });
    expect(holdsFor(group(left), [{}, { name: 'Ann' }])).toEqual([true, false]);
  });

  it('reads numbers, if it was told to: one, several, and a checkbox', () => {
    expect(
      holdsFor(group(rule({ field: 'age', operator: 'in', value: 7 })), [{ age: 7 }, {}]),
    ).toEqual([true, false]);
    expect(
      holdsFor(group(rule({ field: 'age', operator: '<', value: 7 })), [{ age: 6 }, {}]),
    ).toEqual([true, false]);
    expect(holdsFor(group(rule({ field: 'vip' })), [{ vip: false }, { vip: true }])).toEqual([
      true,
      false,
    ]);
  });

  it('compares with a field', () => {
    const made = rule({ field: 'name', valueSource: 'field', value: 'nick' });
    expect(made).toMatchObject({ valueSource: 'field', value: 'nick' });
    expect(holdsFor(group(made), [{ name: 'a', nick: 'a' }, { name: 'a' }])).toEqual([true, false]);
  });

  it.each(defaultMatchModes)('matches related records: $name', ({ name: mode }) => {
    const made = rule({ field: 'orders', match: { mode, threshold: 1 } });
    expect(made).toMatchObject({
      operator: '=',
      valueSource: 'value',
      match: { mode, threshold: 1 },
    });
    const inner = prepareRuleGroup({
      combinator: 'and',
      rules: [{ field: 'total', operator: '>', value: '5' }],
    });
    const plain = {
      field: 'orders',
      match: { mode, threshold: 1 },
      value: group({ field: 'total', operator: '>', value: 5 }),
    };
    expect(keyOf(group({ ...made, value: inner }))).toBe(keyOf(group(plain)));
    expect(keyOf(group({ ...made, value: convertToIC(inner) }))).toBe(keyOf(group(plain)));
  });

  it.each([[undefined], [null], [''], [0.5], ['3']])(
    'leaves a threshold beside modes that have none: %j',
    (threshold) => {
      const all = (match: unknown) => keyOf(group({ field: 'orders', match, value: group() }));
      expect(all({ mode: 'all', threshold })).toBe(all({ mode: 'all' }));
    },
  );

  it('may be muted, disabled, moved, and carry what others have added', () => {
    const manager = edited({
      combinator: 'and',
      rules: [rule({ value: 'Ann' }), rule({ value: 'Bob' })],
    });
    manager.update('muted', true, [1]);
    manager.update('meta', { from: { a: [1] } }, [0]);
    manager.update('disabled', true, [0]);
    expect(manager.toJSON().rules[0]).toMatchObject({ disabled: true, meta: { from: { a: [1] } } });
    expect(holdsFor(manager.toJSON(), [{ name: 'Ann' }, { name: 'Bob' }])).toEqual([true, false]);
  });
});

describe('independent combinators', () => {
  it('are taken as the editor gives them, with what it keeps of where a rule was added', () => {
    const manager = edited({ rules: [] } as unknown as RuleGroupTypeIC);
    expect(holdsFor(manager.toJSON(), [{}])).toEqual([true]);
    manager.add(rule({ field: 'age', operator: '<', value: '10' }));
    expect(holdsFor(manager.toJSON(), [{ age: 9 }, { age: 10 }])).toEqual([true, false]);
    manager.add({
      ...rule({ field: 'age', operator: '>', value: '20' }),
      combinatorPreceding: 'or',
    } as RuleType);
    manager.update('combinator', 'or', [1]);
    manager.add(rule({ field: 'name', value: 'Ann' }));
    manager.update('combinator', 'and', [3]);
    manager.add(manager.createRuleGroup(true));
    const { rules } = manager.toJSON() as unknown as RuleGroupTypeIC;
    expect(rules.filter((part) => typeof part === 'string')).toEqual(['or', 'and', 'and']);
    expect(rules[2]).toMatchObject({ combinatorPreceding: 'or' });
    const records = [{ age: 9 }, { age: 21 }, { age: 21, name: 'Ann' }, { age: 15, name: 'Ann' }];
    expect(holdsFor(manager.toJSON(), records)).toEqual([true, false, true, false]);
  });

  it('mean what the same groups with one combinator mean, of any query', () => {
    const groups = queryOf(CONTACTS, ['anns']).filter((query) => 'rules' in query);
    const scope = contactsScope({
      anns: {
        objectType: 'contacts',
        ...compileQuery(group({ field: 'name', operator: '=', value: 'Ann' }), contactsScope()),
      },
    });
    fc.assert(
      fc.property(groups, (query) => {
        const prepared = prepareRuleGroup(query as unknown as RuleGroupType);
        const { key, jsonLogic } = compileQuery(query, scope);
        expect(compileQuery(prepared, scope)).toMatchObject({ key, jsonLogic });
        expect(compileQuery(convertToIC(prepared), scope).key).toBe(key);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what its exports give', () => {
  const query = edited({
    combinator: 'or',
    rules: [
      rule({ value: 'Ann' }),
      {
        combinator: 'and',
        rules: [
          rule({ field: 'age', operator: 'between', value: '12,25' }),
          rule({ field: 'vip' }),
        ],
      },
    ],
  }).toJSON();

  it.each(['json', 'json_without_ids'] as const)('is taken: %s', (form) => {
    expect(keyOf(JSON.parse(formatQuery(query, form)))).toBe(keyOf(query));
  });

  it('is taken when it comes back from JsonLogic', () => {
    const positive = {
      combinator: 'and',
      rules: [
        { field: 'age', operator: '>', value: 5 },
        { field: 'name', operator: '=', value: 'Ann' },
      ],
    };
    expect(keyOf(parseJsonLogic(formatQuery(positive, 'jsonlogic') as never))).toBe(
      keyOf(positive),
    );
  });
});

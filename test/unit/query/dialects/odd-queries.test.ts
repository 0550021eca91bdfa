/**
 * odd-queries.test.ts – Whatever stands where a word, a list or a number of a query, a view or a
 * type should: it is understood or refused with a pointer, and never trips the code over. JSON
 * objects may hold a `toString` that is no function.
 */
import { describe, expect, it } from 'vitest';
import { objectType, parseObjectType } from '../../../../src/change/object-type.ts';
import { Problem } from '../../../../src/errors.ts';
import { compileQuery, type QueryScope } from '../../../../src/query/dialects/compile.ts';
import { readViewDefinition } from '../../../../src/query/dialects/view-columns.ts';
import { mutations } from '../../../support/mutations.ts';

const group = (...rules: object[]) => ({ combinator: 'and', not: false, rules });

const contacts = objectType('contacts', 1, {
  attributes: {
    age: { type: 'number' },
    name: { type: 'string' },
    vip: { type: 'boolean' },
    born: { type: 'date' },
    seen: { type: 'datetime' },
    address: { type: 'object' },
    tags: { type: 'list', of: 'string' },
  },
  relationships: { boss: { to: 'contacts', key: 'boss_id', cardinality: 'one', inverse: 'team' } },
});
const types = new Map([['contacts', contacts]]);
const alone: QueryScope = { type: contacts, types, timeZone: 'UTC', segment: () => undefined };
const everyone = { objectType: 'contacts', ...compileQuery(group(), alone) };
const scope: QueryScope = {
  ...alone,
  segment: (slug) => (slug === 'everyone' ? everyone : undefined),
};

const relative = { mode: 'relative', anchor: 'startOfDay', offset: -3, unit: 'day' };
const over = group({ field: 'age', operator: '>', value: 1 });

const QUERIES: readonly unknown[] = [
  group({
    field: 'name',
    operator: '=',
    value: 'a',
    caseInsensitive: true,
    id: 'x',
    path: [0],
    muted: false,
  }),
  group(
    { field: 'age', operator: 'between', value: [1, 2] },
    { field: 'tags', operator: 'containsAny', value: ['x'] },
  ),
  group({ field: 'seen', operator: 'inLast', value: { amount: 3, unit: 'day' } }),
  group({ field: 'born', operator: 'inCurrent', value: { unit: 'month' } }),
  group({ field: 'seen', operator: 'between', value: [relative, '2026-01-01'] }),
  group(
    { field: 'age', operator: '=', valueSource: 'field', value: 'age' },
    { field: 'address', operator: 'null' },
  ),
  group({ field: 'team', operator: '=', match: { mode: 'atLeast', threshold: 3 }, value: over }),
  group({ field: 'team.age', aggregate: 'sum', operator: '>=', value: 3, where: over }),
  group(
    { field: '', operator: 'inSegment', value: 'everyone' },
    { field: 'boss.team.name', operator: '!=', value: 'x' },
  ),
  {
    type: 'group',
    operator: 'or',
    items: [
      { type: 'attribute', slug: 'name', operator: '==', value: 'x' },
      { type: 'group', operator: 'and', items: [] },
    ],
  },
  { and: [{ '==': [{ var: 'name' }, 'a'] }, { '<': [1, { var: ['age', 0] }, 3] }] },
  { some: [{ var: 'team' }, { '>': [{ var: 'age' }, 3] }] },
  {
    '>': [
      { reduce: [{ var: 'team' }, { '+': [{ var: 'accumulator' }, { var: 'current.age' }] }, 0] },
      3,
    ],
  },
  { '<=': [{ elapsed: [{ var: 'seen' }, { now: [] }, 'day'] }, 3] },
  { '==': [{ periods: [{ var: 'seen' }, { now: [] }, 'month', 'UTC'] }, 0] },
  {
    if: [
      { '!!': [{ var: 'vip' }] },
      { missing_some: [1, ['name', 'age']] },
      { in: ['a', { var: 'tags' }] },
    ],
  },
  {
    '==': [
      { substr: [{ cat: ['a', { var: 'name' }] }, 0, 1] },
      { max: [1, { '%': [{ var: 'age' }, 2] }] },
    ],
  },
];

const VIEW = {
  columns: [
    { path: 'boss.name', label: 'x' },
    { path: 'team.age', aggregate: 'sum', label: 'y', where: over },
  ],
  relationships: ['team', 'boss'],
  sort: [{ path: 'age', direction: 'asc' }],
};

const TYPE = {
  attributes: { a: { type: 'list', of: 'string' } },
  relationships: { r: { to: 'contacts', key: 'k', cardinality: 'one', inverse: 'i' } },
};

/** What was thrown that is no refusal, for each of the bodies. */
function trippedOver(body: unknown, read: (body: never) => unknown): string[] {
  return [...mutations(body)].flatMap((odd) => {
    try {
      read(odd as never);
      return [];
    } catch (error) {
      return error instanceof Problem ? [] : [`${JSON.stringify(odd)}: ${(error as Error).stack}`];
    }
  });
}

describe('odd values', () => {
  it.each(QUERIES.map((query) => [JSON.stringify(query), query]))(
    'in the query %s are refused or understood',
    (_, query) => {
      expect(trippedOver(query, (odd) => compileQuery(odd, scope))).toEqual([]);
    },
  );

  it('in a view are refused or understood', () => {
    const isObject = (odd: unknown) => typeof odd === 'object' && odd !== null;
    expect(trippedOver(VIEW, (odd) => isObject(odd) && readViewDefinition(odd, scope))).toEqual([]);
  });

  it('in a type are refused or understood', () => {
    expect(trippedOver(TYPE, (odd) => parseObjectType('x', odd, types))).toEqual([]);
  });
});

it('a list that holds the name of a unit is no unit', () => {
  const query = group({ field: 'seen', operator: 'inLast', value: { amount: 3, unit: ['day'] } });
  expect(() => compileQuery(query, scope)).toThrow('the unit of a window is one of');
});

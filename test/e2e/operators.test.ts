/**
 * operators.test.ts – `GET /v1/operators` lists what rules can say, and each thing that it lists
 * can be said.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

interface Listed {
  readonly name: string;
  readonly words: string;
  readonly value: string;
  readonly complement_of?: string;
  readonly compares_attributes: boolean;
  readonly takes_relative: boolean;
  readonly folds_case: boolean;
}

interface Answer {
  readonly types: Readonly<Record<string, readonly Listed[]>>;
  readonly to_one: readonly Listed[];
  readonly to_many: readonly Listed[];
  readonly record: readonly Listed[];
  readonly match_modes: readonly { readonly name: string; readonly threshold: boolean }[];
  readonly aggregates: readonly { readonly name: string; readonly of: string }[];
  readonly relative: { readonly anchors: readonly string[]; readonly units: readonly string[] };
  readonly window_units: readonly string[];
  readonly period_units: readonly string[];
}

let api: TestApi;
let listed: Answer;
beforeAll(async () => {
  api = await openTestApi();
  const attributes = {
    ...Object.fromEntries(
      ['string', 'number', 'boolean', 'date', 'datetime', 'object'].map((type) => [type, { type }]),
    ),
    list: { type: 'list', of: 'string' },
  };
  const to = { to: 'things', key: 'one_id', cardinality: 'one', inverse: 'many' };
  const answer = await api.call('PUT', '/v1/object-types/things', {
    attributes,
    relationships: { one: to },
  });
  expect(answer.statusCode).toBe(201);
  listed = (await api.call('GET', '/v1/operators')).json();
  await api.call('POST', '/v1/segments', {
    ...named('some'),
    query: { combinator: 'and', rules: [] },
  });
});
afterAll(() => api.close());

const named = (slug: string) => ({ title: slug, slug, object_type: 'things' });

/** The status with which a segment of one rule is answered. */
async function said(rule: unknown): Promise<number> {
  const slug = `s-${Math.random().toString(36).slice(2)}`;
  const answer = await api.call('POST', '/v1/segments', {
    ...named(slug),
    query: { combinator: 'and', rules: [rule] },
  });
  return answer.statusCode;
}

const VALUES: Readonly<Record<string, unknown>> = {
  string: 'x',
  number: 1,
  boolean: true,
  date: '2026-01-31',
  datetime: '2026-01-31T10:30:00Z',
  list: 'x',
};
const relative = { mode: 'relative', anchor: 'now', offset: -1, unit: 'day' };

function valueFor(type: string, form: string): unknown {
  const one = VALUES[type];
  const forms: Record<string, unknown> = { one, list: [one], range: [one, one], none: undefined };
  return { ...forms, window: { amount: 1, unit: 'day' }, period: { unit: 'day' }, group: {} }[form];
}

it('may be read with any key', async () => {
  for (const role of ROLES)
    expect((await api.call('GET', '/v1/operators', undefined, { role })).statusCode).toBe(200);
});

it('has the operators of every type, in the order of the table', () => {
  const names = Object.fromEntries(
    Object.entries(listed.types).map(([type, all]) => [type, all.map(({ name }) => name)]),
  );
  const order = ['<', '<=', '>', '>=', 'between', 'notBetween'];
  const nulls = ['notNull', 'null'];
  const windows = ['inLast', 'notInLast', 'inNext', 'notInNext', 'inCurrent', 'inPrevious'];
  const equality = ['=', '!=', 'in', 'notIn'];
  expect(names.number).toEqual([...equality, ...order, ...nulls]);
  expect(names.boolean).toEqual([...equality, ...nulls]);
  expect(names.object).toEqual(nulls);
  for (const type of ['date', 'datetime'])
    expect(names[type]).toEqual([...equality, ...order, ...nulls, ...windows]);
  expect(names.string).toHaveLength(equality.length + order.length + 8 + nulls.length);
  expect(names.list).toEqual([
    'contains',
    'doesNotContain',
    'containsAny',
    'containsAll',
    'containsNone',
    ...nulls,
  ]);
  const { types, ...others } = listed;
  expect(others).toMatchObject({
    to_one: [
      { name: 'notNull', value: 'none' },
      { name: 'null', value: 'none' },
    ],
    to_many: [{ name: 'match', value: 'group' }],
    record: [
      { name: 'inSegment', value: 'one' },
      { name: 'notInSegment', value: 'one' },
    ],
    aggregates: [
      { name: 'count', of: 'any' },
      ...['sum', 'avg', 'min', 'max'].map((name) => ({ name, of: 'number' })),
      { name: 'countDistinct', of: 'scalar' },
    ],
    window_units: ['second', 'minute', 'hour', 'day', 'week'],
    period_units: ['day', 'week', 'month', 'quarter', 'year'],
  });
  for (const { words } of Object.values(types).flat()) expect(words).toMatch(/^[a-z ]+$/);
});

describe('each thing that it lists can be said, and what it denies can not', () => {
  it('operators with their values', async () => {
    for (const [type, operators] of Object.entries(listed.types)) {
      for (const {
        name,
        value: form,
        compares_attributes,
        takes_relative,
        folds_case,
      } of operators) {
        const rule = { field: type, operator: name, value: valueFor(type, form) };
        const now = form === 'range' ? [relative, relative] : relative;
        const statuses = [
          await said(rule),
          await said({ ...rule, value: type, valueSource: 'field' }),
          await said({ ...rule, value: now }),
          await said({ ...rule, caseInsensitive: true }),
        ];
        const expected = [true, compares_attributes, takes_relative, folds_case].map((can) =>
          can ? 201 : 422,
        );
        expect([type, name, ...statuses]).toEqual([type, name, ...expected]);
      }
    }
  });

  it('modes, aggregates, relationships, segments, anchors and units', async () => {
    const value = { combinator: 'and', rules: [] };
    const rules: unknown[] = [
      ...listed.match_modes.map(({ name, threshold }) => ({
        field: 'many',
        match: { mode: name, ...(threshold ? { threshold: 2 } : {}) },
        value,
      })),
      ...listed.aggregates.map(({ name }) => ({
        field: 'many.number',
        aggregate: name,
        operator: '>',
        value: 1,
      })),
      ...listed.to_one.map(({ name }) => ({ field: 'one', operator: name })),
      ...listed.record.map(({ name }) => ({ field: '', operator: name, value: 'some' })),
      ...listed.relative.anchors.map((anchor) => ({
        field: 'date',
        operator: '<',
        value: { mode: 'relative', anchor },
      })),
      ...listed.relative.units.map((unit) => ({
        field: 'date',
        operator: '<',
        value: { ...relative, unit },
      })),
      ...listed.window_units.map((unit) => ({
        field: 'date',
        operator: 'inLast',
        value: { amount: 1, unit },
      })),
      ...listed.period_units.map((unit) => ({
        field: 'date',
        operator: 'inCurrent',
        value: { unit },
      })),
    ];
    for (const rule of rules) expect([rule, await said(rule)]).toEqual([rule, 201]);
  });

  it('a negated one is the complement of what it says', async () => {
    const complements = Object.values(listed.types).flatMap((all) =>
      all.filter((each) => each.complement_of),
    );
    expect(complements.length).toBeGreaterThan(20);
    for (const { name, complement_of } of complements) expect(name).not.toBe(complement_of);
  });
});

/**
 * filter-schema.test.ts – The schema of filters in `/openapi.json` takes what the compiler takes,
 * and refuses what has not the form of a filter.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { OPERATORS } from '../../src/query/dialects/operators.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import {
  anyObjectType,
  queryOf,
  SLUGS,
  scopeOf,
  timeQueryOf,
} from '../support/arbitrary-queries.ts';
import { relatedCase, scopeOver } from '../support/arbitrary-relationships.ts';
import { contactsScope, group } from '../support/contacts.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const RUNS = { seed: SEED, numRuns: isWhole ? 500 : 200 };

type Schemas = Readonly<Record<string, { readonly enum?: readonly string[] }>>;

let api: TestApi;
let document: { readonly openapi: string; readonly components: { readonly schemas: Schemas } };
let isQuery: (value: unknown) => boolean;
let whyNot: () => unknown;

beforeAll(async () => {
  api = await openTestApi();
  document = (await api.server.inject('/openapi.json')).json();
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'openapi', ...document });
  const check = ajv.compile({ $ref: 'openapi#/components/schemas/Query' });
  isQuery = (value) => check(value) as boolean;
  whyNot = () => check.errors?.slice(0, 5);
});
afterAll(() => api.close());

function expectTaken(query: unknown): void {
  if (!isQuery(query)) expect.fail(JSON.stringify({ query, why: whyNot() }));
}

describe('a query that the compiler takes has the form', () => {
  it(`over a type of any attributes, in every dialect (seed=${SEED})`, () => {
    const cases = anyObjectType.chain((type) =>
      fc.tuple(queryOf(type, SLUGS, { time: true }), scopeOf(type, { time: true })),
    );
    fc.assert(
      fc.property(cases, ([query, scope]) => {
        const { jsonLogic } = compileQuery(query, scope);
        expectTaken(query);
        expectTaken(JSON.parse(JSON.stringify(jsonLogic)));
      }),
      RUNS,
    );
  });

  it(`about time (seed=${SEED})`, () => {
    fc.assert(fc.property(anyObjectType.chain(timeQueryOf), expectTaken), RUNS);
  });

  it(`over relationships (seed=${SEED})`, () => {
    fc.assert(
      fc.property(relatedCase({ time: true }), ({ types, type, queries }) => {
        for (const query of queries) {
          expectTaken(query);
          expectTaken(
            JSON.parse(JSON.stringify(compileQuery(query, scopeOver(types, type)).jsonLogic)),
          );
        }
      }),
      RUNS,
    );
  });

  it('with what editors leave behind, and combinators between the rules', () => {
    const own = {
      id: 'x',
      path: [0],
      disabled: true,
      meta: {},
      combinatorPreceding: 'or',
      valueSource: 'value',
      muted: false,
    };
    const a = { ...own, field: 'name', operator: 'null', value: 'Ann' };
    const b = { field: 'age', operator: 'in', value: 7 };
    const muted = { muted: true, whatever: 1 };
    const match = {
      ...own,
      field: 'orders',
      operator: '=',
      match: { mode: 'all', threshold: 1 },
      value: { rules: [] },
    };
    const queries = [
      { rules: [] },
      { rules: [a, 'and', { rules: [a, 'or', b], not: true }, 'or', muted] },
      group(a, muted, match),
    ];
    for (const query of queries) {
      compileQuery(query, contactsScope());
      expectTaken(query);
    }
  });
});

describe('what has not the form of a query is refused by the schema and by the compiler', () => {
  const name = { field: 'name', operator: '=', value: 'Ann' };
  const order = { field: 'orders', operator: '=', match: { mode: 'all' }, value: group() };
  const sum = { field: 'orders.total', aggregate: 'sum', operator: '>', value: 1 };
  const when = { field: 'seen_at', operator: '<', value: { mode: 'relative', anchor: 'now' } };
  const last = { field: 'seen_at', operator: 'inLast', value: { amount: 1, unit: 'day' } };
  const leaf = { type: 'attribute', slug: 'name', operator: '==', value: 'Ann' };
  const tree = (...items: unknown[]) => ({ type: 'group', operator: 'and', items });

  it.each([
    [name],
    ...[
      {},
      { rules: 1 },
      { combinator: 'xor', rules: [] },
      { combinator: 'and' },
      { combinator: 'and', rules: {} },
    ].map((each) => [each]),
    [{ combinator: 'and', rules: [], limit: 1 } as unknown],
    [{ rules: [name, name] }],
    [{ rules: [name, 'xor', name] }],
    [{ combinator: 'and', rules: [name, 'and', name] }],
    ...[7, null, 'and', [], {}].map((rule) => [group(rule)]),
    ...[
      { field: undefined },
      { field: 7 },
      { operator: undefined },
      { operator: 'like' },
      { value: undefined },
      { value: null },
      { value: {} },
      { value: ['Ann'] },
      { value: { mode: 'relative', anchor: 'now' } },
      { valueSource: 'parameter' },
      { caseInsensitive: 'yes' },
      { not: true },
      { where: group() },
      { lhs: {} },
      { muted: 'yes' },
      { operator: 'null', caseInsensitive: true },
      { operator: 'null', value: {} },
      { operator: 'in', value: {} },
      { operator: 'between', value: ['a'] },
      { operator: 'between', value: 5 },
      { operator: 'contains', valueSource: 'field' },
    ].map((members) => [group({ ...name, ...members })]),
    ...[
      { match: {} },
      { match: { mode: 'most' } },
      { match: { mode: 'atLeast' } },
      { match: { mode: 'atLeast', threshold: -1 } },
      { match: { mode: 'all', threshold: {} } },
      { match: { mode: 'all', more: 1 } },
      { value: [] },
      { value: 'x' },
      { operator: '<' },
      { aggregate: 'sum' },
      { caseInsensitive: false },
      { valueSource: 'field' },
    ].map((members) => [group({ ...order, ...members })]),
    ...[
      { aggregate: 'median' },
      { where: [] },
      { where: tree() },
      { operator: 'contains' },
      { value: undefined },
      { valueSource: 'field', value: 'age' },
      { caseInsensitive: true },
    ].map((members) => [group({ ...sum, ...members })]),
    ...[
      { anchor: 'then' },
      { anchor: undefined },
      { unit: 'days' },
      { offset: 1.5 },
      { amount: 1 },
    ].map((members) => [group({ ...when, value: { ...when.value, ...members } })]),
    ...[{ amount: undefined }, { amount: 'x' }, { unit: 'month' }, { more: 1 }].map((members) => [
      group({ ...last, value: { ...last.value, ...members } }),
    ]),
    [group({ field: 'seen_at', operator: 'inCurrent', value: { unit: 'hour' } })],
    [group({ field: 'friends', operator: 'inSegment', value: 'some' })],
    [group({ operator: 'inSegment', value: 7 })],
    [group({ operator: 'inSegment', value: '' })],
    [tree({ ...leaf, type: 'leaf' })],
    [tree({ ...leaf, field: 'name' })],
    [tree(name)],
    [tree({ ...leaf, slug: undefined })],
    [{ ...tree(), operator: 'xor' }],
    [
      tree({
        type: 'attribute',
        slug: 'orders',
        match: { mode: 'all' },
        value: { ...tree(), type: 'heap' },
      }),
    ],
    [{ '==': [1, 1], '!=': [1, 2] }],
    [{ log: [1] }],
    [{ '===': [{ frobnicate: [] }, 1] }],
    [{ and: [{ a: 1, b: 2 }] }],
  ] as [unknown][])('%j', (query) => {
    const sent = query === undefined ? undefined : JSON.parse(JSON.stringify(query));
    expect(() => compileQuery(sent, contactsScope())).toThrow(
      expect.objectContaining({ code: 'query_invalid' }),
    );
    expect(isQuery(sent)).toBe(false);
  });
});

it('every operator, mode and aggregate is named in it, with its words', () => {
  const text = JSON.stringify(document.components.schemas['Rule']);
  for (const { name, words } of OPERATORS) expect(text).toContain(`\`${name}\` ${words}`);
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining([
      'Query',
      'Rule',
      'RuleGroup',
      'Item',
      'ItemTree',
      'JsonLogic',
      'RelativeValue',
      'Window',
      'Period',
    ]),
  );
});

it('every reference leads somewhere, and every example of a query has the form', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!);
  expect(new Set(refs.map((to) => to.split('/').slice(0, -1).join('/')))).toEqual(
    new Set(['#/components/schemas']),
  );
  for (const to of new Set(refs))
    expect(document.components.schemas).toHaveProperty([to.split('/').at(-1)!]);
  const { examples } = document.components.schemas['Query'] as { examples: unknown[] };
  for (const example of examples) expectTaken(example);
});

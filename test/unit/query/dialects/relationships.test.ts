/**
 * relationships.test.ts – What each way of asking about related records means, missing neighbours
 * first, and how it is refused.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../../src/change/object-type.ts';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { predicateJsonLogic } from '../../../../src/query/json-logic/json-logic.ts';
import { holds } from '../../../../src/query/json-logic/reference.ts';
import {
  document,
  type Graph,
  type GraphRecord,
} from '../../../../src/query/json-logic/reference-document.ts';
import {
  CONTACTS,
  contactsScope,
  faultsOf,
  group,
  ORDERS,
  ORGANIZATIONS,
  TYPES,
} from '../../../support/contacts.ts';
import { holdsAt, loweredTruth } from '../../../support/graph.ts';

const record = (id: string, data: Record<string, unknown> = {}): GraphRecord => ({ id, data });

/**
 * Ann works for Ada, a part of Abacus, and has two paid orders and an open one; Bob works for
 * Abacus and has one order of no state; Cyd's organization is archived, so it is not there, and she
 * has no orders; Dan has no organization at all.
 */
const RECORDS: Record<string, readonly GraphRecord[]> = {
  contacts: [
    record('ann', { name: 'Ann', organization_id: 'ada' }),
    record('bob', { name: 'Bob', organization_id: 'abacus', age: 50 }),
    record('cyd', { name: 'Cyd', organization_id: 'archived', age: 5 }),
    record('dan', { age: 20 }),
  ],
  organizations: [
    record('ada', { name: 'Ada', industry: 'SaaS', parent_id: 'abacus', employees: 0 }),
    record('abacus', { name: 'Abacus', industry: 'Tools', parent_id: 'abacus', employees: 10 }),
  ],
  orders: [
    record('o1', {
      contact_id: 'ann',
      status: 'paid',
      total: 0.1,
      shipping: 1,
      product_ids: ['pen', 'pen', 'ink'],
    }),
    record('o2', { contact_id: 'ann', status: 'paid', total: 0.2, product_ids: ['gone'] }),
    record('o3', { contact_id: 'ann', status: 'open', total: 0.3, shipping: 0.1 }),
    record('o4', { contact_id: 'bob', product_ids: ['ink'] }),
    record('o5', { contact_id: 'nobody', status: 'paid', total: 9 }),
  ],
  products: [record('pen', { price: 2, category: 'desk' }), record('ink', { price: 3 })],
};

const GRAPH: Graph = { types: TYPES, records: (typeName) => RECORDS[typeName] ?? [] };

/** Whom the query holds for, in every form that it can be put in; fails if two of them differ. */
function whoIn(query: unknown, type = CONTACTS): string[] {
  const { predicate, jsonLogic, key } = compileQuery(query, { ...contactsScope(), type });
  const again = compileQuery(JSON.parse(JSON.stringify(jsonLogic)), { ...contactsScope(), type });
  expect(again.key).toBe(key);
  const flat = loweredTruth(predicate, GRAPH);
  const written = predicateJsonLogic(predicate, TYPES);
  return RECORDS[type.name]!.flatMap((each) => {
    const at = { type: type.name, record: each };
    const truth = holds(jsonLogic, document(type.name, each, GRAPH));
    expect([
      holdsAt(predicate, at, GRAPH),
      flat(at),
      holds(written, document(type.name, each, GRAPH)),
    ]).toEqual([truth, truth, truth]);
    return truth ? [each.id] : [];
  });
}

const EVERYONE = ['ann', 'bob', 'cyd', 'dan'];
const others = (...ids: string[]) => EVERYONE.filter((id) => !ids.includes(id));
const rule = (field: string, operator: string, value?: unknown, more: object = {}) =>
  group({ field, operator, value, ...more });
const paid = { combinator: 'and', rules: [{ field: 'status', operator: '=', value: 'paid' }] };

describe('a dotted field over one record', () => {
  it.each<[string, string, unknown, string[]]>([
    ['organization.industry', '=', 'SaaS', ['ann']],
    ['organization.industry', '!=', 'SaaS', others('ann')],
    ['organization.industry', 'in', ['SaaS', 'Tools'], ['ann', 'bob']],
    ['organization.industry', 'notIn', [], EVERYONE],
    ['organization.industry', 'null', undefined, ['cyd', 'dan']],
    ['organization.industry', 'notNull', undefined, ['ann', 'bob']],
    ['organization.employees', '<', 5, ['ann']],
    ['organization.employees', 'notBetween', [0, 5], ['bob', 'cyd', 'dan']],
    ['organization.parent.name', '=', 'Abacus', ['ann', 'bob']],
    ['organization.parent.parent.parent.name', 'beginsWith', 'A', ['ann', 'bob']],
    ['organization.parent.name', 'doesNotContain', 'z', EVERYONE],
  ])('%s %s %j', (field, operator, value, ids) => {
    expect(whoIn(rule(field, operator, value))).toEqual(ids);
  });

  it('is a missing value where nobody is at its end, archived or never there', () => {
    expect(whoIn(rule('organization', 'null'))).toEqual(['cyd', 'dan']);
    expect(whoIn(rule('organization', 'notNull'))).toEqual(['ann', 'bob']);
    expect(whoIn(rule('organization.parent', 'notNull'))).toEqual(['ann', 'bob']);
    expect(whoIn(rule('organization.tags', 'containsNone', ['a']))).toEqual(EVERYONE);
  });

  it('compares two attributes of the record at its end', () => {
    const scope = { valueSource: 'field' };
    expect(whoIn(rule('organization.name', '=', 'industry', scope))).toEqual([]);
    expect(whoIn(rule('organization.name', '<', 'industry', scope))).toEqual(['ann', 'bob']);
    expect(whoIn(rule('organization.name', '!=', 'industry', scope))).toEqual(EVERYONE);
    expect(whoIn(rule('orders.total', '<', 'shipping', scope))).toEqual(['ann']);
  });

  it('is written as a path', () => {
    expect(
      compileQuery(rule('organization.parent.name', '=', 'a'), contactsScope()).jsonLogic,
    ).toEqual({
      and: [{ '===': [{ var: 'organization.parent.name' }, 'a'] }],
    });
  });
});

describe('a dotted field over many records', () => {
  it.each<[string, string, unknown, string[]]>([
    ['orders.status', '=', 'paid', ['ann']],
    ['orders.status', '!=', 'paid', others('ann')],
    ['orders.status', 'null', undefined, others('ann')],
    ['orders.status', 'notNull', undefined, ['ann']],
    ['orders.products.category', '=', 'desk', ['ann']],
    ['orders.products.category', 'notIn', ['desk'], others('ann')],
    ['organization.contacts.name', '=', 'Ann', ['ann']],
    ['organization.parent.contacts.orders.products.price', '>=', 3, ['ann', 'bob']],
    ['organization.children.name', '=', 'Ada', ['bob']],
  ])('%s %s %j', (field, operator, value, ids) => {
    expect(whoIn(rule(field, operator, value))).toEqual(ids);
  });

  it('may be met by another record than the next rule', () => {
    const open = { field: 'orders.status', operator: '=', value: 'open' };
    const small = { field: 'orders.total', operator: '<', value: 0.15 };
    const together = {
      combinator: 'and',
      rules: [
        { ...open, field: 'status' },
        { ...small, field: 'total' },
      ],
    };
    expect(whoIn(group(open, small))).toEqual(['ann']);
    expect(
      whoIn(group({ field: 'orders', operator: '=', match: { mode: 'some' }, value: together })),
    ).toEqual([]);
  });

  it('looks back at those who point at a record', () => {
    expect(whoIn(rule('contacts.age', '>', 10), ORGANIZATIONS)).toEqual(['abacus']);
    expect(whoIn(rule('children.children.name', '=', 'Ada'), ORGANIZATIONS)).toEqual(['abacus']);
    expect(whoIn(rule('contact.organization.industry', '=', 'SaaS'), ORDERS)).toEqual([
      'o1',
      'o2',
      'o3',
    ]);
  });
});

describe('match', () => {
  const matching = (match: object, value: unknown = paid, field = 'orders') =>
    group({ field, operator: '=', match, value });

  it.each<[object, string[]]>([
    [{ mode: 'some' }, ['ann']],
    [{ mode: 'none' }, others('ann')],
    [{ mode: 'all' }, []],
    [{ mode: 'atLeast', threshold: 2 }, ['ann']],
    [{ mode: 'atLeast', threshold: 3 }, []],
    [{ mode: 'atLeast', threshold: 0 }, EVERYONE],
    [{ mode: 'atMost', threshold: 1 }, others('ann')],
    [{ mode: 'exactly', threshold: '0' }, others('ann')],
    [{ mode: 'exactly', threshold: 2 }, ['ann']],
    [{ mode: 'atLeast', threshold: 0.5 }, ['ann', 'cyd', 'dan']],
    [{ mode: 'atMost', threshold: 0.5 }, ['bob', 'cyd', 'dan']],
    [{ mode: 'exactly', threshold: 0.5 }, ['cyd', 'dan']],
    [{ mode: 'exactly', threshold: 2 / 3 }, ['ann', 'cyd', 'dan']],
  ])('%j', (match, ids) => {
    expect(whoIn(matching(match))).toEqual(ids);
    expect(whoIn({ combinator: 'and', not: true, rules: [matching(match)] })).toEqual(
      others(...ids),
    );
  });

  it('all holds of none only if there are some', () => {
    const any = { combinator: 'and', rules: [] };
    expect(whoIn(matching({ mode: 'all' }, any))).toEqual(['ann', 'bob']);
    expect(whoIn(matching({ mode: 'none' }, any))).toEqual(['cyd', 'dan']);
    expect(whoIn(matching({ mode: 'none' }, { ...any, not: true }))).toEqual(EVERYONE);
    expect(whoIn(matching({ mode: 'all' }, { ...any, not: true }))).toEqual([]);
  });

  it('starts with steps to one, and nests', () => {
    const named = { combinator: 'and', rules: [{ field: 'name', operator: '=', value: 'Ann' }] };
    expect(whoIn(matching({ mode: 'all' }, named, 'organization.contacts'))).toEqual(['ann']);
    const paying = matching({ mode: 'atLeast', threshold: 2 });
    expect(whoIn(matching({ mode: 'some' }, paying, 'organization.contacts'))).toEqual(['ann']);
  });

  it('counts a record once that a key names twice', () => {
    const priced = { combinator: 'and', rules: [{ field: 'price', operator: '>', value: 0 }] };
    expect(whoIn(matching({ mode: 'exactly', threshold: 2 }, priced, 'products'), ORDERS)).toEqual([
      'o1',
    ]);
  });

  it('is written with the list operations of JsonLogic', () => {
    const logic = (match: object) => compileQuery(matching(match), contactsScope()).jsonLogic;
    const inner = { and: [{ '===': [{ var: 'status' }, 'paid'] }] };
    const count = {
      reduce: [{ filter: [{ var: 'orders' }, inner] }, { '+': [1, { var: 'accumulator' }] }, 0],
    };
    expect(logic({ mode: 'some' })).toEqual({ and: [{ some: [{ var: 'orders' }, inner] }] });
    expect(logic({ mode: 'none' })).toEqual({ and: [{ none: [{ var: 'orders' }, inner] }] });
    expect(logic({ mode: 'all' })).toEqual({ and: [{ all: [{ var: 'orders' }, inner] }] });
    expect(logic({ mode: 'atLeast', threshold: 3 })).toEqual({ and: [{ '>=': [count, 3] }] });
  });

  it('may use a segment of the related type', () => {
    const { predicate, jsonLogic } = compileQuery(paid, { ...contactsScope(), type: ORDERS });
    const scope = contactsScope({ paid: { objectType: 'orders', predicate, jsonLogic } });
    const query = matching(
      { mode: 'some' },
      { combinator: 'and', rules: [{ operator: 'inSegment', value: 'paid' }] },
    );
    const compiled = compileQuery(query, scope);
    expect(compiled.uses).toEqual(['paid']);
    expect(compiled.key).toBe(compileQuery(matching({ mode: 'some' }), scope).key);
  });
});

describe('an aggregate', () => {
  const aggregated = (
    aggregate: string,
    field: string,
    operator: string,
    value?: unknown,
    where?: unknown,
  ) => group({ field, aggregate, operator, value, ...(where ? { where } : {}) });

  it.each<[string, string, string, unknown, string[]]>([
    ['count', 'orders', '>=', 3, ['ann']],
    ['count', 'orders.shipping', '=', 3, ['ann']],
    ['count', 'orders', '=', 0, ['cyd', 'dan']],
    ['count', 'orders', 'null', undefined, []],
    ['count', 'orders', 'in', [0, 1], others('ann')],
    ['sum', 'orders.total', '=', 0.6, ['ann']],
    ['sum', 'orders.total', '<=', 0, others('ann')],
    ['sum', 'orders.total', 'notNull', undefined, EVERYONE],
    ['avg', 'orders.total', '=', 0.2, ['ann']],
    ['avg', 'orders.total', '!=', 0.2, others('ann')],
    ['avg', 'orders.total', '<', 10, ['ann']],
    ['avg', 'orders.total', 'null', undefined, others('ann')],
    ['min', 'orders.total', 'between', [0, 0.1], ['ann']],
    ['max', 'orders.total', 'notBetween', [0, 1], others('ann')],
    ['max', 'orders.total', '>', '0.25', ['ann']],
    ['max', 'organization.contacts.age', 'notNull', undefined, ['bob']],
  ])('%s of %s %s %j', (aggregate, field, operator, value, ids) => {
    expect(whoIn(aggregated(aggregate, field, operator, value))).toEqual(ids);
  });

  it('is of those that satisfy where', () => {
    expect(whoIn(aggregated('sum', 'orders.total', '=', 0.3, paid))).toEqual(['ann']);
    expect(whoIn(aggregated('count', 'orders', '<', 2, paid))).toEqual(others('ann'));
    expect(whoIn(aggregated('min', 'orders.shipping', '=', 1, paid))).toEqual(['ann']);
  });

  it('is the same in an item tree', () => {
    const where = {
      type: 'group',
      operator: 'and',
      items: [{ type: 'attribute', slug: 'status', operator: '==', value: 'paid' }],
    };
    const item = {
      type: 'attribute',
      slug: 'orders.total',
      aggregate: 'sum',
      operator: '>',
      value: 0.2,
      where,
    };
    const match = {
      type: 'attribute',
      slug: 'orders',
      operator: '==',
      match: { mode: 'some' },
      value: where,
    };
    const tree = { type: 'group', operator: 'and', items: [item, match] };
    expect(whoIn(tree)).toEqual(['ann']);
  });

  it('is written with sum, avg, minimum and maximum, and needs no guard', () => {
    expect(
      compileQuery(aggregated('avg', 'orders.total', '<', 5), contactsScope()).jsonLogic,
    ).toEqual({
      and: [{ '<': [{ avg: [{ map: [{ var: 'orders' }, { var: 'total' }] }] }, 5] }],
    });
  });
});

describe('the key', () => {
  const key = (query: unknown, changed: readonly ReturnType<typeof objectType>[] = []) =>
    compileQuery(query, {
      ...contactsScope(),
      types: new Map([...TYPES, ...changed.map((type) => [type.name, type] as const)]),
    }).key;

  it('is the same for the same statement', () => {
    const one = group(
      { field: 'organization.name', operator: '=', value: 'a' },
      { field: 'organization.industry', operator: '=', value: 'b' },
    );
    const logic = {
      '!': [
        {
          or: [
            { '!=': [{ var: 'organization.industry' }, 'b'] },
            { '!=': [{ var: 'organization.name' }, 'a'] },
          ],
        },
      ],
    };
    expect(key(one)).toBe(key(logic));
    const more = group({ field: 'orders', aggregate: 'count', operator: '>', value: 2.5 });
    const least = group({
      field: 'orders',
      operator: '=',
      match: { mode: 'atLeast', threshold: 3 },
      value: group(),
    });
    expect(key(more)).toBe(key(least));
  });

  it('changes with the type of an attribute that is read at a neighbour', () => {
    const attributes = {
      ...Object.fromEntries(ORGANIZATIONS.attributes),
      founded_on: { type: 'datetime' as const },
    };
    const relationships = Object.fromEntries(ORGANIZATIONS.relationships);
    const changed = [objectType('organizations', 2, { attributes, relationships })];
    const query = rule('organization.founded_on', 'notNull');
    expect(key(query, changed)).not.toBe(key(query));
    expect(key(rule('organization.name', 'notNull'), changed)).toBe(
      key(rule('organization.name', 'notNull')),
    );
  });

  it('changes with the declaration of a relationship', () => {
    const attributes = Object.fromEntries(ORDERS.attributes);
    const relationships = Object.fromEntries(ORDERS.relationships);
    const contact = { ...relationships['contact']!, key: 'buyer_id' };
    const changed = [
      objectType('orders', 2, { attributes, relationships: { ...relationships, contact } }),
    ];
    const query = rule('orders.total', '>', 1);
    expect(key(query, changed)).not.toBe(key(query));
  });
});

describe('a rule over relationships is refused', () => {
  const MATCH = { mode: 'some' };
  const matching = (more: object) =>
    group({ field: 'orders', operator: '=', match: MATCH, value: paid, ...more });
  const summing = (more: object) =>
    group({ field: 'orders.total', aggregate: 'sum', operator: '>', value: 1, ...more });

  it.each<[unknown, string]>([
    [
      rule('organisation.name', '=', 'a'),
      "/query/rules/0/field: contacts has no attribute 'organisation'; there are " +
        'name, nick, age, score, vip, born_on, seen_at, tags, days, extra',
    ],
    [
      rule('organization.nmae', '=', 'a'),
      "/query/rules/0/field: organizations has no attribute 'nmae'; there are name, " +
        'industry, employees, founded_on, tags',
    ],
    [
      rule('organization.name.length', '=', 1),
      "/query/rules/0/field: 'organization.name.length' looks into 'name', which a " +
        "rule can't; only JsonLogic reads inside of objects",
    ],
    [
      rule('organization', '=', 'ada'),
      "/query/rules/0/operator: 'organization' leads from contacts to one of " +
        "organizations: it takes only notNull, null, or an attribute's name",
    ],
    [
      rule('orders', 'notNull'),
      "/query/rules/0/field: 'orders' leads from contacts to many orders: name an " +
        "attribute of its records, or say what you ask of them with 'match' or 'aggregate'",
    ],
    [
      rule('organization.employees', '=', 'x'),
      `/query/rules/0/value: 'organization.employees' is a number: "x" is not a number, such as 42`,
    ],
    [
      rule('organization.name', '=', 'organization.industry', { valueSource: 'field' }),
      "/query/rules/0/value: 'organization.industry': the value names an attribute " +
        'of organizations, where the field leads',
    ],
    [
      rule('organization.name', '=', 'nick', { valueSource: 'field' }),
      "/query/rules/0/value: organizations has no attribute 'nick'; there are name, " +
        'industry, employees, founded_on, tags',
    ],
    [
      matching({ field: 'name' }),
      "/query/rules/0/field: 'name' is an attribute of one record: 'match' is of a " +
        'relationship that leads to many',
    ],
    [
      matching({ field: 'organization' }),
      "/query/rules/0/field: 'organization' leads to one record: 'match' is of a " +
        'relationship that leads to many',
    ],
    [
      matching({ field: 'orders.total' }),
      "/query/rules/0/field: 'match' asks of whole records: 'total' belongs into the group",
    ],
    [
      matching({ field: 'orders.products' }),
      "/query/rules/0/field: 'match' asks of whole records: 'products' belongs into the group",
    ],
    [
      matching({ match: 'some' }),
      `/query/rules/0/match: 'match' is an object { "mode", "threshold" }`,
    ],
    [
      matching({ match: { mode: 'most' } }),
      "/query/rules/0/match/mode: the mode of 'match' is one of all, some, none, " +
        'atLeast, atMost, exactly',
    ],
    [
      matching({ match: { mode: 'atLeast', threshold: 1.5 } }),
      '/query/rules/0/match/threshold: a threshold is a whole number from 0 or a ' +
        'share between 0 and 1, not 1.5',
    ],
    [
      matching({ match: { mode: 'atLeast' } }),
      '/query/rules/0/match/threshold: a threshold is a whole number from 0 or a ' +
        'share between 0 and 1, not undefined',
    ],
    [
      matching({ match: { mode: 'exactly', threshold: -1 } }),
      '/query/rules/0/match/threshold: a threshold is a whole number from 0 or a ' +
        'share between 0 and 1, not -1',
    ],
    [
      matching({ value: 'paid' }),
      "/query/rules/0/value: 'match' takes a group of rules about the related records",
    ],
    [
      matching({ operator: '!=' }),
      `/query/rules/0/operator: the operator of a rule with 'match' is "=", not "!="`,
    ],
    [matching({ where: paid }), "/query/rules/0/where: 'where' is not known here"],
    [
      matching({
        value: { combinator: 'and', rules: [{ field: 'name', operator: '=', value: 'a' }] },
      }),
      "/query/rules/0/value/rules/0/field: orders has no attribute 'name'; there " +
        'are total, shipping, status, ordered_at',
    ],
    [rule('name', '=', 'a', { where: paid }), "/query/rules/0/where: 'where' is not known here"],
    [
      summing({ aggregate: 'median' }),
      '/query/rules/0/aggregate: an aggregate is one of count, sum, avg, min, max, countDistinct',
    ],
    [
      summing({ field: 'orders' }),
      "/query/rules/0/field: 'sum' is of a number attribute: name one of orders",
    ],
    [
      summing({ field: 'orders.status' }),
      "/query/rules/0/field: 'status' is a string: 'sum' is of numbers",
    ],
    [
      summing({ field: 'orders.contact.age' }),
      "/query/rules/0/field: 'orders.contact.age' goes on after 'orders': " +
        "'aggregate' is of the first relationship that leads to many",
    ],
    [
      summing({ field: 'organization.employees' }),
      "/query/rules/0/field: 'organization.employees' is an attribute of one " +
        "record: 'aggregate' is of a relationship that leads to many",
    ],
    [
      summing({ value: 'x' }),
      `/query/rules/0/value: 'sum of orders.total' is a number: "x" is not a number, such as 42`,
    ],
    [
      summing({ operator: 'contains' }),
      "/query/rules/0/operator: 'sum of orders.total' is a number and does not take " +
        "'contains'; it takes =, !=, in, notIn, <, <=, >, >=, between, notBetween, notNull, null",
    ],
    [
      summing({ valueSource: 'field', value: 'age' }),
      '/query/rules/0/valueSource: an aggregate is compared with a value, not with an attribute',
    ],
    [
      summing({ where: [] }),
      "/query/rules/0/where: 'where' is a group of rules about the related records",
    ],
    [
      summing({
        where: { combinator: 'and', rules: [{ field: 'status', operator: 'like', value: 'a' }] },
      }),
      expect.stringMatching(
        /^\/query\/rules\/0\/where\/rules\/0\/operator: there is no operator "like"/,
      ) as never,
    ],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('when a path leads over more than 50 relationships', () => {
    const far = (steps: number) => `organization.${'parent.'.repeat(steps - 1)}name`;
    expect(faultsOf(rule(far(50), '=', 'a'))).toEqual([]);
    expect(faultsOf({ '==': [{ var: far(50) }, 'a'] })).toEqual([]);
    const fault = 'a path leads over at most 50 relationships';
    expect(faultsOf(rule(far(51), '=', 'a'))).toEqual([`/query/rules/0/field: ${fault}`]);
    expect(faultsOf({ '==': [{ var: far(51) }, 'a'] })).toEqual([`/query/==/0/var: ${fault}`]);
  });

  it('when the related type is not declared', () => {
    const scope = { ...contactsScope(), types: new Map([[CONTACTS.name, CONTACTS]]) };
    expect(faultsOf(rule('organization.name', '=', 'a'), scope)).toEqual([
      "/query/rules/0/field: 'organization' leads from contacts to one of " +
        'organizations, which is not declared',
    ]);
  });

  it('when its groups nest too deep, those about related records counted', () => {
    const counted = {
      field: 'contact.orders',
      operator: '=',
      match: { mode: 'atLeast', threshold: 2 },
    };
    let inner: object = paid;
    for (let depth = 0; depth < 49; depth += 1) {
      inner = {
        combinator: 'and',
        rules: [{ ...counted, value: inner }],
      };
    }
    const scope = { ...contactsScope(), type: ORDERS };
    expect(faultsOf(inner, scope)).toEqual([]);
    const { key, jsonLogic } = compileQuery(inner, scope);
    expect(compileQuery(jsonLogic, scope).key).toBe(key);
    expect(faultsOf({ combinator: 'and', rules: [inner] }, scope)[0]).toMatch(
      /nested deeper than 50 levels$/,
    );
  });
});

/**
 * neighbours.test.ts – JsonLogic over related records: which forms are read, that they mean
 * what rules mean, what is refused.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../../src/query/dialects/compile.ts';
import type { Predicate } from '../../../../../src/query/predicate/predicate.ts';
import { contactsScope, faultsOf, group } from '../../../../support/contacts.ts';

const keyOf = (query: unknown) => compileQuery(query, contactsScope()).key;
const ORDERS = { var: 'orders' };
const TOTALS = { map: [ORDERS, { var: 'total' }] };
const PAID = { '==': [{ var: 'status' }, 'paid'] };
const ACCUMULATOR = { var: 'accumulator' };
const count = (related: unknown) => ({ reduce: [related, { '+': [1, ACCUMULATOR] }, 0] });
const paid = { combinator: 'and', rules: [{ field: 'status', operator: '=', value: 'paid' }] };
const match = (mode: string, threshold?: number, value: unknown = paid) =>
  group({
    field: 'orders',
    operator: '=',
    match: threshold === undefined ? { mode } : { mode, threshold },
    value,
  });
const aggregate = (kind: string, operator: string, value: unknown, more: object = {}) =>
  group({ field: 'orders.total', aggregate: kind, operator, value, ...more });

describe('JsonLogic by hand has the key of the rule that says the same', () => {
  it.each<[unknown, unknown]>([
    [
      { '==': [{ var: 'organization.name' }, 'a'] },
      group({ field: 'organization.name', operator: '=', value: 'a' }),
    ],
    [
      { in: ['a', { var: 'organization.parent.tags' }] },
      group({ field: 'organization.parent.tags', operator: 'contains', value: 'a' }),
    ],
    [{ '!': [{ var: 'organization' }] }, group({ field: 'organization', operator: 'null' })],
    [{ '!!': { var: 'organization' } }, group({ field: 'organization', operator: 'notNull' })],
    [
      { '!=': [{ var: 'organization.parent' }, null] },
      group({ field: 'organization.parent', operator: 'notNull' }),
    ],
    [
      { '===': [null, { var: 'organization' }] },
      group({ field: 'organization', operator: 'null' }),
    ],
    [{ some: [ORDERS, PAID] }, match('some')],
    [{ none: [ORDERS, PAID] }, match('none')],
    [{ all: [ORDERS, PAID] }, match('all')],
    [{ filter: [ORDERS, PAID] }, match('some')],
    [{ '!': { some: [ORDERS, PAID] } }, match('none')],
    [{ some: [{ filter: [ORDERS, PAID] }, true] }, match('some')],
    [{ '>=': [count({ filter: [ORDERS, PAID] }), 3] }, match('atLeast', 3)],
    [
      { '<': [2, { reduce: [{ filter: [ORDERS, PAID] }, { '+': [ACCUMULATOR, 1] }, 0] }] },
      match('atLeast', 3),
    ],
    [{ '===': [count({ filter: [ORDERS, PAID] }), 2] }, match('exactly', 2)],
    [count({ filter: [ORDERS, PAID] }), match('some')],
    [
      { '!': [{ '<': [{ '/': [count({ filter: [ORDERS, PAID] }), count(ORDERS)] }, 0.5] }] },
      match('atLeast', 0.5),
    ],
    [{ '!!': ORDERS }, match('some', undefined, { combinator: 'and', rules: [] })],
    [{ '>': [{ sum: [TOTALS] }, 10] }, aggregate('sum', '>', 10)],
    [
      { '>': [{ reduce: [TOTALS, { '+': [{ var: 'current' }, ACCUMULATOR] }, 0] }, 10] },
      aggregate('sum', '>', 10),
    ],
    [
      {
        '>': [
          {
            reduce: [
              { filter: [ORDERS, PAID] },
              { '+': [ACCUMULATOR, { var: 'current.total' }] },
              0,
            ],
          },
          10,
        ],
      },
      aggregate('sum', '>', 10, { where: paid }),
    ],
    [{ '<=': [1, { avg: TOTALS }, 2] }, aggregate('avg', 'between', [1, 2])],
    [{ '==': [{ minimum: [TOTALS] }, null] }, aggregate('min', 'null', undefined)],
    [{ in: [{ maximum: [TOTALS] }, [2, 1]] }, aggregate('max', 'in', [1, 2])],
  ])('%j', (logic, rules) => {
    expect(keyOf(logic)).toBe(keyOf(rules));
  });
});

describe('JsonLogic over a relationship', () => {
  it('keeps its own treatment of missing values', () => {
    expect(keyOf({ '<': [{ var: 'organization.employees' }, 10] })).not.toBe(
      keyOf(group({ field: 'organization.employees', operator: '<', value: 10 })),
    );
  });

  it('is a program of the neighbour if it computes from its attributes alone', () => {
    const { predicate } = compileQuery(
      { '>': [{ '+': [{ var: 'organization.employees' }, 1] }, 5] },
      contactsScope(),
    );
    const where: Predicate = {
      kind: 'program',
      rule: { '>': [{ '+': [{ var: 'employees' }, 1] }, 5] },
      attributes: ['employees'],
    };
    expect(predicate).toMatchObject({ kind: 'edge', measure: { kind: 'truth' }, where });
  });

  it('is given back as it was sent, but for sums', () => {
    const sent = { and: [{ some: [ORDERS, PAID] }] };
    expect(compileQuery(sent, contactsScope()).jsonLogic).toBe(sent);
    const summed = {
      '>': [{ reduce: [TOTALS, { '+': [{ var: 'current' }, ACCUMULATOR] }, 0] }, 1],
    };
    expect(compileQuery(summed, contactsScope()).jsonLogic).toEqual({
      '>': [{ sum: [TOTALS] }, 1],
    });
  });
});

describe('JsonLogic over relationships is refused', () => {
  const MANY =
    "'orders' leads from contacts to many orders: they can be asked with some, all " +
    'or none, and their count, sum, avg, minimum, maximum or countDistinct can be compared with ' +
    'numbers';

  it.each<[unknown, string]>([
    [
      { '==': [{ var: 'organization.name' }, { var: 'name' }] },
      "/query: 'organization.name', 'name' are of more than one record, and a value " +
        "that is computed from several can't be kept",
    ],
    [
      { and: [true, { '>': [{ '+': [{ var: 'age' }, { var: 'organization.employees' }] }, 5] }] },
      "/query/and/1: 'age', 'organization.employees' are of more than one record, " +
        "and a value that is computed from several can't be kept",
    ],
    [
      { '==': [{ var: 'organization.parent.name' }, { var: 'organization.name' }] },
      "/query: 'parent.name', 'name' are of more than one record, and a value that " +
        "is computed from several can't be kept",
    ],
    [
      { var: 'orders.total' },
      "/query/var: 'orders' leads from contacts to many orders: 'total' is read of " +
        'each by some, all, none, filter or map',
    ],
    [
      { '>': [{ var: 'orders.length' }, 2] },
      "/query/>/0/var: 'orders' leads from contacts to many orders: 'length' is " +
        'read of each by some, all, none, filter or map',
    ],
    [
      { var: 'organization.contacts.0.name' },
      "/query/var: 'contacts' leads from organizations to many contacts: '0.name' " +
        'is read of each by some, all, none, filter or map',
    ],
    [{ some: [{ merge: [ORDERS, ORDERS] }, PAID] }, `/query: ${MANY}`],
    [{ '==': [{ sum: [TOTALS] }, { var: 'age' }] }, `/query: ${MANY}`],
    [{ '>': [{ '+': [count(ORDERS), 1] }, 2] }, `/query: ${MANY}`],
    [{ '>': [count(ORDERS), '2'] }, `/query: ${MANY}`],
    [
      { '>': [{ reduce: [TOTALS, { '*': [{ var: 'current' }, ACCUMULATOR] }, 1] }, 2] },
      `/query: ${MANY}`,
    ],
    [{ '>': [{ sum: [{ map: [ORDERS, { var: 'status' }] }] }, 2] }, `/query: ${MANY}`],
    [{ '==': [ORDERS, null] }, `/query: ${MANY}`],
    [
      { '==': [{ var: 'organization' }, 'ada'] },
      "/query: 'organization' leads from contacts to one of organizations: ask " +
        'whether it is there, or name an attribute of it',
    ],
    [
      { some: [ORDERS, { '==': [{ var: 'name' }, 'a'] }] },
      "/query/some/1/==/0/var: orders has no attribute 'name'; there are total, " +
        'shipping, status, ordered_at',
    ],
    [
      { some: [ORDERS, { '==': [{ var: '' }, 'a'] }] },
      '/query/some/1/==/0/var: the record as a whole can not be read, only its attributes',
    ],
    [
      { some: [ORDERS, { '>': [{ '+': [{ var: 'total' }, { var: 'contact.age' }] }, 1] }] },
      "/query/some/1: 'total', 'contact.age' are of more than one record, and a " +
        "value that is computed from several can't be kept",
    ],
    [
      { '==': [{ var: 'organization.name.length' }, 1] },
      "/query/==/0/var: 'length' is no part of 'name'",
    ],
    [
      { in: ['organization.name', { missing: ['organization.name'] }] },
      "/query: 'missing' gives back the names of its keys, which can only be " +
        'counted as there or not where they lead to other records',
    ],
    [
      { if: [{ if: [{ var: 'vip' }, { var: 'organization' }, true] }, { var: 'vip' }, true] },
      "/query: a condition that holds an 'if' itself can't look at other records: " +
        'write it with and, or and !',
    ],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
  });

  it('and missing alone asks only whether the keys are there', () => {
    expect(faultsOf({ '!': { missing: ['organization.name', 'organization.industry'] } })).toEqual(
      [],
    );
  });
});

/**
 * edges.test.ts – Edges in normal form, their keys, and what is left of them when they are lowered.
 */
import { describe, expect, it } from 'vitest';
import { lower } from '../../../../src/query/network/lower.ts';
import { normalize } from '../../../../src/query/predicate/normalize.ts';
import {
  ALWAYS,
  type Atom,
  and,
  type Interval,
  type Measure,
  NEVER,
  not,
  or,
  type Predicate,
  type RelatedCondition,
} from '../../../../src/query/predicate/predicate.ts';
import { predicateAttributes, statementKey } from '../../../../src/query/predicate/statement.ts';
import { CONTACTS, TYPES } from '../../../support/contacts.ts';

const is = (attribute: string, ...values: (string | number | boolean)[]): Atom => ({
  kind: 'equals',
  view: { attribute, folded: false },
  values,
});
const there: Predicate = { kind: 'present', attribute: '$' };
const OPEN: Interval = { low: null, lowInclusive: false, high: null, highInclusive: false };
const ranging = (...intervals: Partial<Interval>[]): Predicate => ({
  kind: 'range',
  view: { attribute: '$', folded: false },
  intervals: intervals.map((bounds) => ({ ...OPEN, ...bounds })),
});
const edge = (
  name: string,
  direction: RelatedCondition['direction'],
  measure: Measure,
  where: Predicate,
  holds: Predicate,
): RelatedCondition => ({
  kind: 'edge',
  edge: name,
  direction,
  measure,
  where,
  holds,
});
const via = (where: Predicate, holds: Predicate = is('$', true)) =>
  edge('contacts.organization', 'out', { kind: 'truth' }, where, holds);
const exists = (holds: Predicate = is('$', true)) =>
  edge('contacts.organization', 'out', { kind: 'exists' }, ALWAYS, holds);
const orders = (measure: Measure, holds: Predicate, where: Predicate = ALWAYS) =>
  edge('orders.contact', 'in', measure, where, holds);
const count: Measure = { kind: 'count' };
const share: Measure = { kind: 'share' };
const sum: Measure = { kind: 'sum', attribute: 'total' };
const avg: Measure = { kind: 'avg', attribute: 'total' };
const [a, b, paid] = [is('name', 'a'), is('industry', 'b'), is('status', 'paid')];
const atLeast = (low: number) => ranging({ low, lowInclusive: true });

describe('an edge is written', () => {
  it.each<[string, Predicate, Predicate]>([
    [
      'once for what is said of one neighbour side by side',
      and([via(a), via(b)]),
      via(and([a, b])),
    ],
    ['once, joined by or as well', or([via(b), via(a), via(b)]), via(or([a, b]))],
    ['apart from another direction', and([via(a), exists()]), and([exists(), via(a)])],
    ['without not', not(via(a)), via(not(a))],
    [
      'without not around what is measured',
      not(orders(sum, ranging({ low: 5 }))),
      orders(sum, ranging({ high: 5, highInclusive: true })),
    ],
    ['for a truth that is false', via(a, is('$', false)), via(not(a))],
    ['for an absence', not(exists()), exists(is('$', false))],
    ['not for what always holds', via(ALWAYS), ALWAYS],
    ['not for what never holds', or([via(NEVER), via(and([a, not(a)]))]), NEVER],
    ['not for a contradiction at one neighbour', and([via(a), via(not(a))]), NEVER],
    [
      'for whole numbers from 0',
      orders(count, ranging({ low: 2.5, high: 1e9 })),
      orders(count, ranging({ low: 3, lowInclusive: true, high: 1e9 - 1, highInclusive: true })),
    ],
    [
      'the same for more than 0 as for at least 1',
      orders(count, ranging({ low: 0 })),
      orders(count, atLeast(1)),
    ],
    ['the same for not 0', orders(count, not(is('$', 0))), orders(count, atLeast(1))],
    ['not for a count that is at least 0', orders(count, atLeast(0)), ALWAYS],
    ['not for a count that no number is', orders(count, is('$', 0.5, -1)), NEVER],
    [
      'once for two bounds of one measure',
      and([orders(count, atLeast(2)), orders(count, ranging({ high: 4 }))]),
      orders(count, ranging({ low: 2, lowInclusive: true, high: 3, highInclusive: true })),
    ],
    ['not for the number of none', orders(count, is('$', 0), NEVER), ALWAYS],
    ['not for the sum of none', orders(sum, atLeast(1), NEVER), NEVER],
    ['not for the average of none', orders(avg, not(is('$', 1)), NEVER), ALWAYS],
    ['not for the presence of a sum', orders(sum, there), ALWAYS],
    ['for the presence of an average', orders(avg, not(there)), orders(avg, not(there))],
    ['as a number where a share is of all', orders(share, not(ranging({ high: 0.5 }))), ALWAYS],
    [
      'as a number where a share is of none',
      orders(share, not(ranging({ high: 0.5 })), NEVER),
      orders(count, is('$', 0)),
    ],
    ['as a number where any share will do', orders(share, there, paid), orders(count, atLeast(1))],
  ])('%s', (_, given, expected) => {
    expect(normalize(given)).toEqual(expected);
    expect(normalize(normalize(given))).toEqual(expected);
    expect(normalize(not(given))).toEqual(normalize(not(expected)));
  });

  it('with what it says in normal form', () => {
    const twice = or([and([paid, paid]), NEVER]);
    expect(normalize(orders(count, or([is('$', 3), is('$', 3)]), twice))).toEqual(
      orders(count, is('$', 3), paid),
    );
  });
});

it('the attributes of a predicate are the own ones', () => {
  expect(predicateAttributes(and([is('age', 1), via(a), orders(count, atLeast(2), paid)]))).toEqual(
    ['age'],
  );
});

it('the key of a statement names what is read of neighbours, and the edges on the way', () => {
  expect(statementKey(and([is('age', 1), via(a)]), CONTACTS, TYPES)).toMatch(
    /^age:number,contacts\.organization:organizations:organization_id:one,organizations\.name:string and\(/,
  );
  expect(statementKey(is('@orders.contact<count:7', 1), CONTACTS, TYPES)).toMatch(
    /^orders\.contact:contacts:contact_id:one /,
  );
});

describe('lowering', () => {
  const lowered = (predicate: Predicate) => {
    const shared: unknown[] = [];
    const flat = lower(predicate, {
      neighbourOf: (name, direction) => {
        const [holder = '', relationship = ''] = name.split('.');
        return direction === 'in' ? holder : TYPES.get(holder)!.relationships.get(relationship)!.to;
      },
      sharePredicate: (objectType, key, where) => {
        const at = shared.findIndex(
          (each) => JSON.stringify(each) === JSON.stringify([objectType, key, where]),
        );
        return at >= 0 ? at : shared.push([objectType, key, where]) - 1;
      },
    });
    return { flat, shared: shared.map((each) => [(each as unknown[])[0], (each as unknown[])[2]]) };
  };

  it('puts a derived attribute in the place of each measure', () => {
    const { flat, shared } = lowered(
      and([via(a), or([is('age', 1), orders(sum, not(atLeast(5)), paid)])]),
    );
    expect(flat).toEqual(
      and([
        is('@contacts.organization>truth:0', true),
        or([
          is('age', 1),
          not({
            kind: 'range',
            view: { attribute: '@orders.contact<sum:1:total', folded: false },
            intervals: [{ ...OPEN, low: 5, lowInclusive: true }],
          }),
        ]),
      ]),
    );
    expect(shared).toEqual([
      ['organizations', a],
      ['orders', paid],
    ]);
  });

  it('lowers what is shared first, and exports the same once', () => {
    const parent = edge('organizations.parent', 'out', { kind: 'truth' }, a, is('$', true));
    const { flat, shared } = lowered(
      and([via(parent), orders(count, atLeast(2)), orders(avg, not(there)), exists()]),
    );
    expect(shared).toEqual([
      ['organizations', a],
      ['organizations', is('@organizations.parent>truth:0', true)],
      ['orders', ALWAYS],
      ['organizations', ALWAYS],
    ]);
    expect(predicateAttributes(flat)).toEqual([
      '@contacts.organization>exists:3',
      '@contacts.organization>truth:1',
      '@orders.contact<avg:2:total',
      '@orders.contact<count:2',
    ]);
  });
});

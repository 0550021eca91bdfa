/**
 * network-time.test.ts – What a network does by the clock alone: when it wakes, what it then looks
 * at, and when it need not.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { lower } from '../../../../src/query/network/lower.ts';
import { flip, PredicateNetwork } from '../../../../src/query/network/network.ts';
import type { Predicate } from '../../../../src/query/predicate/predicate.ts';
import { hopOf } from '../../../../src/query/predicate/relationships.ts';
import { contactsScope, group, TYPES } from '../../../support/contacts.ts';

const DAY_MS = 86_400_000;
const VALUE_MS = Date.parse('2024-01-15T12:00:00.000Z');
const RECORD = { seen_at: '2024-01-15T12:00:00.000Z', age: 7 };

const inLast = (amount: number, unit = 'day') => ({
  field: 'seen_at',
  operator: 'inLast',
  value: { amount, unit },
});
const lessThan = (anchor: string, offset: number, unit: string) => ({
  field: 'seen_at',
  operator: '<',
  value: { mode: 'relative', anchor, offset, unit },
});
const predicateOf = (...rules: unknown[]): Predicate =>
  compileQuery(group(...rules), contactsScope()).predicate;

/** A network with a predicate for each list of rules, as predicate ids from 0. */
function networkOf(...groups: readonly unknown[][]): PredicateNetwork {
  const network = new PredicateNetwork();
  for (const [predicateId, rules] of groups.entries())
    network.add(predicateId, predicateOf(...rules));
  return network;
}

const holding =
  (...predicateIds: number[]) =>
  (predicateId: number) =>
    predicateIds.includes(predicateId);

describe('a network', () => {
  it('has timers exactly while a predicate looks at the clock', () => {
    const network = networkOf([{ field: 'age', operator: '=', value: 7 }]);
    expect([network.hasTimers, network.nextFlip(RECORD, VALUE_MS)]).toEqual([false, undefined]);
    network.add(1, predicateOf(inLast(1)));
    network.add(2, predicateOf(inLast(1), { field: 'age', operator: '=', value: 7 }));
    network.remove(1);
    expect([network.hasTimers, network.nextFlip(RECORD, VALUE_MS)]).toEqual([
      true,
      VALUE_MS + DAY_MS,
    ]);
    network.remove(2);
    expect([network.hasTimers, network.nextFlip(RECORD, VALUE_MS)]).toEqual([false, undefined]);
  });

  it('wakes at the next edge of any window, strictly after now, and never again after the last one', () => {
    const network = networkOf(
      [inLast(30)],
      [inLast(7)],
      [lessThan('now', -2, 'month')],
      [lessThan('startOfDay', 0, 'day')],
    );
    const wakes: string[] = [];
    for (
      let now = network.nextFlip(RECORD, VALUE_MS - 1);
      now !== undefined;
      now = network.nextFlip(RECORD, now)
    ) {
      wakes.push(new Date(now).toISOString());
    }
    expect(wakes).toEqual([
      '2024-01-15T12:00:00.000Z',
      '2024-01-16T00:00:00.000Z',
      '2024-01-22T12:00:00.000Z',
      '2024-02-14T12:00:00.000Z',
      '2024-03-15T12:00:00.001Z',
    ]);
  });

  it('has nothing to wake for where the value is missing', () => {
    const network = networkOf([inLast(30)], [{ ...inLast(30), operator: 'notInLast' }]);
    expect(network.nextFlip({ age: 7 }, VALUE_MS)).toBeUndefined();
    expect(network.create({ age: 7 }, VALUE_MS)).toEqual([1]);
    expect(network.fire({ age: 7 }, VALUE_MS, VALUE_MS + 100 * DAY_MS, holding(1))).toEqual([]);
  });

  it('lets a member of the last days go at its value plus the days, to the millisecond', () => {
    const network = networkOf([inLast(30)]);
    const leaves = VALUE_MS + 30 * DAY_MS;
    expect(network.create(RECORD, VALUE_MS)).toEqual([0]);
    expect(network.fire(RECORD, VALUE_MS, leaves - 1, holding(0))).toEqual([]);
    expect(network.fire(RECORD, leaves - 1, leaves, holding(0))).toEqual([flip(0, false)]);
    expect(network.create(RECORD, leaves)).toEqual([]);
  });

  it('evaluates only predicates with an edge that time has passed', () => {
    const many = Array.from({ length: 100 }, (_, days) => [
      inLast(days + 1),
      { field: 'age', operator: '>', value: 1 },
    ]);
    const network = networkOf(...many);
    const held = holding(...many.keys());
    const before = { ...network.work };
    expect(network.fire(RECORD, VALUE_MS, VALUE_MS + 2 * DAY_MS, held).sort()).toEqual([
      flip(0, false),
      flip(1, false),
    ]);
    expect(network.work.atomsFlipped - before.atomsFlipped).toBe(2);
    // an age that is out of its window makes a conjunction false whatever the rest of it says
    expect(network.work.evaluations - before.evaluations).toBe(0);
  });

  it('corrects the stored truth also of a window that has come and gone in between', () => {
    const network = networkOf([
      { field: 'seen_at', operator: 'inNext', value: { amount: 1, unit: 'day' } },
    ]);
    const [since, now] = [VALUE_MS - 2 * DAY_MS, VALUE_MS + DAY_MS];
    expect(network.fire(RECORD, since, now, holding())).toEqual([]);
    expect(network.fire(RECORD, since, now, holding(0))).toEqual([flip(0, false)]);
  });

  it('keeps the stored truth of what reads a neighbour that has not answered', () => {
    const network = networkOf([inLast(1)]);
    const derived = '@orders.contact<count:5';
    const hasOrders: Predicate = {
      kind: 'range',
      view: { attribute: derived, folded: false },
      intervals: [{ low: 1, lowInclusive: true, high: null, highInclusive: false }],
    };
    network.add(1, { kind: 'and', children: [hasOrders, predicateOf(inLast(1))] });
    const neighbourhood = { verify: [], open: new Set([derived]) };
    const flips = network.fire(RECORD, VALUE_MS, VALUE_MS + DAY_MS, holding(0, 1), neighbourhood);
    expect(flips).toEqual([flip(0, false)]);
  });
});

it('an age within what is asked of neighbours is shared with it', () => {
  const rule = { field: 'ordered_at', operator: 'inLast', value: { amount: 30, unit: 'day' } };
  const match = {
    field: 'orders',
    operator: '=',
    match: { mode: 'atLeast', threshold: 3 },
    value: group(rule),
  };
  const shared: unknown[] = [];
  const flat = lower(predicateOf(match), {
    neighbourOf: (edge, direction) => hopOf({ edge, direction }, TYPES).target,
    sharePredicate: (objectType, _, own) => shared.push([objectType, own]),
  });
  const age = { clock: { kind: 'elapsed' }, attribute: 'ordered_at', kind: 'age' };
  expect(shared).toEqual([['orders', expect.objectContaining(age)]]);
  expect(flat).toMatchObject({ kind: 'range', view: { attribute: '@orders.contact<count:1' } });
});

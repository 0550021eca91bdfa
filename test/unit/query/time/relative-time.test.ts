/**
 * relative-time.test.ts – What rules say relative to the present: to the millisecond, by the
 * calendar, and what is refused.
 */
import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { predicateJsonLogic } from '../../../../src/query/json-logic/json-logic.ts';
import { normalize, predicateKey } from '../../../../src/query/predicate/normalize.ts';
import type { Attributes } from '../../../../src/query/predicate/view.ts';
import { contactsScope, faultsOf, group, holdsFor, TYPES } from '../../../support/contacts.ts';

const scopeIn = (timeZone: string) => ({ ...contactsScope(), timeZone });
const relative = (anchor: string, offset?: unknown, unit?: string) => ({
  mode: 'relative',
  anchor,
  offset,
  unit,
});
const seen = (operator: string, value: unknown) => group({ field: 'seen_at', operator, value });

/**
 * For which values of `seen_at` the query holds at a clock; fails if its JsonLogic says otherwise.
 */
function truths(
  query: unknown,
  values: readonly string[],
  now: string,
  timeZone = 'UTC',
): boolean[] {
  const records = values.map((value): Attributes => ({ seen_at: new Date(value).toISOString() }));
  return holdsFor(query, records, scopeIn(timeZone), Date.parse(now));
}

type Case = readonly [
  operator: string,
  value: unknown,
  timeZone: string,
  now: string,
  meets: readonly string[],
  fails: readonly string[],
];

const DAY_30 = { amount: 30, unit: 'day' };

const CASES: readonly Case[] = [
  // windows are half-open, and exact whatever the clocks do
  [
    'inLast',
    DAY_30,
    'UTC',
    '2024-03-31T12:00Z',
    ['2024-03-31T12:00Z', '2024-03-01T12:00:00.001Z'],
    ['2024-03-01T12:00Z', '2024-03-31T12:00:00.001Z'],
  ],
  [
    'inNext',
    DAY_30,
    'UTC',
    '2024-03-01T12:00Z',
    ['2024-03-01T12:00:00.001Z', '2024-03-31T12:00Z'],
    ['2024-03-01T12:00Z', '2024-03-31T12:00:00.001Z'],
  ],
  [
    'inLast',
    { amount: 1, unit: 'day' },
    'Europe/Berlin',
    '2024-03-31T12:00Z',
    ['2024-03-30T12:00:00.001Z'],
    ['2024-03-30T12:00Z'],
  ],
  [
    'inLast',
    { amount: '90', unit: 'second' },
    'UTC',
    '2024-01-01T00:01:30Z',
    ['2024-01-01T00:00:00.001Z'],
    ['2024-01-01T00:00Z'],
  ],
  [
    'inLast',
    { amount: 0, unit: 'week' },
    'UTC',
    '2024-01-01T00:00Z',
    [],
    ['2024-01-01T00:00Z', '2023-12-31T23:59:59.999Z'],
  ],
  // calendar periods: whole ones, the future part included; weeks from Monday
  [
    'inCurrent',
    { unit: 'day' },
    'Europe/Berlin',
    '2024-03-31T12:00Z',
    ['2024-03-30T23:00Z', '2024-03-31T21:59:59.999Z'],
    ['2024-03-30T22:59:59.999Z', '2024-03-31T22:00Z'],
  ],
  [
    'inCurrent',
    { unit: 'day' },
    'America/Sao_Paulo',
    '2018-11-04T12:00Z',
    ['2018-11-04T03:00Z'],
    ['2018-11-04T02:59:59.999Z', '2018-11-05T02:00Z'],
  ],
  [
    'inCurrent',
    { unit: 'week' },
    'UTC',
    '2024-03-03T23:00Z',
    ['2024-02-26T00:00Z', '2024-03-03T23:59:59.999Z'],
    ['2024-02-25T23:59:59.999Z', '2024-03-04T00:00Z'],
  ],
  [
    'inPrevious',
    { unit: 'month' },
    'UTC',
    '2024-03-31T00:00Z',
    ['2024-02-01T00:00Z', '2024-02-29T23:59:59.999Z'],
    ['2024-03-01T00:00Z', '2024-01-31T23:59:59.999Z'],
  ],
  [
    'inPrevious',
    { unit: 'quarter' },
    'UTC',
    '2024-01-01T00:00Z',
    ['2023-10-01T00:00Z', '2023-12-31T23:59:59.999Z'],
    ['2024-01-01T00:00Z', '2023-09-30T12:00Z'],
  ],
  [
    'inCurrent',
    { unit: 'year' },
    'America/New_York',
    '2024-01-01T04:59Z',
    ['2023-06-01T00:00Z', '2024-01-01T04:59:59.999Z'],
    ['2024-01-01T05:00Z', '2023-01-01T04:59Z'],
  ],
  // set back at 00:01, the clocks of St. John's show the day before once more; the new day stays
  // begun
  [
    'inCurrent',
    { unit: 'day' },
    'America/St_Johns',
    '2010-11-07T03:00Z',
    ['2010-11-07T02:30:30Z', '2010-11-07T03:20Z'],
    ['2010-11-07T02:29:59Z'],
  ],
  // moments: exact up to weeks from now
  [
    '>=',
    relative('now', -30, 'day'),
    'Europe/Berlin',
    '2024-03-31T12:00Z',
    ['2024-03-01T12:00Z'],
    ['2024-03-01T11:59:59.999Z'],
  ],
  [
    '>',
    relative('now', -1, 'week'),
    'UTC',
    '2024-01-08T00:00Z',
    ['2024-01-01T00:00:00.001Z'],
    ['2024-01-01T00:00Z'],
  ],
  [
    '<',
    relative('now'),
    'UTC',
    '2024-01-01T00:00Z',
    ['2023-12-31T23:59:59.999Z'],
    ['2024-01-01T00:00Z'],
  ],
  [
    '<=',
    relative('now', '0', 'hour'),
    'UTC',
    '2024-01-01T00:00Z',
    ['2024-01-01T00:00Z'],
    ['2024-01-01T00:00:00.001Z'],
  ],
  // months from now are counted from the value: February 28 passes once, on March 28
  [
    '<=',
    relative('now', -1, 'month'),
    'UTC',
    '2024-03-28T12:00Z',
    ['2024-02-28T12:00Z', '2024-02-28T11:00Z'],
    ['2024-02-28T12:00:00.001Z', '2024-02-29T00:00Z'],
  ],
  [
    '<=',
    relative('now', -1, 'month'),
    'UTC',
    '2024-03-29T01:00Z',
    ['2024-02-28T12:00Z', '2024-02-29T01:00Z'],
    ['2024-02-29T01:00:00.001Z'],
  ],
  [
    '<',
    relative('now', -1, 'month'),
    'UTC',
    '2023-02-28T12:00Z',
    ['2023-01-31T11:00Z', '2023-01-29T11:59:59.999Z'],
    ['2023-01-31T12:00Z', '2023-01-30T13:00Z'],
  ],
  [
    '>',
    relative('now', 1, 'year'),
    'UTC',
    '2024-02-29T00:00Z',
    ['2025-03-01T00:00Z'],
    ['2025-02-28T00:00Z'],
  ],
  // anchors: the date of the anchor, shifted as a date, then its first or last instant
  [
    '>=',
    relative('startOfDay', -1, 'day'),
    'Europe/Berlin',
    '2024-04-01T10:00Z',
    ['2024-03-30T23:00Z'],
    ['2024-03-30T22:59:59.999Z'],
  ],
  [
    '>=',
    relative('startOfDay', -24, 'hour'),
    'Europe/Berlin',
    '2024-03-31T10:00Z',
    ['2024-03-29T23:00Z'],
    ['2024-03-29T22:59:59.999Z'],
  ],
  [
    '<=',
    relative('endOfDay'),
    'Asia/Beirut',
    '2024-03-30T12:00Z',
    ['2024-03-30T21:59:59.999Z'],
    ['2024-03-30T22:00Z'],
  ],
  [
    '<',
    relative('startOfDay', 1, 'day'),
    'America/Sao_Paulo',
    '2018-11-03T12:00Z',
    ['2018-11-04T02:59:59.999Z'],
    ['2018-11-04T03:00Z'],
  ],
  [
    '<=',
    relative('startOfMonth', -1, 'month'),
    'UTC',
    '2024-03-31T00:00Z',
    ['2024-02-01T00:00Z'],
    ['2024-02-01T00:00:00.001Z'],
  ],
  [
    '<=',
    relative('endOfMonth', -1, 'month'),
    'UTC',
    '2024-03-01T00:00Z',
    ['2024-02-29T23:59:59.999Z'],
    ['2024-03-01T00:00Z'],
  ],
  [
    '<=',
    relative('endOfMonth', -1, 'month'),
    'UTC',
    '2024-04-01T00:00Z',
    ['2024-03-30T23:59:59.999Z'],
    ['2024-03-31T00:00Z'],
  ],
  [
    '<',
    relative('startOfDay', -1, 'month'),
    'UTC',
    '2023-03-31T00:00Z',
    ['2023-02-27T23:59:59.999Z'],
    ['2023-02-28T00:00Z'],
  ],
  [
    '>',
    relative('startOfWeek', 1, 'week'),
    'UTC',
    '2024-03-03T12:00Z',
    ['2024-03-04T00:00:00.001Z'],
    ['2024-03-04T00:00Z'],
  ],
  [
    '>=',
    relative('startOfQuarter', -1, 'quarter'),
    'UTC',
    '2024-05-05T00:00Z',
    ['2024-01-01T00:00Z'],
    ['2023-12-31T23:59:59.999Z'],
  ],
  [
    '<=',
    relative('endOfYear', 1, 'year'),
    'UTC',
    '2024-05-05T00:00Z',
    ['2025-12-31T23:59:59.999Z'],
    ['2026-01-01T00:00Z'],
  ],
  [
    '<',
    relative('startOfYear', 90, 'second'),
    'UTC',
    '2024-05-05T00:00Z',
    ['2024-01-01T00:01:29.999Z'],
    ['2024-01-01T00:01:30Z'],
  ],
  [
    'between',
    [relative('now', -1, 'day'), relative('now', 1, 'day')],
    'UTC',
    '2024-01-02T00:00Z',
    ['2024-01-01T00:00Z', '2024-01-03T00:00Z'],
    ['2023-12-31T23:59:59.999Z', '2024-01-03T00:00:00.001Z'],
  ],
  [
    'between',
    ['2024-01-01', relative('endOfDay')],
    'UTC',
    '2024-01-02T00:00Z',
    ['2024-01-01T00:00Z', '2024-01-02T23:59:59.999Z'],
    ['2023-12-31T23:59:59.999Z', '2024-01-03T00:00Z'],
  ],
  [
    'between',
    [relative('now'), relative('now', -1, 'day')],
    'UTC',
    '2024-01-02T00:00Z',
    [],
    ['2024-01-01T12:00Z', '2024-01-02T00:00Z'],
  ],
];

const COMPLEMENTS: Readonly<Record<string, string>> = {
  inLast: 'notInLast',
  inNext: 'notInNext',
  between: 'notBetween',
};

describe.each(CASES)('%s %j in %s at %s', (operator, value, timeZone, now, meets, fails) => {
  it('holds for the values that meet it, and no others', () => {
    expect(truths(seen(operator, value), meets, now, timeZone)).toEqual(meets.map(() => true));
    expect(truths(seen(operator, value), fails, now, timeZone)).toEqual(fails.map(() => false));
  });

  it('does not hold for a missing value, and its negation does', () => {
    const [scope, nowMs] = [scopeIn(timeZone), Date.parse(now)];
    expect(holdsFor(seen(operator, value), [{}], scope, nowMs)).toEqual([false]);
    expect(
      holdsFor({ ...(seen(operator, value) as object), not: true }, [{}], scope, nowMs),
    ).toEqual([true]);
  });
});

describe.each(CASES.filter(([operator]) => operator in COMPLEMENTS))(
  'the complement of %s %j in %s at %s',
  (operator, value, timeZone, now, meets, fails) => {
    it('holds for every other value, and for a missing one', () => {
      const negated = seen(COMPLEMENTS[operator]!, value);
      const expected = [...meets.map(() => false), ...fails.map(() => true)];
      expect(truths(negated, [...meets, ...fails], now, timeZone)).toEqual(expected);
      expect(holdsFor(negated, [{}], scopeIn(timeZone), Date.parse(now))).toEqual([true]);
    });
  },
);

describe('a date', () => {
  it("is its day's first instant in the zone", () => {
    const query = group({
      field: 'born_on',
      operator: 'inLast',
      value: { amount: 1, unit: 'hour' },
    });
    const records = [{ born_on: '2024-03-31' }];
    const at = (now: string) => holdsFor(query, records, scopeIn('Europe/Berlin'), Date.parse(now));
    expect([at('2024-03-30T23:59:59.999Z'), at('2024-03-31T00:00:00Z')]).toEqual([[true], [false]]);
  });
});

/** Before now or after it: there is a value. */
const EVER = {
  combinator: 'or',
  rules: [
    { field: 'seen_at', operator: '<=', value: relative('now') },
    { field: 'seen_at', operator: '>', value: relative('now') },
  ],
};

describe('two rules that say the same', () => {
  const keyOf = (query: unknown) => compileQuery(query, contactsScope()).key;
  it.each([
    [seen('inLast', { amount: 1, unit: 'day' }), seen('inLast', { amount: 24, unit: 'hour' })],
    [
      seen('inLast', { amount: 1, unit: 'day' }),
      seen('inLast', { amount: 86_400, unit: 'second' }),
    ],
    [seen('inNext', { amount: 2, unit: 'week' }), seen('inNext', { amount: 14, unit: 'day' })],
    [
      seen('inLast', { amount: 1, unit: 'day' }),
      group(
        { field: 'seen_at', operator: '>', value: relative('now', -1, 'day') },
        { field: 'seen_at', operator: '<=', value: relative('now') },
      ),
    ],
    [seen('<', relative('now', -1, 'year')), seen('<', relative('now', -12, 'month'))],
    [seen('<', relative('startOfDay', 1, 'week')), seen('<', relative('startOfDay', '7', 'day'))],
    [seen('<', relative('endOfMonth')), seen('<', relative('endOfMonth', 0, 'year'))],
    [seen('<', relative('now', 0, 'year')), seen('<', relative('now'))],
    [
      group(EVER, { field: 'seen_at', operator: '!=', value: '2024-01-01' }),
      group(
        { field: 'seen_at', operator: 'notNull' },
        { field: 'seen_at', operator: '!=', value: '2024-01-01' },
      ),
    ],
    [group(EVER, { field: 'seen_at', operator: 'inLast', value: DAY_30 }), seen('inLast', DAY_30)],
    [seen('notInLast', DAY_30), { ...(seen('inLast', DAY_30) as object), not: true }],
    [
      seen('between', [relative('now', -1, 'day'), relative('now')]),
      seen('between', [relative('now', -24, 'hour'), relative('now', 0, 'month')]),
    ],
  ])('have one key: %j and %j', (one, other) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  it('have another in another time zone, unless they are exact', () => {
    const inZone = (query: unknown, zone: string) => compileQuery(query, scopeIn(zone)).key;
    expect(inZone(seen('inCurrent', { unit: 'day' }), 'UTC')).not.toBe(
      inZone(seen('inCurrent', { unit: 'day' }), 'Europe/Berlin'),
    );
    expect(inZone(seen('inLast', DAY_30), 'UTC')).toBe(
      inZone(seen('inLast', DAY_30), 'Europe/Berlin'),
    );
  });
});

describe('over relationships', () => {
  const recent = { field: 'ordered_at', operator: 'inLast', value: DAY_30 };
  it.each([
    { field: 'organization.founded_on', operator: 'notInLast', value: DAY_30 },
    {
      field: 'orders.ordered_at',
      operator: 'between',
      value: [relative('startOfMonth'), relative('endOfMonth', 1, 'day')],
    },
    {
      field: 'orders',
      operator: '=',
      match: { mode: 'atLeast', threshold: 3 },
      value: group(recent),
    },
    { field: 'orders', operator: '=', match: { mode: 'all' }, value: group(recent) },
    {
      field: 'orders',
      operator: '=',
      match: { mode: 'atMost', threshold: 0.5 },
      value: group(recent),
    },
    {
      field: 'orders.total',
      aggregate: 'sum',
      operator: '>',
      value: 5,
      where: group(recent, { field: 'ordered_at', operator: 'inCurrent', value: { unit: 'year' } }),
    },
  ])('%j has the same key when its JsonLogic is sent', (rule) => {
    const { key, jsonLogic, predicate } = compileQuery(group(rule), contactsScope());
    expect(compileQuery(JSON.parse(JSON.stringify(jsonLogic)), contactsScope()).key).toBe(key);
    expect(compileQuery(predicateJsonLogic(predicate, TYPES), contactsScope()).key).toBe(key);
    expect(predicateKey(normalize(predicate))).toBe(predicateKey(predicate));
  });
});

describe('the limits of a query', () => {
  it('count a window as the one rule that it is, also as JsonLogic', () => {
    const rules = Array.from({ length: 999 }, (_, at) => ({
      field: 'seen_at',
      operator: at % 2 ? 'notInLast' : 'inNext',
      value: { amount: at, unit: 'hour' },
    }));
    const { jsonLogic } = compileQuery({ combinator: 'or', rules }, contactsScope());
    expect(faultsOf(jsonLogic)).toEqual([]);
  });

  it('count a pair that moves as two rules in a group, so that its JsonLogic is within them too', () => {
    const rule = (at: number) => ({
      field: 'seen_at',
      operator: 'between',
      value: [relative('startOfDay', at, 'day'), '2030-01-01'],
    });
    const rules = Array.from({ length: 333 }, (_, at) => rule(at));
    const { jsonLogic } = compileQuery({ combinator: 'or', rules }, contactsScope());
    expect(faultsOf(jsonLogic)).toEqual([]);
    expect(faultsOf({ combinator: 'or', rules: [...rules, rule(333)] })).toEqual([
      '/query/rules/333: the query has more than 1000 groups and conditions',
    ]);
  });

  it('allow a pair that moves at the last level but one', () => {
    const nested = (depth: number): unknown =>
      depth === 1
        ? seen('between', [relative('now', -1, 'month'), relative('now')])
        : group(nested(depth - 1));
    const { jsonLogic } = compileQuery(nested(49), contactsScope());
    expect(faultsOf(jsonLogic)).toEqual([]);
    expect(faultsOf(nested(50))).toEqual(
      expect.arrayContaining([expect.stringContaining('nested deeper than 50 levels')]),
    );
  });
});

describe('a rule is refused', () => {
  const ANCHORS =
    'now, startOfDay, endOfDay, startOfWeek, endOfWeek, startOfMonth, endOfMonth, ' +
    'startOfQuarter, endOfQuarter, startOfYear, endOfYear';
  it.each([
    [
      seen('inLast', { amount: -1, unit: 'day' }),
      '/amount: an amount is a whole number from 0, such as 30, not -1',
    ],
    [
      seen('inLast', { amount: 1.5, unit: 'day' }),
      '/amount: an amount is a whole number, such as 30, not 1.5',
    ],
    [
      seen('inLast', { unit: 'day' }),
      '/amount: an amount is a whole number, such as 30, not undefined',
    ],
    [
      seen('inNext', { amount: 'ten', unit: 'day' }),
      '/amount: an amount is a whole number, such as 30, not "ten"',
    ],
    [
      seen('inLast', { amount: 1, unit: 'month' }),
      '/unit: the unit of a window is one of second, minute, hour, day, week, not "month"',
    ],
    [
      seen('inLast', { amount: 1 }),
      '/unit: the unit of a window is one of second, minute, hour, day, week, not undefined',
    ],
    [
      seen('inLast', { amount: 1, unit: 'toString' }),
      '/unit: the unit of a window is one of second, minute, hour, day, week, not "toString"',
    ],
    [
      seen('inLast', { amount: 366_001, unit: 'day' }),
      '/amount: nothing is further from now than 1,000 years',
    ],
    [seen('inLast', { amount: 1, unit: 'day', from: 1 }), "/from: 'from' is not known here"],
    [seen('inLast', 30), ': a window is { "amount": 30, "unit": "day" }, not 30'],
    [seen('inLast', null), `: 'inLast' takes a value; for "no value" there are null and notNull`],
    [
      seen('inLast', relative('now')),
      ": 'inLast' takes no value relative to the present; < <= > >= between notBetween do",
    ],
    [
      seen('inCurrent', { unit: 'hour' }),
      '/unit: the unit of a calendar period is one of day, week, month, quarter, year, not "hour"',
    ],
    [seen('inCurrent', 'day'), ': a calendar period is { "unit": "month" }, not "day"'],
    [
      seen('<', relative('noon', -1, 'day')),
      `/anchor: the anchor of a relative value is one of ${ANCHORS}, not "noon"`,
    ],
    [
      seen('<', relative('now', -1, 'days')),
      '/unit: the unit of an offset is one of second, minute, hour, day, week, ' +
        'month, quarter, year, not "days"',
    ],
    [
      seen('<', relative('now', 0.5, 'day')),
      '/offset: an offset is a whole number, such as 30, not 0.5',
    ],
    [
      seen('<', relative('startOfDay', -12_001, 'month')),
      '/offset: nothing is further from now than 1,000 years',
    ],
    [seen('>=', { ...relative('now', 1, 'day'), at: 1 }), "/at: 'at' is not known here"],
    [
      seen('=', relative('now')),
      ": '=' takes no value relative to the present; < <= > >= between notBetween do",
    ],
    [
      seen('between', ['2024-01-01', relative('then')]),
      `/1/anchor: the anchor of a relative value is one of ${ANCHORS}, not "then"`,
    ],
    [
      seen('between', [relative('now'), 'soon']),
      `/1: 'seen_at' is a datetime: "soon" is not a datetime, such as "2026-01-31T10:30:00.000Z"`,
    ],
  ])('%j: …%s', (query, detail) => {
    expect(faultsOf(query)).toEqual([`/query/rules/0/value${detail}`]);
  });

  it('for an attribute that is no date', () => {
    expect(faultsOf(group({ field: 'age', operator: '<', value: relative('now') }))).toEqual([
      "/query/rules/0/value: 'age' is a number: only dates and datetimes are " +
        'relative to the present',
    ]);
    expect(faultsOf(group({ field: 'name', operator: 'inLast', value: DAY_30 }))[0]).toMatch(
      /^\/query\/rules\/0\/operator: 'name' is a string and does not take 'inLast'; it takes /,
    );
    expect(
      faultsOf(
        group({ field: 'orders.total', aggregate: 'sum', operator: '<', value: relative('now') }),
      ),
    ).toEqual([
      "/query/rules/0/value: 'sum of orders.total' is a number: only dates and " +
        'datetimes are relative to the present',
    ]);
    expect(
      faultsOf(
        group({ field: 'seen_at', operator: 'inLast', valueSource: 'field', value: 'born_on' }),
      )[0],
    ).toMatch(/^\/query\/rules\/0\/operator: 'inLast' does not compare two attributes/);
  });
});

describe('JsonLogic that looks at the clock', () => {
  const now = { now: [] };
  const seenAt = { var: 'seen_at' };
  const elapsed = { elapsed: [seenAt, now] };
  const bornFor = { elapsed: [{ var: 'born_on' }, now] };
  it.each([
    [{ now: [] }],
    [{ '<': [{ var: 'seen_at' }, now] }],
    [{ '==': [elapsed, { var: 'age' }] }],
    [{ '==': [{ '%': [elapsed, 2] }, 1] }],
    [{ '!!': [elapsed] }],
    [{ and: [{ '!=': [elapsed, null] }, { '!=': [bornFor, null] }, { '<': [elapsed, bornFor] }] }],
    [{ '===': [{ before: [seenAt, now, 'startOfDay', 0, 'day', 'UTC'] }, true] }],
    [{ '<': [{ elapsed: [{ var: 'age' }, now] }, 1] }],
    [{ '<': [{ elapsed: [{ var: ['seen_at', '2024-01-01T00:00:00.000Z'] }, now] }, 1] }],
    [{ '<': [{ elapsed: ['2024-01-01T00:00:00.000Z', now] }, 1] }],
    [{ '<': [{ elapsed: [seenAt, 5] }, 1] }],
    [{ '<': [{ elapsed: [seenAt] }, 1] }],
    [{ '<': [{ periods: [seenAt, now, 'hour', 'UTC'] }, 1] }],
    [{ '<': [{ periods: [seenAt, now, 'day', 'Mars/Olympus'] }, 1] }],
    [{ before: [seenAt, now, 'now', 1, 'day', 'UTC'] }],
    [{ before: [seenAt, now, 'startOfDay', 1.5, 'day', 'UTC'] }],
    [{ before: [seenAt, now, 'startOfDay', 1e9, 'day', 'UTC'] }],
    [{ some: [{ var: 'days' }, { '<': [{ elapsed: [{ var: '' }, now] }, 1] }] }],
    [{ if: [{ if: [{ '<': [elapsed, 1] }, true, false] }, true, { var: 'vip' }] }],
  ])('is refused where no flip could be foretold: %j', (query) => {
    expect(faultsOf(query).join()).toMatch(
      /^\/query.*(time is asked for by|what looks at the clock)/,
    );
  });

  it.each<[unknown, number[], number[]]>([
    [{ '>=': [elapsed, 0.5] }, [1, 2], [0, -1]],
    [{ '<': [0, elapsed, 2.5] }, [1, 2], [0, 3]],
    [{ in: [elapsed, [1, 3]] }, [1, 3], [0, 2]],
    [{ '!==': [elapsed, 1] }, [0, 2], [1]],
    [{ '===': [elapsed, 0.5] }, [], [0, 1]],
    [{ '!': [{ '>': [elapsed, 1e300] }] }, [0], []],
    [{ '<': [{ periods: [seenAt, now, 'month', 'UTC'] }, 1e300] }, [0], []],
  ])('compares ages as numbers: %j', (query, meets, fails) => {
    const NOW_MS = 1_700_000_000_000;
    const of = (ages: number[]) =>
      ages.map((age) => ({ seen_at: new Date(NOW_MS - age).toISOString() }));
    expect(holdsFor(query, of(meets), contactsScope(), NOW_MS)).toEqual(meets.map(() => true));
    expect(holdsFor(query, of(fails), contactsScope(), NOW_MS)).toEqual(fails.map(() => false));
  });

  it('reads a missing age as null, as it does a missing value', () => {
    const rules = [
      { '<': [elapsed, 10] },
      { '>=': [elapsed, 0] },
      { '==': [elapsed, null] },
      { '>': [elapsed, 10] },
    ];
    expect(rules.map((rule) => holdsFor(rule, [{}])[0])).toEqual([true, true, true, false]);
  });
});

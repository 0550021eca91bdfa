/**
 * dates.test.ts – Dates are calendar days, a day that is given for a datetime is the whole of it,
 * and where both meet.
 *
 * Each query is asked by its predicate and by its JsonLogic, and read again from that, as whatever
 * json_logic is answered may be.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../../src/change/object-type.ts';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { NODES_MAX } from '../../../../src/query/dialects/scope.ts';
import type { Attributes } from '../../../../src/query/predicate/view.ts';
import { faultsOf, group, holdsFor } from '../../../support/contacts.ts';

const PEOPLE = objectType('people', 1, {
  attributes: {
    born_on: { type: 'date' },
    seen_at: { type: 'datetime' },
    days: { type: 'list', of: 'date' },
    moments: { type: 'list', of: 'datetime' },
    age: { type: 'number' },
    vip: { type: 'boolean' },
    name: { type: 'string' },
    tags: { type: 'list', of: 'string' },
    extra: { type: 'object' },
  },
  relationships: { firm: { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'people' } },
});
const FIRMS = objectType('firms', 1, {
  attributes: { founded_on: { type: 'date' }, closed_at: { type: 'datetime' } },
  relationships: {},
});

const scopeIn = (timeZone: string, type = PEOPLE) => ({
  type,
  types: new Map([PEOPLE, FIRMS].map((each) => [each.name, each])),
  timeZone,
  segment: () => undefined,
});

/** For which records the query holds, in any of its forms. */
function truths(
  query: unknown,
  records: readonly Attributes[],
  timeZone = 'UTC',
  now = '2026-11-26T10:00:00Z',
) {
  const scope = scopeIn(timeZone);
  const nowMs = Date.parse(now);
  const { jsonLogic, key } = compileQuery(query, scope);
  const again = compileQuery(jsonLogic, scope);
  expect([again.key, again.jsonLogic]).toEqual([key, jsonLogic]);
  return holdsFor(query, records, scope, nowMs);
}

const seen = (operator: string, value: unknown) => group({ field: 'seen_at', operator, value });
const born = (operator: string, value: unknown, more: object = {}) =>
  group({ field: 'born_on', operator, value, ...more });

/** Days that are not as others are: their first and last moments. */
const DAYS = [
  ['UTC', '2026-11-26', '2026-11-26T00:00:00.000Z', '2026-11-26T23:59:59.999Z'],
  ['Europe/Zurich', '2026-11-26', '2026-11-25T23:00:00.000Z', '2026-11-26T22:59:59.999Z'],
  ['Europe/Zurich', '2026-03-29', '2026-03-28T23:00:00.000Z', '2026-03-29T21:59:59.999Z'],
  ['Europe/Zurich', '2026-10-25', '2026-10-24T22:00:00.000Z', '2026-10-25T22:59:59.999Z'],
  ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z', '2018-11-05T01:59:59.999Z'],
  ['America/Sao_Paulo', '2018-02-17', '2018-02-17T02:00:00.000Z', '2018-02-18T02:59:59.999Z'],
  ['Australia/Lord_Howe', '2024-04-07', '2024-04-06T13:00:00.000Z', '2024-04-07T13:29:59.999Z'],
  ['America/St_Johns', '2010-11-06', '2010-11-06T02:30:00.000Z', '2010-11-07T02:29:59.999Z'],
  ['America/St_Johns', '2010-11-07', '2010-11-07T02:30:00.000Z', '2010-11-08T03:29:59.999Z'],
] as const;

const moved = (instant: string, ms: number) => new Date(Date.parse(instant) + ms).toISOString();

describe('a date that is given for a datetime', () => {
  it.each(DAYS)(
    'in %s, %s, means its day from the first moment to the last',
    (zone, date, first, last) => {
      const records = [
        moved(first, -1),
        first,
        moved(first, 3_600_000),
        last,
        moved(last, 1),
        undefined,
      ].map((at) => (at === undefined ? {} : { seen_at: at }));
      const asked = (operator: string, value: unknown = date) =>
        truths(seen(operator, value), records, zone)
          .map((truth) => (truth ? 'x' : '.'))
          .join('');
      expect({
        equal: asked('='),
        unequal: asked('!='),
        in: asked('in', [date]),
        notIn: asked('notIn', [date]),
        less: asked('<'),
        atMost: asked('<='),
        more: asked('>'),
        atLeast: asked('>='),
        between: asked('between', [date, date]),
        notBetween: asked('notBetween', [date, date]),
      }).toEqual({
        equal: '.xxx..',
        unequal: 'x...xx',
        in: '.xxx..',
        notIn: 'x...xx',
        less: 'x.....',
        atMost: 'xxxx..',
        more: '....x.',
        atLeast: '.xxxx.',
        between: '.xxx..',
        notBetween: 'x...xx',
      });
    },
  );

  it('is a whole day beside moments too, in lists and as an end', () => {
    const records = [
      '2026-11-26T09:00:00.000Z',
      '2026-11-26T23:59:59.999Z',
      '2026-11-27T12:00:00.000Z',
    ].map((at) => ({
      seen_at: at,
    }));
    expect(truths(seen('in', ['2026-11-26', '2026-11-27T12:00']), records)).toEqual([
      true,
      true,
      true,
    ]);
    expect(truths(seen('in', '2026-11-26T09:00,2026-11-27'), records)).toEqual([true, false, true]);
    expect(truths(seen('notIn', ['2026-11-27', '2026-11-26 09:00']), records)).toEqual([
      false,
      true,
      false,
    ]);
    expect(truths(seen('between', ['2026-11-26T10:00', '2026-11-26']), records)).toEqual([
      false,
      true,
      false,
    ]);
    expect(truths(seen('between', ['2026-11-26', '2026-11-26T10:00']), records)).toEqual([
      true,
      false,
      false,
    ]);
    expect(truths(seen('between', ['2026-11-27', '2026-11-26']), records)).toEqual([
      true,
      true,
      true,
    ]);
    const now = { mode: 'relative', anchor: 'now' };
    expect(truths(seen('between', ['2026-11-26', now]), records)).toEqual([true, false, false]);
    expect(truths(seen('between', [now, '2026-11-26']), records)).toEqual([false, true, false]);
  });

  it('that the zone leaves out holds no moment, and divides them all the same', () => {
    const records = [
      { seen_at: '2011-12-30T09:59:59.999Z' },
      { seen_at: '2011-12-30T10:00:00.000Z' },
    ];
    const asked = (operator: string, value: unknown) =>
      truths(seen(operator, value), records, 'Pacific/Apia');
    expect(asked('=', '2011-12-30')).toEqual([false, false]);
    expect(asked('between', ['2011-12-30', '2011-12-30'])).toEqual([false, false]);
    expect(asked('<=', '2011-12-30')).toEqual([true, false]);
    expect(asked('>', '2011-12-30')).toEqual([false, true]);
    expect(asked('=', '2011-12-29')).toEqual([true, false]);
    expect(asked('=', '2011-12-31')).toEqual([false, true]);
  });

  it.each(['Asia/Tokyo', 'America/New_York', 'UTC'])(
    'may be the first or the last of all, in %s',
    (zone) => {
      const [first, last] = [
        { seen_at: '0000-01-01T00:00:00.000Z' },
        { seen_at: '9999-12-31T23:59:59.999Z' },
      ];
      const asked = (operator: string, value: string) =>
        truths(seen(operator, value), [first, last], zone);
      expect(asked('=', '9999-12-31')).toEqual([false, zone !== 'Asia/Tokyo']);
      expect(asked('<=', '9999-12-31')).toEqual([true, zone !== 'Asia/Tokyo']);
      expect(asked('>=', '0000-01-01')).toEqual([zone !== 'America/New_York', true]);
      expect(asked('<', '0000-01-01')).toEqual([zone === 'America/New_York', false]);
    },
  );

  it('is any moment of it in a list', () => {
    const lists = [['2026-11-26T10:00:00.000Z'], ['2026-11-27T10:00:00.000Z'], [], undefined].map(
      (moments) => (moments ? { moments } : {}),
    );
    const asked = (operator: string, value: unknown) =>
      truths(group({ field: 'moments', operator, value }), lists);
    expect(asked('contains', '2026-11-26')).toEqual([true, false, false, false]);
    expect(asked('doesNotContain', '2026-11-26')).toEqual([false, true, true, true]);
    expect(asked('containsAny', ['2026-11-26', '2026-11-27T10:00'])).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(asked('containsNone', ['2026-11-26', '2026-11-27T10:00'])).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(asked('containsAll', ['2026-11-26', '2026-11-26T10:00'])).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('may stand in as long a list as any value, and as deep', () => {
    const dates = Array.from({ length: NODES_MAX + 1 }, (_, day) =>
      new Date(Date.UTC(2020, 0, 1 + 2 * day)).toISOString().slice(0, 10),
    );
    let deep: unknown = seen('in', ['2026-11-26', '2026-11-28']);
    for (let depth = 1; depth < 50; depth += 1)
      deep = { combinator: 'and', not: true, rules: [deep] };
    for (const query of [
      seen('in', dates),
      seen('notIn', dates),
      deep,
      group({ field: 'moments', operator: 'containsAny', value: dates }),
    ])
      truths(query, []);
  });

  it('is the same in an item tree, a match and a where', () => {
    const leaf = { type: 'attribute', slug: 'seen_at', operator: '==', value: '2026-11-26' };
    const records = [
      { seen_at: '2026-11-26T12:00:00.000Z' },
      { seen_at: '2026-11-27T00:00:00.000Z' },
    ];
    expect(truths({ type: 'group', operator: 'and', items: [leaf] }, records)).toEqual([
      true,
      false,
    ]);
    const scope = scopeIn('Europe/Zurich', FIRMS);
    const rules = seen('<=', '2026-11-30');
    for (const rule of [
      { field: 'people', operator: '=', match: { mode: 'some' }, value: rules },
      { field: 'people', aggregate: 'count', operator: '>', value: 0, where: rules },
      { field: 'people.seen_at', operator: '<=', value: '2026-11-30' },
    ]) {
      const { jsonLogic, key } = compileQuery(group(rule), scope);
      expect(JSON.stringify(jsonLogic)).toContain('2026-11-30T22:59:59.999Z');
      expect(compileQuery(jsonLogic, scope).key).toBe(key);
    }
  });
});

describe('a date', () => {
  it('is the same day wherever the deployment is', () => {
    const record = [{ born_on: '1990-11-26' }];
    for (const zone of ['UTC', 'Europe/Zurich', 'America/New_York', 'Pacific/Apia']) {
      expect(truths(born('=', '1990-11-26'), record, zone)).toEqual([true]);
      expect(truths(born('between', ['1990-11-26', '1990-11-26']), record, zone)).toEqual([true]);
      expect(truths({ '==': [{ var: 'born_on' }, '1990-11-26'] }, record, zone)).toEqual([true]);
      expect(truths({ in: [{ var: 'born_on' }, ['1990-11-26']] }, record, zone)).toEqual([true]);
      expect(
        truths({ '<': ['1990-11-25', { var: 'born_on' }, '1990-11-27'] }, record, zone),
      ).toEqual([true]);
    }
  });

  it.each(DAYS)('in %s, %s, begins at its first moment where it meets one', (zone, date, first) => {
    const record = { born_on: date };
    const asked = (query: unknown, now: string) => truths(query, [record], zone, now)[0];
    const before = moved(first, -1);
    const hour = { amount: 1, unit: 'hour' };
    const edges = [before, first, moved(first, 3_599_999), moved(first, 3_600_000)];
    expect(edges.map((now) => asked(born('inLast', hour), now))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(asked(born('inNext', hour), before)).toBe(true);
    expect(asked(born('inCurrent', { unit: 'day' }), before)).toBe(false);
    expect(asked(born('inCurrent', { unit: 'day' }), first)).toBe(true);
    expect(asked(born('<', { mode: 'relative', anchor: 'now' }), first)).toBe(false);
    expect(asked(born('<=', { mode: 'relative', anchor: 'now' }), first)).toBe(true);
    expect(asked(born('<', { mode: 'relative', anchor: 'startOfDay', offset: 1 }), first)).toBe(
      true,
    );
    expect(asked(born('>=', { mode: 'relative', anchor: 'startOfDay' }), first)).toBe(true);
    expect(
      asked({ '<=': [0, { elapsed: [{ var: 'born_on' }, { now: [] }, zone] }, 0] }, first),
    ).toBe(true);
  });

  it.each(DAYS)(
    'in %s, %s, stands before, at and after a datetime as its first moment does',
    (zone, date, first) => {
      const records = [moved(first, -1), first, moved(first, 1)].map((at) => ({
        born_on: date,
        seen_at: at,
      }));
      const asked = (operator: string, field: string, value: string) =>
        truths(
          group({ field, operator, valueSource: 'field', value }),
          [...records, { born_on: date }, {}],
          zone,
        );
      expect(asked('<', 'born_on', 'seen_at')).toEqual([false, false, true, false, false]);
      expect(asked('<=', 'born_on', 'seen_at')).toEqual([false, true, true, false, false]);
      expect(asked('=', 'seen_at', 'born_on')).toEqual([false, true, false, false, false]);
      expect(asked('!=', 'born_on', 'seen_at')).toEqual([true, false, true, true, true]);
      expect(asked('<', 'seen_at', 'born_on')).toEqual([true, false, false, false, false]);
      expect(asked('>=', 'seen_at', 'born_on')).toEqual([false, true, true, false, false]);
    },
  );

  it('has its age in the zone that is named, or in the one of the deployment', () => {
    const elapsed = (...zone: string[]) => ({
      elapsed: [{ var: 'born_on' }, { now: [] }, ...zone],
    });
    const asked = (age: unknown) =>
      truths(
        { '===': [age, 3_600_000] },
        [{ born_on: '2026-11-26' }],
        'Europe/Zurich',
        '2026-11-26T00:00:00Z',
      );
    expect(compileQuery({ '<': [elapsed(), 5] }, scopeIn('Europe/Zurich')).jsonLogic).toEqual({
      '<': [elapsed('Europe/Zurich'), 5],
    });
    expect([asked(elapsed('Europe/Zurich')), asked(elapsed('UTC'))]).toEqual([[true], [false]]);
    const { jsonLogic } = compileQuery(
      { some: [{ var: 'people' }, { '<': [elapsed(), 5] }] },
      scopeIn('Europe/Zurich', FIRMS),
    );
    expect(JSON.stringify(jsonLogic)).toContain('Europe/Zurich');
  });

  it('begins, in JsonLogic, where startOfDay says, and in no zone that is computed', () => {
    const records = [{ born_on: '2026-11-26' }, {}];
    const begins = { startOfDay: [{ var: 'born_on' }, 'Europe/Zurich'] };
    expect(truths({ '==': [begins, '2026-11-25T23:00:00.000Z'] }, records)).toEqual([true, false]);
    for (const zone of ['Mars/Olympus', { var: 'name' }, 5])
      expect(
        faultsOf({ '!!': [{ startOfDay: [{ var: 'born_on' }, zone] }] }, scopeIn('UTC')),
      ).toHaveLength(1);
  });
});

const SEEN = { var: 'seen_at' };
const BORN = { var: 'born_on' };
const AGE = { var: 'age' };
const VIP = { var: 'vip' };
const NAME = { var: 'name' };

describe('a literal of JsonLogic that no value can be', () => {
  it.each<[query: unknown, path: string, normal: string]>([
    [{ '==': [SEEN, '2026-11-26T10:00:00Z'] }, '/==/1', '"2026-11-26T10:00:00.000Z"'],
    [{ '===': ['2026-11-26 11:00+01', SEEN] }, '/===/0', '"2026-11-26T10:00:00.000Z"'],
    [{ '!=': [SEEN, '2026-11-26'] }, '/!=/1', '"2026-11-26T00:00:00.000Z"'],
    [{ '!==': [SEEN, 'soon'] }, '/!==/1', '"2026-01-31T10:30:00.000Z"'],
    [{ '==': [SEEN, 1_700_000_000_000] }, '/==/1', '"2026-01-31T10:30:00.000Z"'],
    [{ '==': [BORN, '2026-11-26T00:00:00.000Z'] }, '/==/1', '"2026-11-26"'],
    [{ '==': [BORN, '26.11.2026'] }, '/==/1', '"2026-01-31"'],
    [{ '==': [BORN, true] }, '/==/1', '"2026-01-31"'],
    [{ in: [BORN, ['2026-11-26', '2026-11-26T10:00']] }, '/in/1/1', '"2026-11-26"'],
    [{ in: [SEEN, ['2026-11-26T10:00:00Z']] }, '/in/1/0', '"2026-11-26T10:00:00.000Z"'],
    [{ in: ['2026-11-26T10:00:00Z', { var: 'moments' }] }, '/in/0', '"2026-11-26T10:00:00.000Z"'],
    [{ in: ['2026-11-26T00:00:00.000Z', { var: 'days' }] }, '/in/0', '"2026-11-26"'],
    [{ in: [42, { var: 'tags' }] }, '/in/0', '"42"'],
    [{ in: [null, { var: 'tags' }] }, '/in/0', '"abc"'],
    [{ in: ['2026-11-26 10:00', SEEN] }, '/in/0', '"2026-11-26T10:00:00.000Z"'],
    [{ startsWith: [BORN, '2026-11-26T00:00:00Z'] }, '/startsWith/1', '"2026-11-26"'],
    [{ '===': [AGE, '42'] }, '/===/1', 'write 42'],
    [{ '==': [AGE, 'old'] }, '/==/1', 'like 42'],
    [{ '<': [AGE, 'old'] }, '/</1', 'like 42'],
    [{ in: [AGE, [1, '42']] }, '/in/1/1', 'write 42'],
    [{ '===': [VIP, 'true'] }, '/===/1', 'write true'],
    [{ '==': [VIP, 'false'] }, '/==/1', 'write false'],
    [{ '===': [VIP, 1] }, '/===/1', 'write true'],
    [{ '==': [VIP, 2] }, '/==/1', 'like true'],
    [{ '===': [NAME, 42] }, '/===/1', '"42"'],
    [{ '!==': [NAME, true] }, '/!==/1', '"true"'],
    [{ '===': [{ toLowerCase: [NAME] }, 42] }, '/===/1', '"42"'],
    [{ in: [NAME, ['a', 42]] }, '/in/1/1', '"42"'],
    [{ '===': [{ var: 'tags' }, 'a'] }, '/===/1', 'only its parts can be compared'],
    [{ '===': [{ var: 'extra' }, 'a'] }, '/===/1', 'only its parts can be compared'],
    [{ '===': [{ var: 'tags.length' }, '2'] }, '/===/1', 'write 2'],
    [{ '==': [{ var: 'days.0' }, '2026-11-26T10:00'] }, '/==/1', '"2026-11-26"'],
    // ordered by its characters, a time in another form is off by up to a second, and a date by a
    // day
    [{ '<': [SEEN, '2026-11-26T10:00:00Z'] }, '/</1', '"2026-11-26T10:00:00.000Z"'],
    [
      { '<=': ['2026-11-26T10:00:00+01:00', SEEN, '2026-11-27'] },
      '/<=/0',
      '"2026-11-26T09:00:00.000Z"',
    ],
    [{ '>': [BORN, '2026-11-26T10:00:00.000Z'] }, '/>/1', '"2026-11-26"'],
    [{ '>': [BORN, 2000] }, '/>/1', '"2026-01-31"'],
    [{ '>': [BORN, '26.11.2026'] }, '/>/1', '"2026-01-31"'],
    [{ '<=': [BORN, '2026-02-30'] }, '/<=/1', '"2026-01-31"'],
    [{ '<': [SEEN, ''] }, '/</1', '"2026-01-31T10:30:00.000Z"'],
    [{ '<': [SEEN, '2026-11-26T24:00:00.000Z'] }, '/</1', '"2026-01-31T10:30:00.000Z"'],
    // a list is equal to no other list, and a default is no value of the attribute
    [{ '==': [{ var: 'tags' }, ['a', 'b']] }, '/==/1', 'only its parts can be compared'],
    [{ '===': [AGE, [42]] }, '/===/1', 'like 42'],
    [{ in: [['a'], { var: 'tags' }] }, '/in/0', '"abc"'],
    [
      { '==': [{ var: ['seen_at', null] }, '2026-11-26T10:00:00Z'] },
      '/==/1',
      '"2026-11-26T10:00:00.000Z"',
    ],
    [
      { '==': [{ var: ['seen_at', 'never'] }, '2026-11-26'] },
      '/==/1',
      '"2026-11-26T00:00:00.000Z"',
    ],
    // wherever it stands
    [
      { and: [{ '!': { or: [{ '==': [BORN, '2026-11-26T10:00'] }] } }] },
      '/and/0/!/or/0/==/1',
      '"2026-11-26"',
    ],
    [{ '==': [{ var: 'firm.founded_on' }, '2026-11-26T10:00'] }, '/==/1', '"2026-11-26"'],
    [
      { some: [{ var: 'days' }, { '==': [{ var: '' }, '2026-11-26T10:00'] }] },
      '/some/1/==/1',
      '"2026-11-26"',
    ],
    [
      {
        all: [
          { filter: [{ var: 'tags' }, { '===': [{ var: '' }, 5] }] },
          { '===': [{ var: '' }, 'a'] },
        ],
      },
      '/all/0/filter/1/===/1',
      '"5"',
    ],
  ])('is refused with the form that they have: %j', (query, path, normal) => {
    const [fault, ...more] = faultsOf(query, scopeIn('UTC'));
    expect(more).toEqual([]);
    expect(fault).toContain(`/query${path}: `);
    expect(fault).toContain(normal);
  });

  it('is refused of related records too', () => {
    const logic = { '==': [BORN, '2026-11-26T10:00'] };
    const scope = scopeIn('UTC', FIRMS);
    const people = { var: 'people' };
    expect(faultsOf({ some: [people, logic] }, scope)[0]).toContain('/query/some/1/==/1: ');
    expect(faultsOf({ all: [people, { '!': [logic] }] }, scope)[0]).toContain(
      '/query/all/1/!/0/==/1: ',
    );
    expect(faultsOf({ none: [{ filter: [people, logic] }, true] }, scope)[0]).toContain(
      '/query/none/0/filter/1/==/1: ',
    );
  });

  it('names the whole day where one is given for a moment', () => {
    expect(faultsOf({ '==': [SEEN, '2026-11-26'] }, scopeIn('Europe/Zurich'))).toEqual([
      `/query/==/1: 'seen_at' is a datetime, and no value of it is ever ` +
        '"2026-11-26"; write "2026-11-25T23:00:00.000Z"; the whole day is from ' +
        'there to "2026-11-26T22:59:59.999Z"',
    ]);
  });

  it.each<[unknown]>([
    [{ '==': [SEEN, '2026-11-26T10:00:00.000Z'] }],
    [{ '==': [SEEN, null] }],
    [{ '===': [null, BORN] }],
    [{ in: [BORN, [null, '2026-11-26']] }],
    [{ '==': [AGE, '42'] }],
    [{ '==': [AGE, ''] }],
    [{ '==': [AGE, true] }],
    [{ '<': [AGE, '42'] }],
    [{ '==': [VIP, 1] }],
    [{ '==': [VIP, '0'] }],
    [{ '<': [VIP, true] }],
    [{ '==': [NAME, 42] }],
    [{ in: [42, NAME] }],
    [{ '==': [{ var: 'tags' }, 'a,b'] }],
    [{ '==': [{ var: ['seen_at', 'never'] }, 'never'] }],
    [{ '==': [{ var: ['seen_at', { var: 'name' }] }, 'never'] }],
    [{ '<': [{ var: ['seen_at', 'a'] }, 'b'] }],
    [{ '==': [AGE, [42]] }],
    [{ '==': [BORN, ['2026-11-26']] }],
    [{ in: [AGE, [42, { var: 'name' }]] }],
    [{ '===': [{ var: ['age', 'none'] }, 'none'] }],
    [{ in: [{ var: ['age', 'none'] }, [1, 'none']] }],
    [{ '>=': [BORN, '2026-11'] }],
    [{ '<': [SEEN, '2026-11-26'] }],
    [{ '<': [SEEN, '2026-11-26T10:30'] }],
    [{ startsWith: [SEEN, '2026-11-26T10'] }],
    [{ in: ['-11-26', BORN] }],
    [{ '==': [{ '+': [AGE, 1] }, 'x'] }],
    [{ '==': [{ substr: [BORN, 0, 4] }, '1990'] }],
    [{ '==': ['2026-11-26T10:00:00Z', '2026-11-26T10:00:00Z'] }],
    [{ some: [{ var: 'extra.list' }, { '==': [{ var: '' }, 5] }] }],
  ])('is one only where that is certain: %j is accepted', (query) => {
    expect(faultsOf(query, scopeIn('UTC'))).toEqual([]);
  });
});

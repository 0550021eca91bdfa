/** value.test.ts – What fits a type, in which normal form, and that normal values pass untouched. */
import { describe, expect, it } from 'vitest';
import type { Attribute } from '../../src/change/object-type.ts';
import { describeAttribute, fitValue, readOperand } from '../../src/change/value.ts';

const fitted = (type: Attribute['type'], value: unknown, zone = 'UTC') => fitValue({ type }, value, zone);
const fitList = (of: NonNullable<Attribute['of']>, value: unknown) => fitValue({ type: 'list', of }, value, 'UTC');

describe('a value of a record', () => {
  it.each([
    ['string', ''],
    ['string', 'a'],
    ['number', 0],
    ['number', -1.5],
    ['boolean', false],
    ['date', '2024-02-29T00:00:00.000Z'],
    ['datetime', '2024-02-29T23:59:59.999Z'],
    ['datetime', '0000-01-01T00:00:00.000Z'],
    ['datetime', '9999-12-31T23:59:59.999Z'],
  ] as const)('that is a %s in normal form (%j) stays what it is', (type, value) => {
    expect(fitted(type, value)).toBe(value);
  });

  it.each([
    ['string', 7],
    ['string', null],
    ['number', '7'],
    ['number', Number.NaN],
    ['number', Number.POSITIVE_INFINITY],
    ['number', true],
    ['boolean', 'true'],
    ['boolean', 1],
    ['date', 20240101],
    ['object', []],
    ['object', null],
    ['object', 'a'],
    ['list', 'a'],
  ] as const)('that is sent for a %s as %j does not fit', (type, value) => {
    expect(type === 'list' ? fitList('string', value) : fitted(type, value)).toBeUndefined();
  });

  it('that is -0 becomes 0', () => {
    expect(Object.is(fitted('number', -0), 0)).toBe(true);
    expect(Object.is((fitList('number', [1, -0]) as number[])[1], 0)).toBe(true);
  });

  it('that is an object may hold anything', () => {
    const value = { a: [null, { b: 1 }] };
    expect(fitted('object', value)).toBe(value);
  });
});

describe('a list', () => {
  it('in normal form comes back as the same list', () => {
    for (const list of [[], ['a', 'b']]) expect(fitList('string', list)).toBe(list);
  });

  it('is copied from the first value on that is not in normal form', () => {
    const list = ['2024-01-01T00:00:00.000Z', '2024-01-02', '2024-01-03'];
    expect(fitList('date', list)).toEqual([
      '2024-01-01T00:00:00.000Z',
      '2024-01-02T00:00:00.000Z',
      '2024-01-03T00:00:00.000Z',
    ]);
    expect(list[1]).toBe('2024-01-02');
  });

  it.each([[['a', null]], [['a', 1]], [[['a']]]])('does not fit if one of its values does not: %j', (list) => {
    expect(fitList('string', list)).toBeUndefined();
  });
});

describe('a time', () => {
  it.each([
    ['2024-01-01T10:00:00Z', '2024-01-01T10:00:00.000Z'],
    ['2024-01-01t10:00:00z', '2024-01-01T10:00:00.000Z'],
    ['2024-01-01T10:00:00.1Z', '2024-01-01T10:00:00.100Z'],
    ['2024-01-01T10:00:00.123999Z', '2024-01-01T10:00:00.123Z'],
    ['2024-01-01T00:30:00+01:00', '2023-12-31T23:30:00.000Z'],
    ['2024-01-01T10:00:00-00:00', '2024-01-01T10:00:00.000Z'],
    ['2024-01-01T10:00:00.999999-05:30', '2024-01-01T15:30:00.999Z'],
    ['0099-02-28T00:00:00Z', '0099-02-28T00:00:00.000Z'],
    ['0000-02-29T00:00:00Z', '0000-02-29T00:00:00.000Z'],
    ['2024-01-01', '2024-01-01T00:00:00.000Z'],
  ])('that is written %s is %s', (text, normal) => {
    expect(fitted('datetime', text)).toBe(normal);
  });

  it.each([
    '2023-02-29',
    '2024-02-30T00:00:00.000Z',
    '1900-02-29',
    '2024-04-31',
    '2024-13-01',
    '2024-00-01',
    '2024-01-00',
    '2024-1-01',
    '24-01-01',
    '+002024-01-01',
    '2024-01-01T10:00',
    '2024-01-01T10:00Z',
    '2024-01-01 10:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60:00Z',
    '2024-01-01T23:59:60Z',
    '2024-01-01T10:00:00.Z',
    '2024-01-01T10:00:00,5Z',
    '2024-01-01T10:00:00+1:00',
    '2024-01-01T10:00:00+24:00',
    '2024-01-01T10:00:00+01:60',
    '2024-01-01T10:00:00+0100',
    '2024-01-01T10:00:00Zx',
    '2024-01-01T',
    '2024-01-01 ',
    '2024-01-0１',
    '',
    'yesterday',
  ])('is not %j', (text) => {
    expect(fitted('datetime', text)).toBeUndefined();
    expect(fitted('date', text)).toBeUndefined();
  });

  it.each(['0000-01-01T00:00:00+00:01', '9999-12-31T23:59:00-00:01'])(
    'that leaves the years 0000 to 9999 (%s) does not fit',
    (text) => {
      expect(fitted('datetime', text)).toBeUndefined();
      expect(fitted('date', text)).toBeUndefined();
    },
  );

  it('without an offset is on the clocks of the deployment', () => {
    expect(fitted('datetime', '2024-07-15T12:00:00', 'America/New_York')).toBe('2024-07-15T16:00:00.000Z');
    expect(fitted('datetime', '2024-07-15', 'America/New_York')).toBe('2024-07-15T04:00:00.000Z');
    expect(fitted('datetime', '2024-07-15T12:00:00Z', 'America/New_York')).toBe('2024-07-15T12:00:00.000Z');
  });
});

describe('a date', () => {
  it('is the first instant of its day in the zone of the deployment', () => {
    expect(fitted('date', '2024-07-15', 'America/New_York')).toBe('2024-07-15T04:00:00.000Z');
    expect(fitted('date', '2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z');
  });

  it('that is given as a time is the day on which the zone has that time', () => {
    expect(fitted('date', '2024-07-15T03:00:00Z')).toBe('2024-07-15T00:00:00.000Z');
    expect(fitted('date', '2024-07-15T03:00:00Z', 'America/New_York')).toBe('2024-07-14T04:00:00.000Z');
  });

  it('in normal form fits again, in every zone', () => {
    for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata', 'America/Sao_Paulo', 'Pacific/Apia']) {
      for (const date of ['2024-02-29', '2018-11-04', '2011-12-30', '0001-01-01', '9998-12-31']) {
        const normal = fitted('date', date, zone);
        expect(normal).toBeTypeOf('string');
        expect(fitted('date', normal, zone)).toBe(normal);
      }
    }
  });
});

describe('a value of a query', () => {
  it.each([
    ['number', '42', 42],
    ['number', ' -1.5e3 ', -1500],
    ['number', '-0', 0],
    ['number', 7, 7],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['string', '42', '42'],
    ['date', '2024-01-01T12:00:00Z', '2024-01-01T00:00:00.000Z'],
    ['datetime', '2024-01-01', '2024-01-01T00:00:00.000Z'],
  ] as const)('for a %s may be %j', (type, value, normal) => {
    expect(readOperand(type, value, 'UTC')).toBe(normal);
  });

  it.each([
    ['number', ''],
    ['number', 'x'],
    ['number', '0x10'],
    ['number', '1,5'],
    ['number', '1e999'],
    ['number', 'Infinity'],
    ['number', true],
    ['boolean', 'TRUE'],
    ['boolean', 1],
    ['string', 42],
    ['date', 'today'],
    ['string', null],
    ['string', ['a']],
  ] as const)('for a %s may not be %j', (type, value) => {
    expect(readOperand(type, value, 'UTC')).toBeUndefined();
  });
});

it('a type is described as one would say it', () => {
  expect(
    (['string', 'number', 'boolean', 'date', 'datetime', 'object'] as const).map((type) => describeAttribute({ type })),
  ).toEqual(['a string', 'a number', 'a boolean', 'a date', 'a datetime', 'an object']);
  expect(describeAttribute({ type: 'list', of: 'date' })).toBe('a list of dates');
});

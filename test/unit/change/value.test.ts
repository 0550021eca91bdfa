/**
 * value.test.ts – What fits a type, in which normal form, and that normal values pass untouched.
 */
import { describe, expect, it } from 'vitest';
import type { Attribute } from '../../../src/change/object-type.ts';
import {
  describeAttribute,
  exampleOf,
  fitValue,
  readDay,
  readOperand,
} from '../../../src/change/value.ts';

const fitted = (type: Attribute['type'], value: unknown, zone = 'UTC') =>
  fitValue({ type }, value, zone);
const fitList = (of: NonNullable<Attribute['of']>, value: unknown) =>
  fitValue({ type: 'list', of }, value, 'UTC');

describe('a value of a record', () => {
  it.each([
    ['string', ''],
    ['string', 'a'],
    ['number', 0],
    ['number', -1.5],
    ['boolean', false],
    ['date', '2024-02-29'],
    ['date', '0000-01-01'],
    ['date', '9999-12-31'],
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
    const list = ['2024-01-01', '2024-01-02T10:00', '2024-01-03'];
    expect(fitList('date', list)).toEqual(['2024-01-01', '2024-01-02', '2024-01-03']);
    expect(list[1]).toBe('2024-01-02T10:00');
  });

  it.each([[['a', null]], [['a', 1]], [[['a']]]])(
    'does not fit if one of its values does not: %j',
    (list) => {
      expect(fitList('string', list)).toBeUndefined();
    },
  );
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
    // as browsers and databases write it
    ['2024-01-01T10:30', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01T10:30Z', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01t10:30z', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01T10:30+02:00', '2024-01-01T08:30:00.000Z'],
    ['2024-01-01 10:30', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01 10:30:00', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01 10:30:15.123456+02:00', '2024-01-01T08:30:15.123Z'],
    ['2024-01-01 10:30:15.123456+02', '2024-01-01T08:30:15.123Z'],
    ['2024-01-01 10:30:00-05', '2024-01-01T15:30:00.000Z'],
    ['2024-01-01 10:30+00', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01 10:30:00Z', '2024-01-01T10:30:00.000Z'],
    ['2024-01-01 10:30:00.5', '2024-01-01T10:30:00.500Z'],
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
    '2024-01-01T10',
    '2024-01-01 10',
    '2024-01-01T10:00.5',
    '2024-01-01T10:00:',
    '2024-01-01T10:00:5',
    '2024-01-01T10:00+',
    '2024-01-01T10:00+2',
    '2024-01-01T10:00+24',
    '2024-01-01T10:00 +02:00',
    '2024-01-01T24:00',
    '2024-01-01 23:60',
    '2024-01-01  10:00',
    '2024-01-01T 10:00',
    '2024-01-01T10:00 ',
    '2024-01-01T10:00Z ',
    '2024-01-01_10:00',
    '2024-01-01\u00a010:00',
    '2024-01-01T10:30+00.123Z',
    '2024-02-30 10:00',
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
    expect(fitted('datetime', '2024-07-15T12:00:00', 'America/New_York')).toBe(
      '2024-07-15T16:00:00.000Z',
    );
    expect(fitted('datetime', '2024-07-15', 'America/New_York')).toBe('2024-07-15T04:00:00.000Z');
    expect(fitted('datetime', '2024-07-15T12:00:00Z', 'America/New_York')).toBe(
      '2024-07-15T12:00:00.000Z',
    );
  });
});

describe('a date', () => {
  it.each(['UTC', 'America/New_York', 'Asia/Tokyo', 'America/Sao_Paulo', 'Pacific/Apia'])(
    'is a calendar day in %s as anywhere, whatever its clocks do',
    (zone) => {
      for (const date of [
        '0000-01-01',
        '0001-01-01',
        '2011-12-30',
        '2018-11-04',
        '2024-07-15',
        '9999-12-31',
      ])
        expect(fitted('date', date, zone)).toBe(date);
    },
  );

  it('has a first and a last moment, whatever its clocks do', () => {
    const day = (date: string, zone: string) => Object.values(readDay(date, zone)!).join(' ');
    expect(day('2024-07-15', 'UTC')).toBe('2024-07-15T00:00:00.000Z 2024-07-15T23:59:59.999Z');
    // 23 hours, 25 hours, and 23 of which the first is left out
    expect(day('2024-03-31', 'Europe/Zurich')).toBe(
      '2024-03-30T23:00:00.000Z 2024-03-31T21:59:59.999Z',
    );
    expect(day('2024-10-27', 'Europe/Zurich')).toBe(
      '2024-10-26T22:00:00.000Z 2024-10-27T22:59:59.999Z',
    );
    expect(day('2018-11-04', 'America/Sao_Paulo')).toBe(
      '2018-11-04T03:00:00.000Z 2018-11-05T01:59:59.999Z',
    );
    // the years that datetimes have
    expect(day('0000-01-01', 'Asia/Tokyo').slice(0, 24)).toBe('0000-01-01T00:00:00.000Z');
    expect(day('9999-12-31', 'America/New_York').slice(25)).toBe('9999-12-31T23:59:59.999Z');
    expect(
      readDay('2024-07-15T00:00:00.000Z', 'UTC') ??
        readDay('2023-02-29', 'UTC') ??
        readDay(5, 'UTC'),
    ).toBe(undefined);
  });

  it('that is given as a time is the day on which the zone has that time', () => {
    expect(fitted('date', '2024-07-15T03:00:00Z')).toBe('2024-07-15');
    expect(fitted('date', '2024-07-15T03:00:00Z', 'America/New_York')).toBe('2024-07-14');
    expect(fitted('date', '2024-07-15 23:59', 'America/New_York')).toBe('2024-07-15');
    // its day has begun, though the clocks show the day before once more
    expect(fitted('date', '2010-11-07T02:45:00Z', 'America/St_Johns')).toBe('2010-11-07');
  });

  it('in normal form fits again, in every zone', () => {
    for (const zone of [
      'UTC',
      'America/New_York',
      'Asia/Kolkata',
      'America/Sao_Paulo',
      'Pacific/Apia',
    ]) {
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
    ['date', '2024-01-01T12:00:00Z', '2024-01-01'],
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
    (['string', 'number', 'boolean', 'date', 'datetime', 'object'] as const).map((type) =>
      describeAttribute({ type }),
    ),
  ).toEqual(['a string', 'a number', 'a boolean', 'a date', 'a datetime', 'an object']);
  expect(describeAttribute({ type: 'list', of: 'date' })).toBe('a list of dates');
});

it('the example of a type is a value of it in normal form', () => {
  for (const type of ['string', 'number', 'boolean', 'date', 'datetime', 'object'] as const) {
    const value = JSON.parse(exampleOf({ type }));
    expect(fitValue({ type }, value, 'Asia/Tokyo')).toBe(value);
    if (type === 'object') continue;
    const list = JSON.parse(exampleOf({ type: 'list', of: type }));
    expect(fitValue({ type: 'list', of: type }, list, 'Asia/Tokyo')).toBe(list);
  }
});

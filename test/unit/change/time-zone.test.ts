/**
 * time-zone.test.ts – Wall clocks and instants where the two part: gaps, overlaps, dates that begin
 * late or never.
 */
import { describe, expect, it } from 'vitest';
import {
  dateAt,
  endOfDate,
  instantOfWallClock,
  isTimeZone,
  startOfDate,
  wallClockAt,
} from '../../../src/change/time-zone.ts';

const utc = (text: string) => Date.parse(`${text}Z`);
const iso = (instant: number) => new Date(instant).toISOString();

describe('a wall clock', () => {
  it.each([
    ['UTC', '2024-03-10T02:30:00', '2024-03-10T02:30:00.000Z'],
    ['Etc/UTC', '2024-03-10T02:30:00', '2024-03-10T02:30:00.000Z'],
    ['Asia/Kolkata', '2024-01-01T00:00:00', '2023-12-31T18:30:00.000Z'],
    ['America/New_York', '2024-01-15T12:00:00', '2024-01-15T17:00:00.000Z'],
    ['America/New_York', '2024-07-15T12:00:00', '2024-07-15T16:00:00.000Z'],
  ])('in %s at %s is the instant %s', (zone, wall, instant) => {
    expect(iso(instantOfWallClock(utc(wall), zone))).toBe(instant);
  });

  it.each([
    ['America/New_York', '2024-03-10T02:00:00', '2024-03-10T07:00:00.000Z'],
    ['America/New_York', '2024-03-10T02:30:00', '2024-03-10T07:30:00.000Z'],
    ['Australia/Lord_Howe', '2024-10-06T02:15:00', '2024-10-05T15:45:00.000Z'],
  ])('that %s skips (%s) is shifted forward by the gap', (zone, wall, instant) => {
    expect(iso(instantOfWallClock(utc(wall), zone))).toBe(instant);
  });

  it.each([
    ['America/New_York', '2024-11-03T01:30:00', '2024-11-03T05:30:00.000Z'],
    ['Europe/Berlin', '2024-10-27T02:00:00', '2024-10-27T00:00:00.000Z'],
  ])('that occurs twice in %s (%s) is the earlier instant', (zone, wall, instant) => {
    expect(iso(instantOfWallClock(utc(wall), zone))).toBe(instant);
  });

  it('of a time before standard time has an offset with seconds', () => {
    expect(iso(instantOfWallClock(utc('1800-01-01T00:00:00'), 'America/New_York'))).toBe(
      '1800-01-01T04:56:02.000Z',
    );
  });

  it('is found again from its instant, at every hour around the changes of the clocks', () => {
    for (const zone of [
      'America/New_York',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'Africa/Casablanca',
      'Asia/Kathmandu',
    ]) {
      for (
        let instant = utc('2011-01-01T00:00:00');
        instant < utc('2012-01-02T00:00:00');
        instant += 3_600_000
      ) {
        const again = instantOfWallClock(wallClockAt(instant, zone), zone);
        expect(again <= instant && wallClockAt(again, zone) === wallClockAt(instant, zone)).toBe(
          true,
        );
      }
    }
  });
});

describe('a date', () => {
  it.each([
    ['UTC', '2024-02-29', '2024-02-29T00:00:00.000Z', 'at midnight'],
    [
      'America/Sao_Paulo',
      '2018-11-04',
      '2018-11-04T03:00:00.000Z',
      'at one, where midnight is skipped',
    ],
    [
      'America/Toronto',
      '1919-03-31',
      '1919-03-31T04:30:00.000Z',
      'inside of the hour that is skipped around midnight',
    ],
    [
      'America/Sao_Paulo',
      '2018-02-18',
      '2018-02-18T03:00:00.000Z',
      'once, where midnight goes back to eleven',
    ],
    [
      'Pacific/Apia',
      '2011-12-30',
      '2011-12-30T10:00:00.000Z',
      'with the next date, where it is left out',
    ],
  ])('in %s, %s, begins at %s: %s', (zone, date, instant) => {
    expect(iso(startOfDate(utc(`${date}T00:00:00`), zone))).toBe(instant);
  });

  it('is that of each instant from its first to its last one', () => {
    const day = (instant: string, zone: string) => iso(dateAt(utc(instant), zone)).slice(0, 10);
    expect(day('2024-07-15T03:59:59.999', 'America/New_York')).toBe('2024-07-14');
    expect(day('2024-07-15T04:00:00', 'America/New_York')).toBe('2024-07-15');
    expect(day('1969-12-31T12:00:00', 'UTC')).toBe('1969-12-31');
    // the clocks, put back from 00:01, show the day before once more
    expect(day('2010-11-07T02:30:30', 'America/St_Johns')).toBe('2010-11-07');
    expect(day('2010-11-07T02:45:00', 'America/St_Johns')).toBe('2010-11-07');
  });

  it('has each instant in it that lies between its ends, and no other', () => {
    const zones = [
      'America/Sao_Paulo',
      'America/Havana',
      'Asia/Beirut',
      'Pacific/Apia',
      'America/St_Johns',
      'UTC',
    ];
    for (const zone of zones) {
      for (
        let instant = utc('2011-01-01T00:00:00');
        instant < utc('2012-01-02T00:00:00');
        instant += 1_800_000
      ) {
        const date = dateAt(instant, zone);
        const [first, last] = [startOfDate(date, zone), endOfDate(date, zone)];
        expect(
          first <= instant && instant <= last && dateAt(first - 1, zone) < date,
          iso(instant),
        ).toBe(true);
      }
    }
  });

  it('that is left out has no instant', () => {
    const left = utc('2011-12-30T00:00:00');
    expect(endOfDate(left, 'Pacific/Apia')).toBe(startOfDate(left, 'Pacific/Apia') - 1);
  });
});

it('a time zone is one that the machine knows', () => {
  expect(['UTC', 'Europe/Berlin', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

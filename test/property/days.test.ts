/**
 * days.test.ts – What is said of days holds of a moment as the calendar on the wall says: by the
 * date that `Intl` shows for it.
 *
 * The days of a rule become moments when it is read, and its JsonLogic has those moments: so the
 * reference can not find a day that begins too early. Here no moment is computed from a day. Replay
 * a failure with ROLLCALL_SEED=<seed>.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fitValue } from '../../src/change/value.ts';
import { compileQuery } from '../../src/query/dialects/compile.ts';
import { ZONES } from '../support/arbitrary-queries.ts';
import { contactsScope, evaluate, group } from '../support/contacts.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const formats = new Map(
  ZONES.map(
    (zone) =>
      [zone, new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })] as const,
  ),
);

/**
 * The latest date that the clocks have shown: in St. John's, put back at 00:01, they showed the day
 * before once more.
 */
function dayOf(instant: number, zone: (typeof ZONES)[number]): string {
  const shown = (at: number) => formats.get(zone)!.format(at);
  if (zone !== 'America/St_Johns') return shown(instant);
  return Array.from({ length: 121 }, (_, minutes) => shown(instant - minutes * MINUTE_MS))
    .sort()
    .at(-1)!;
}

/**
 * Where clocks are put forward or back, at midnight or not, and the date that is left out in Apia.
 */
const ODD = [
  '2018-11-04T03:00Z',
  '2018-02-18T02:00Z',
  '2010-11-07T02:31Z',
  '2011-12-30T10:00Z',
  '2024-03-31T01:00Z',
  '2024-10-26T21:00Z',
];

const anyCase = fc
  .record({
    zone: fc.constantFrom(...ZONES),
    base: fc.oneof(
      fc.constantFrom(...ODD.map((odd) => Date.parse(odd))),
      fc.integer({ min: 946_684_800_000, max: 1_893_456_000_000 }),
    ),
    away: fc.oneof(fc.constantFrom(0, 1, -1), fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS })),
    days: fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })),
  })
  .map(({ zone, base, away, days }) => ({
    zone,
    instant: base + away,
    days: days.map((day) => new Date(base + day * DAY_MS).toISOString().slice(0, 10)),
  }));

it(`a day holds the moments at which the clocks of its zone show it (seed=${SEED})`, () => {
  fc.assert(
    fc.property(anyCase, ({ zone, instant, days }) => {
      const [one = '', other = ''] = days;
      const own = dayOf(instant, zone);
      const moment = new Date(instant).toISOString();
      const asked = (field: string, operator: string, value: unknown) => {
        const { predicate } = compileQuery(group({ field, operator, value }), {
          ...contactsScope(),
          timeZone: zone,
        });
        return evaluate(predicate, { seen_at: moment, born_on: own });
      };
      const [low = '', high = ''] = [one, other].sort();
      const expected: readonly (readonly [operator: string, value: unknown, truth: boolean])[] = [
        ['=', one, own === one],
        ['!=', one, own !== one],
        ['in', days, days.includes(own)],
        ['notIn', days, !days.includes(own)],
        ['<', one, own < one],
        ['<=', one, own <= one],
        ['>', one, own > one],
        ['>=', one, own >= one],
        ['between', [low, high], low <= own && own <= high],
        ['notBetween', [low, high], !(low <= own && own <= high)],
      ];
      for (const [operator, value, truth] of expected) {
        expect(asked('seen_at', operator, value), `${moment} ${operator} ${value} in ${zone}`).toBe(
          truth,
        );
        expect(asked('born_on', operator, value), `${own} ${operator} ${value}`).toBe(truth);
      }
      expect(asked('seen_at', 'between', [high, low])).toBe(
        asked('seen_at', 'between', [low, high]),
      );
      expect(fitValue({ type: 'date' }, moment, zone)).toBe(own);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

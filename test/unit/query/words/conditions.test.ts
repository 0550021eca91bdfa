import { describe, expect, it } from 'vitest';
import { objectType } from '../../../../src/change/object-type.ts';
import { filterTree, partsWithin } from '../../../../src/query/dialects/filter-tree.ts';
import { listOperators } from '../../../../src/query/dialects/operator-list.ts';
import { MATCH_MODES, OPERATORS } from '../../../../src/query/dialects/operators.ts';
import { filterInWords, partInWords } from '../../../../src/query/words/conditions.ts';
import { endsAt, endsInWords } from '../../../../src/query/words/moments.ts';
import { distanceInWords, momentInWords, spanInWords } from '../../../../src/query/words/values.ts';

const contacts = objectType('contacts', 1, {
  attributes: {
    country: { type: 'string' },
    lastSeenAt: { type: 'datetime' },
    born_on: { type: 'date' },
    score: { type: 'number', label: 'Engagement' },
    score_before: { type: 'number' },
    tags: { type: 'list', of: 'string' },
  },
  relationships: {
    organization: {
      to: 'organizations',
      key: 'organization_id',
      cardinality: 'one',
      inverse: 'contacts',
    },
  },
});
const organizations = objectType('organizations', 1, {
  attributes: { industry: { type: 'string' } },
  relationships: {},
});
const orders = objectType('orders', 1, {
  attributes: { total: { type: 'number' }, status: { type: 'string' } },
  relationships: {
    customer: { to: 'contacts', key: 'customer_id', cardinality: 'one', inverse: 'orders' },
  },
});
const types = new Map([contacts, organizations, orders].map((type) => [type.name, type]));
const vocabulary = {
  types,
  timeZone: 'Europe/Zurich',
  segmentTitle: (slug: string) => (slug === 'dnc' ? 'Do not contact' : undefined),
};
const group = (...rules: object[]) => ({ combinator: 'and', rules });
const paid = group({ field: 'status', operator: '=', value: 'paid' });
const now = (offset: number, unit: string) => ({ mode: 'relative', anchor: 'now', offset, unit });

function words(rule: object): string {
  const [, part] = [...partsWithin(filterTree(group(rule)))];
  return partInWords(part!, contacts, vocabulary);
}

describe('a condition in words', () => {
  it.each([
    [{ field: 'country', operator: 'in', value: 'US,CA' }, 'Country is one of US or CA'],
    [{ field: 'country', operator: '=', value: '' }, 'Country is “”'],
    [
      { field: 'country', operator: 'beginsWith', value: 'a, b', caseInsensitive: true },
      'Country begins with “a, b”, in whatever case',
    ],
    [{ field: 'score', operator: '>', value: '1240.5' }, 'Engagement is more than 1,240.5'],
    [
      { field: 'score', operator: '<', valueSource: 'field', value: 'score_before' },
      'Engagement is less than score before',
    ],
    [{ field: 'tags', operator: 'containsAll', value: ['a', 'b'] }, 'Tags contains all of a and b'],
    [
      { field: 'lastSeenAt', operator: '<', value: now(-14, 'day') },
      'Last seen at is before 14 days ago',
    ],
    [
      { field: 'lastSeenAt', operator: '>=', value: '2026-07-01T06:00:00Z' },
      'Last seen at is not before 1 Jul 2026, 08:00',
    ],
    [
      { field: 'lastSeenAt', operator: 'inLast', value: { amount: 90, unit: 'day' } },
      'Last seen at was in the last 90 days',
    ],
    [
      { field: 'born_on', operator: 'between', value: ['1990-01-01', '1999-12-31'] },
      'Born on is between 1 Jan 1990 and 31 Dec 1999',
    ],
    [
      { field: 'organization.industry', operator: '!=', value: 'Retail' },
      'Organization’s industry is not Retail',
    ],
    [{ field: 'organization', operator: 'null' }, 'Has no organization'],
    [
      { field: 'orders.status', operator: '!=', value: 'paid' },
      'Has no order whose status is paid',
    ],
    [
      { field: 'orders', match: { mode: 'atLeast', threshold: 3 }, value: paid },
      'Has at least 3 orders whose status is paid',
    ],
    [
      { field: 'orders', match: { mode: 'atMost', threshold: 0.5 }, value: group() },
      'Has at most 50 % of its orders',
    ],
    [
      { field: 'orders.total', aggregate: 'sum', operator: '>=', value: 1000, where: paid },
      'The sum of total over orders whose status is paid is at least 1,000',
    ],
    [
      { field: '', operator: 'notInSegment', value: 'dnc' },
      'Is not in the segment “Do not contact”',
    ],
  ])('%j reads: %s', (rule, expected) => expect(words(rule)).toBe(expected));

  it('has the words of its row for every operator, of days and moments its own', () => {
    const { types: listed } = listOperators();
    for (const row of OPERATORS) {
      if (row.kind === 'segment') continue;
      for (const type of row.on) {
        const { words: said } = listed[type]!.find(({ name }) => name === row.name)!;
        const isOfTime = type === 'date' || type === 'datetime';
        expect(said).toBe(isOfTime ? (row.wordsOfTime ?? row.words) : row.words);
      }
    }
    for (const { name } of MATCH_MODES)
      expect(words({ field: 'orders', match: { mode: name, threshold: 2 }, value: paid })).toMatch(
        /^Has .+ orders? whose status is paid$/,
      );
  });
});

describe('a whole filter in words', () => {
  it('is one sentence', () => {
    const filter = group(
      { field: 'organization.industry', operator: 'in', value: ['Retail', 'Hospitality'] },
      { field: 'orders', match: { mode: 'atLeast', threshold: 3 }, value: paid },
      {
        combinator: 'or',
        rules: [
          { field: 'score', operator: '<', value: 5 },
          { field: 'country', operator: 'null' },
        ],
      },
    );
    expect(filterInWords(filterTree(filter), contacts, vocabulary)).toBe(
      'Contacts whose organization’s industry is one of Retail or Hospitality, that have at ' +
        'least 3 orders whose status is paid and (whose Engagement is less than 5 or whose ' +
        'country has no value)',
    );
    expect(filterInWords(filterTree(group()), contacts, vocabulary)).toBe('All contacts');
  });

  it('has a bounded length', () => {
    const rules = Array.from({ length: 900 }, (_, at) => ({
      field: 'country',
      operator: 'in',
      value: Array.from({ length: 50 }, (_, each) => `${at} ${each} ${'x'.repeat(500)}`),
    }));
    expect(filterInWords(filterTree(group(...rules)), contacts, vocabulary).length).toBe(1000);
  });

  it('of JsonLogic is written as by hand', () => {
    const logic = {
      and: [{ '<': [{ var: 'score' }, 5] }, { '!': { in: ['a', { var: 'tags' }] } }],
    };
    expect(filterInWords(filterTree(logic), contacts, vocabulary)).toBe(
      'Contacts for which score < 5 and not ("a" in tags)',
    );
  });
});

describe('moments in words', () => {
  const nowMs = Date.parse('2026-11-26T09:42:07Z');
  it('are said on the clocks of the zone', () => {
    expect(momentInWords(nowMs, 'Europe/Zurich')).toBe('26 Nov 2026, 10:42:07');
    const window = endsAt('inLast', 'window', { amount: 1, unit: 'day' }, nowMs, 'Europe/Zurich');
    expect(endsInWords(window!, 'Europe/Zurich')).toBe(
      'after 25 Nov 2026, 10:42:07 and until 26 Nov 2026, 10:42:07',
    );
    const period = endsAt('inCurrent', 'period', { unit: 'month' }, nowMs, 'Europe/Zurich');
    expect(endsInWords(period!, 'Europe/Zurich')).toBe(
      'from 1 Nov 2026, 00:00 and before 1 Dec 2026, 00:00',
    );
    const start = { mode: 'relative', anchor: 'startOfDay', offset: -1, unit: 'month' };
    expect(endsAt('>=', 'one', start, nowMs, 'Europe/Zurich')).toEqual({
      from: Date.parse('2026-10-25T23:00:00Z'),
    });
  });

  it('and how far away they are, in two units', () => {
    expect(spanInWords(2 * 86_400_000 + 3 * 3_600_000 + 59_000)).toBe('2 days, 3 hours');
    expect(distanceInWords(nowMs - 28 * 86_400_000, nowMs)).toBe('28 days ago');
    expect(distanceInWords(nowMs + 1000, nowMs)).toBe('in 1 second');
  });
});

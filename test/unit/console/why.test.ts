/**
 * why.test.ts – Windows as pictures, subjects as tags, and what a form of a record sends.
 */
import { describe, expect, it } from 'vitest';
import { draftText, patchOf } from '../../../src/console/pages/record/edited.ts';
import { historyAsked, plotData } from '../../../src/console/pages/segment/history-data.ts';
import { subjectOfRule } from '../../../src/console/pages/why/subject-of-rule.ts';
import { atPointer, windowAxis } from '../../../src/console/pages/why/window-axis.ts';
import { readDraft } from '../../../src/console/parts/saved-draft.ts';
import { spanText } from '../../../src/console/parts/spans.ts';
import { linkOf, valueText } from '../../../src/console/parts/values.tsx';
import type { ExplainedPartShown, TypeShown } from '../../../src/console/server/answers.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const DAY_MS = 86_400_000;
const at = (days: number) => new Date(NOW + days * DAY_MS).toISOString();

describe('the picture of a window', () => {
  const related = (id: string, days: number, passed: boolean) => ({
    ...{ object_type: 'orders', id, title: id, passed, flips_at: null },
    seen: { placed_at: at(days) },
  });
  const match: ExplainedPartShown = {
    path: '/rules/0',
    kind: 'match',
    words: '',
    passed: true,
    flips_at: at(2),
    related: [related('new', -10, true), related('old', -88, true), related('gone', -400, false)],
  };
  const query = {
    rules: [
      {
        field: 'orders',
        match: { mode: 'some' },
        value: {
          rules: [
            { field: 'total', operator: '>', value: 5 },
            { field: 'placed_at', operator: 'inLast', value: { amount: 90, unit: 'day' } },
          ],
        },
      },
    ],
  };

  it('shows the related records in it, in order, and what leaves next', () => {
    const axis = windowAxis(match, query, NOW)!;
    expect(axis.title).toBe('The last 90 days');
    expect(axis.points.map(({ id }) => id)).toEqual(['old', 'new']);
    expect(axis.band.to).toBeCloseTo(axis.now, 5);
    const [old, young] = axis.points;
    expect(young!.x - old!.x).toBeCloseTo(((axis.band.to - axis.band.from) * 78) / 90, 5);
    expect(axis.flip!.x).toBeGreaterThan(axis.now);
  });

  it('is not there where the filter is not known, or has no window', () => {
    expect(windowAxis(match, undefined, NOW)).toBeUndefined();
    const without = { rules: [{ ...query.rules[0], value: { rules: [] } }] };
    expect(windowAxis(match, without, NOW)).toBeUndefined();
  });

  it('of a value of the record makes room for it, unless it is far away', () => {
    const own = (days: number): ExplainedPartShown => ({
      ...{ path: '', kind: 'rule', words: '', passed: false, seen: at(days) },
      expected: { after: at(-14), until: at(0) },
    });
    const [point] = windowAxis(own(-28), undefined, NOW)!.points;
    expect(point!.x).toBeGreaterThan(0);
    expect(windowAxis(own(-400), undefined, NOW)).toBeUndefined();
  });

  it('finds a part by its pointer, and nothing of a prototype', () => {
    expect(atPointer({ rules: [{ 'a/b': 1 }] }, '/rules/0/a~1b')).toBe(1);
    expect(atPointer({ rules: [] }, '/rules/0/field')).toBeUndefined();
    expect(atPointer({}, '/constructor')).toBeUndefined();
  });
});

describe('the subject of a condition', () => {
  const types: TypeShown[] = [
    {
      name: 'contacts',
      attributes: { age: { type: 'number', label: 'Years' } },
      relationships: {
        organization: { to: 'organizations', key: 'organization_id', inverse: 'contacts' },
      },
    },
    { name: 'organizations', attributes: { industry: { type: 'string' } }, relationships: {} },
    {
      name: 'orders',
      attributes: { total: { type: 'number' } },
      relationships: { contact: { to: 'contacts', key: 'contact_id', inverse: 'orders' } },
    },
  ];
  const of = (field: string, words: string) => subjectOfRule({ field }, words, 'contacts', types);

  it('takes the place of the words that say it', () => {
    const words = 'Organization’s industry is one of Retail or SaaS';
    expect(of('organization.industry', words)).toEqual({
      type: 'organizations',
      text: 'Organization › Industry',
      rest: 'is one of Retail or SaaS',
    });
    expect(of('age', 'Years is 3')).toMatchObject({ text: 'Years', rest: 'is 3' });
  });

  it('leaves other words whole', () => {
    const words = 'Has at least 3 orders';
    expect(of('orders', words)).toEqual({ type: 'orders', text: 'Orders', rest: words });
    expect(of('gone.name', 'x')).toBeUndefined();
    expect(of('', 'Is in a segment')).toBeUndefined();
  });
});

describe('an edited record', () => {
  const fields = [
    { name: 'age', attribute: { type: 'number' } },
    { name: 'tags', attribute: { type: 'list', of: 'string' } },
    { name: 'vip', attribute: { type: 'boolean' } },
    { name: 'extra', attribute: { type: 'object' } },
  ] as const;
  const data = { age: 3, tags: ['a', 'b'], vip: true, extra: { x: 1 } };

  it('is sent as what was changed, and null for what was emptied', () => {
    const drafts = { age: '4', tags: 'a, b', vip: '', extra: '{"x":2}' };
    expect(patchOf(fields, drafts, data).data).toEqual({ age: 4, vip: null, extra: { x: 2 } });
  });

  it('is not sent where it can not be read', () => {
    const { faults } = patchOf(fields, { age: 'four', extra: '{' }, data);
    expect([...faults.keys()]).toEqual(['age', 'extra']);
  });

  it('keeps lists whose elements hold commas or blanks', () => {
    for (const tags of [['a,b', 'c'], [' a'], [''], [], ['[x']]) {
      const text = draftText(tags, fields[1].attribute);
      const { data: sent, faults } = patchOf([fields[1]], { tags: text }, { tags: ['other'] });
      expect([sent, faults.size]).toEqual([{ tags }, 0]);
    }
  });
});

describe('values', () => {
  it('are written in the format of their attribute', () => {
    expect(valueText(1240, { type: 'number', format: 'currency:EUR' })).toBe('€1,240.00');
    expect(valueText(1240.5, { type: 'number', format: 'currency' })).toBe('1,240.50');
    expect(valueText(12, { type: 'number', format: 'percent' })).toBe('12 %');
    expect(valueText(12, { type: 'number', format: 'something else' })).toBe('12');
    expect(valueText('1990-02-03', { type: 'date' })).toBe('3 Feb 1990');
    expect(valueText('1990-02-03T00:00', { type: 'string' })).toBe('1990-02-03T00:00');
  });

  it('are links only where no script can be in them', () => {
    const url = { type: 'string', format: 'url' } as const;
    expect(linkOf('https://example.com', url)).toBe('https://example.com');
    expect(linkOf('javascript:alert(1)', url)).toBeUndefined();
    expect(linkOf('a@example.com', { type: 'string', format: 'email' })).toBe(
      'mailto:a@example.com',
    );
    expect(linkOf('https://example.com', { type: 'string' })).toBeUndefined();
  });
});

describe('the history of a segment', () => {
  it('has gaps where nothing is known, and counts who left downwards', () => {
    const point = (
      hour: string,
      count: number | null,
      entered: number | null,
      left: number | null,
    ) => ({
      ...{ at: `2026-11-27T${hour}:00:00Z`, count, entered, left },
    });
    const data = plotData([
      point('09', null, null, null),
      point('10', 4, 5, 1),
      point('11', 4, 0, 0),
    ]);
    expect(data.count).toEqual([null, 4, 4]);
    expect(data.joined).toEqual([null, 5, 0]);
    expect(data.left).toEqual([null, -1, 0]);
    expect(data.at[1]! - data.at[0]!).toBe(3600);
  });

  it('is asked for by the hour up to a week, and by the day after', () => {
    const asked = (range: '24h' | '7d' | '30d') => historyAsked('s', range, NOW);
    expect(asked('7d')).toMatchObject({ step: 'hour', from: at(-7), to: at(0) });
    expect(asked('30d')).toMatchObject({ step: 'day', from: at(-30) });
  });
});

describe('spans and drafts', () => {
  it('say the two largest units', () => {
    expect(spanText(2 * DAY_MS + 3 * 3_600_000 + 5)).toBe('2 days, 3 hours');
    expect(spanText(61_000)).toBe('1 minute, 1 second');
    expect(spanText(DAY_MS)).toBe('1 day');
    expect(spanText(3)).toBe('under a second');
  });

  it('are drafts only with a type and a query', () => {
    expect(readDraft('{"object_type":"contacts","query":{"rules":[]}}')).toEqual({
      object_type: 'contacts',
      query: { rules: [] },
    });
    for (const text of [null, '', '7', '{"query":{}}', '{"object_type":"contacts"}'])
      expect(readDraft(text)).toBeUndefined();
  });
});

/**
 * records-wish.test.ts – What a table of records asks for: rows, number and segment are of one
 * filter.
 */
import { describe, expect, it } from 'vitest';
import { recordColumns } from '../../../src/console/pages/records/columns.ts';
import { csvLine } from '../../../src/console/pages/records/csv.ts';
import { withSegment } from '../../../src/console/pages/records/segment-picker.tsx';
import {
  countedQuery,
  filterOf,
  type RecordsWish,
  readConditions,
  readWish,
  rowsSource,
  wishSearch,
} from '../../../src/console/pages/records/wish.ts';
import type { TypeShown, ViewShown } from '../../../src/console/server/answers.ts';

const NOTHING: RecordsWish = { view: '', in: [], notIn: [], idPrefix: '', conditions: [] };
const ADULT = { field: 'age', operator: '>', value: '17' };
const RULES = { combinator: 'and', rules: [{ field: 'vip', operator: '=', value: true }] };

describe('what is wished', () => {
  it('comes back from the address, without what was typed as conditions', () => {
    const wish = { ...NOTHING, view: 'sales', in: ['a', 'b'], notIn: ['c'], idPrefix: 'x&1' };
    expect(readWish(wishSearch({ ...wish, conditions: [ADULT] }), [])).toEqual(wish);
    expect(wishSearch({ ...NOTHING, conditions: [ADULT] })).toBe('');
  });

  it('names a segment once, and no more than a request takes', () => {
    expect(readWish('?in=a&in=a', []).in).toEqual(['a']);
    const many = Array.from({ length: 30 }, (_, at) => `in=s${at}`).join('&');
    expect(readWish(`?${many}`, []).in).toHaveLength(20);
  });

  it('has a segment one way, the other way, or not', () => {
    const inside = withSegment({ in: [], notIn: ['a'] }, 'a', 'in');
    expect(inside).toEqual({ in: ['a'], notIn: [] });
    expect(withSegment(inside, 'a', undefined)).toEqual({ in: [], notIn: [] });
  });

  it('leaves out kept conditions that are none', () => {
    expect(readConditions(JSON.stringify([ADULT, 7, null, { field: 1 }]))).toEqual([ADULT]);
    expect(readConditions('{')).toEqual([]);
    expect(readConditions(null)).toEqual([]);
  });
});

describe('the rows', () => {
  it('are a list as long as nothing is asked, and by id whatever else is chosen', () => {
    expect(rowsSource('contacts', NOTHING, undefined)).toEqual({
      kind: 'list',
      path: '/v1/records/contacts',
    });
    const byId = { ...NOTHING, idPrefix: 'c 1', in: ['a'], conditions: [ADULT] };
    const found = { kind: 'list', path: '/v1/records/contacts?q=c+1' };
    expect(rowsSource('contacts', byId, { slug: 'v', query: RULES })).toEqual(found);
    // A number of something else would be wrong.
    expect(countedQuery(byId, undefined)).toBeUndefined();
  });

  it('are those of the view, through the segments', () => {
    const wish = { ...NOTHING, in: ['a'], notIn: ['b'] };
    expect(rowsSource('contacts', wish, { slug: 'v', segment: 's' })).toEqual({
      kind: 'view',
      path: '/v1/views/v/rows?segment=a&not_segment=b',
    });
  });

  it('with a condition are asked for with the filter and the segment of the view', () => {
    const wish = { ...NOTHING, notIn: ['b'], conditions: [ADULT] };
    expect(rowsSource('contacts', wish, { slug: 'v', segment: 's' })).toMatchObject({
      kind: 'query',
      body: { query: { rules: [ADULT] }, in: ['s'], not_in: ['b'] },
    });
    expect(rowsSource('contacts', wish, { slug: 'v', query: RULES })).toMatchObject({
      body: { query: { rules: [ADULT, RULES] }, in: [] },
    });
  });

  it('of a view in JsonLogic stay those of the view: no rule can stand beside its filter', () => {
    const view = { slug: 'v', query: { '>': [{ var: 'age' }, 3] } };
    const wish = { ...NOTHING, conditions: [ADULT] };
    expect(rowsSource('contacts', wish, view).kind).toBe('view');
    expect(filterOf(wish, view)).toBeUndefined();
    expect(countedQuery(wish, view)).toBe(view.query);
    expect(countedQuery({ ...wish, in: ['a'] }, view)).toBeUndefined();
  });
});

describe('the segment that can be saved', () => {
  it('says all that is chosen', () => {
    const wish = { ...NOTHING, in: ['a'], notIn: ['b'], conditions: [ADULT] };
    expect(filterOf(wish, { slug: 'v', query: RULES, segment: 's' })).toEqual({
      combinator: 'and',
      rules: [
        ADULT,
        RULES,
        { field: '', operator: 'inSegment', value: 'a' },
        { field: '', operator: 'inSegment', value: 's' },
        { field: '', operator: 'notInSegment', value: 'b' },
      ],
    });
  });
});

describe('columns', () => {
  const organizations: TypeShown = {
    name: 'organizations',
    attributes: { size: { type: 'number', format: 'currency:EUR' } },
    relationships: {},
  };
  const contacts: TypeShown = {
    name: 'contacts',
    attributes: { email: { type: 'string' }, age: { type: 'number', label: 'Years' } },
    relationships: {
      organization: { to: 'organizations', key: 'organization_id', inverse: 'contacts' },
    },
  };
  const view = {
    columns: [
      { path: 'age' },
      { path: 'organization.size', label: 'Size' },
      { path: 'orders', aggregate: 'count', label: 'Orders' },
    ],
  } as unknown as ViewShown;
  const of = (source: 'view' | 'query', shown: ViewShown | undefined = view) =>
    recordColumns(contacts, [contacts, organizations], shown, source);

  it('are those of the view, in the format of what they lead to', () => {
    const { columns, leftOut } = of('view');
    expect(columns.map(({ title, field }) => [title, field])).toEqual([
      ['Years', 'age'],
      ['Size', 'organization.size'],
      ['Orders', 'Orders'],
    ]);
    expect(columns[1]!.attribute?.format).toBe('currency:EUR');
    expect(leftOut).toBe(0);
  });

  it('about related records are left out, and counted, where only the records are read', () => {
    const { columns, leftOut } = of('query');
    expect(columns.map(({ field }) => field)).toEqual(['age']);
    expect(leftOut).toBe(2);
  });
});

describe('CSV', () => {
  it('quotes what would end a cell, and gives no formula to a spreadsheet', () => {
    expect(csvLine(['a"b', 'c,d', undefined, null, 5, -5, true])).toBe(
      '"a""b","c,d",,,5,-5,true\r\n',
    );
    expect(csvLine(['=1+1', 'a;=1', '+47 1'])).toBe(`"'=1+1","a;'=1","'+47 1"\r\n`);
    expect(csvLine([['x', 'y']])).toBe('"[""x"",""y""]"\r\n');
  });
});

/**
 * builder-rules.test.ts – What a condition becomes when its field, operator or way of saying "when"
 * is another; what it lacks; where faults and bounds of dates are shown.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import {
  boundsInWords,
  dateWayOf,
  inWay,
  rowsOfWay,
} from '../../../src/console/pages/builder/dates.ts';
import {
  type DraftRule,
  draftOf,
  newRule,
  queryOf,
} from '../../../src/console/pages/builder/draft.ts';
import {
  checkDraft,
  checkQuery,
  nodeFaults,
  type ReadingContext,
  sentenceOf,
} from '../../../src/console/pages/builder/faults.ts';
import {
  entriesBehind,
  entriesFound,
  operatorsFor,
  subjectOfRule,
  withField,
  withOperator,
  withQuantity,
} from '../../../src/console/pages/builder/fields.ts';
import { slugOf } from '../../../src/console/pages/builder/slug.ts';
import { clockParts, numberOf } from '../../../src/console/pages/builder/value-controls.tsx';
import { listOperators } from '../../../src/query/dialects/operator-list.ts';

const TABLE = listOperators();
const CONTACTS = objectType('contacts', 0, {
  attributes: {
    name: { type: 'string' },
    score: { type: 'number' },
    score_before: { type: 'number' },
    seen_at: { type: 'datetime' },
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
const ORGANIZATIONS = objectType('organizations', 0, {
  attributes: { industry: { type: 'string', label: 'Line of business' } },
  relationships: {},
});
const ORDERS = objectType('orders', 0, {
  attributes: { total: { type: 'number' }, status: { type: 'string' } },
  relationships: {
    contact: { to: 'contacts', key: 'contact_id', cardinality: 'one', inverse: 'orders' },
  },
});
const TYPES = new Map([CONTACTS, ORGANIZATIONS, ORDERS].map((type) => [type.name, type]));
const CONTEXT: ReadingContext = {
  type: CONTACTS,
  types: TYPES,
  timeZone: 'Europe/Berlin',
  segments: new Map([['big', { title: 'Big ones', object_type: 'contacts' }]]),
};

const ruleOf = (given: object): DraftRule => ({ ...newRule(), ...given });
const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const rowsFor = (rule: DraftRule) =>
  operatorsFor(rule, subjectOfRule(rule, CONTACTS, TYPES), TABLE);
const rowFor = (rule: DraftRule) => rowsFor(rule).find(({ name }) => name === rule.operator)!;
const entry = (text: string) => entriesFound(CONTACTS, TYPES, text)[0]!;
const chosen = (rule: DraftRule, text: string) =>
  queryOf(withField(rule, entry(text), CONTACTS, TYPES, TABLE));

describe('the tree of fields', () => {
  it('has own attributes first, then relationships both ways', () => {
    const paths = entriesBehind(CONTACTS, TYPES).map(({ path }) => path);
    expect(paths).toEqual([...CONTACTS.attributes.keys(), 'organization', 'orders']);
  });

  it('finds by name, label and way, the nearest first', () => {
    expect(entry('line of').path).toBe('organization.industry');
    expect(entry('orders total')).toMatchObject({
      path: 'orders.total',
      many: { path: 'orders', rest: 'total' },
    });
    expect(entriesFound(CONTACTS, TYPES, 'score').map(({ path }) => path)).toEqual(
      expect.arrayContaining(['score', 'score_before', 'organization.contacts.score']),
    );
    expect(entriesFound(CONTACTS, TYPES, 'no such')).toEqual([]);
  });

  it('ends, though relationships lead in circles', () => {
    expect(entriesFound(CONTACTS, TYPES, '').length).toBeLessThanOrEqual(60);
  });
});

describe('a condition about something else', () => {
  it('keeps operator and value where the type is the same', () => {
    const rule = ruleOf({ field: 'score', operator: '>', value: 7 });
    expect(chosen(rule, 'score_before')).toEqual({
      field: 'score_before',
      operator: '>',
      value: 7,
    });
    expect(chosen(rule, 'name')).toMatchObject({ field: 'name', value: '' });
  });

  it('asks how many where it leads to many, and what of them', () => {
    expect(chosen(newRule(), 'orders status')).toEqual({
      field: 'orders',
      operator: '=',
      match: { mode: 'some' },
      value: all({ field: 'status', operator: '=', value: '' }),
    });
  });

  it('asks another measure, and keeps what is asked of the related records', () => {
    const where = draftOf(all({ field: 'status', operator: '=', value: 'paid' }))!;
    const match = ruleOf({
      field: 'orders',
      match: { mode: 'atLeast', threshold: 3 },
      value: where,
    });
    const sum = withQuantity(match, 'sum', 'orders', TABLE);
    expect(queryOf(sum)).toMatchObject({
      aggregate: 'sum',
      field: 'orders',
      where: queryOf(where),
    });
    expect(queryOf(withQuantity(sum, 'match none', 'orders', TABLE))).toEqual({
      field: 'orders',
      operator: '=',
      match: { mode: 'none' },
      value: queryOf(where),
    });
  });

  it.each([
    ['=', 'in', 'x', ['x']],
    ['in', '=', ['x', 'y'], 'x'],
    ['=', 'between', 'x', ['x', '']],
    ['=', 'null', 'x', undefined],
    ['null', '=', undefined, ''],
  ])('%s becomes %s with what its value still means', (from, to, value, expected) => {
    const rule = ruleOf({ field: 'name', operator: from, value });
    const row = rowsFor(rule).find(({ name }) => name === to)!;
    expect(withOperator(rule, row, TABLE).value).toEqual(expected);
  });

  it('offers every operator of the table, a new one too', () => {
    const operator = { ...TABLE.types['string']![0]!, name: 'soundsLike' };
    const table = { ...TABLE, types: { ...TABLE.types, string: [operator] } };
    const rule = ruleOf({ field: 'name', operator: 'soundsLike' });
    const rows = operatorsFor(rule, subjectOfRule(rule, CONTACTS, TYPES), table);
    expect(rows).toEqual([operator]);
  });

  it.each(Object.keys(TABLE.types))('each operator of %s can be said', (type) => {
    const value = { string: 'a', number: 1, boolean: true, date: '2026-01-02' }[type] ?? 'a';
    for (const row of TABLE.types[type]!) {
      const before = ruleOf({ field: 'x', value: type === 'datetime' ? '2026-01-02' : value });
      const after = withOperator(before, row, TABLE);
      const filled = row.value === 'range' ? { ...after, value: [value, value] } : after;
      const x = type === 'list' ? { type: 'list', of: 'string' } : { type };
      const of = objectType('t', 0, { attributes: { x }, relationships: {} } as never);
      const types = new Map([['t', of]]);
      const dated = type === 'datetime' && row.value === 'range';
      const rule = dated ? { ...filled, value: ['2026-01-02', '2026-01-03'] } : filled;
      const { faults } = checkQuery(all(queryOf(rule)), { ...CONTEXT, type: of, types });
      expect(faults, row.name).toEqual([]);
    }
  });
});

describe('what is not right', () => {
  const check = (...rules: unknown[]) => checkDraft(draftOf(all(...rules))!, CONTEXT);

  it('is said of the condition that is not finished, in whatever group', () => {
    const { faults, jsonLogic } = check(
      { field: 'name', operator: '=', value: 'x' },
      { field: 'orders', operator: '=', match: { mode: 'some' }, value: all(newRule()) },
      { combinator: 'or', rules: [{ field: 'score', operator: '>', value: '' }] },
      { operator: 'inSegment', field: '', value: '' },
      { field: 'seen_at', operator: 'inLast', value: { amount: '', unit: 'day' } },
    );
    expect(faults.map(({ at, isUnfinished }) => [at, isUnfinished])).toEqual([
      ['/rules/1/value/rules/0', true],
      ['/rules/2/rules/0', true],
      ['/rules/3', true],
      ['/rules/4', true],
    ]);
    expect(faults[1]!.about).toBe('Score');
    expect(jsonLogic).toBeUndefined();
  });

  it('is nothing of what is switched off, or empty on purpose', () => {
    const { faults, jsonLogic } = check(
      { field: '', operator: '=', value: '', muted: true },
      all(),
    );
    expect(faults).toEqual([]);
    expect(jsonLogic).toBeDefined();
  });

  it('is found by the code of the server, at the condition', () => {
    const { faults } = check(
      { field: 'name', operator: '=', value: 'x' },
      {
        field: 'orders',
        operator: '=',
        match: { mode: 'some' },
        value: all({ field: 'total', operator: '=', value: '12x' }),
      },
      { field: '', operator: 'inSegment', value: 'gone' },
    );
    expect(faults.map(({ at }) => at)).toEqual(['/rules/1/value/rules/0', '/rules/2']);
  });

  it('stands at the innermost node of its pointer; what is not of the query is left out', () => {
    const detail = 'no';
    const paths = [
      '/query/rules/3/value/rules/0/value/unit',
      '/query/rules/12/match/threshold',
      '/query/rules/4/value/1',
      '/query',
      '/title',
      '/queryish',
    ];
    expect(nodeFaults(paths.map((path) => ({ path, detail }))).map(({ at }) => at)).toEqual([
      '/rules/3/value/rules/0',
      '/rules/12',
      '/rules/4',
      '',
    ]);
  });

  it('does not keep the rest from being said', () => {
    const unfinished = draftOf(all(newRule(), { field: 'name', operator: '=', value: 'Ada' }))!;
    expect(sentenceOf(unfinished, CONTEXT)).toBe('Contacts whose name is Ada');
    const none = draftOf(all(newRule()))!;
    expect(sentenceOf(none, CONTEXT)).toBe('All contacts');
    const segment = draftOf(all({ field: '', operator: 'inSegment', value: 'big' }))!;
    expect(sentenceOf(segment, CONTEXT)).toContain('Big ones');
  });
});

describe('dates', () => {
  const NOW = Date.parse('2026-11-27T09:42:07.318Z');
  const seen = (operator: string, value: unknown) => ruleOf({ field: 'seen_at', operator, value });
  const bounds = (rule: DraftRule) =>
    boundsInWords(rowFor(rule), rule.value, NOW, CONTEXT.timeZone);

  it('say where their bounds lie now, on the clocks of the zone', () => {
    expect(bounds(seen('inLast', { amount: 30, unit: 'day' }))).toBe(
      'after 28 Oct 2026, 10:42 and until 27 Nov 2026, 10:42',
    );
    expect(bounds(seen('inCurrent', { unit: 'month' }))).toBe(
      'from 1 Nov 2026, 00:00 and before 1 Dec 2026, 00:00',
    );
    const ago = { mode: 'relative', anchor: 'startOfMonth', offset: -1, unit: 'month' };
    expect(bounds(seen('<', ago))).toBe('before 1 Oct 2026, 00:00');
    expect(bounds(seen('notInNext', { amount: 1, unit: 'week' }))).toBe(
      'Not after 27 Nov 2026, 10:42 and until 4 Dec 2026, 10:42',
    );
  });

  it('have none that move, if they are fixed or not finished', () => {
    expect(bounds(seen('<', '2026-01-01'))).toBeUndefined();
    expect(bounds(seen('inLast', { amount: '', unit: 'day' }))).toMatch(/27 Nov/);
    expect(bounds(seen('inLast', { amount: 'x', unit: 'day' }))).toBeUndefined();
  });

  it('are said in three ways, each with operators that can say it', () => {
    const rows = rowsFor(seen('=', ''));
    expect(rowsOfWay('period', rows).map(({ name }) => name)).toEqual(['inCurrent', 'inPrevious']);
    const fixed = seen('=', '2026-01-01');
    const moving = inWay(fixed, 'window', rows, TABLE);
    expect(moving).toMatchObject({ operator: 'inLast', value: { amount: 30, unit: 'day' } });
    expect(dateWayOf(rowFor(moving), moving.value)).toBe('window');
    const period = inWay(moving, 'period', rows, TABLE);
    expect(dateWayOf(rowFor(period), period.value)).toBe('period');
    const before = inWay(seen('<', '2026-01-01'), 'window', rows, TABLE);
    expect(before).toMatchObject({ operator: '<', value: { mode: 'relative', offset: -30 } });
    expect(inWay(before, 'fixed', rows, TABLE)).toMatchObject({ operator: '<', value: '' });
  });

  it('show a moment on the clocks of the zone, and a day as the whole of it', () => {
    expect(clockParts('2026-07-01T22:30:00.000Z', 'Europe/Berlin')).toEqual([
      '2026-07-02',
      '00:30',
    ]);
    expect(clockParts('2026-07-01T22:30', 'Europe/Berlin')).toEqual(['2026-07-01', '22:30']);
    expect(clockParts('2026-07-01', 'Europe/Berlin')).toEqual(['2026-07-01', '']);
    expect(clockParts('soon', 'Europe/Berlin')).toEqual(['', '']);
  });
});

describe('what is typed', () => {
  it.each([
    ['12', 12],
    ['-0.5', -0.5],
    ['1.', 1],
    ['12x', '12x'],
    ['', ''],
    ['0x10', '0x10'],
    ['Infinity', 'Infinity'],
  ])('%s is %s', (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });

  it('suggests a slug', () => {
    expect(slugOf('  Größte Kunden (EU) ')).toBe('grosste-kunden-eu');
    expect(slugOf('日本')).toBe('');
    expect(slugOf('x'.repeat(200))).toHaveLength(60);
  });
});

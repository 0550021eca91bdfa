/**
 * cost.test.ts – Which queries are refused for what they may cost, and where they are said to be at
 * fault; what is sane is taken.
 */
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import { Problem } from '../../../src/errors.ts';
import { type CompiledQuery, compileQuery } from '../../../src/query/dialects/compile.ts';
import { readViewDefinition } from '../../../src/query/dialects/view-columns.ts';
import { HOSTILE_TYPE, RELATED, REPORTED, SANE, SLEEPING } from '../../support/hostile-queries.ts';

const type = objectType('things', 1, { attributes: HOSTILE_TYPE.attributes, relationships: {} });
const owners = objectType('owners', 1, {
  attributes: {},
  relationships: {
    things: { to: 'things', key: 'thing_ids', cardinality: 'many', inverse: 'owners' },
  },
});
const types = new Map([
  ['things', type],
  ['owners', owners],
]);
const T = { var: 't' };
const ONES = Array(1000).fill(1);

function compile(
  query: unknown,
  segments: Readonly<Record<string, CompiledQuery>> = {},
): CompiledQuery {
  const segment = (slug: string) => segments[slug] && { objectType: 'things', ...segments[slug] };
  return compileQuery(query, { type, types, timeZone: 'UTC', segment });
}

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof Problem) return `${error.code} ${error.errors[0]!.path}`;
    throw error;
  }
  return 'accepted';
}

describe('what is reported to hang a deployment', () => {
  it.each(REPORTED.map(({ name, query }) => [name, query]))('%s is refused', (_, query) => {
    expect(refusal(() => compile(query))).toMatch(/^query_too_costly \/query/);
  });
});

describe('the part at fault is the innermost that costs too much', () => {
  it.each<[string, unknown, string]>([
    [
      'a loop in a loop',
      { and: [T, { all: [T, { all: [ONES, { all: [ONES, 1] }] }] }] },
      '/query/and/1',
    ],
    [
      'a constant loop',
      { '==': [{ all: [ONES, { all: [ONES, { var: '' }] }] }, 1] },
      '/query/==/0',
    ],
    [
      'copies of a list',
      { in: ['a', Array(9).fill({ merge: Array(600).fill(T) })] },
      '/query/in/1',
    ],
    [
      'an accumulator in a list',
      { '==': [{ reduce: [T, [{ var: 'accumulator' }], 0] }, 1] },
      '/query/==/0/reduce/1',
    ],
    [
      'an accumulator as a default',
      { '!': { reduce: [T, { var: ['no', [{ var: '' }]] }, 0] } },
      '/query/!/reduce/1',
    ],
    [
      'so many arguments',
      { '>': [{ max: [{ var: 'a' }, ...Array(20_000).fill(1)] }, 2] },
      '/query/>/0',
    ],
  ])('%s', (_, query, path) => {
    expect(refusal(() => compile(query))).toBe(`query_too_costly ${path}`);
  });
});

describe('hostile relatives', () => {
  it.each(RELATED.map(({ name, query }) => [name, query]))(
    '%s is refused or taken, and nothing is run for long',
    (_, query) => {
      expect(refusal(() => compile(query))).toMatch(
        /^(accepted|query_too_costly \/query|query_invalid \/query)/,
      );
    },
  );
});

describe('what is cheap over records of everyday size', () => {
  it.each([...SANE, ...SLEEPING].map(({ name, query }) => [name, query]))(
    '%s is taken',
    (_, query) => {
      expect(refusal(() => compile(query))).toBe('accepted');
    },
  );

  it('is taken in numbers, and of object attributes', () => {
    const plans = Array.from({ length: 400 }, (_, at) => ({
      '==': [{ var: `o.plan${at}` }, 'pro'],
    }));
    const lists = Array.from({ length: 200 }, (_, at) => ({
      some: [T, { '==': [{ var: '' }, `v${at}`] }],
    }));
    for (const query of [{ or: plans }, { and: lists }])
      expect(refusal(() => compile(query))).toBe('accepted');
  });
});

describe('what a query takes over from segments', () => {
  const costly = {
    some: [
      { var: 'o.l' },
      { some: [Array(80).fill(1), { some: [Array(80).fill(1), { '==': [{ var: '' }, 2] }] }] },
    ],
  };
  const uses = (count: number) => ({
    combinator: 'and',
    rules: Array.from({ length: count }, (_, at) => ({
      field: '',
      operator: 'inSegment',
      value: `s${at}`,
    })),
  });
  const used = Object.fromEntries(
    Array.from({ length: 8 }, (_, at) => [
      `s${at}`,
      compile({ or: [costly, { '==': [{ '+': [{ var: 'a' }, at] }, 1] }] }),
    ]),
  );
  // each of another cost, so that they are not the same program
  const others = Object.fromEntries(
    Array.from({ length: 8 }, (_, at) => [
      `s${at}`,
      compile(JSON.parse(JSON.stringify(costly).replaceAll('2]', `${at + 2}]`))),
    ]),
  );

  it('counts, and one program that several share counts as they write it', () => {
    expect(refusal(() => compile(uses(2), used))).toBe('accepted');
    expect(refusal(() => compile(uses(2), others))).toBe('accepted');
    expect(refusal(() => compile(uses(8), others))).toBe('query_too_costly /query');
  });

  it('counts in the condition of a column', () => {
    const scope = {
      type: owners,
      types,
      timeZone: 'UTC',
      segment: (slug: string) => ({ objectType: 'things', ...others[slug]! }),
    };
    const column = (count: number) => ({
      columns: [{ path: 'things', aggregate: 'count', label: 'n', where: uses(count) }],
    });
    expect(refusal(() => readViewDefinition(column(2), scope))).toBe('accepted');
    expect(refusal(() => readViewDefinition(column(8), scope))).toBe(
      'query_too_costly /columns/0/where',
    );
  });
});

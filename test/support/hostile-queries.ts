/**
 * hostile-queries.ts – Queries that are small to send and grow when they are read or run, each with
 * a record that makes them grow.
 *
 * Keeps true: each is of the type `things` (HOSTILE_TYPE); what is done about one is not said here:
 * it may be refused when it is saved, or fail at its record, or turn out to be harmless. It may not
 * hold up anything else.
 */
export interface Hostile {
  readonly name: string;
  readonly query: unknown;
  /** What the record holds beside a list, a text and an object of everyday size. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export const HOSTILE_TYPE = {
  attributes: {
    t: { type: 'list', of: 'string' },
    n: { type: 'list', of: 'number' },
    s: { type: 'string' },
    a: { type: 'number' },
    o: { type: 'object' },
  },
} as const;

const ONES = Array(1000).fill(1);
const T = { var: 't' };
const S = { var: 's' };
const O = { var: 'o.l' };
const ITEM = { var: '' };
const CURRENT = { var: 'current' };
const ACCUMULATOR = { var: 'accumulator' };

function times(count: number, of: unknown): unknown[] {
  return Array(count).fill(of);
}

function nested(depth: number, start: unknown, around: (inner: unknown) => unknown): unknown {
  let query = start;
  for (let level = 0; level < depth; level++) query = around(query);
  return query;
}

function short(length: number, body: unknown): unknown {
  return { some: [Array(length).fill(1), body] };
}

const looped = nested(5, ITEM, (inner) => ({ all: [ONES, inner] }));
/** As many items as fit into a line of a change. */
const ITEMS = Array.from({ length: 200_000 }, (_, at) => (at % 10 === 0 ? 'ab' : 'x'));
const FEW = ITEMS.slice(0, 40);
const LONG = 'x'.repeat(900_000);
const doubled = (list: unknown) => ({ map: [list, [ITEM, ITEM]] });

/** The four that were reported. */
export const REPORTED: readonly Hostile[] = [
  {
    name: 'loops over lists that are written out',
    query: { all: [T, looped] },
    data: { t: ['x'] },
  },
  {
    name: 'an accumulator that doubles in a list',
    query: { '==': [{ reduce: [T, [ACCUMULATOR, ACCUMULATOR], 'a'] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'merges of the same list, thousands of times',
    query: { in: ['zz', times(7, { merge: times(600, T) })] },
    data: { t: ITEMS },
  },
  { name: 'loops that read nothing', query: { '==': [looped, 1] } },
];

export const RELATED: readonly Hostile[] = [
  {
    name: 'some in some in some',
    query: { some: [ONES, nested(5, ITEM, (inner) => ({ some: [ONES, inner] }))] },
  },
  {
    name: 'none over none',
    query: { none: [T, nested(3, { '==': [ITEM, 2] }, (inner) => ({ none: [ONES, inner] }))] },
  },
  {
    name: 'filters of filters',
    query: { '!!': [{ filter: [T, { filter: [ONES, { filter: [ONES, ITEM] }] }] }] },
  },
  {
    name: 'a map that multiplies',
    query: { in: ['q', { map: [T, { map: [ONES, ONES] }] }] },
    data: { t: ITEMS },
  },
  {
    name: 'text of lists that double',
    query: { '==': [nested(30, T, doubled), 'x'] },
    data: { t: FEW },
  },
  {
    name: 'text of lists that double, joined',
    query: { '==': [{ cat: [nested(25, T, doubled)] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'numbers of lists that double',
    query: { '>': [{ '+': [nested(28, T, doubled), 1] }, 2] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator under an if',
    query: { '==': [{ reduce: [T, { if: [true, [ACCUMULATOR, ACCUMULATOR], 0] }, 'a'] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator under and, or and a double',
    query: {
      '==': [
        { reduce: [T, { and: [1, { or: [0, [ACCUMULATOR, CURRENT, ACCUMULATOR]] }] }, 'a'] },
        'x',
      ],
    },
    data: { t: FEW },
  },
  {
    name: 'an accumulator by the scope itself',
    query: { '==': [{ reduce: [T, [ITEM, ITEM], 'a'] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator as a default',
    query: { '==': [{ reduce: [T, { var: ['gone', [ACCUMULATOR, ACCUMULATOR]] }, 'a'] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator that is merged',
    query: { '==': [{ reduce: [T, { merge: [ACCUMULATOR, ACCUMULATOR] }, ['a']] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator that is joined',
    query: { '==': [{ reduce: [T, { cat: [ACCUMULATOR, ACCUMULATOR] }, 'a'] }, 'x'] },
    data: { t: FEW },
  },
  {
    name: 'an accumulator that is added up for each item',
    query: {
      '>': [
        {
          reduce: [T, { if: [{ '>': [{ sum: [ACCUMULATOR] }, 1] }, 0, ACCUMULATOR] }, { var: 'n' }],
        },
        0,
      ],
    },
    data: { t: ITEMS.slice(0, 100_000), n: ITEMS.slice(0, 100_000).map(() => 0) },
  },
  {
    name: 'an accumulator that is compared as text for each item',
    query: {
      '==': [{ reduce: [T, { if: [{ '==': [ACCUMULATOR, CURRENT] }, 0, ACCUMULATOR] }, T] }, 0],
    },
    data: { t: ITEMS },
  },
  {
    name: 'an accumulator that is folded for each item',
    query: { '==': [{ reduce: [T, { toLowerCase: ACCUMULATOR }, T] }, 0] },
    data: { t: ITEMS },
  },
  {
    name: 'a long text joined with itself',
    query: { in: ['zz', nested(9, S, (inner) => ({ cat: [inner, inner] }))] },
    data: { s: LONG },
  },
  {
    name: 'a long text for each of many',
    query: { some: [ONES, { in: ['yy', { cat: [LONG, ITEM] }] }] },
  },
  {
    name: 'a long text compared with each of many',
    query: { some: [T, { '<': [{ cat: times(500, ITEM) }, 'x'] }] },
    data: { t: ITEMS },
  },
  {
    name: 'a list as text for each of many',
    query: { some: [ONES, { in: ['q', { cat: [ONES, ONES, ONES] }] }] },
  },
  {
    name: 'lists written out for each item',
    query: { some: [T, { in: ['q', times(900, [1, 2, 3])] }] },
    data: { t: ITEMS },
  },
  {
    name: 'a search in a list for each of many',
    query: { some: [ONES, { in: [ITEM, { merge: times(400, ONES) }] }] },
  },
  {
    name: 'arguments by the hundred thousand',
    query: { '>': [{ max: [{ var: 'a' }, ...Array(150_000).fill(1)] }, 2] },
  },
  {
    name: 'a sum of a list, again and again',
    query: { '>': [{ '+': times(900, { sum: [{ var: 'n' }] }) }, 1] },
    data: { n: ITEMS.map(() => 0.5) },
  },
  {
    name: 'extremes of lists as numbers',
    query: { '>': [{ max: times(900, T) }, 1] },
    data: { t: ITEMS },
  },
  {
    name: 'an object that is walked through again and again',
    query: {
      some: [O, nested(6, ITEM, (inner) => ({ some: [{ merge: times(20, ITEM) }, inner] }))],
    },
    data: { o: { l: ITEMS } },
  },
  {
    name: 'an object of lists within lists',
    query: { '==': [O, 'x'] },
    data: { o: { l: nested(90, ['x'], (inner) => [inner]) } },
  },
  {
    name: 'lists in an object that double',
    query: { '==': [nested(20, O, doubled), 'x'] },
    data: { o: { l: FEW } },
  },
  {
    name: 'not, 300 times, before a long list',
    query: nested(300, { in: [{ var: 'a' }, Array(100_000).fill(7)] }, (inner) => ({ '!': inner })),
  },
  {
    name: 'not, 300 times, before a long program',
    query: nested(300, { in: [{ '+': [{ var: 'a' }, 1] }, Array(100_000).fill(7)] }, (inner) => ({
      '!': inner,
    })),
  },
  {
    name: 'nested ifs',
    query: nested(24, { '==': [{ var: 'a' }, 1] }, (inner) => ({
      if: [{ '==': [{ var: 'a' }, 2] }, inner, 0],
    })),
  },
  {
    name: 'an if in each condition',
    query: nested(45, { var: 'a' }, (inner) => ({ if: [inner, 1, 0] })),
  },
  {
    name: 'an in of 150,000 values',
    query: { in: [{ var: 's' }, Array.from({ length: 80_000 }, (_, at) => `v${at}`)] },
  },
  {
    name: 'an in of 100,000 values in each item',
    query: { some: [T, { in: [ITEM, Array.from({ length: 80_000 }, (_, at) => `v${at}`)] }] },
    data: { t: ITEMS },
  },
  {
    name: 'ranges by the thousand',
    query: {
      and: times(450, 0).map((_, at) => ({
        or: [{ '<': [{ var: 'a' }, at * 2] }, { '>': [{ var: 'a' }, at * 2 + 1] }],
      })),
    },
  },
  {
    name: 'conjunctions of disjunctions',
    query: {
      and: times(240, 0).map((_, at) => ({
        or: [{ '==': [{ var: 'a' }, at] }, { in: [`q${at}`, S] }, { in: [`r${at}`, T] }],
      })),
    },
  },
  {
    name: 'keys by the hundred thousand',
    query: { '!': [{ missing: times(60_000, 'o.a.b.c.d') }] },
  },
  { name: 'a path of 100,000 steps', query: { '==': [{ var: `o${'.a'.repeat(100_000)}` }, 1] } },
  {
    name: 'reduces within reduces',
    query: {
      '>': [nested(16, 1, (inner) => ({ reduce: [ONES, { '+': [1, inner] }, 0] })), { var: 'a' }],
    },
  },
];

/**
 * Cheap over records of everyday size, so that they are accepted, and too much for those that are
 * sent after.
 */
export const SLEEPING: readonly Hostile[] = [
  {
    name: 'loops over short lists for each item',
    query: { some: [O, short(70, short(70, { '==': [ITEM, 2] }))] },
    data: { o: { l: FEW.map(() => 0) } },
  },
  {
    name: 'the same for an item of items',
    query: { '!': [{ all: [O, short(30, { '==': [ITEM, 2] })] }] },
    data: { o: { l: ITEMS.map(() => 1) } },
  },
  {
    name: 'many copies of a long text',
    query: { in: ['q', { cat: times(40, S) }] },
    data: { s: LONG },
  },
  {
    name: 'many copies of a long list',
    query: { in: ['q', { merge: times(30, T) }] },
    data: { t: ITEMS },
  },
  {
    name: 'a list as text, many times',
    query: { in: ['q', { cat: times(10, T) }] },
    data: { t: ITEMS },
  },
  {
    name: 'sums of a long list',
    query: { '>': [{ '+': times(30, { sum: [{ var: 'n' }] }) }, 1] },
    data: { n: ITEMS.map(() => 0.5) },
  },
  {
    name: 'a long text folded many times',
    query: { in: ['q', { cat: times(45, { toLowerCase: [S] }) }] },
    data: { s: LONG },
  },
];

/** Such as a careful user sends: all are accepted, and answer for any record. */
export const SANE: readonly Hostile[] = [
  { name: 'some of a long list', query: { some: [T, { '==': [ITEM, 'ab'] }] }, data: { t: ITEMS } },
  {
    name: 'all of a long list',
    query: { all: [T, { in: [ITEM, ['ab', 'x']] }] },
    data: { t: ITEMS },
  },
  {
    name: 'a count of a long list',
    query: {
      '>': [
        { reduce: [{ filter: [T, { '==': [ITEM, 'ab'] }] }, { '+': [1, ACCUMULATOR] }, 0] },
        19_999,
      ],
    },
    data: { t: ITEMS },
  },
  {
    name: 'a chain over a long list',
    query: {
      '>': [
        {
          reduce: [
            { map: [{ filter: [T, { '!=': [ITEM, 'x'] }] }, { cat: [ITEM, '!'] }] },
            { '+': [1, ACCUMULATOR] },
            0,
          ],
        },
        5,
      ],
    },
    data: { t: ITEMS },
  },
  {
    name: 'the sum of a long list',
    query: { '>': [{ sum: [{ var: 'n' }] }, 1] },
    data: { n: ITEMS.map((_, at) => at % 3) },
  },
  {
    name: 'the highest of a long list',
    query: {
      '>': [
        {
          reduce: [
            { var: 'n' },
            { if: [{ '>': [CURRENT, ACCUMULATOR] }, CURRENT, ACCUMULATOR] },
            0,
          ],
        },
        1,
      ],
    },
    data: { n: ITEMS.map((_, at) => at % 3) },
  },
  {
    name: 'a text within a long text',
    query: { in: ['xyz', { toLowerCase: [{ cat: [S, 'XYZ'] }] }] },
    data: { s: LONG },
  },
  { name: 'a list joined into a text', query: { in: ['x,ab', { cat: [T] }] }, data: { t: ITEMS } },
];

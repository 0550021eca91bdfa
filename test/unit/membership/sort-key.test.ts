import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  idOfSortMember,
  packSortMember,
  SORTED_UNITS_MAX,
} from '../../../src/membership/sort-key.ts';
import type { SortKey } from '../../../src/query/dialects/view-columns.ts';

const key = (direction: 'asc' | 'desc'): SortKey => ({
  place: { kind: 'system', name: 'id' },
  direction,
});

const id = fc.string({
  unit: fc.constantFrom('a', 'b', 'é', '😀', ' '),
  minLength: 1,
  maxLength: 4,
});
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constant(-0),
);
const text = fc.string({
  unit: fc.constantFrom('a', 'b', '\0', '\u0001', '\uffff', '😀', '\ud83d'),
  maxLength: 5,
});
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const row = fc.record({ number: maybe(number), text: maybe(text), flag: maybe(fc.boolean()), id });
type Row = {
  number: number | undefined;
  text: string | undefined;
  flag: boolean | undefined;
  id: string;
};

/** As the contract says it: missing last in either direction, ties by the bytes of the ids. */
function compare(a: Row, b: Row, directions: readonly ('asc' | 'desc')[]): number {
  for (const [at, name] of (['number', 'text', 'flag'] as const).entries()) {
    const [x, y] = [a[name], b[name]];
    if (x === y) continue;
    if (x === undefined) return 1;
    if (y === undefined) return -1;
    const order = x < y ? -1 : 1;
    return directions[at] === 'asc' ? order : -order;
  }
  return Buffer.compare(Buffer.from(a.id), Buffer.from(b.id));
}

const direction = fc.constantFrom('asc' as const, 'desc' as const);

it('orders the bytes of two rows as the rows are ordered', () => {
  const pack = (
    { number: n, text: t, flag, id: name }: Row,
    directions: readonly ('asc' | 'desc')[],
  ) => packSortMember([n, t, flag], directions.map(key), name);
  fc.assert(
    fc.property(row, row, fc.tuple(direction, direction, direction), (a, b, directions) => {
      const order = Buffer.compare(pack(a, directions), pack(b, directions));
      expect(Math.sign(order)).toBe(Math.sign(compare(a, b, directions)));
      expect(idOfSortMember(pack(a, directions))).toBe(a.id);
    }),
    { numRuns: 3000 },
  );
});

it('is of bounded length: what differs only far behind is in the order of the ids', () => {
  const long = 'x'.repeat(SORTED_UNITS_MAX);
  const members = [
    packSortMember([`${long}a`], [key('asc')], '2'),
    packSortMember([`${long}b`], [key('asc')], '1'),
  ];
  expect(members.sort(Buffer.compare).map(idOfSortMember)).toEqual(['1', '2']);
});

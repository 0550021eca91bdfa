/**
 * bit-table.test.ts – A table of bits is what a list of pairs would be.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BitTable } from '../../../src/membership/bit-table.ts';

const ROWS = 3;
const COLUMNS = 70;
const columns = fc.uniqueArray(fc.nat(COLUMNS - 1));
const pairs = fc.uniqueArray(fc.tuple(fc.nat(ROWS - 1), fc.nat(COLUMNS - 1)), {
  selector: ([row, column]) => row * COLUMNS + column,
});

const tableOf = (some: readonly (readonly [number, number])[]) => {
  const table = new BitTable(ROWS, COLUMNS);
  for (const [row, column] of some) table.set(row, column);
  return table;
};
const asPairs = (table: BitTable) =>
  [...table.columns()].flat().flatMap(([column, rows]) => rows.map((row) => `${row} ${column}`));
const sorted = (some: Iterable<string>) =>
  [...some].sort((a, b) => {
    const [rowA, columnA] = a.split(' ').map(Number);
    const [rowB, columnB] = b.split(' ').map(Number);
    return columnA! - columnB! || rowA! - rowB!;
  });
const texts = (some: readonly (readonly [number, number])[]) =>
  new Set(some.map(([row, column]) => `${row} ${column}`));
const odd = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
  new Set([...[...a].filter((one) => !b.has(one)), ...[...b].filter((one) => !a.has(one))]);

it('tells what is set, column by column', () => {
  const check = fc.property(pairs, (some) => {
    expect(asPairs(tableOf(some))).toEqual(sorted(texts(some)));
  });
  fc.assert(check);
});

it('turns the bits of one row, and leaves the others alone', () => {
  const check = fc.property(pairs, fc.nat(ROWS - 1), columns, (some, row, turned) => {
    const table = tableOf(some);
    const by = table.emptyRow();
    for (const column of turned) by.set(0, column);
    table.toggle(row, by);
    const expected = odd(texts(some), texts(turned.map((each) => [row, each])));
    expect(asPairs(table)).toEqual(sorted(expected));
    by.clear();
    expect(asPairs(by)).toEqual([]);
  });
  fc.assert(check);
});

it('adds what is set in another one', () => {
  const check = fc.property(pairs, pairs, (some, others) => {
    const table = tableOf(some);
    for (let row = 0; row < ROWS; row++) table.add(row, tableOf(others));
    expect(asPairs(table)).toEqual(sorted(new Set([...texts(some), ...texts(others)])));
  });
  fc.assert(check);
});

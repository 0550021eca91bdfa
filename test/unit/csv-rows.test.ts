import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvReader, type CsvRow } from '../../src/api/csv-rows.ts';

function read(text: string, { delimiter = ',', lengthMax = 1000 } = {}): CsvRow[] {
  const reader = new CsvReader(delimiter, lengthMax);
  const lines = text.split('\n');
  return [...lines.flatMap((line, at) => [...reader.read(at + 1, line)]), ...reader.end()];
}

describe('rows of CSV', () => {
  it('are what was written, whatever the cells hold', () => {
    const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",\r\n a]*$/));
    const row = fc.array(cell, { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const text = stringify(rows, { quoted_match: /[\r\n]/, record_delimiter: end === '\n' ? 'unix' : 'windows' });
        expect(read(text, { lengthMax: 1e6 }).map(([, cells]) => cells)).toEqual(rows);
      }),
    );
  });

  it('begin at their line, over blank lines and line ends within quotes', () => {
    expect(read('a,b\n\n"1\n2",c\r\n\r\nd,')).toEqual([
      [1, ['a', 'b']],
      [3, ['1\n2', 'c']],
      [6, ['d', '']],
    ]);
  });

  it('keep quotes that are not at the beginning of a cell', () => {
    expect(read('5" pipe, "x"')).toEqual([[1, ['5" pipe', ' "x"']]]);
  });

  it('that are bad cost no other row', () => {
    expect(read('1,"a"b\n2,ok\n3,"open\n4,ok')).toEqual([
      [1, { fault: expect.stringContaining("followed by 'b'") }],
      [2, ['2', 'ok']],
      [3, { fault: 'a quote is not closed' }],
      [4, ['4', 'ok']],
    ]);
    expect(read('1,"open\n2,ok\n3,"x"')).toEqual([
      [1, { fault: expect.stringContaining('followed by') }],
      [2, ['2', 'ok']],
      [3, ['3', 'x']],
    ]);
  });

  it('are bounded: a quote that is not closed is given up', () => {
    const rows = read(`1,"open\n${Array.from({ length: 50 }, (_, n) => `${n},ok`).join('\n')}`, { lengthMax: 100 });
    expect(rows[0]).toEqual([1, { fault: 'a quote is not closed in 100 bytes' }]);
    expect(rows.slice(1)).toHaveLength(50);
  });
});

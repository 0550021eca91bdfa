import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvLine, CsvLineSplitter } from '../../../../src/api/imports/csv-lines.ts';
import { CsvReader, type CsvRow } from '../../../../src/api/imports/csv-rows.ts';

/** Reads a text whose bytes come in chunks of that size. */
function read(text: string, { delimiter = ',', lengthMax = 1000, chunk = 1 << 20 } = {}): CsvRow[] {
  const splitter = new CsvLineSplitter(lengthMax);
  const reader = new CsvReader(delimiter, lengthMax);
  const bytes = Buffer.from(text);
  const lines: CsvLine[] = [];
  for (let at = 0; at < bytes.length; at += chunk)
    lines.push(...splitter.split(bytes.subarray(at, at + chunk)));
  lines.push(...splitter.end());
  const rows = lines.flatMap(({ number, bytes: line, end }) => [
    ...reader.read(number, line.toString(), end),
  ]);
  return [...rows, ...reader.end()];
}

describe('rows of CSV', () => {
  it('are what was written, whatever the cells hold', () => {
    const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",\r\n a]*$/));
    const row = fc.array(cell, { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1 }),
        fc.array(fc.constantFrom('\n', '\r\n', '\r'), { minLength: 1 }),
        fc.integer({ min: 1, max: 7 }),
        (rows, ends, chunk) => {
          const written = rows.map((cells) =>
            stringify([cells], { quoted_match: /[\r\n]/, eof: false }),
          );
          const text = written.map((line, at) => line + ends[at % ends.length]).join('');
          expect(read(text, { lengthMax: 1e6, chunk }).map(([, cells]) => cells)).toEqual(rows);
        },
      ),
    );
  });

  it('end at LF, CR LF or a lone CR, wherever the chunks are cut, and within quotes all of them are kept', () => {
    const text = 'a,b\r1,2\r\n"x\ry\r\nz\n",3\n\r4,5\r';
    for (const chunk of [1, 2, 3, 4, 5, 100]) {
      expect(read(text, { chunk })).toEqual([
        [1, ['a', 'b']],
        [2, ['1', '2']],
        [3, ['x\ry\r\nz\n', '3']],
        [8, ['4', '5']],
      ]);
    }
  });

  it('are told with the line at which they begin, a CR being one', () => {
    expect(read('a\rb\r"c\r')).toEqual([
      [1, ['a']],
      [2, ['b']],
      [3, { fault: 'a quote is not closed' }],
    ]);
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
    const rows = read(`1,"open\n${Array.from({ length: 50 }, (_, n) => `${n},ok`).join('\n')}`, {
      lengthMax: 100,
    });
    expect(rows[0]).toEqual([1, { fault: 'a quote is not closed in 100 bytes' }]);
    expect(rows.slice(1)).toHaveLength(50);
  });
});

import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferredForm } from '../../../../src/api/accepts.ts';
import { csvLines, DELIMITERS } from '../../../../src/api/views/csv.ts';

/**
 * The cells that a spreadsheet makes of a file: quotes count at the beginning of a cell, and what
 * follows them is added.
 */
function asSpreadsheet(csv: string, delimiter: string): string[] {
  const cells: string[] = [];
  for (let at = 0; at <= csv.length; at++) {
    let cell = '';
    if (csv[at] === '"') {
      for (at++; at < csv.length && (csv[at] !== '"' || csv[at + 1] === '"'); at++) {
        cell += csv[at];
        if (csv[at] === '"') at++;
      }
      at++;
    }
    for (; at < csv.length && csv[at] !== delimiter && csv[at] !== '\n' && csv[at] !== '\r'; at++)
      cell += csv[at];
    cells.push(cell);
  }
  return cells;
}

describe('CSV', () => {
  it('ends lines in CR LF, quotes what needs it, and leaves missing values empty', () => {
    const rows = [
      ['a', 'b,c', 'd "e"'],
      ['one\ntwo', 'r\rs', undefined],
      [1.5, true, ['x', 'y']],
    ];
    expect(csvLines(rows)).toBe(
      'a,"b,c","d ""e"""\r\n"one\ntwo","r\rs",\r\n1.5,true,"[""x"",""y""]"\r\n',
    );
  });

  it.each([
    '=1+1',
    '+41 79',
    '-x',
    '@SUM(A1)',
    '\tx',
    '\rx',
    '\n=1',
    '＝1',
    '＋1',
    '－1',
    '＠SUM(A1)',
  ])('is no formula to a spreadsheet: %j', (text) => {
    const [row] = parse(csvLines([[text, 'x']])) as string[][];
    expect(row![0]).toMatch(/^'/);
    expect(row!.map((cell) => cell.replaceAll("'", ''))).toEqual([text, 'x']);
  });

  const risky = fc.constantFrom('=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠');
  const between = fc.constantFrom(',', ';', '\t', '|', '\n', '\r\n', '"', '""', "'", ' ');
  const text = fc
    .array(fc.oneof(risky, between, fc.constantFrom('=1+1', '-5', 'cmd', 'ä', '')), {
      maxLength: 6,
    })
    .map((parts) => parts.join(''));
  const value = fc.oneof(
    text,
    fc.array(text, { maxLength: 3 }),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(text, fc.oneof(text, fc.integer()), { maxKeys: 3 }),
  );

  it('holds no formula, whichever delimiter a spreadsheet reads it with', () => {
    const rows = fc.array(fc.array(value, { minLength: 2, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(rows, fc.constantFrom(...DELIMITERS), (cells, written) => {
        const csv = csvLines(cells, written);
        const plain = csv.split(/\r\n|[\r\n]/).flatMap((line) => line.split(/[,;\t|]/));
        const readings = [',', ';', '\t', '|'].flatMap((delimiter) => [
          ...asSpreadsheet(csv, delimiter),
          ...csv
            .split('\n')
            .flatMap((line) => line.split(delimiter).map((cell) => cell.replace(/\r$/, ''))),
        ]);
        for (const cell of parse(csv, { delimiter: written, relax_column_count: true }).flat())
          expect(cell).not.toMatch(/^[=+\-@\t\r＝＋－＠]/);
        // Cut wrongly, line ends and tabs of the file itself come to the front: what matters is
        // what they lead to.
        for (const cell of [...plain, ...readings])
          expect(cell).not.toMatch(/^[\t\r\n"]*[=+\-@＝＋－＠]/);
      }),
      { numRuns: 3000 },
    );
  });

  it.each(DELIMITERS)(
    'written with %j is read with it: text as it was but for apostrophes, numbers as numbers',
    (delimiter) => {
      fc.assert(
        fc.property(fc.array(text, { minLength: 2, maxLength: 4 }), (cells) => {
          const [row] = parse(csvLines([[-5, ...cells]], delimiter), { delimiter }) as string[][];
          const bare = (each: string) => each.replaceAll("'", '');
          expect(row!.map(bare)).toEqual(['-5', ...cells.map(bare)]);
        }),
      );
    },
  );

  it('quotes text that another locale would cut, and text that was guarded', () => {
    expect(csvLines([['a;b', 'a|b', '=1', 'ab']])).toBe('"a;b","a|b","\'=1",ab\r\n');
  });

  it('leaves numbers as they are, negative ones too', () => {
    expect(csvLines([[-5, -0.25, 1e21]])).toBe('-5,-0.25,1e+21\r\n');
  });

  it('has a line for a row whose only cell is empty', () => {
    expect(parse(csvLines([[undefined], ['x'], [undefined]]), { skip_empty_lines: true })).toEqual([
      [''],
      ['x'],
      [''],
    ]);
  });
});

describe('the form of an answer', () => {
  const forms = ['application/json', 'text/csv'] as const;
  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['text/*', 'text/csv'],
    ['application/json;q=0.5, text/csv', 'text/csv'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['application/json;q=0, */*', 'text/csv'],
    ['text/html', undefined],
  ])('for %j is %j', (accept, form) => {
    expect(preferredForm(accept, forms)).toBe(form);
  });
});

import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { preferredForm } from '../../src/api/accepts.ts';
import { csvLines } from '../../src/api/csv.ts';

describe('CSV', () => {
  it('ends lines in CR LF, quotes what needs it, and leaves missing values empty', () => {
    const rows = [
      ['a', 'b,c', 'd "e"'],
      ['one\ntwo', 'r\rs', undefined],
      [1.5, true, ['x', 'y']],
    ];
    expect(csvLines(rows)).toBe('a,"b,c","d ""e"""\r\n"one\ntwo","r\rs",\r\n1.5,true,"[""x"",""y""]"\r\n');
  });

  it.each(['=1+1', '+41 79', '-x', '@SUM(A1)', '\tx', '\rx', '\n=1', '＝1', '＋1', '－1', '＠SUM(A1)'])(
    'is no formula to a spreadsheet: %j',
    (text) => {
      expect(parse(csvLines([[text, 'x']]))).toEqual([[`'${text}`, 'x']]);
    },
  );

  it('leaves numbers as they are, negative ones too', () => {
    expect(csvLines([[-5, -0.25, 1e21]])).toBe('-5,-0.25,1e+21\r\n');
  });

  it('has a line for a row whose only cell is empty', () => {
    expect(parse(csvLines([[undefined], ['x'], [undefined]]), { skip_empty_lines: true })).toEqual([[''], ['x'], ['']]);
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

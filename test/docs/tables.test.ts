/**
 * tables.test.ts – The tables of the READMEs are those of the code.
 */
import { describe, expect, it } from 'vitest';
import { markdownFiles } from './markdown.ts';
import { COLUMNS_MAX, PRINTED, printedNames, printTables, table, wrapped } from './tables.ts';

const files = markdownFiles();
const names = files.flatMap(({ text }) => printedNames(text));

it('each printed table stands in exactly one README', () => {
  expect(names.toSorted()).toEqual(Object.keys(PRINTED).toSorted());
});

it.each(files.filter(({ text }) => text.includes('<!-- printed')))(
  'the tables of $path are as the code prints them (npm run docs rewrites them)',
  async ({ text }) => {
    expect(await printTables(text)).toBe(text);
  },
);

it('a marker of no table is refused', async () => {
  const text = '<!-- printed: nothing-such -->\n<!-- /printed -->';
  await expect(printTables(text)).rejects.toThrow('nothing prints the table nothing-such');
});

describe('forms', () => {
  it('a table is aligned where that fits, and narrow where it does not', () => {
    expect(table(['a', 'b'], [['long', 'x']])).toEqual([
      '| a    | b |',
      '| ---- | - |',
      '| long | x |',
    ]);
    const wide = 'w'.repeat(COLUMNS_MAX);
    expect(table(['a', 'b'], [[wide, 'x']])).toEqual([
      '| a | b |',
      '| --- | --- |',
      `| ${wide} | x |`,
    ]);
  });

  it('words are wrapped before the last column', () => {
    const word = 'w'.repeat(COLUMNS_MAX / 2 - 1);
    expect(wrapped(`${word} ${word} ${word}`, '  ', '- ')).toEqual([
      `- ${word}`,
      `  ${word}`,
      `  ${word}`,
    ]);
    expect(wrapped('a b', '  ', '- ')).toEqual(['- a b']);
  });
});

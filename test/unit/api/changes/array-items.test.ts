/**
 * array-items.test.ts – An array that is cut into its items is the array that JSON.parse makes of
 * the text, or is refused as it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrayItems, beginsAsArray } from '../../../../src/api/changes/array-items.ts';

const cut = (text: string) =>
  [...arrayItems(Buffer.from(text))].map((item) => JSON.parse(item.toString()));

describe('items of an array', () => {
  test('are those of the array, however it is written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t'),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          expect(cut(text)).toEqual(JSON.parse(text));
          expect(cut(`\ufeff \r\n${text}\n `)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  test('may hold what looks like the end of one', () => {
    const value = [{ a: '],[' }, '\\"]', ['}', '{'], { '\\': ']' }, []];
    expect(cut(JSON.stringify(value))).toEqual(value);
  });

  test.each([
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1]]',
    '[1] 2',
    '["a]',
    '["a\\"]',
    '[1}',
    '[{]',
  ])('a text that is no array is refused: %s', (text) => {
    expect(() => cut(text)).toThrow();
  });

  test('a text is known for an array by its first sign', () => {
    expect(beginsAsArray(Buffer.from(' \n[1]'))).toBe(true);
    expect(beginsAsArray(Buffer.from('\ufeff[1]'))).toBe(true);
    for (const text of ['', ' ', '{}', '"["', 'x'])
      expect(beginsAsArray(Buffer.from(text)), text).toBe(false);
  });
});

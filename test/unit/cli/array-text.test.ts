import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf } from '../../../src/cli/array-text.ts';

describe('the elements of a JSON array', () => {
  it('are each a line of the same value, however the array is written', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2, '\t'), (values, indent) => {
        const elements = elementsOf(`\n ${JSON.stringify(values, null, indent)} \n`);
        expect(elements.join('').includes('\n')).toBe(false);
        expect(elements.map((element) => JSON.parse(element))).toEqual(
          JSON.parse(JSON.stringify(values)),
        );
      }),
    );
  });

  it('keep every digit', () => {
    expect(elementsOf('[\n{"n":\n9007199254740993} ,1.10,\r\n"a,]"]')).toEqual([
      '{"n": 9007199254740993}',
      '1.10',
      '"a,]"',
    ]);
  });
});

/**
 * text-search.test.ts – A text within another, as `includes` says it, and without looking at each
 * place as far as the needle goes.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { includesText } from '../../../../src/query/network/text-search.ts';

describe('a long needle', () => {
  it('is found exactly where `includes` finds it', () => {
    const letters = fc
      .array(fc.constantFrom('a', 'b'), { minLength: 0, maxLength: 600 })
      .map((units) => units.join(''));
    const repeated = fc
      .tuple(letters, fc.integer({ min: 1, max: 4 }))
      .map(([unit, times]) => unit.repeat(times));
    fc.assert(
      fc.property(repeated, letters, letters, fc.nat({ max: 900 }), (text, before, after, from) => {
        const needle = text.slice(from);
        for (const place of [before + needle + after, before + after, text]) {
          expect(includesText(place, needle)).toBe(place.includes(needle));
          expect(includesText(place, `${needle}b${needle}`)).toBe(
            place.includes(`${needle}b${needle}`),
          );
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('that nearly matches everywhere is looked for once, not at each place again', () => {
    const half = 'a'.repeat(200_000);
    // at each place again, this takes minutes
    expect(includesText('a'.repeat(900_000), `${half}b${half}`)).toBe(false);
    expect(includesText(`${'a'.repeat(400_000)}b${'a'.repeat(400_000)}`, `${half}b${half}`)).toBe(
      true,
    );
  });
});

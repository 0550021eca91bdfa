/**
 * value-key.test.ts – The names under which different values are counted.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { carriedValue, nameOf, valueKey } from '../../../src/membership/value-key.ts';

const halves = fc.constantFrom('\ud800', '\udfff', '\ud83d\ude00', 'a', '"', '\n', '\u2028', '#');
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(halves).map((parts) => parts.join('')),
);
const long = text.map((part) => `${part}${'x'.repeat(60)}`);
const scalar = fc.oneof(
  text,
  long,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
);

it('two values have one name exactly if they are the same', () => {
  fc.assert(
    fc.property(scalar, scalar, (one, other) => {
      const [a, b] = [one, other].map((value) => (value === 0 ? 0 : value));
      expect(valueKey(a!) === valueKey(b!)).toBe(a === b);
    }),
  );
});

it.each([
  [1, '1'],
  [true, 'true'],
  ['a', 'b'],
  ['\ud800', '\ud801'],
  ['\ud800', '\ufffd'],
  ['e\u0301', '\u00e9'],
  ['a', 'A'],
])('%j and %j are different', (one, other) => {
  expect(valueKey(one)).not.toBe(valueKey(other));
});

it('a name is short, has no line break, and is kept by UTF-8 as it is', () => {
  fc.assert(
    fc.property(scalar, (value) => {
      const name = valueKey(value);
      expect(name.length).toBeLessThanOrEqual(48);
      expect(name).not.toMatch(/[\n\r]/);
      expect(Buffer.from(name, 'utf8').toString('utf8')).toBe(name);
    }),
  );
});

it('a value at a target has a text of its own, whatever the id of the target', () => {
  const at = fc.record({ predicateId: fc.nat(3), target: text, value: scalar.map(valueKey) });
  fc.assert(
    fc.property(at, at, (one, other) => {
      const isSame = JSON.stringify(Object.values(one)) === JSON.stringify(Object.values(other));
      expect(nameOf(one) === nameOf(other)).toBe(isSame);
    }),
  );
});

it('what a partial state can not hold does not travel', () => {
  expect(carriedValue('sum', '7')).toBeUndefined();
  expect(carriedValue('extremes', 7)).toBe(7);
  expect(carriedValue('values', 7)).toBe('7');
  for (const value of [undefined, null, ['a'], { a: 1 }])
    expect(carriedValue('values', value)).toBeUndefined();
});

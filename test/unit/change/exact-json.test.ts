/**
 * exact-json.test.ts – Which numbers come back as they were written, and where those are that do
 * not.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inexactNumbers, isExactNumber, readExactJson } from '../../../src/change/exact-json.ts';

const EXACT = [
  ...[
    '0',
    '-0',
    '0.0',
    '0e99',
    '-0e-9999',
    '1',
    '-1',
    '1.10',
    '1e2',
    '1E+2',
    '1.5e300',
    '0.1',
    '5e-324',
    '1e-7',
  ],
  ...[
    '9007199254740991',
    '9007199254740992',
    '9007199254740992.0',
    '18014398509481984',
    '100000000000000000000',
  ],
  ...[
    '1e20',
    '123456789012345e5',
    '0.30000000000000004',
    '3.141592653589793',
    '1.7976931348623157e308',
    '1e22',
  ],
  ...[
    '2.2250738585072014e-308',
    '000.10',
    `1${'0'.repeat(300)}`,
    `0.${'0'.repeat(300)}1`,
    `1.${'0'.repeat(400)}`,
  ],
];
const INEXACT = [
  ...[
    '9007199254740993',
    '-9007199254740993',
    '9007199254740993.0',
    '90071992547409930e-1',
    '1e400',
    '-1e400',
  ],
  ...[
    '1e-400',
    '0.1234567890123456789',
    '123456789012345678e-3',
    '0.10000000000000001',
    '18014398509481985',
  ],
  ...[
    '123456789012345678901',
    '1.7976931348623158e308',
    '1.7976931348623159e308',
    '4e-324',
    '1e99999999999999999999',
  ],
  ...['0.1000000000000000055511151231257827', `1${'0'.repeat(299)}1`],
];

it.each(EXACT)('%s comes back', (text) => {
  expect(isExactNumber(text)).toBe(true);
});

it.each(INEXACT)('%s does not', (text) => {
  expect(isExactNumber(text)).toBe(false);
});

describe('a text', () => {
  it('is read if all of its numbers come back', () => {
    const text =
      '{"a":[1.10,1e2,{"b":-0.5}],"c":"9007199254740993","d, 1e400":"x, 9007199254740993"}';
    expect(readExactJson(text)).toEqual(JSON.parse(text));
    expect(inexactNumbers(text)).toEqual([]);
  });

  it.each([
    '"9007199254740993"',
    '["a\\" 9007199254740993", "[1e400"]',
    '{"1e400":"\\\\","9007199254740993":": 1e400"}',
  ])('of digits in strings is read: %s', (text) => {
    expect(readExactJson(text)).toEqual(JSON.parse(text));
  });

  it.each<[string, string[]]>([
    ['9007199254740993', ['']],
    ['-9007199254740993', ['']],
    ['{"n":9007199254740993}', ['/n']],
    ['{"n": 9007199254740993 }', ['/n']],
    ['{"n":\n9007199254740993\n}', ['/n']],
    ['[[],{},[1,{"a/b":{"~":[null,1e400]}}]]', ['/2/1/a~1b/~0/1']],
    ['{"a":"x","b":"y","c":1e400,"d":[1e-400]}', ['/c', '/d/0']],
    ['{"a\\"b":{"\\u0063":1e400}}', ['/a"b/c']],
    ['{"a":"9007199254740993, [","b":9007199254740993}', ['/b']],
    ['[true,false,null,12345678901234567890]', ['/3']],
    ['{"":1e400}', ['/']],
  ])('names the place in %s', (text, paths) => {
    expect(inexactNumbers(text).map(({ path }) => path)).toEqual(paths);
    expect(() => readExactJson(text)).toThrow(expect.objectContaining({ code: 'number_inexact' }));
  });

  it('that is no JSON is a SyntaxError, whatever numbers it holds', () => {
    expect(() => readExactJson('{"n":9007199254740993')).toThrow(SyntaxError);
  });

  it('of a megabyte of zeros, or of faults, is no more work than its length', () => {
    const zeros = `[${'0.'}${'0'.repeat(500_000)}1${'0'.repeat(500_000)}1]`;
    expect(inexactNumbers(zeros)).toHaveLength(1);
    expect(inexactNumbers(`[${Array(50_000).fill('1e400').join()}]`)).toHaveLength(20);
  });
});

describe('a random value', () => {
  it('comes back as it was sent, if it is taken, and is taken if it was written by JavaScript', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false } as never), (value) => {
        const text = JSON.stringify(value);
        expect(readExactJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  /** Exactly: as a fraction of whole numbers. */
  const sameDecimal = (a: string, b: string) => {
    const [[x, p], [y, q]] = [a, b].map((text) => {
      const [, whole = '', fraction = '', power = '0'] = /^(-?\d+)\.?(\d*)(?:e([-+]?\d+))?$/i.exec(
        text,
      )!;
      return [
        BigInt(whole.replace(/^(-?)0+(?=\d)/, '$1') + fraction),
        Number(power) - fraction.length,
      ] as const;
    }) as [readonly [bigint, number], readonly [bigint, number]];
    const low = Math.min(p, q);
    return x * 10n ** BigInt(p - low) === y * 10n ** BigInt(q - low);
  };

  it('of digits is taken exactly when the shortest decimal of its double is the same number', () => {
    const digits = fc.stringMatching(/^[0-9]{1,22}$/);
    const written = fc
      .tuple(
        fc.stringMatching(/^(0|[1-9][0-9]{0,21})$/),
        fc.option(digits),
        fc.option(fc.integer({ min: -340, max: 320 })),
      )
      .map(
        ([whole, fraction, power]) =>
          `${whole}${fraction ? `.${fraction}` : ''}${power === null ? '' : `e${power}`}`,
      );
    fc.assert(
      fc.property(written, (text) => {
        const value = Number(text);
        const isTaken = inexactNumbers(`{"a":[${text}]}`).length === 0;
        expect(isTaken).toBe(Number.isFinite(value) && sameDecimal(text, String(value)));
      }),
      { numRuns: 5000 },
    );
  });
});

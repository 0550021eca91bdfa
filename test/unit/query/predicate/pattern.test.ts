/**
 * pattern.test.ts – Patterns match as RE2 says, and no pattern takes more than it is counted for.
 */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import {
  caselessPattern,
  PATTERN_LENGTH_MAX,
  patternCost,
  patternsKnown,
  patternTest,
  refusePattern,
} from '../../../../src/query/predicate/pattern.ts';

const MATCHES: readonly [pattern: string, matched: readonly string[], others: readonly string[]][] =
  [
    ['b', ['b', 'abc'], ['', 'B']],
    ['^a.c$', ['abc', 'a\u{1F600}c'], ['abcd', 'a\nc', 'ac']],
    ['(?s)^a.c$', ['a\nc'], ['ac']],
    ['^(?:[A-Z]{2}-)?[0-9]{3,}$', ['AB-123', '1234'], ['AB123', 'ab-123', '12']],
    ['\\bcat\\b', ['cat', 'a cat.'], ['cats', 'concat']],
    ['(?i)straße', ['STRAßE', 'straße'], ['strasse']],
    ['\\p{Greek}', ['λ'], ['l']],
    ['\\x{1F600}|\\Qa.b\\E', ['\u{1F600}', 'xa.bx'], ['axb']],
    ['^$', [''], ['a']],
    ['x*', ['', 'a'], []],
  ];

describe.each(MATCHES)('%s', (pattern, matched, others) => {
  it('matches anywhere in a text', () => {
    expect(refusePattern(pattern)).toBeUndefined();
    const test = patternTest(pattern);
    expect(matched.filter((text) => !test(text))).toEqual([]);
    expect(others.filter(test)).toEqual([]);
  });
});

it('case is left out by a flag, so that escapes keep their meaning', () => {
  const test = patternTest(caselessPattern('^\\D+x$'));
  expect([test('abX'), test('ab1X')]).toEqual([true, false]);
  expect(patternTest(caselessPattern('^a|^b'))('B')).toBe(true);
});

describe('a pattern is refused', () => {
  it.each([
    ['(', 'missing closing )'],
    ['[a', 'missing closing ]'],
    ['a**', 'invalid nested repetition operator'],
    ['a{1000}{1000}', 'invalid nested repetition operator'],
    ['(a{1000}){1000}', 'invalid repeat count'],
    ['(?=a)', 'invalid or unsupported Perl syntax'],
    ['(?<=a)b', 'invalid named capture'],
    ['(a)\\1', 'invalid escape sequence'],
    ['\\', 'trailing backslash'],
  ])('for what RE2 does not have, in the words of the library: %s', (pattern, why) => {
    expect(refusePattern(pattern)).toMatchObject({
      why: expect.stringContaining(why),
      costs: false,
    });
    expect(patternTest(pattern)(pattern)).toBe(false);
  });

  it('for its length, the flag of its case aside', () => {
    const longest = 'a'.repeat(PATTERN_LENGTH_MAX);
    expect(refusePattern(caselessPattern(longest))).toBeUndefined();
    expect(refusePattern(`${longest}a`)?.why).toBe(
      'a pattern has at most 500 characters, and this has 501',
    );
  });

  it('for the size of its program, as one that would cost too much', () => {
    expect(refusePattern('(x{1000})(x{900})')).toBeUndefined();
    expect(refusePattern('(x{1000})(x{1000})(x{100})')).toMatchObject({ costs: true });
  });
});

it('costs what its program and the text make', () => {
  const [one, ten] = [100, 1000].map(patternCost('(?:a?){300}a{300}c'));
  expect(one).toBeGreaterThan(2 * 900 * 100);
  expect(ten).toBe(10 * one!);
});

it('takes no longer for a text that a backtracking engine would never be done with', () => {
  expect(patternTest('^(?:a+)+$')(`${'a'.repeat(100_000)}b`)).toBe(false);
});

it('is compiled once, whoever tests with it', () => {
  const before = patternsKnown();
  const tests = Array.from({ length: 50 }, () => patternTest('once[0-9]{1,3}'));
  expect(tests.every((test) => test('once7'))).toBe(true);
  expect(patternsKnown()).toBe(before + 1);
});

it('agrees with the engine that tells where a match lies', () => {
  const piece = fc.constantFrom('a', 'b', '.', '\\b', '^', '$', '[ab]', '[^a]', 'é', '\\d', '\\W');
  const anyPattern = fc
    .array(fc.tuple(piece, fc.constantFrom('', '', '*', '+?', '?', '{0,3}', '|')), { maxLength: 6 })
    .map((parts) => parts.map((part) => part.join('')).join(''));
  const anyText = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '1', ' ', '\n'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(anyPattern, anyText, (pattern, text) => {
      if (refusePattern(pattern)) return;
      expect(patternTest(pattern)(text)).toBe(RE2JS.compile(pattern).matcher(text).find());
    }),
    { numRuns: 2000 },
  );
});

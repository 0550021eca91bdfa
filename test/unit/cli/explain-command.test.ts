import { describe, expect, it } from 'vitest';
import { explanationLines } from '../../../src/cli/explain-command.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';

const asOfMs = Date.parse('2026-11-26T09:42:07Z');
const leavesMs = Date.parse('2026-11-28T12:51:00Z');
const flips = { kind: 'at', atMs: leavesMs } as const;

const explanation: Explanation = {
  member: true,
  stored: true,
  agrees: true,
  id: 'c1',
  title: 'Maya Okafor',
  exists: true,
  archived: false,
  revision: 4,
  asOfMs,
  atMs: undefined,
  sinceMs: Date.parse('2026-11-12T06:15:00Z'),
  next: flips,
  words: 'Contacts that have at least 3 orders whose total is more than 500 and that are Swiss',
  tree: {
    path: '',
    kind: 'group',
    words: 'All of these hold',
    passed: true,
    parts: [
      {
        path: '/rules/0',
        kind: 'match',
        words: 'Has at least 3 orders whose total is more than 500, placed in the last 90 days',
        passed: true,
        matching: 3,
        of: 41,
        seenWords: '3 of 41 orders do',
        flips,
        related: Array.from({ length: 7 }, (_, at) => ({
          objectType: 'orders',
          id: `A-${at}`,
          title: `A-${at}`,
          passed: true,
          seen: { total: 1240, placed_at: '2026-08-30T12:51:00.000Z' },
          flips,
        })),
      },
      { path: '/rules/1', kind: 'rule', words: 'Country is CH', passed: false, seenWords: 'US' },
    ],
  },
};
const layout = { segment: 'Lapsing big accounts', timeZone: 'Europe/Zurich', width: 80 };

describe('an explanation in a terminal', () => {
  const lines = explanationLines(explanation, layout);

  it('is a tree in 80 columns, with what was seen and what the clock will change', () => {
    expect(lines.slice(0, 4)).toEqual([
      'Maya Okafor (c1) is in Lapsing big accounts.',
      '  Since 12 Nov 2026, 07:15.',
      '  Leaves by the clock on 28 Nov 2026, 13:51, in 2 days, 3 hours.',
      '  Agrees with what is stored. Revision 4, as of 26 Nov 2026, 10:42:07',
    ]);
    expect(lines).toContain('✓ All of these hold');
    expect(lines).toContain('      3 of 41 orders do; changes on 28 Nov 2026, 13:51 by the clock');
    expect(lines).toContain('        … and 2 more');
    expect(lines).toContain('  ✗ Country is CH');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('says loudly that something else is stored, and what is of no record', () => {
    const wrong = explanationLines({ ...explanation, stored: false, agrees: false }, layout);
    expect(wrong.join('\n')).toContain('STORED OTHERWISE: it is not kept as a member.');
    const none = explanationLines({ ...explanation, exists: false, member: false }, layout);
    expect(none[0]).toBe('There is no record c1, so it is not in Lapsing big accounts.');
  });
});

/**
 * record.ts – How many lines of each folder are wider than they may be: numbers that only shrink.
 *
 * Keeps true: what is found must be exactly what is recorded. More is a fault of the new code. Less
 * is to be recorded, so that it never grows back: ROLLCALL_STYLE=lower npx vitest run
 * test/style.test.ts writes the lower numbers, and raises none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ROOT } from './sources.ts';

const FILE = join(ROOT, 'test/style/width.json');
const HOW = 'record it: ROLLCALL_STYLE=lower npx vitest run test/style.test.ts';

type Numbers = Record<string, number>;

/** `found`: wide lines, by folder. */
export function expectNumbers(found: Numbers): void {
  const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Numbers;
  for (const [name, number] of Object.entries(found))
    expect(number, `${name} has more than before`).toBeLessThanOrEqual(recorded[name] ?? 0);
  const left = Object.entries(found).filter(([, number]) => number > 0);
  const sorted = Object.fromEntries(left.sort(([a], [b]) => (a < b ? -1 : 1)));
  if (process.env['ROLLCALL_STYLE'] === 'lower')
    writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
  else expect(sorted, HOW).toEqual(recorded);
}

/**
 * record.ts – What the style tests put up with for now: numbers and lists that only shrink.
 *
 * Keeps true: what is found must be exactly what is recorded. More is a fault of the new code; less
 * is to be recorded, so that it never grows back: ROLLCALL_STYLE=lower npx vitest run
 * test/style.test.ts writes the lower numbers, and raises none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ROOT } from './sources.ts';

const HOW = 'record it: ROLLCALL_STYLE=lower npx vitest run test/style.test.ts';
const isLowering = process.env['ROLLCALL_STYLE'] === 'lower';

type Numbers = Record<string, number>;
type Lists = Record<string, string[]>;

/** Lines that are too wide, by folder. */
export function expectNumbers(found: Numbers): void {
  const file = 'test/style/width.json';
  const recorded = read<Numbers>(file);
  for (const [name, number] of Object.entries(found))
    expect(number, `${name} has more than before`).toBeLessThanOrEqual(recorded[name] ?? 0);
  if (isLowering) write(file, withoutZeros(found));
  else expect(withoutZeros(found), HOW).toEqual(recorded);
}

/** What breaks the rule of this name; `shown`: the same items, as a failure says them. */
export function expectList(rule: string, found: readonly string[], shown = found): void {
  const file = 'test/style/exceptions.json';
  const recorded = read<Lists>(file);
  const known = recorded[rule] ?? [];
  const added = shown.filter((_, at) => !known.includes(found[at]!));
  expect(added, rule).toEqual([]);
  const { [rule]: _, ...others } = recorded;
  const left = [...found].sort();
  if (isLowering) write(file, left.length > 0 ? { ...others, [rule]: left } : others);
  else expect([...known].sort(), HOW).toEqual(left);
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T;
}

function write(file: string, content: Numbers | Lists): void {
  const sorted = Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(join(ROOT, file), `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}

function withoutZeros(numbers: Numbers): Numbers {
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number > 0));
}

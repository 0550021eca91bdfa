/**
 * layout.test.ts – What the tiers of tests promise: unit tests stand where the code stands that
 * they are about, and start nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './markdown.ts';

const UNIT = join(ROOT, 'test/unit');
const files = readdirSync(UNIT, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.test.ts'));

/** What a test says that opens a deployment, or starts a Redis or a process. */
const STARTS = /support\/(deployment|api|cli|victims)\.ts|startPrivateRedis|child_process/;

describe.each(files)('test/unit/%s', (file) => {
  it('stands in a folder of src/', () => {
    expect(existsSync(join(ROOT, 'src', dirname(file)))).toBe(true);
  });

  it('starts nothing', () => {
    expect(readFileSync(join(UNIT, file), 'utf8')).not.toMatch(STARTS);
  });
});

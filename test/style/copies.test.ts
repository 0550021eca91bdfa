/**
 * copies.test.ts – The simulator is no copy of the engine: what it proves is what runs.
 *
 * Lines are compared without their indentation. Comments, imports and lines of brackets alone say
 * nothing; a run that is longer than RUN_MAX is a piece of the engine that was written twice.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './sources.ts';

const RUN_MAX = 6;

/** The lines of a file that say something, in their order. */
function linesOf(text: string): string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^import [\s\S]*?;$/gm, '')
    .replace(/\s\/\/ .*$/gm, '')
    .split('\n')
    .map((line) => line.trim());
  return code.filter((line) => /\w/.test(line) && !line.startsWith('//'));
}

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** All runs of one line more than may be the same, and where each of them is first. */
function runsOf(text: string): string[] {
  const lines = linesOf(text);
  return lines.slice(RUN_MAX).map((_, at) => lines.slice(at, at + RUN_MAX + 1).join('\n'));
}

/** Runs of `mine` that are also in `theirs`. */
function shared(mine: string, theirs: ReadonlySet<string>): string[] {
  return runsOf(mine).filter((run) => theirs.has(run));
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('a file of the simulator shares no long run of lines with the engine', () => {
  const engine = new Set(filesIn('src/engine').flatMap((file) => runsOf(read(file))));

  it.each(filesIn('test/simulation'))('%s', (file) => {
    expect(shared(read(file), engine)).toEqual([]);
  });

  it('and is found out if it does, whatever its comments and its indentation', () => {
    const lines = linesOf(read('src/engine/fanouts.ts')).slice(20, 20 + RUN_MAX + 1);
    expect(shared(lines.slice(1).join('\n'), engine)).toEqual([]);
    const copy = lines.map((line) => `      ${line} // as it is there`).join('\n');
    expect(shared(`import { a } from './a.ts';\n/** A copy. */\n${copy}`, engine)).toHaveLength(1);
  });
});

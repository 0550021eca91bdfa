/**
 * built.ts – Builds `dist` once before all test files.
 *
 * Keeps true: commands that tests run as processes are those that users run, built from the sources
 * as they are; compiling them anew in each process took a second and a half each time.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Run by vitest once before all test files. */
export default function setup(): void {
  execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'ignore' });
}

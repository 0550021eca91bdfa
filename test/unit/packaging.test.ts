/**
 * packaging.test.ts – What is beside the code and must keep up with it: containers pass on every
 * variable, and whatever is installed runs on the oldest Node that we say we run on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG } from '../../src/config.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Fixed by what the image is: where it listens and what it writes to. */
const OF_THE_IMAGE = ['HOST', 'PORT', 'ROLLCALL_DATA'];

describe('docker', () => {
  const composed = readdirSync(new URL('../../docker', import.meta.url)).filter((file) => {
    return file.endsWith('.yaml') && /^ {2}rollcall:$/m.test(read(`docker/${file}`));
  });

  it('has a compose file that runs Rollcall', () => {
    expect(composed).not.toEqual([]);
  });

  it.each(composed)('%s passes on every variable that there is', (file) => {
    const passed = [...read(`docker/${file}`).matchAll(/^ {6}([A-Z_]+):/gm)].map(
      (match) => match[1],
    );
    const wanted = CONFIG.map(({ name }) => name).filter((name) => !OF_THE_IMAGE.includes(name));
    expect(passed.sort()).toEqual([...wanted].sort());
  });

  it('has rollcall on the PATH of the image, under the name of the package', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { rollcall: string } };
    expect(read('docker/Dockerfile')).toContain(
      `RUN ln -s /app/${bin.rollcall} /usr/local/bin/rollcall\n`,
    );
    expect(read('src/cli/rollcall.ts').startsWith('#!/usr/bin/env node\n')).toBe(true);
  });
});

/** Whether a range of npm takes Node 20.19.0: the forms that occur in lock files. */
function takes(range: string): boolean {
  const oldest = [20, 19, 0];
  const compare = (version: string) => {
    const parts = version.split('.').map((part) => Number(part.replace(/[^\d].*$/, '') || 0));
    const at = oldest.findIndex((number, index) => number !== (parts[index] ?? 0));
    return at < 0 ? 0 : oldest[at]! - (parts[at] ?? 0);
  };
  const takesOne = (comparator: string) => {
    const [, operator = '', version = ''] = /^(\^|~|>=|<=|>|<|=|v)?v?(.*)$/.exec(comparator)!;
    const major = Number(version.split('.')[0]);
    if (version === '*' || version === '') return true;
    if (operator === '^' || operator === '' || operator === 'v')
      return major === oldest[0] && compare(version) >= 0;
    if (operator === '~')
      return major === oldest[0] && Number(version.split('.')[1] ?? oldest[1]) === oldest[1];
    if (operator === '<') return compare(version) < 0;
    if (operator === '<=') return compare(version) <= 0;
    return operator === '>' ? compare(version) > 0 : compare(version) >= 0;
  };
  const inOneForm = range.replace(/(>=|<=|>|<|\^|~)\s+/g, '$1');
  return inOneForm.split('||').some((part) => part.trim().split(/\s+/).every(takesOne));
}

describe('the lock file', () => {
  it.each([
    ['>=18', true],
    ['^18.0.0 || ^20.0.0 || >=22.0.0', true],
    ['^20.19.0 || >=22.12.0', true],
    ['20 || >=22', true],
    ['>= 20', true],
    ['>=10 <21', true],
    ['*', true],
    ['>=22', false],
    ['^22.0.0 || >=24', false],
    ['>=20.20.0', false],
    ['^20.20 || >=22', false],
    ['<20', false],
  ])('is read: %s takes Node 20.19: %s', (range, expected) => {
    expect(takes(range)).toBe(expected);
  });

  it('holds nothing that needs a newer Node than 20.19', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { engines?: { node?: string } | string[]; optional?: boolean }>;
    };
    const refused = Object.entries(packages).flatMap(([path, { engines }]) => {
      const range = Array.isArray(engines) ? undefined : engines?.node;
      return range === undefined || takes(range) ? [] : [`${path}: ${range}`];
    });
    expect(refused).toEqual([]);
  });
});

/**
 * scripts.test.ts – Every script's header is its contract: it names what it does, its KEYS, its
 * ARGV and what it returns.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCRIPT_NAMES } from '../../src/redis/scripts.ts';

const FOLDER = new URL('../../src/redis/lua/', import.meta.url);
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.lua'));

describe.each(files)('%s', (file) => {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  const header = text.slice(0, text.search(/^[^-]/m));

  it('opens with its name and purpose, KEYS, ARGV and what it returns', () => {
    expect(header.startsWith(`-- ${file}: `)).toBe(true);
    for (const part of [/^-- KEYS {2}1 /m, /^-- ARGV {2}/m, /^-- returns /m])
      expect(header).toMatch(part);
  });

  it('names as many keys as it uses, and builds none', () => {
    const used = [...text.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1]));
    const named = [...header.matchAll(/(?:KEYS {2}|, )(\d+)…? /g)].map((match) => Number(match[1]));
    for (const key of used) expect(named).toContain(key);
    expect(text).not.toMatch(/redis\.call\('[A-Z]+', *['"]/);
  });

  it('answers with status words that its header lists', () => {
    const answers = [...text.slice(header.length).matchAll(/return \{? ?'([a-z-]+)'/g)].map(
      (match) => match[1],
    );
    for (const answer of answers) expect(header).toContain(`'${answer}'`);
  });
});

it('every script has a name that can be called, and every name a script', () => {
  const commands = files.map((file) =>
    file.replace(/\.lua$/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
  expect([...SCRIPT_NAMES].sort()).toEqual(commands.sort());
});

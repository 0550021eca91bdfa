/**
 * scripts.test.ts – Every script's header is its contract: it names what it does, its KEYS, its
 * ARGV and what it returns, as the table of signatures has them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { META_FIELDS } from '../../src/redis/partition-meta.ts';
import { SIGNATURES, type Signature } from '../../src/redis/script-signatures.ts';
import { luaName } from '../../src/redis/scripts.ts';

const FOLDER = new URL('../../src/redis/lua/', import.meta.url);
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.lua'));
const commandOf = (file: string) =>
  file.replace(/\.lua$/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The names that a header lists, and whether more may follow: `a, b; then …`. */
function listed(header: string, what: 'KEYS' | 'ARGV'): { names: string[]; more: boolean } {
  const start = header.indexOf(`-- ${what}  `) + what.length + 5;
  const paragraph = header.slice(start).split(/\n-- (?=ARGV|returns| {2}\S)/)[0]!;
  const text = paragraph.replace(/\n--\s+/g, ' ').replace(/\([^)]*\)/g, '');
  const [named = '', ...rest] = text.startsWith('then ') ? ['', text] : text.split(';');
  const names = named.split(',').map((name) => name.trim());
  return { names: names.filter((name) => name !== ''), more: rest.length > 0 };
}

describe.each(files)('%s', (file) => {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  const header = text.slice(0, text.search(/^[^-]/m));
  const body = text.slice(header.length);
  const signature = SIGNATURES[commandOf(file) as keyof typeof SIGNATURES] as Signature<
    unknown,
    string,
    string
  >;

  it('opens with its name and purpose, KEYS, ARGV and what it returns', () => {
    expect(header.startsWith(`-- ${file}: `)).toBe(true);
    for (const part of [/^-- KEYS {2}/m, /^-- ARGV {2}/m, /^-- returns /m])
      expect(header).toMatch(part);
  });

  it('names its keys and arguments as the table does, in its order', () => {
    const [keys, given] = [listed(header, 'KEYS'), listed(header, 'ARGV')];
    expect(keys.names).toEqual(signature.keys.map(luaName));
    expect(given.names).toEqual(signature.arguments.map(luaName));
    expect(keys.more || given.more).toBe(signature.more === true);
  });

  it('uses all that it names, by name, and builds no key', () => {
    for (const name of [...signature.keys, ...signature.arguments].map(luaName)) {
      if (/ipairs\(KEYS\)/.test(body)) continue;
      expect(body).toMatch(new RegExp(`\\b${name}\\b`));
    }
    expect(body).not.toMatch(/(KEYS|ARGV)\[\d/);
    expect(body).not.toMatch(/redis\.call\('[A-Z]+', *['"]/);
  });

  it('answers with status words and fields that its header lists', () => {
    const words = [...body.matchAll(/return \{? ?'([a-z-]+)'/g)].map((match) => match[1]!);
    const answers = [...body.matchAll(/'(?:status|next|kind)', '([a-z-]+)'/g)].map(
      (match) => match[1]!,
    );
    for (const word of signature.answers === 'fields' ? answers : words)
      expect(header).toContain(`'${word}'`);
    for (const fields of signature.answers === 'fields' ? body.matchAll(/return \{([^}]*)\}/g) : [])
      for (const [, name] of fields[1]!.matchAll(/(?:^|, |\n {2})\s*'([a-zA-Z]+)', /g))
        expect(header).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it('names no field of a partition’s meta that is not in its table', () => {
    if (!signature.keys.includes('meta') || !signature.keys.some(isOfPartition)) return;
    const known = Object.values(META_FIELDS).map(({ name }) => name.replace(':', ''));
    const calls = body.matchAll(/redis\.call\('H[A-Z]+', meta, ([^)]*)/g);
    for (const [, given] of calls)
      for (const [, name] of given!.matchAll(/'([a-z_]+)'/g)) expect(known).toContain(name);
    for (const [, name] of body.matchAll(/family == '([a-z]+)'/g)) expect(known).toContain(name);
  });
});

/** The catalog has a `meta` too. */
const isOfPartition = (key: string) => ['owner', 'inbox', 'counts'].includes(key);

it('every script has a signature, and every signature a script', () => {
  expect(Object.keys(SIGNATURES).sort()).toEqual(files.map(commandOf).sort());
});

/**
 * style.test.ts – What the layout promises: a file says what it keeps true, imports point one way,
 * nothing is called a helper.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../src/', import.meta.url));

const files = readdirSync(ROOT, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

/**
 * A folder may import from those before it. Files at the top (`errors.ts`, `config.ts`,
 * `metrics.ts`) belong to everyone.
 */
const ORDER = ['redis', 'change', 'query', 'catalog', 'membership', 'engine', 'jobs', 'api', 'cli'];
/** What these folders hold is computed from its arguments: no Redis, no clock, no files. */
const PURE = ['change', 'query'];

const importsOf = (text: string) =>
  [...text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map((match) => match[1]!);
const folderOf = (file: string) => file.split('/')[0]!;

describe.each(files)('src/$file', ({ file, text }) => {
  it('opens with its name and what it keeps true', () => {
    const opening = text.replace(/^#!.*\n/, '');
    const name = file.split('/').at(-1)!;
    expect(opening.startsWith(`/**\n * ${name} – `)).toBe(true);
  });

  it('imports only from what comes before it on the way of a change', () => {
    if (!file.includes('/')) return;
    for (const imported of importsOf(text).filter((path) => path.startsWith('.'))) {
      const target = relative(ROOT, normalize(join(ROOT, dirname(file), imported)));
      if (!target.includes('/')) continue;
      expect(ORDER.indexOf(folderOf(target)), `${file} imports ${target}`).toBeLessThanOrEqual(
        ORDER.indexOf(folderOf(file)),
      );
    }
  });

  it('does no I/O if its folder is pure', () => {
    if (!PURE.includes(folderOf(file))) return;
    expect(
      importsOf(text).filter((path) => path.startsWith('node:') || path === 'ioredis'),
    ).toEqual([]);
    expect(text).not.toMatch(/Date\.now\(\)|Math\.random\(\)/);
  });

  it('has a name of the field', () => {
    expect(file).not.toMatch(/util|helper|manager|misc|common/);
  });

  it('re-exports nothing', () => {
    expect(text).not.toMatch(/^export (\*|\{[^}]*\}) from/m);
  });
});

it('no key name is built outside of keys.ts', () => {
  for (const { file, text } of files.filter((each) => each.file !== 'redis/keys.ts')) {
    expect(text, file).not.toMatch(/\{catalog\}|`\$\{prefix\}:\{/);
  }
});

it('the files of a folder do not import each other in circles', () => {
  const edges = new Map(
    files.map(({ file, text }) => [
      file,
      importsOf(text.replace(/^import type .*$/gm, ''))
        .filter((path) => path.startsWith('.'))
        .map((path) => relative(ROOT, normalize(join(ROOT, dirname(file), path)))),
    ]),
  );
  const visit = (file: string, way: readonly string[]): void => {
    expect(way, `${[...way, file].join(' → ')}`).not.toContain(file);
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  const done = new Set<string>();
  for (const file of edges.keys()) visit(file, []);
});

/**
 * style.test.ts – What the layout promises: what a file opens with, what it may import, what it may
 * know of Redis, how wide it is, and how things are called.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEEDED } from '../src/redis/permissions.ts';
import { expectNumbers } from './style/record.ts';
import { importsOf, ROOT, type Source, sourcesIn, typesOf } from './style/sources.ts';

/**
 * A folder may import from those before it. Files at the top (`errors.ts`, `config.ts`, …) belong
 * to everyone.
 */
const ORDER = [
  ...'change query redis catalog membership history'.split(' '),
  ...'feed explain preview engine jobs api cli console'.split(' '),
];
/** What these folders hold is computed from its arguments: no Redis, no clock, no files. */
const PURE = ['change', 'query'];
const COLUMNS_MAX = 100;

const sources = sourcesIn('src', ['.ts', '.tsx']);
const isOfConsole = (file: string) => file.startsWith('src/console/');
const outside = sources.filter(({ file }) => !file.startsWith('src/redis/') && !isOfConsole(file));
/** The folder of src that a file is in; undefined for those at the top. */
const folderOf = (file: string) => /^src\/([^/]+)\//.exec(file)?.[1];

describe.each(sources)('$file', (source) => {
  const { file, text } = source;
  const folder = folderOf(file);

  it('opens with its name and what it keeps true', () => {
    const opening = text.replace(/^#!.*\n/, '');
    const name = file.split('/').at(-1)!;
    expect(opening.startsWith(`/**\n * ${name} – `)).toBe(true);
  });

  // src/redis implements interfaces of the folders above it: their types, and nothing that runs.
  it('imports only from what comes before it on the way of a change', () => {
    for (const { target, isType } of importsOf(source)) {
      const other = folderOf(target);
      if (folder === undefined || other === undefined) continue;
      if (folder === 'redis' && isType) continue;
      expect(ORDER, target).toContain(other);
      expect(ORDER.indexOf(other), target).toBeLessThanOrEqual(ORDER.indexOf(folder));
    }
  });

  // The page runs elsewhere: of the server it knows types, and what computes from arguments alone.
  it('runs in a browser if it is of the console', () => {
    if (!isOfConsole(file) || file.endsWith('vite.config.ts')) return;
    const run = importsOf(source).filter(({ isType }) => !isType);
    for (const { target } of run) {
      expect(target).not.toMatch(/^node:/);
      expect(['console', undefined, ...PURE]).toContain(folderOf(target));
    }
    expect(text).not.toMatch(/dangerouslySetInnerHTML|innerHTML|\beval\(/);
  });

  it('does no I/O if its folder is pure', () => {
    if (!PURE.includes(folder ?? '')) return;
    const targets = importsOf(source).map(({ target }) => target);
    expect(targets.filter((target) => /^node:|^ioredis|^src\/redis\//.test(target))).toEqual([]);
    expect(text).not.toMatch(/Date\.now\(\)|Math\.random\(\)/);
  });

  it('has a name of the field', () => {
    expect(file).not.toMatch(/[/-](utils?|helpers?|managers?|misc|common)[.-]/);
  });

  it('re-exports nothing', () => {
    expect(text).not.toMatch(/^export (\*|\{[^}]*\}) from/m);
  });
});

describe('Redis outside of src/redis', () => {
  it('no file names the client', () => {
    const named = outside.filter(({ text }) => /['"`]ioredis\b/.test(text));
    expect(named.map(({ file }) => file)).toEqual([]);
  });

  it('no file gives a command', () => {
    // Words of JavaScript or of ours too are left to the declarations below.
    const ambiguous = 'exec exists expire get info persist scan set time type'.split(' ');
    const commands = NEEDED.map((text) => text.split(/[ |]/)[0]!.toLowerCase()).filter(
      (name) => !ambiguous.includes(name),
    );
    const methods = [...commands, 'defineCommand', 'pipeline', 'sendCommand'].join('|');
    const call = new RegExp(`(?:\\brunScript|\\.(?:${methods})(?:Buffer)?)(?:<[^>]*>)?\\(`);
    const word = new RegExp(`'(?:${commands.join('|').toUpperCase()})'`);
    const isCommand = (line: string) => call.test(line) || word.test(line);
    const found = outside.filter(({ text }) =>
      text.split('\n').some((line) => !/^\s*(\*|\/\/)/.test(line) && isCommand(line)),
    );
    expect(found.map(({ file }) => file)).toEqual([]);
  });

  it('no key name is built outside of keys.ts', () => {
    for (const { file, text } of sources.filter((each) => each.file !== 'src/redis/keys.ts')) {
      expect(text, file).not.toMatch(/\{catalog\}|`\$\{prefix\}:\{|:queues\}/);
    }
  });

  describe('what src/redis shows', () => {
    let declarations: string;
    let complaints: string;
    beforeAll(() => {
      declarations = mkdtempSync(join(tmpdir(), 'rollcall-declarations-'));
      const options = ['--declaration', '--emitDeclarationOnly', '--outDir', declarations];
      const given = ['tsc', '-p', 'tsconfig.build.json', ...options];
      complaints = spawnSync('npx', given, { cwd: ROOT, encoding: 'utf8' }).stdout;
    });
    afterAll(() => rmSync(declarations, { recursive: true, force: true }));

    const declaredIn = (file: string): Source => {
      const path = file.replace(/^src\//, '').replace(/\.ts$/, '.d.ts');
      return { file, text: readFileSync(join(declarations, path), 'utf8') };
    };

    // A type that can't be named is exported, and named where it is used.
    it('can be declared', () => {
      expect(complaints).toBe('');
    });

    // A type that is inferred stands in the declarations as any other: none gets by.
    it('holds no client and no key name, wherever a folder outside can get by its types', () => {
      const left = outside.flatMap(importsOf).map(({ target }) => target);
      const seen = new Set<string>();
      const found = new Set<string>();
      while (left.length > 0) {
        const file = left.pop()!;
        if (!file.startsWith('src/redis/') || seen.has(file)) continue;
        seen.add(file);
        if (['src/redis/keys.ts', 'src/redis/scripts.ts'].includes(file)) found.add(file);
        const declared = declaredIn(file);
        if (/['"]ioredis\b/.test(declared.text)) found.add(file);
        left.push(...importsOf(declared).map(({ target }) => target));
      }
      expect([...found]).toEqual([]);
    });

    it('is nowhere in what other folders declare', () => {
      const found = outside.filter(({ file }) => /\bioredis\b/.test(declaredIn(file).text));
      expect(found.map(({ file }) => file)).toEqual([]);
    });
  });
});

describe('names and widths', () => {
  it('no two files of src declare a type of one name', () => {
    const files = new Map<string, string[]>();
    for (const source of sources)
      for (const name of typesOf(source))
        files.set(name, [...(files.get(name) ?? []), source.file.slice('src/'.length)]);
    const twice = [...files].filter(([, where]) => where.length > 1);
    expect(twice.map(([name, where]) => `${name}: ${where.join(', ')}`)).toEqual([]);
  });

  it(`no line is wider than ${COLUMNS_MAX} columns`, () => {
    const found: Record<string, number> = {};
    for (const { file, text } of sourcesIn('', ['.ts', '.tsx', '.lua', '.md', '.yaml', '.css'])) {
      const wide = text.split('\n').filter((line) => [...line].length > COLUMNS_MAX).length;
      const folder = dirname(file);
      found[folder] = (found[folder] ?? 0) + wide;
    }
    expectNumbers(found);
  });
});

it('files do not import each other in circles when they run', () => {
  const edges = new Map(
    sources.map((source) => {
      const run = importsOf(source).filter(({ isType }) => !isType);
      return [source.file, run.map(({ target }) => normalize(target))];
    }),
  );
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    expect(way, `${[...way, file].join(' → ')}`).not.toContain(file);
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
});

/**
 * markdown.test.ts – What every README owes its reader: links that lead somewhere, lines that fit
 * a screen; of the first one, that it is short; of that of src/, a way to the code in few files.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  anchorsOf,
  fencedBlocks,
  linkedPath,
  linksOf,
  markdownFiles,
  namedFiles,
  ROOT,
  readMarkdown,
} from './markdown.ts';
import { COLUMNS_MAX } from './tables.ts';

const LINES_MAX = 165;
const BYTES_MAX = 9 * 1024;
const FILES_TO_A_FLIP_MAX = 4;

const files = markdownFiles();

describe.each(files)('$path', ({ path, text }) => {
  it('has links that lead somewhere', () => {
    const broken = linksOf(text).filter((link) => {
      const target = linkedPath(path, link);
      if (!existsSync(join(ROOT, target))) return true;
      if (link.anchor === undefined) return false;
      const file = target.endsWith('.md') ? target : join(target, 'README.md');
      return !anchorsOf(readMarkdown(file).text).includes(link.anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names files that there are, from its folder, the root, src/ or test/', () => {
    const folders = [dirname(path), '.', 'src', 'test'];
    const isThere = (name: string) =>
      folders.some((folder) => existsSync(join(ROOT, folder, name)));
    expect(namedFiles(text).filter((name) => !isThere(name))).toEqual([]);
  });

  it(`has no line of more than ${COLUMNS_MAX} columns`, () => {
    const wide = text.split('\n').filter((line) => [...line].length > COLUMNS_MAX);
    expect(wide).toEqual([]);
  });
});

describe('README.md', () => {
  const { text } = readMarkdown('README.md');

  it('is short', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(LINES_MAX);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(BYTES_MAX);
  });

  it('leads to the README of every folder that has one', () => {
    const linked = linksOf(text).map((link) => linkedPath('README.md', link));
    const others = files.map(({ path }) => path).filter((path) => path !== 'README.md');
    expect(linked).toEqual(expect.arrayContaining(others));
  });
});

describe("a stranger's way", () => {
  const path = 'src/README.md';
  const { text } = readMarkdown(path);
  const section = text.split(/^## /m).find((part) => part.startsWith('Where a membership flips'))!;
  const way = linksOf(section).map((link) => linkedPath(path, link));

  it(`takes at most ${FILES_TO_A_FLIP_MAX} files from the root to where a membership flips`, () => {
    expect(way.slice(0, 2)).toEqual(['README.md', 'src/README.md']);
    expect(way.length).toBeLessThanOrEqual(FILES_TO_A_FLIP_MAX);
    expect(way.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('leads in each file to the next', () => {
    for (const [at, file] of way.entries()) {
      const next = way[at + 1];
      if (next === undefined) continue;
      const leads = file.endsWith('.md')
        ? linksOf(readMarkdown(file).text)
            .map((link) => linkedPath(file, link))
            .includes(next)
        : importsOf(file).includes(next);
      expect(leads, `${file} leads to ${next}`).toBe(true);
    }
  });
});

/** The files that a file of the sources imports, from the root. */
function importsOf(file: string): string[] {
  const { text } = readMarkdown(file);
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, target = '']) =>
    linkedPath(file, { target, anchor: undefined }),
  );
}

describe('reading Markdown', () => {
  const text = [
    '# One `b` – two',
    '## The way of a change',
    '[a](b.md#c) [out](https://example.com) `[no](x.md)` [here](#d)',
    '```sh',
    '[no](y.md)',
    '# no',
    '```',
    '```json',
    '{}',
    '```',
  ].join('\n');

  it('finds links, anchors and blocks, and none within blocks', () => {
    expect(linksOf(text)).toEqual([
      { target: 'b.md', anchor: 'c' },
      { target: '', anchor: 'd' },
    ]);
    expect(namedFiles('`a/b.ts`, `c.lua`, b.ts, `a b.ts`')).toEqual(['a/b.ts', 'c.lua']);
    expect(anchorsOf(text)).toEqual(['one-b--two', 'the-way-of-a-change']);
    expect(fencedBlocks(text)).toEqual([
      { language: 'sh', text: '[no](y.md)\n# no\n' },
      { language: 'json', text: '{}\n' },
    ]);
  });
});

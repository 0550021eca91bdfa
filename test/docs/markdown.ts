/**
 * markdown.ts – The Markdown of the repository as the tests of it read it: files, fenced blocks,
 * headings, links.
 *
 * Keeps true: links, headings and widths are looked for outside of fenced blocks only, except
 * where a function says otherwise.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the repository lies, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Folders that hold nothing of ours, wherever they lie. */
const FOREIGN = ['node_modules', 'dist', 'data', '.git', 'coverage'];

export interface MarkdownFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface FencedBlock {
  /** What follows the opening fence: `sh`, `json`, `text`, … */
  readonly language: string;
  readonly text: string;
}

export interface Link {
  /** As it is written, without a `#anchor`; empty for a link within the file. */
  readonly target: string;
  readonly anchor: string | undefined;
}

/** Every Markdown file of the repository. */
export function markdownFiles(): MarkdownFile[] {
  return filesIn(ROOT).map((path) => readMarkdown(relative(ROOT, path)));
}

export function readMarkdown(path: string): MarkdownFile {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.includes(entry.name) ? [] : filesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** The fenced blocks of a text, in their order. */
export function fencedBlocks(text: string): FencedBlock[] {
  return [...text.matchAll(FENCED)].map(([, language = '', block = '']) => ({
    language,
    text: block,
  }));
}

/** A text without its fenced blocks and without what is set as code in a line. */
function prose(text: string): string {
  return text.replace(FENCED, '').replace(/`[^`\n]*`/g, '');
}

/** The links of a text that lead into the repository: those to other sites are left out. */
export function linksOf(text: string): Link[] {
  const targets = [...prose(text).matchAll(/\]\(([^()\s]+)\)/g)].map((match) => match[1]!);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { target: path, anchor };
    });
}

/** The anchors of a text's headings, as GitHub names them. */
export function anchorsOf(text: string): string[] {
  const headings = [...text.replace(FENCED, '').matchAll(/^#{1,6} (.*)$/gm)];
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Where a link of a file leads, from the root. */
export function linkedPath(file: string, { target }: Link): string {
  return target === '' ? file : relative(ROOT, join(ROOT, dirname(file), target));
}

/** The files of code that a text names, as it names them. */
export function namedFiles(text: string): string[] {
  const named = text.replace(FENCED, '').matchAll(/`([\w./-]+\.(?:ts|lua|yaml))`/g);
  return [...named].map((match) => match[1]!);
}

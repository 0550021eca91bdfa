/**
 * sources.ts – The files of this repository as text, with what they import and declare.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Made by tools, or kept as they came. */
const LEFT_OUT = ['.git', 'node_modules', 'dist', 'data', 'results'];

export interface Source {
  /** From the root of the repository: `src/redis/keys.ts`. */
  readonly file: string;
  readonly text: string;
}

export interface Import {
  /** As written, or for one of ours from the root of the repository. */
  readonly target: string;
  /** Gone when the program runs: `import type`, or a type that names a file. */
  readonly isType: boolean;
}

/** All files below a folder that end so. */
export function sourcesIn(folder: string, endings: readonly string[]): Source[] {
  return filesIn(folder)
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));
}

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => !LEFT_OUT.includes(name))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}

const STATEMENT = /^(?:import|export)\s+(type\s)?[^'";]*?\sfrom\s+'([^']+)'/gm;
const BARE = /^import\s+'([^']+)'/gm;
/** `await import('x')` runs it; `import('x').T` and `typeof import('x')` are types. */
const CALLED = /(typeof\s+|await\s+)?import\(\s*'([^']+)'\s*\)/g;

export function importsOf({ file, text }: Source): Import[] {
  const found = [
    ...[...text.matchAll(STATEMENT)].map(([, type, path]) => ({ path: path!, isType: !!type })),
    ...[...text.matchAll(BARE)].map(([, path]) => ({ path: path!, isType: false })),
    ...[...text.matchAll(CALLED)].map(([, word, path]) => ({
      path: path!,
      isType: word?.trim() !== 'await',
    })),
  ];
  return found.map(({ path, isType }) => ({
    target: path.startsWith('.') ? normalize(join(dirname(file), path)) : path,
    isType,
  }));
}

/** The interfaces, classes and types that a file declares at its top. */
export function typesOf({ text }: Source): string[] {
  const declared = /^(?:export\s+)?(?:abstract\s+)?(?:interface|class|type)\s+([A-Za-z_]\w*)/gm;
  return [...new Set([...text.matchAll(declared)].map(([, name]) => name!))];
}

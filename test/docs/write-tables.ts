/**
 * write-tables.ts – `npm run docs`: writes the tables of all READMEs as the code prints them now.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownFiles, ROOT } from './markdown.ts';
import { printTables } from './tables.ts';

for (const { path, text } of markdownFiles()) {
  const printed = await printTables(text);
  if (printed === text) continue;
  writeFileSync(join(ROOT, path), printed);
  console.log(`${path} was rewritten`);
}

/**
 * errors.test.ts – The table of errors holds what is raised: each code by some line of the sources.
 */
import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { sourcesIn } from '../style/sources.ts';

const sources = sourcesIn('src', ['.ts'])
  .filter(({ file }) => file !== 'src/errors.ts')
  .map(({ text }) => text.replace(/^\s*(?:\*|\/\/).*$/gm, ''))
  .join('\n');

describe.each(Object.keys(ERRORS) as ErrorCode[])('%s', (code) => {
  it('is raised somewhere', () => {
    // As an argument, a member or a choice: not where codes are listed, compared or made a type.
    expect(sources).toMatch(new RegExp(`(?:\\(|[a-z]: |[?:] |[^=!]= )\\s*'${code}'`));
  });
});

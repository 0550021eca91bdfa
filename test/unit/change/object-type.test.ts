/**
 * object-type.test.ts – Declarations as they are read, and what records are called by them.
 */
import { describe, expect, it } from 'vitest';
import {
  objectType,
  objectTypeDefinition,
  parseObjectType,
} from '../../../src/change/object-type.ts';
import { recordTitle } from '../../../src/change/record-title.ts';
import { Problem } from '../../../src/errors.ts';

const captioned = {
  attributes: {
    email: { type: 'string', label: 'E-mail', description: 'Where to write to' },
    spent: { type: 'number', format: 'currency' },
    tags: { type: 'list', of: 'string', label: 'Tags' },
  },
  relationships: {},
  label: 'Contacts',
  description: 'People we know',
  title_attribute: 'email',
};

function faultsOf(body: unknown): string[] {
  try {
    parseObjectType('contacts', body, new Map());
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.errors.map(({ path }) => path);
  }
}

describe('what pages show', () => {
  it('is kept and given back', () => {
    const definition = parseObjectType('contacts', captioned, new Map());
    expect(definition).toEqual(captioned);
    expect(objectTypeDefinition(objectType('contacts', 1, definition))).toEqual(captioned);
  });

  it('is left out where it is null or empty', () => {
    const plain = { attributes: { a: { type: 'string' } }, relationships: {} };
    const given = {
      attributes: { a: { type: 'string', label: '' } },
      description: null,
      title_attribute: null,
    };
    expect(parseObjectType('contacts', given, new Map())).toEqual(plain);
  });

  it('is refused with its pointer', () => {
    const attributes = { a: { type: 'string', label: 7 }, tags: { type: 'list', of: 'string' } };
    expect(faultsOf({ attributes, format: 'x'.repeat(65), title_attribute: 'tags' })).toEqual([
      '/attributes/a/label',
      '/format',
      '/title_attribute',
    ]);
    expect(faultsOf({ title_attribute: 'nothing' })).toEqual(['/title_attribute']);
  });
});

describe('the title of a record', () => {
  const attributes = {
    name: { type: 'string' },
    email: { type: 'string' },
    age: { type: 'number' },
  } as const;
  const plain = objectType('contacts', 1, { attributes, relationships: {} });
  const titled = objectType('contacts', 1, {
    attributes,
    relationships: {},
    title_attribute: 'age',
  });

  it.each([
    ['the title attribute', titled, { age: 0, name: 'Ada' }, '0'],
    ['a usual name without one', plain, { email: 'a@example.com' }, 'a@example.com'],
    ['a usual name where it has no value', titled, { name: 'Ada' }, 'Ada'],
    ['the id where nothing has a value', plain, { name: ' ' }, 'c-1'],
    [
      'cut off, and never within a character',
      plain,
      { name: `${'x'.repeat(199)}😀` },
      'x'.repeat(199),
    ],
  ])('is %s', (_, type, data, title) => {
    expect(recordTitle(type, 'c-1', data)).toBe(title);
  });
});

/**
 * seed-words.test.ts – What a seed would do, in words.
 */
import { describe, expect, it } from 'vitest';
import {
  changedText,
  entryName,
  sentencesOf,
} from '../../../src/console/pages/seeds/seed-words.ts';

const query = (field: string) => ({
  combinator: 'and',
  rules: [{ field, operator: '>', value: 30 }],
});
const AROUND = {
  types: [
    { name: 'contacts', attributes: { age: { type: 'number' as const } }, relationships: {} },
  ],
  segments: [],
  timeZone: 'UTC',
};

describe('a seed in words', () => {
  it('names each item by what it is', () => {
    expect(entryName({ object_type: 'segments', slug: 'big' })).toBe('the segment big');
    expect(entryName({ object_type: 'object_types', name: 'x' })).toBe('the object type x');
    expect(entryName({ object_type: 'contacts', id: 'c-1' })).toBe('contacts c-1');
    expect(entryName({ object_type: '' })).toBe('an item');
    expect(changedText(['title'])).toBe('title');
    expect(changedText(['title', 'object_type', 'query'])).toBe('title, object type and query');
  });

  it('says filters as they will be, of types that come with it too', () => {
    const items = [
      {
        object_type: 'segments',
        data: { slug: 'a', object_type: 'contacts', query: query('age') },
      },
      { slug: 'bare', title: 'Bare', object_type: 'dogs', query: query('weight') },
      {
        object_type: 'object_types',
        data: { name: 'dogs', attributes: { weight: { type: 'number' } } },
      },
    ];
    expect([...sentencesOf(items, AROUND)]).toEqual([
      ['a', 'Contacts whose age is more than 30'],
      ['bare', 'Dogs whose weight is more than 30'],
    ]);
  });

  it.each([
    [null],
    [7],
    [[]],
    [{ object_type: 'segments', data: { slug: 'x', object_type: 'unknown', query: {} } }],
    [{ object_type: 'segments', data: { slug: 'x', object_type: 'contacts', query: 7 } }],
    [{ object_type: 'segments', data: { slug: 'x', object_type: 'contacts', query: query('no') } }],
    [{ object_type: 'object_types', data: { name: 'y', attributes: 3, relationships: 4 } }],
  ])('stands anything that somebody drops: %j', (item) => {
    expect(() => sentencesOf([item], AROUND)).not.toThrow();
  });
});

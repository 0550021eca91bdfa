/**
 * cursor.test.ts – A cursor is read back as it was written, and nothing else passes for one.
 */
import { describe, expect, it } from 'vitest';
import { asOffset, packCursor, readCursor } from '../../src/cursor.ts';

const encoded = (text: string) => Buffer.from(text).toString('base64url');

describe('a cursor', () => {
  it.each([0, 12, Number.MAX_SAFE_INTEGER])('of the offset %s is read back', (offset) => {
    expect(readCursor(packCursor(offset), asOffset)).toBe(offset);
  });

  it.each([
    ['the empty text', ''],
    ['no base64url', '!!'],
    ['no JSON', encoded('{')],
    ['null', encoded('null')],
    ['a negative offset', encoded('-1')],
    ['a fraction', encoded('1.5')],
    ['a text', encoded('"1"')],
  ])('that is %s is refused', (_, cursor) => {
    expect(() => readCursor(cursor, asOffset)).toThrow(
      expect.objectContaining({ code: 'cursor_invalid' }),
    );
  });
});

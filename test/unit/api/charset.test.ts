import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Charset, charsetOf, inUtf8 } from '../../../src/api/charset.ts';

/** A text's bytes in chunks of that size, as UTF-8 again. */
async function through(bytes: Buffer, charset: Charset, size: number): Promise<string> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts: Buffer[] = [];
  for await (const part of inUtf8(chunks(), charset)) parts.push(part);
  return Buffer.concat(parts)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}

const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.startsWith('\ufeff'));
const little = (each: string) => Buffer.from(each, 'utf16le');
const big = (each: string) => Buffer.from(little(each)).swap16();

describe('a text in another encoding', () => {
  it.each<[string, Charset, (each: string) => Buffer]>([
    ['UTF-8', 'utf-8', (each) => Buffer.from(each)],
    ['UTF-16 without a mark', 'utf-16', little],
    ['UTF-16 with a mark, lower byte first', 'utf-16', (each) => little(`\ufeff${each}`)],
    ['UTF-16 with a mark, higher byte first', 'utf-16', (each) => big(`\ufeff${each}`)],
    ['UTF-16LE', 'utf-16le', little],
    ['UTF-16BE', 'utf-16be', big],
  ])('comes out as it was, wherever its bytes are cut: %s', async (_, charset, write) => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (given, size) => {
        expect(await through(write(given), charset, size)).toBe(given);
      }),
    );
  });

  it('has the characters of windows-1252 where latin1 has none', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const read = await through(all, 'windows-1252', 7);
    expect(read.slice(0x80, 0xa0)).toBe(
      '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ',
    );
    expect(read.slice(0, 0x80) + read.slice(0xa0)).toBe(
      all.toString('latin1').replace(/[\u0080-\u009f]/g, ''),
    );
  });

  it.each<[string, Buffer]>([
    ['half a character', Buffer.from([0x41])],
    ['half a pair', little('a\ud83d')],
    ['a pair that is none', little('\udc00a')],
  ])('that is not what it says is refused: %s', async (_, bytes) => {
    await expect(through(bytes, 'utf-16le', 2)).rejects.toMatchObject({ code: 'body_malformed' });
  });
});

describe('a charset', () => {
  it.each([
    [undefined, 'utf-8'],
    ['text/csv', 'utf-8'],
    ['text/csv;charset=UTF-8', 'utf-8'],
    ['text/csv; header=present; charset="latin1"', 'windows-1252'],
    ['text/csv; charset = utf-16', 'utf-16'],
  ])('of %j is %s', (type, charset) => {
    expect(charsetOf(type)).toBe(charset);
  });

  it.each(['text/csv; charset=""', 'text/csv; charset=utf-7', 'text/csv; charset=shift_jis'])(
    'is refused in %j',
    (type) => {
      expect(() => charsetOf(type)).toThrow(/is not read here/);
    },
  );
});

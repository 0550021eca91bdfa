/**
 * feed-cursors.test.ts – A cursor of a feed is read back as it was, and any other text is refused.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeedCursors } from '../../../src/feed/feed-cursors.ts';
import type { FeedPosition } from '../../../src/feed/feed-position.ts';

const PARTITIONS = 5;
const cursors = new FeedCursors('an install', PARTITIONS);

const position: fc.Arbitrary<FeedPosition | undefined> = fc.option(
  fc.record({
    ms: fc.oneof(fc.constant(0), fc.nat(9), fc.integer({ min: 1, max: 2 ** 45 })),
    number: fc.oneof(fc.nat(9), fc.integer({ min: 0, max: 2 ** 48 })),
    taken: fc.oneof(fc.constant(0), fc.nat(9), fc.nat(1_000_000)),
    epoch: fc.oneof(fc.constant(0), fc.nat(300)),
  }),
  { nil: undefined },
);
const positions = fc.array(position, { minLength: PARTITIONS, maxLength: PARTITIONS });

function refusal(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a cursor', () => {
  it('is read back as it was', () => {
    fc.assert(
      fc.property(positions, (given) => {
        // A commit that nobody has made has no events.
        const meant = given.map(
          (each) => each && (each.number === 0 ? { ...each, taken: 0 } : each),
        );
        expect(cursors.read(cursors.pack(meant))).toEqual(meant);
      }),
      { numRuns: 50 },
    );
  });

  it('is short', () => {
    const at = (n: number) => ({ ms: 1_800_000_000_000 - n * 997, number: 80_000 + n });
    const all = Array.from({ length: 16 }, (_, n) => ({ ...at(n), taken: 0, epoch: 0 }));
    expect(new FeedCursors('an install', 16).pack(all).length).toBeLessThan(150);
  });

  it('is refused if one bit of it is another, or some of it is missing or too much', () => {
    const mark = { ms: 1_800_000_000_000, number: 7, taken: 3, epoch: 1 };
    const text = cursors.pack([mark, undefined, mark, { ...mark, epoch: 0 }, undefined]);
    const bytes = Buffer.from(text, 'base64url');
    const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const forged = Buffer.from(bytes);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      return forged;
    });
    const cut = Array.from(bytes, (_, length) => bytes.subarray(0, length));
    const all = [...flipped, ...cut, Buffer.concat([bytes, bytes])];
    const read = all.map((each) => refusal(() => cursors.read(each.toString('base64url'))));
    expect(new Set(read)).toEqual(new Set(['cursor_invalid']));
  });

  it('is refused by another installation', () => {
    const text = cursors.pack(Array(PARTITIONS).fill(undefined));
    const other = new FeedCursors('another install', PARTITIONS);
    expect(refusal(() => other.read(text))).toBe('cursor_invalid');
  });

  it.each(['', 'oldest ', 'null', '[]', '💥', 'A'.repeat(20_000)])('is not %j', (text) => {
    expect(refusal(() => cursors.read(text))).toBe('cursor_invalid');
  });
});

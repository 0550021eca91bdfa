import fc from 'fast-check';
import { Command } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type WireArgument, wireOf } from '../../../src/redis/wire.ts';

/** What the client library sends for the same command. */
function byLibrary([name, ...given]: readonly WireArgument[]): Buffer {
  const command = new Command(String(name), [...given]);
  command.stringifyArguments();
  return Buffer.from(command.toWritable({}));
}

const argument = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ maxLength: 2000 }),
  fc.nat({ max: 2 ** 53 - 1 }),
  // Of larger whole numbers the library writes all digits; they read back alike.
  fc.double({ noNaN: true }).filter((it) => !Number.isInteger(it) || Number.isSafeInteger(it)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

describe('wireOf', () => {
  it('writes what the client library would send', () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 40 }), (given) => {
        expect(wireOf(['evalsha'], given).equals(byLibrary(['evalsha', ...given]))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('grows where texts take more bytes than they have letters', () => {
    const given = Array.from({ length: 300 }, (_, at) => '\u{1F600}é€'.repeat(1 + (at % 50)));
    expect(wireOf(['set'], given).equals(byLibrary(['set', ...given]))).toBe(true);
  });

  it('writes lone surrogates as the replacement character', () => {
    const given = ['\ud800', `${'a'.repeat(40)}\udc00`];
    expect(wireOf(['set'], given).equals(byLibrary(['set', ...given]))).toBe(true);
  });
});

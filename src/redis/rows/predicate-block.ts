/**
 * predicate-block.ts – The packed form of one block of the predicates that hold of a record.
 *
 * Keeps true: `unpack(pack(x))` is x, and of two forms the shorter one is written. Few ids are
 * written as the gaps between them, in base-32 digits, low digit first. Many are written as
 * `~` and six bits a character. Each character is a printable one-byte sign, and none is a comma or
 * a blank: so a row stays a one-byte string in V8, on the wire and in Redis.
 */
import { assert } from '../../errors.ts';
import { BLOCK_IDS_MAX, type Block, predicateIds } from '../../query/network/predicate-ids.ts';

/** Characters '0'…'O' end a gap, 'P'…'o' carry on; of bits, '0'…'o' are all six. */
const FIRST_CHARACTER = 48;
const CARRY = 32;
const BITS = '~';
const BITS_A_CHARACTER = 6;

/** A gap within a block takes two digits at most. */
const scratch = Buffer.alloc(2 * BLOCK_IDS_MAX);

export function packBlock({ words }: Block): string {
  const length = packGaps(words);
  const bits = BITS.length + Math.ceil(lengthInBits(words) / BITS_A_CHARACTER);
  return length > bits ? packBits(words, bits) : scratch.toString('latin1', 0, length);
}

/** Into `scratch`. @returns how many characters it takes */
function packGaps(words: readonly number[]): number {
  let length = 0;
  let previous = -1;
  for (let at = 0; at < words.length; at++) {
    // Each turn takes the lowest bit. No list of ids is made: this runs for each row of a commit.
    for (let rest = words[at]!; rest !== 0; rest &= rest - 1) {
      const bit = (at << 5) + 31 - Math.clz32(rest & -rest);
      let gap = bit - previous - 1;
      previous = bit;
      if (gap >= CARRY) {
        scratch[length++] = FIRST_CHARACTER + CARRY + (gap & (CARRY - 1));
        gap >>>= 5;
      }
      scratch[length++] = FIRST_CHARACTER + gap;
    }
  }
  return length;
}

/** Up to the last bit that is set. Caller: the last word is not empty. */
function lengthInBits(words: readonly number[]): number {
  return 32 * words.length - Math.clz32(words.at(-1)!);
}

function packBits(words: readonly number[], length: number): string {
  scratch.write(BITS, 'latin1');
  for (let at = BITS.length, bit = 0; at < length; at++, bit += BITS_A_CHARACTER) {
    const low = words[bit >>> 5]! >>> (bit & 31);
    // What of the six bits lies in the next word; a shift by 32 would be one by 0.
    const high = (bit & 31) > 26 ? (words[(bit >>> 5) + 1] ?? 0) << (32 - (bit & 31)) : 0;
    scratch[at] = FIRST_CHARACTER + ((low | high) & 63);
  }
  return scratch.toString('latin1', 0, length);
}

/** @throws Error if something else was written there. */
export function unpackBlock(number: number, packed: string): Block {
  const first = number * BLOCK_IDS_MAX;
  const ids = packed.startsWith(BITS) ? idsOfBits(packed, first) : idsOfGaps(packed, first);
  const { blocks } = predicateIds(ids);
  const isOne = blocks.length === 1 && blocks[0]!.number === number;
  assert(isOne, `what is packed as block ${number} is another one, or none`);
  return blocks[0]!;
}

function idsOfGaps(packed: string, first: number): number[] {
  const ids: number[] = [];
  let previous = first - 1;
  let gap = 0;
  let shift = 0;
  for (let at = 0; at < packed.length; at++) {
    const digit = digitAt(packed, at);
    gap |= (digit & (CARRY - 1)) << shift;
    shift += 5;
    if (digit >= CARRY) continue;
    ids.push((previous += gap + 1));
    gap = 0;
    shift = 0;
  }
  assert(shift === 0, 'a packed block ends within a number');
  return ids;
}

function idsOfBits(packed: string, first: number): number[] {
  const ids: number[] = [];
  for (let at = BITS.length; at < packed.length; at++) {
    const digit = digitAt(packed, at);
    for (let bit = 0; bit < BITS_A_CHARACTER; bit++)
      if ((digit >>> bit) & 1) ids.push(first + (at - BITS.length) * BITS_A_CHARACTER + bit);
  }
  return ids;
}

function digitAt(packed: string, at: number): number {
  const digit = packed.charCodeAt(at) - FIRST_CHARACTER;
  if (!(digit >= 0 && digit < 2 * CARRY))
    assert(false, `a packed block holds the character '${packed[at]}'`);
  return digit;
}

/**
 * predicate-ids.ts – The packed form of the ids of the predicates that hold of one record.
 *
 * Keeps true: `unpack(pack(x))` is x. Packed are the gaps between neighbours as base-32 digits, low
 * digit first, each one printable ASCII character. So a row stays a one-byte string in V8, on the
 * wire and in Redis. With one segment in four holding, a membership costs about one byte.
 */
import { assert } from '../../errors.ts';
import type { PredicateIds } from '../../membership/predicate-ids.ts';

const NO_PREDICATE_IDS: PredicateIds = new Int32Array(0);

/** Characters '0'…'O' end a number, 'P'…'o' carry on. */
const FIRST_CHARACTER = 48;
const CARRY = 32;

/**
 * Where a row is packed before it becomes a string: grows to the longest one, and holds nothing
 * between two calls.
 */
let scratch = Buffer.alloc(1024);

/** A gap below 2^31 takes this many digits. */
const DIGITS_MAX = 7;

/**
 * Packs what `isKept` of the held predicate ids: those that were retired since fall away whenever a
 * row is written.
 */
export function packPredicateIds(
  held: PredicateIds,
  isKept: (predicateId: number) => boolean,
): string {
  if (scratch.length < held.length * DIGITS_MAX)
    scratch = Buffer.alloc(held.length * DIGITS_MAX * 2);
  let length = 0;
  let previous = -1;
  for (let i = 0; i < held.length; i++) {
    const predicateId = held[i]!;
    if (!isKept(predicateId)) continue;
    let gap = predicateId - previous - 1;
    previous = predicateId;
    while (gap >= CARRY) {
      scratch[length++] = FIRST_CHARACTER + CARRY + (gap & (CARRY - 1));
      gap >>>= 5;
    }
    scratch[length++] = FIRST_CHARACTER + gap;
  }
  return scratch.toString('latin1', 0, length);
}

export function unpackPredicateIds(packed: string): PredicateIds {
  if (packed === '') return NO_PREDICATE_IDS;
  const result = new Int32Array(packed.length);
  let length = 0;
  let previous = -1;
  let gap = 0;
  let shift = 0;
  for (let i = 0; i < packed.length; i++) {
    const digit = packed.charCodeAt(i) - FIRST_CHARACTER;
    assert(digit >= 0 && digit < 2 * CARRY, `a packed row holds the character ${packed[i]}`);
    gap |= (digit & (CARRY - 1)) << shift;
    shift += 5;
    if (digit >= CARRY) continue;
    previous += gap + 1;
    result[length++] = previous;
    gap = 0;
    shift = 0;
  }
  assert(shift === 0, 'a packed row ends within a number');
  return result.slice(0, length);
}

/**
 * weigh.ts – What fields of a hash weigh, so that no more of them are read at once than can be
 * held.
 *
 * Keeps true: a part weighs at most its bound, or is one item alone; a field that grew between its
 * weighing and its reading adds no more than one record can.
 */
import type { Redis } from 'ioredis';
import { runScript } from './scripts.ts';

/**
 * JSON of empty objects takes twelve times its bytes when it is parsed: a part of these is 6 MB.
 */
export const PART_BYTES_MAX = 512 * 1024;

/**
 * The bytes of some fields, in their order; 0 for one that is not there. Caller: not more than a
 * few hundred.
 */
export function weighFields(
  redis: Redis,
  key: string,
  fields: readonly string[],
): Promise<number[]> {
  return runScript<number[]>(redis, 'weighFields', [key], fields);
}

/**
 * Cuts a list so that no part weighs more than the bound, but for one that is a single heavy item.
 */
export function* partsOf<T>(
  items: readonly T[],
  weights: readonly number[],
  most = PART_BYTES_MAX,
): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const [at, item] of items.entries()) {
    const weight = weights[at] ?? 0;
    if (part.length > 0 && bytes + weight > most) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(item);
    bytes += weight;
  }
  if (part.length > 0) yield part;
}

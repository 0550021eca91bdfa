/**
 * weigh.ts – Weighs fields of a hash, so that no more of them are read at once than can be held.
 *
 * Keeps true: a field that grew between its weighing and its reading adds no more than one record
 * can.
 */
import type { Redis } from 'ioredis';
import { runScript } from './scripts.ts';

/**
 * The bytes of some fields, in their order; 0 for one that is not there. Caller: not more than a
 * few hundred.
 */
export function weighFields(
  redis: Redis,
  key: string,
  fields: readonly string[],
): Promise<number[]> {
  return runScript(redis, 'weighFields', { hash: key }, {}, { arguments: fields });
}

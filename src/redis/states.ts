/**
 * states.ts – Reads the states of some records of a partition, alone or within a transaction.
 *
 * Keeps true: a state is read as a whole, at one instant, however many blocks it has.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import type { PartitionKeys } from './keys.ts';
import { addScript, runScript } from './scripts.ts';

/** One text each, as rows/state-row.ts reads it; null: there is none. */
export function readStates(
  redis: Redis,
  keys: PartitionKeys,
  objectType: string,
  ids: readonly string[],
): Promise<(string | null)[]> {
  const named = { heads: keys.state(objectType), blocks: keys.blocks(objectType) };
  return runScript(redis, 'readStates', named, {}, { arguments: ids });
}

/** The transaction answers with the same. */
export function addStates(
  transaction: ChainableCommander,
  keys: PartitionKeys,
  objectType: string,
  ids: readonly string[],
): void {
  const named = [keys.state(objectType), keys.blocks(objectType)];
  addScript(transaction, 'readStates', named, ids);
}

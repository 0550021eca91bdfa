/**
 * by-partition.ts – Asks each partition once about those of some ids that live in it.
 *
 * Keeps true: the answers come in the order of the ids. An id is asked for once however often it is
 * named, and all partitions are asked at the same time.
 */
import { partitionOf } from '../change/partition.ts';
import { pushTo } from '../multimap.ts';
import type { PartitionKeys } from './keys.ts';

/** `ask` answers for the ids of one partition, in their order. */
export async function askByPartition<T>(
  partitions: readonly PartitionKeys[],
  ids: readonly string[],
  ask: (keys: PartitionKeys, some: readonly string[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const answers = new Map<string, T>();
  const askOne = async ([keys, some]: [PartitionKeys, string[]]) => {
    const replies = await ask(keys, some);
    for (const [at, id] of some.entries()) answers.set(id, replies[at]!);
  };
  await Promise.all([...idsByPartition(partitions, ids)].map(askOne));
  return ids.map((id) => answers.get(id)!);
}

function idsByPartition(
  partitions: readonly PartitionKeys[],
  ids: readonly string[],
): Map<PartitionKeys, string[]> {
  const byPartition = new Map<PartitionKeys, string[]>();
  for (const id of new Set(ids)) {
    const keys = partitions[partitionOf(id, partitions.length)]!;
    pushTo(byPartition, keys, id);
  }
  return byPartition;
}

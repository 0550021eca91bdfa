/**
 * partition-status.ts – Reads the status of a partition, by one script.
 *
 * Keeps true: the status and its counts are of one instant.
 */
import type { Redis } from 'ioredis';
import type { PartitionStatus } from '../membership/partition-status.ts';
import type { Failure } from '../query/failure.ts';
import type { PartitionKeys } from './keys.ts';
import { pairs } from './pairs.ts';
import { runScript } from './scripts.ts';

/** One round trip. */
export async function readPartitionStatus(
  redis: Redis,
  keys: PartitionKeys,
  predicateIds: readonly number[],
): Promise<PartitionStatus> {
  const more = { arguments: predicateIds };
  const answer = await runScript(redis, 'readPartition', keys, {}, more);
  const { install: _, dueMs, sent, delivered, fanning, loss, failed, counts, ...position } = answer;
  return {
    ...position,
    dueMs: dueMs === '' ? undefined : Number(dueMs),
    sent: Object.fromEntries(pairs(sent)),
    delivered: Object.fromEntries(pairs(delivered)),
    fanning: fanning === 0 ? undefined : fanning,
    loss: loss === '' ? undefined : loss,
    failed: readFailed(failed),
    counts: counts.map((count) => (count === '' ? null : Number(count))),
  };
}

function readFailed(failed: readonly string[]): Map<number, Failure> {
  return new Map(
    [...pairs(failed)].map(([predicateId, packed]) => [
      Number(predicateId),
      JSON.parse(packed) as Failure,
    ]),
  );
}

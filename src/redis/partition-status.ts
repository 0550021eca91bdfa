/**
 * partition-status.ts – Looks at a partition, by one script.
 *
 * Keeps true: what one look brings is of one instant.
 */
import type { Redis } from 'ioredis';
import type { Count, Look, LookRequest } from '../membership/partition-status.ts';
import type { PartitionKeys } from './keys.ts';
import { COUNTED_RING } from './rows/counted.ts';
import { readFailed } from './rows/failed.ts';
import { runScript } from './scripts.ts';

/** One round trip. `partitions`: how many there are. */
export async function lookAtPartition(
  redis: Redis,
  keys: PartitionKeys,
  partitions: number,
  { channels, counted, since, failures }: LookRequest,
): Promise<Look> {
  const given = {
    partitions: channels ? partitions : 0,
    failures,
    sinceNumber: since?.number ?? '',
    sinceNonce: since?.nonce ?? '',
    ring: COUNTED_RING,
  };
  const answer = await runScript(redis, 'readPartition', keys, given, { arguments: counted });
  const { dueMs, sent, delivered, fanning, loss, failed, counts, ...rest } = answer;
  return {
    ...rest,
    dueMs: dueMs === '' ? undefined : Number(dueMs),
    sent: sent.split(','),
    delivered: delivered.split(','),
    fanning: fanning === 0 ? undefined : fanning,
    loss: loss === '' ? undefined : loss,
    failed: answer.failures === failures ? undefined : readFailed(failed),
    changed: answer.since === 'known' ? readChanged(answer.changed) : undefined,
    counts: counts.map(readCount),
  };
}

function readChanged(flat: readonly string[]): Map<number, Count> {
  const changed = new Map<number, Count>();
  for (let at = 0; at + 1 < flat.length; at += 2)
    changed.set(Number(flat[at]), readCount(flat[at + 1]!));
  return changed;
}

function readCount(stored: string): Count {
  return stored === '' ? null : Number(stored);
}

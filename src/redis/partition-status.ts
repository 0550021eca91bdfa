/**
 * partition-status.ts – Reads where a partition stands, by one script.
 *
 * Keeps true: the status and its counts are of one instant.
 */
import type { Redis } from 'ioredis';
import type { PartitionStatus } from '../membership/partition-status.ts';
import type { Failure } from '../query/failure.ts';
import type { PartitionKeys } from './keys.ts';
import { runScript } from './scripts.ts';

type Traffic = Pick<PartitionStatus, 'sent' | 'delivered' | 'fanning' | 'loss'> & {
  readonly failed?: Readonly<Record<string, string>>;
};

/** One round trip. */
export async function readPartitionStatus(
  redis: Redis,
  keys: PartitionKeys,
  predicateIds: readonly number[],
): Promise<PartitionStatus> {
  const named = [keys.meta, keys.log, keys.inbox, keys.counts, keys.delivered, keys.due];
  const answer = await runScript<string[]>(redis, 'readPartition', named, predicateIds);
  const [
    ,
    number,
    position,
    end,
    inboxPosition,
    inboxEnd,
    clock,
    catalogVersion,
    server,
    traffic,
    due,
    ...counts
  ] = answer;
  const { sent, delivered, fanning, loss, failed } = JSON.parse(traffic!) as Traffic;
  return {
    number: Number(number),
    position: position!,
    end: end!,
    inboxPosition: inboxPosition!,
    inboxEnd: inboxEnd!,
    clockMs: Number(clock),
    serverMs: Number(server),
    dueMs: due === '' ? undefined : Number(due),
    catalogVersion: Number(catalogVersion),
    sent,
    delivered,
    fanning,
    loss,
    failed: readFailed(failed),
    counts: counts.map((count) => (count === '' ? null : Number(count))),
  };
}

function readFailed(failed: Traffic['failed'] = {}): Map<number, Failure> {
  return new Map(
    Object.entries(failed).map(([predicateId, packed]) => [
      Number(predicateId),
      JSON.parse(packed) as Failure,
    ]),
  );
}

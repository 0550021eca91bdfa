/**
 * strong-read.ts – The wait of strong reads (partition-status.ts) over a simulated deployment that
 * goes on meanwhile.
 *
 * Keeps true: a partition answers from one instant, as read-partition.lua does; before each answer
 * some of what waits is done.
 */
import {
  type Loss,
  type PartitionStatus,
  partitionsOf,
  waitForWatermark,
} from '../../src/membership/partition-status.ts';
import type { Failure } from '../../src/query/failure.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Cluster } from './cluster.ts';

const TIMEOUT_MS = 20_000;
const STEPS_BETWEEN_MAX = 6;

/**
 * Caller: everything is acknowledged. @returns the standings from which a strong read would answer.
 */
export async function strongRead(
  cluster: Cluster,
  choose: Choose,
  predicateIds: readonly number[],
  rounds: number,
  isTimed: boolean,
): Promise<readonly PartitionStatus[]> {
  let last = Promise.resolve();
  const status = async (partition: number, asked: readonly number[]): Promise<PartitionStatus> => {
    const before = last;
    let done: () => void = () => {};
    last = new Promise((resolve) => {
      done = resolve;
    });
    await before; // one after the other: the deployment does one thing at a time
    for (let steps = choose(STEPS_BETWEEN_MAX); steps > 0; steps--) await cluster.workOff();
    const answer = statusOf(cluster, partition, asked);
    done();
    return answer;
  };
  const store = { partitions: cluster.keys.partitions.length, status };
  const statuses = await waitForWatermark(store, partitionsOf(store), predicateIds, {
    timeoutMs: TIMEOUT_MS,
    rounds,
    isTimed,
  });
  if (!statuses) throw new Error('a strong read has timed out');
  return statuses;
}

function statusOf(
  { store, keys, nowMs }: Cluster,
  partition: number,
  predicateIds: readonly number[],
): PartitionStatus {
  const own = keys.partitions[partition]!;
  const meta = store.hash(own.meta);
  const sent: Record<string, string> = {};
  const delivered: Record<string, string> = {};
  const begun: number[] = [];
  const failed = new Map<number, Failure>();
  let loss: Loss | undefined;
  for (const [field, value] of meta) {
    if (field.startsWith('resync')) loss = 'resynchronizing';
    if (field.startsWith('failed:'))
      failed.set(Number(field.slice('failed:'.length)), JSON.parse(value) as Failure);
    if (field.startsWith('sent:')) sent[field.slice('sent:'.length)] = value;
    if (field.startsWith('fanout:')) begun.push((JSON.parse(value) as { since: number }).since);
  }
  for (const [source, value] of store.hash(own.delivered)) {
    if (/^p\d+$/.test(source)) delivered[source.slice(1)] = value;
  }
  const due = [...store.sorted(own.due).values()];
  const counts = store.hash(own.counts);
  return {
    number: Number(meta.get('number') ?? 0),
    position: meta.get('log') ?? '0-0',
    end: store.lastEntry(own.log),
    inboxPosition: meta.get('inbox') ?? '0-0',
    inboxEnd: store.lastEntry(own.inbox),
    clockMs: Number(meta.get('clock') ?? 0),
    serverMs: nowMs,
    dueMs: due.length === 0 ? undefined : Math.min(...due),
    catalogVersion: Number(meta.get('catalog') ?? 0),
    sent,
    delivered,
    fanning: begun.length > 0 ? Math.min(...begun) : undefined,
    loss,
    failed,
    counts: predicateIds.map((id) => {
      const count = counts.get(String(id));
      return count === undefined ? null : Number(count);
    }),
  };
}

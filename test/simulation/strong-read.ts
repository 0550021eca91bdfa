/**
 * strong-read.ts – The wait of strong reads (watermark.ts) over a simulated deployment that
 * goes on meanwhile.
 *
 * Keeps true: a partition answers from one instant, as read-partition.lua does; before each answer
 * some of what waits is done.
 */
import type { ChannelPosition } from '../../src/membership/channel-position.ts';
import { type PartitionStatus, partitionsOf } from '../../src/membership/partition-status.ts';
import { waitForWatermark } from '../../src/membership/watermark.ts';
import { packChannelPosition } from '../../src/redis/rows/channel-position.ts';
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
  { stores, nowMs }: Cluster,
  partition: number,
  predicateIds: readonly number[],
): PartitionStatus {
  const { content } = stores[partition]!;
  const { sent, delivered, fanouts, resending, receiving, timers, counts } = content;
  const fanning = [...fanouts.values()].map(({ since }) => since);
  const due = [...timers.values()].map(({ dueMs }) => dueMs);
  return {
    number: content.number,
    position: content.position.entry,
    end: content.log.last,
    inboxPosition: content.inboxPosition,
    inboxEnd: content.inbox.last,
    clockMs: content.clockMs,
    serverMs: nowMs,
    dueMs: due.length === 0 ? undefined : Math.min(...due),
    catalogVersion: content.catalogVersion,
    sent: packed(sent),
    delivered: packed(delivered),
    fanning: fanning.length > 0 ? Math.min(...fanning) : undefined,
    loss: resending.size + receiving.size > 0 ? 'resynchronizing' : undefined,
    failed: new Map(content.failed),
    counts: predicateIds.map((id) => counts.get(id) ?? null),
  };
}

function packed(
  positions: ReadonlyMap<number | 'writer', ChannelPosition>,
): Record<string, string> {
  const others = [...positions].filter(([other]) => other !== 'writer');
  return Object.fromEntries(
    others.map(([other, position]) => [other, packChannelPosition(position)]),
  );
}

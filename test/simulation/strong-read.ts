/**
 * strong-read.ts – The wait of strong reads (watermark.ts) over a simulated deployment that
 * goes on meanwhile.
 *
 * Keeps true: a partition answers from one instant, as read-partition.lua does; before each answer
 * some of what waits is done.
 */
import { CommitNews } from '../../src/membership/commit-news.ts';
import { Looks } from '../../src/membership/looks.ts';
import {
  type Look,
  type LookRequest,
  type PartitionStatus,
  partitionsOf,
} from '../../src/membership/partition-status.ts';
import { waitForWatermark } from '../../src/membership/watermark.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Cluster } from './cluster.ts';
import { statusStoreOf } from './memory-looks.ts';

const TIMEOUT_MS = 20_000;
const STEPS_BETWEEN_MAX = 6;

/** What a read waits for is done before its next look: it looks again at once. */
class NoNews extends CommitNews {
  override async next(): Promise<void> {}
}

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
  const stored = statusStoreOf(cluster.stores, () => cluster.nowMs);
  let last = Promise.resolve();
  const look = async (partition: number, request: LookRequest): Promise<Look> => {
    const before = last;
    let done: () => void = () => {};
    last = new Promise((resolve) => {
      done = resolve;
    });
    await before; // one after the other: the deployment does one thing at a time
    for (let steps = choose(STEPS_BETWEEN_MAX); steps > 0; steps--) await cluster.workOff();
    const answer = await stored.look(partition, request);
    done();
    return answer;
  };
  const store = { partitions: stored.partitions, look };
  const watch = { looks: new Looks(store), news: new NoNews() };
  const statuses = await waitForWatermark(watch, partitionsOf(store), predicateIds, {
    timeoutMs: TIMEOUT_MS,
    rounds,
    isTimed,
  });
  if (!statuses) throw new Error('a strong read has timed out');
  return statuses;
}

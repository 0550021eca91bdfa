/**
 * strong-read.ts – The wait of strong reads (partition-status.ts) over a simulated deployment that
 * goes on meanwhile.
 *
 * Keeps true: a partition answers from one instant, as read-partition.lua does; before each answer
 * some of what waits is done.
 */
import type { Redis } from 'ioredis';
import { type PartitionStatus, waitForWatermark } from '../../src/membership/partition-status.ts';
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
  const answerNext = async ([, ...given]: readonly (string | number)[]): Promise<string[]> => {
    const before = last;
    let done: () => void = () => {};
    last = new Promise((resolve) => {
      done = resolve;
    });
    await before; // one after the other: the deployment does one thing at a time
    for (let steps = choose(STEPS_BETWEEN_MAX); steps > 0; steps--) await cluster.workOff();
    const answer = readPartition(cluster, given.map(String));
    done();
    return answer;
  };
  const redis = { readPartition: answerNext } as unknown as Redis;
  const statuses = await waitForWatermark(redis, cluster.keys.partitions, predicateIds, {
    timeoutMs: TIMEOUT_MS,
    rounds,
    isTimed,
  });
  if (!statuses) throw new Error('a strong read has timed out');
  return statuses;
}

function readPartition({ store, nowMs }: Cluster, given: readonly string[]): string[] {
  const [metaKey, log, inbox, countsKey, deliveredKey, dueKey, ...predicateIds] =
    given as readonly [string, string, string, string, string, string, ...string[]];
  const meta = store.hash(metaKey);
  const [sent, delivered]: Record<string, string>[] = [{}, {}];
  const begun: number[] = [];
  const failed: Record<string, string> = {};
  let loss: string | undefined;
  for (const [field, value] of meta) {
    if (field.startsWith('resync')) loss = 'resynchronizing';
    if (field.startsWith('failed:')) failed[field.slice('failed:'.length)] = value;
    if (field.startsWith('sent:')) sent![field.slice('sent:'.length)] = value;
    if (field.startsWith('fanout:')) begun.push((JSON.parse(value) as { since: number }).since);
  }
  for (const [source, value] of store.hash(deliveredKey)) {
    if (/^p\d+$/.test(source)) delivered![source.slice(1)] = value;
  }
  const traffic = JSON.stringify({
    sent,
    delivered,
    loss,
    failed,
    ...(begun.length > 0 ? { fanning: Math.min(...begun) } : {}),
  });
  const field = (name: string, otherwise: string) => meta.get(name) ?? otherwise;
  const where = [
    field('log', '0-0'),
    store.lastEntry(log),
    field('inbox', '0-0'),
    store.lastEntry(inbox),
  ];
  const clocks = [field('clock', '0'), field('catalog', '0'), String(nowMs)];
  const due = [...store.sorted(dueKey).values()];
  const firstDue = due.length === 0 ? '' : String(Math.min(...due));
  const counts = predicateIds.map((predicateId) => store.hash(countsKey).get(predicateId) ?? '');
  return ['', field('number', '0'), ...where, ...clocks, traffic, firstDue, ...counts];
}

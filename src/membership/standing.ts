/**
 * standing.ts – Where partitions stand, and the wait of strong reads until they have caught up.
 *
 * Keeps true: a standing and its counts are from one instant of one script. `caughtUp` answers, for each partition, from an
 * instant at which all was applied that was in its log when the read began; so everything acknowledged before is in it.
 */
import type { Redis } from 'ioredis';
import type { PartitionKeys } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';

export interface Standing {
  /** The commit number. */
  readonly number: number;
  /** The last entry of the log that is applied as a whole, and the last one that there is. */
  readonly position: string;
  readonly end: string;
  readonly inboxPosition: string;
  readonly inboxEnd: string;
  readonly clockMs: number;
  readonly catalogVersion: number;
  /** Members per ordinal that was asked for; null while the partition does not answer for it. */
  readonly counts: readonly (number | null)[];
}

/** One round trip. */
export async function readStanding(redis: Redis, keys: PartitionKeys, ordinals: readonly number[]): Promise<Standing> {
  const answer = await runScript<string[]>(
    redis,
    'readPartition',
    [keys.meta, keys.log, keys.inbox, keys.counts],
    ordinals,
  );
  const [, number, position, end, inboxPosition, inboxEnd, clock, catalogVersion, , ...counts] = answer;
  return {
    number: Number(number),
    position: position!,
    end: end!,
    inboxPosition: inboxPosition!,
    inboxEnd: inboxEnd!,
    clockMs: Number(clock),
    catalogVersion: Number(catalogVersion),
    counts: counts.map((count) => (count === '' ? null : Number(count))),
  };
}

const POLL_FIRST_MS = 1;
const POLL_MAX_MS = 16;

/**
 * Reads each partition at an instant at which it had applied all that was in its log when the read began.
 * @returns undefined if that takes longer than `timeoutMs`.
 */
export async function caughtUp(
  redis: Redis,
  partitions: readonly PartitionKeys[],
  ordinals: readonly number[],
  timeoutMs: number,
): Promise<Standing[] | undefined> {
  const deadlineMs = Date.now() + timeoutMs;
  const standings = await Promise.all(partitions.map((keys) => readStanding(redis, keys, ordinals)));
  const ends = standings.map(({ end, inboxEnd }) => ({ end, inboxEnd }));
  let behind = standings.flatMap((standing, at) => (isBehind(standing, ends[at]!) ? [at] : []));
  let waitMs = POLL_FIRST_MS;
  while (behind.length > 0) {
    if (Date.now() >= deadlineMs) return undefined;
    await sleep(Math.min(waitMs, Math.max(1, deadlineMs - Date.now())));
    waitMs = Math.min(waitMs * 2, POLL_MAX_MS);
    const again = await Promise.all(behind.map((at) => readStanding(redis, partitions[at]!, ordinals)));
    behind.forEach((at, i) => {
      standings[at] = again[i]!;
    });
    behind = behind.filter((at) => isBehind(standings[at]!, ends[at]!));
  }
  return standings;
}

function isBehind(
  { position, inboxPosition }: Standing,
  { end, inboxEnd }: Pick<Standing, 'end' | 'inboxEnd'>,
): boolean {
  return compareEntries(position, end) < 0 || compareEntries(inboxPosition, inboxEnd) < 0;
}

/** Orders stream ids: milliseconds, then sequence. */
export function compareEntries(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSequence) - Number(bSequence);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

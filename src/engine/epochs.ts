/**
 * epochs.ts – The epoch in which an owner of a partition sends to each other partition, and whether
 * one of the two ends has lost what the other remembers.
 *
 * Keeps true: each take-over begins a new epoch at every target before anything is committed or
 * sent, so that nothing that an owner before still has under way – committed or lost in a fail-over
 * – can pass for a message of this one. An epoch is never used twice, not even when both ends have
 * forgotten it.
 */
import type { Redis } from 'ioredis';
import { CHANNEL_START, type ChannelPosition } from '../membership/channel-position.ts';
import { isUnanswered } from '../redis/failures.ts';
import { type Keys, sourceName } from '../redis/keys.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { runScript } from '../redis/scripts.ts';

/** What an owner finds at one target when it takes its partition over. */
export interface Finding {
  readonly sent: ChannelPosition;
  readonly delivered: ChannelPosition;
  /** The first sequence that the outbox holds; undefined: it is empty. */
  readonly outboxFirst: number | undefined;
  /** A resynchronization was begun and has not ended. */
  readonly isResynchronizing: boolean;
}

/** How an owner goes on towards one target. */
export interface Channel {
  readonly epoch: number;
  /** The last sequence that is used; the next message is one more. */
  readonly sequence: number;
  /** All up to here was delivered, or is made good by a resynchronization. */
  readonly base: number;
  /** One end has forgotten what the other remembers: all state is sent anew. */
  readonly isLost: boolean;
}

/** Caller: `epoch` has been begun at the target. */
export function channelAfter(
  { sent, delivered, outboxFirst, isResynchronizing }: Finding,
  epoch: number,
): Channel {
  const isSourceBehind = delivered.sequence > sent.sequence;
  const next = delivered.sequence + 1;
  const isTargetBehind =
    delivered.sequence < sent.sequence && (outboxFirst === undefined || outboxFirst > next);
  const isLost = isSourceBehind || isTargetBehind || isResynchronizing || delivered.sequence < 0;
  const sequence = Math.max(sent.sequence, delivered.sequence, 0);
  return { epoch, sequence, base: isLost ? sequence : 0, isLost };
}

const EPOCHS_A_MS = 1024;

/**
 * Times and random bits in 53: no two take-overs share one, and a later one is larger unless it
 * comes within a millisecond.
 */
export function freshEpoch(nowMs = Date.now()): number {
  return nowMs * EPOCHS_A_MS + Math.floor(Math.random() * EPOCHS_A_MS);
}

function newEpoch({ sent, delivered }: Pick<Finding, 'sent' | 'delivered'>, fresh: number): number {
  return Math.max(fresh, sent.epoch + 1, delivered.epoch + 1);
}

const ATTEMPTS_MAX = 20;

/**
 * Begins an epoch at every target. `sent` and `resynchronizing` are what the partition's meta says
 * at its take-over; `fresh` answers a number that is larger than any that it, or that of another
 * owner, has answered before.
 * Caller: checks afterwards that it still holds the partition as it was, and only then sends or
 * commits.
 * @throws Error if others keep on doing the same; what `isUnanswered` knows if Redis does not
 *   answer, or refuses to write.
 */
export async function beginEpochs(
  redis: Redis,
  keys: Keys,
  partition: number,
  sent: ReadonlyMap<number, ChannelPosition>,
  resynchronizing: ReadonlySet<number>,
  fresh: () => number = freshEpoch,
): Promise<Map<number, Channel>> {
  const channels = new Map<number, Channel>();
  await Promise.all(
    keys.partitions.map(async (_, target) => {
      const known = {
        sent: sent.get(target) ?? CHANNEL_START,
        isResynchronizing: resynchronizing.has(target),
      };
      channels.set(target, await beginEpoch(redis, keys, partition, target, known, fresh));
    }),
  );
  return channels;
}

async function beginEpoch(
  redis: Redis,
  keys: Keys,
  partition: number,
  target: number,
  known: Pick<Finding, 'sent' | 'isResynchronizing'>,
  fresh: () => number,
): Promise<Channel> {
  const source = sourceName(partition);
  const { delivered: key } = keys.partitions[target]!;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const [stored, first] = await Promise.all([
      redis.hget(key, source),
      redis.xrange(keys.partitions[partition]!.outbox(target), '-', '+', 'COUNT', 1),
    ]);
    const outboxFirst = first[0] ? Number(first[0][0].split('-')[0]) : undefined;
    const finding = { ...known, delivered: readChannelPosition(stored), outboxFirst };
    const epoch = newEpoch(finding, fresh());
    const { sequence } = finding.delivered;
    const begin = { source, seen: stored ?? '', epoch, sequence, nowMs: Date.now() };
    const keysOf = keys.partitions[target]!;
    const answer = await runScript(redis, 'beginEpoch', keysOf, begin).catch((error: unknown) => {
      if (!isUnanswered(error) || attempt === ATTEMPTS_MAX) throw error;
      return 'unknown' as const; // whether it was begun or not: another one is
    });
    if (answer === 'begun') return channelAfter(finding, epoch);
  }
  throw new Error(`partition ${partition} can't begin an epoch at partition ${target}`);
}

/** Makes a source send all its state anew: it notices that its target remembers nothing of it. */
export async function askForResync(
  redis: Redis,
  keys: Keys,
  source: number,
  target: number,
): Promise<void> {
  const { delivered: key } = keys.partitions[target]!;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const stored = await redis.hget(key, sourceName(source));
    const epoch = newEpoch(
      { sent: CHANNEL_START, delivered: readChannelPosition(stored) },
      freshEpoch(),
    );
    const numbers = { epoch, sequence: -1, nowMs: Date.now() };
    const begin = { source: sourceName(source), seen: stored ?? '', ...numbers };
    if ((await runScript(redis, 'beginEpoch', { delivered: key }, begin)) === 'begun') return;
  }
  throw new Error(`partition ${target} can't ask partition ${source} for a resynchronization`);
}

/**
 * epochs.ts – The epoch in which a partition's owner sends to each other partition, and whether one
 * of the two ends has lost what the other remembers.
 *
 * Keeps true: each take-over begins a new epoch at every target before anything is committed or
 * sent. So no message that an earlier owner still has under way – committed, or lost in a fail-over
 * – can pass for one of this owner. An epoch is never used twice, not even when both ends have
 * forgotten it.
 */
import { CHANNEL_START, type ChannelPosition } from '../membership/channel-position.ts';
import type { PartitionStore } from './partition-store.ts';

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
  /** One end has forgotten what the other remembers: all state is resent. */
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

/** Larger than any epoch that either end remembers. */
export function newEpoch(
  { sent, delivered }: Pick<Finding, 'sent' | 'delivered'>,
  fresh: number,
): number {
  return Math.max(fresh, sent.epoch + 1, delivered.epoch + 1);
}

const ATTEMPTS_MAX = 20;

/**
 * Makes a source resend all its state: it notices that its target remembers nothing of it.
 * @throws Error if others keep on doing the same
 */
export async function askForResync(
  target: Pick<PartitionStore, 'channel' | 'beginEpoch'>,
  source: number,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const { position, seen } = await target.channel(source);
    const epoch = newEpoch({ sent: CHANNEL_START, delivered: position }, freshEpoch());
    if ((await target.beginEpoch({ source, seen, epoch, sequence: -1 })) === 'begun') return;
  }
  throw new Error(`partition ${source} can't be asked for a resynchronization`);
}

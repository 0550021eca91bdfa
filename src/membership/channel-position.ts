/**
 * channel-position.ts – The position of a message in the channel from one partition to another.
 *
 * Keeps true: epochs only grow; within one, sequences do.
 */

export interface ChannelPosition {
  readonly epoch: number;
  /** -1 at a target: it asks for a resynchronization. */
  readonly sequence: number;
}

export const CHANNEL_START: ChannelPosition = { epoch: 0, sequence: 0 };

export function isAhead(a: ChannelPosition, b: ChannelPosition): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

/**
 * channel-position.ts – How far the way from one partition to another has been gone.
 *
 * Keeps true: `meta` of the source (`sent:<target>`) and `delivered` of the target write it the
 * same, so that a way on which nothing is under way has equal texts at both ends. Epochs only grow;
 * within one, sequences do.
 */

export interface ChannelPosition {
  readonly epoch: number;
  /** -1 at a target: it asks for a resynchronization. */
  readonly sequence: number;
}

export const CHANNEL_START: ChannelPosition = { epoch: 0, sequence: 0 };

/** Reads `<epoch> <sequence>…`. */
export function readChannelPosition(stored: string | null | undefined): ChannelPosition {
  if (!stored) return CHANNEL_START;
  const [epoch, sequence] = stored.split(' ');
  return { epoch: Number(epoch), sequence: Number(sequence) };
}

export function packChannelPosition({ epoch, sequence }: ChannelPosition): string {
  return `${epoch} ${sequence}`;
}

export function isAhead(a: ChannelPosition, b: ChannelPosition): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

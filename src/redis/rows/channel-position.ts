/**
 * channel-position.ts – `<epoch> <sequence>`: the text of a position in a channel.
 *
 * Keeps true: `meta` of the source and `delivered` of the target write it alike, so that a channel
 * with nothing under way has equal texts at both ends. What follows the sequence is not read here.
 */
import type { ChannelPosition } from '../../membership/channel-position.ts';

const CHANNEL_START: ChannelPosition = { epoch: 0, sequence: 0 };

export function readChannelPosition(stored: string | null | undefined): ChannelPosition {
  if (!stored) return CHANNEL_START;
  const [epoch, sequence] = stored.split(' ');
  return { epoch: Number(epoch), sequence: Number(sequence) };
}

export function packChannelPosition({ epoch, sequence }: ChannelPosition): string {
  return `${epoch} ${sequence}`;
}

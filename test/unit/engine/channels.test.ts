/**
 * channels.test.ts – What waits for a target, what was delivered, and when an owner finds that a
 * target has forgotten it.
 */
import { describe, expect, it } from 'vitest';
import { Channels } from '../../../src/engine/channels.ts';
import { CommitDraft } from '../../../src/engine/commit-draft.ts';
import type { Message } from '../../../src/engine/message.ts';
import type { Turn } from '../../../src/engine/participant.ts';
import type { Step } from '../../../src/engine/step.ts';

const EPOCH = 100;
const MESSAGE: Message = { kind: 'snapshot-begin' };
const turn = { networks: { version: 3 } } as unknown as Turn;

/** The channel to partition 0, at which so much of what was sent has arrived. */
function channelsTo(sent: number, delivered: number, outboxFirst?: number): Channels {
  const channels = new Channels(1, () => EPOCH);
  channels.recover({ sent: new Map([[0, { epoch: 1, sequence: sent }]]), resending: new Set() });
  const beginning = channels.beginEpochs();
  beginning.next();
  const position = { epoch: 1, sequence: delivered };
  beginning.next([{ stored: { position, seen: '' }, outboxFirst }]);
  expect(beginning.next(['begun']).done).toBe(true);
  return channels;
}

/** A commit with a message for partition 0, or with none. */
function commit(channels: Channels, messages: readonly Message[] = [MESSAGE]): CommitDraft {
  const writes = new CommitDraft(0, 3);
  const made = { edges: { messages: new Map(messages.length > 0 ? [[0, messages]] : []) } };
  channels.begin();
  channels.plan(writes, made as unknown as Step, turn);
  channels.committed();
  return writes;
}

describe('a channel', () => {
  it('goes on with the next sequence, in a new epoch that the first commit writes down', () => {
    const channels = channelsTo(5, 5);
    const first = commit(channels);
    expect(first.channels).toEqual([[0, { epoch: EPOCH, sequence: 5 }]]);
    expect(first.outbox).toMatchObject([{ target: 0, epoch: EPOCH, sequence: 6 }]);
    expect(commit(channels).channels).toEqual([]);
    expect(channels.undelivered).toBe(2);
  });

  it('sends one entry at a time, and has the outbox trimmed once', () => {
    const channels = channelsTo(5, 5);
    commit(channels);
    expect(channels.next(0)).toMatchObject({ entry: { sequence: 6 }, base: 0 });
    channels.answered(0, 'appended');
    expect(channels.next(0)).toBeUndefined();
    expect(commit(channels, []).delivered).toEqual([[0, 6]]);
    expect(commit(channels, []).delivered).toEqual([]);
  });

  it.each(['gap', 'old'] as const)(
    'that answers %s makes the partition be taken anew',
    (answer) => {
      const channels = channelsTo(5, 5);
      commit(channels);
      channels.answered(0, answer);
      expect(channels.isRefused).toBe(true);
    },
  );

  it('is lost if its target is ahead, or behind what the outbox holds', () => {
    expect(channelsTo(5, 6).lost).toEqual([0]);
    expect(channelsTo(5, 3, 5).lost).toEqual([0]);
    expect(channelsTo(5, 3, 4).lost).toEqual([]);
  });

  it('compares what its target has acknowledged: not what it was not yet told', () => {
    const lost = channelsTo(5, 3);
    const stored = { epoch: EPOCH, sequence: 3 };
    lost.compare(lost.expected, [stored]);
    expect(lost.isRefused).toBe(false);
    const other = channelsTo(5, 5);
    other.compare(other.expected, [stored]);
    expect(other.isRefused).toBe(true);
  });
});

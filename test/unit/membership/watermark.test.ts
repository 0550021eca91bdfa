/**
 * watermark.test.ts – A strong read waits for what was there when it began, and for no more.
 */
import { describe, expect, it } from 'vitest';
import type { PartitionStatus, StatusStore } from '../../../src/membership/partition-status.ts';
import { openWatch, roundsOver, waitForWatermark } from '../../../src/membership/watermark.ts';
import { AT_REST } from '../../support/look.ts';

/** All that was sent has arrived. */
const DELIVERED = { ...AT_REST, sent: ['1 3'], delivered: ['1 3'], failed: new Map() };

/** One partition, which answers so, one after the other; the last answer stays. */
function partition(...answers: Partial<PartitionStatus>[]) {
  let asked = 0;
  const store: StatusStore = {
    partitions: 1,
    look: async (_, { counted, since }) => {
      const answer = { ...DELIVERED, ...answers[Math.min(asked++, answers.length - 1)] };
      const changed = since && new Map<number, number>();
      return { ...answer, changed, failures: '', counts: counted.map(() => 7) };
    },
  };
  return { store, asked: () => asked };
}

async function wait(
  answers: Partial<PartitionStatus>[],
  { rounds = 0, isTimed = false, timeoutMs = 1000 } = {},
) {
  const { store, asked } = partition(...answers);
  const waits = { timeoutMs, rounds, isTimed };
  const statuses = await waitForWatermark(openWatch(store), [0], [], waits);
  return { status: statuses?.[0], asked: asked() };
}

describe('a strong read', () => {
  it.each([
    ['without relationships', 0],
    ['over an edge', roundsOver(1)],
  ])('%s asks once where nothing is under way', async (_, rounds) => {
    expect((await wait([{}], { rounds })).asked).toBe(1);
  });

  it('waits for the entries that were there, not for those that came since', async () => {
    const { status, asked } = await wait([
      { position: '4-0', end: '5-0' },
      { position: '4-9', end: '7-0' },
      { position: '5-0', end: '9-0' },
    ]);
    expect([status?.position, asked]).toEqual(['5-0', 3]);
  });

  it('looks at positions alone while it waits, and at counts in the end', async () => {
    const isCounting: boolean[] = [];
    const behind = { position: '4-0', end: '5-0' };
    const { store } = partition(behind, behind, behind, {});
    const looking: StatusStore = {
      ...store,
      look: (at, request) => {
        isCounting.push(request.counted.length > 0 || request.since !== undefined);
        return store.look(at, request);
      },
    };
    const waits = { timeoutMs: 1000 };
    const statuses = await waitForWatermark(openWatch(looking), [0], [8, 9], waits);
    expect(statuses?.[0]?.counts).toEqual([7, 7]);
    expect(isCounting).toEqual([true, false, false, false, true]);
  });

  it('waits for the inbox too', async () => {
    const { asked } = await wait([
      { inboxPosition: '1-0', inboxEnd: '2-0' },
      { inboxEnd: '2-0', inboxPosition: '2-0' },
    ]);
    expect(asked).toBe(2);
  });

  it('of what moves with time waits for what was due', async () => {
    const late = { dueMs: 999 };
    expect((await wait([late, {}], { isTimed: true })).asked).toBe(2);
    expect((await wait([late, {}])).asked).toBe(1);
  });

  it('over an edge waits for what was sent, and for fan-outs', async () => {
    const fanning = { fanning: 1 };
    const unsent = { sent: ['1 4'] };
    const arrived = { sent: ['1 4'], delivered: ['1 4'] };
    const { status, asked } = await wait([unsent, unsent, fanning, arrived], { rounds: 1 });
    expect(status?.delivered).toEqual(['1 4']);
    expect(asked).toBeGreaterThan(3);
  });

  it('over an edge gives up its rounds after a loss', async () => {
    const lost = { loss: 'broken', fanning: 1 } as const;
    expect((await wait([lost], { rounds: 3 })).status?.loss).toBe('broken');
  });

  it('has no answer if it takes too long', async () => {
    expect((await wait([{ position: '4-0' }], { timeoutMs: 20 })).status).toBeUndefined();
  });
});

describe('rounds', () => {
  it.each([
    [0, 0],
    [1, 3],
    [2, 5],
  ])('over %i edges are %i', (depth, rounds) => {
    expect(roundsOver(depth)).toBe(rounds);
  });
});

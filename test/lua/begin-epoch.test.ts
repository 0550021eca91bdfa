import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { channelAfter } from '../../src/engine/epochs.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { readChannelPosition } from '../../src/redis/rows/channel-position.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
});

const begin = (expected: string, epoch: number, sequence = 0) =>
  runScript(bench.redis, 'beginEpoch', keys, {
    source: 'p3',
    seen: expected,
    epoch,
    sequence,
    nowMs: 7,
  });

const deliver = (epoch: number, base: number, sequence: number) =>
  runScript(
    bench.redis,
    'deliverEntry',
    { stream: keys.inbox, delivered: keys.delivered },
    { source: 'p3', epoch, base, sequence, entriesMax: 0, nowMs: 8 },
    { arguments: ['m', `${epoch}.${sequence}`] },
  );

const stored = () => bench.redis.hget(keys.delivered, 'p3');

describe('an epoch', () => {
  it('begins where nothing is stored, and closes those before it', async () => {
    expect(await begin('', 5)).toBe('begun');
    expect((await deliver(4, 0, 1)).status).toBe('old');
    expect((await deliver(5, 0, 1)).status).toBe('appended');
  });

  it('keeps the sequence, so that what arrived before is a duplicate', async () => {
    await begin('', 5);
    await deliver(5, 0, 1);
    expect(await begin((await stored())!, 6, 1)).toBe('begun');
    expect((await deliver(6, 0, 1)).status).toBe('duplicate');
    expect((await deliver(6, 0, 2)).status).toBe('appended');
  });

  it('is not begun by a copy that comes late', async () => {
    await begin('', 5);
    const after = await stored();
    expect(await begin('', 6)).toBe('moved');
    expect(await stored()).toBe(after);
  });

  it('that makes a loss good goes on at its base, whatever the target remembers', async () => {
    await begin('', 5);
    await deliver(5, 0, 1);
    await begin((await stored())!, 6, 1);
    expect((await deliver(6, 7, 9)).status).toBe('gap');
    expect((await deliver(6, 7, 8)).status).toBe('appended');
    expect((await deliver(6, 7, 8)).status).toBe('duplicate');
  });

  it('has numbers of sixteen digits, stored as they were given', async () => {
    const epoch = 1_795_000_000_000 * 1024 + 1;
    await begin('', epoch);
    await deliver(epoch, 0, 1);
    expect((await stored())!.split(' ').slice(0, 2)).toEqual([String(epoch), '1']);
    expect(await deliver(epoch - 1, 0, 2)).toEqual({ status: 'old', epoch });
  });

  it('may be begun by the target to ask for everything: its source is refused, and finds that it is forgotten', async () => {
    await deliver(5, 0, 1);
    await begin((await stored())!, 6, -1);
    expect((await deliver(5, 0, 2)).status).toBe('old');
    const [sent, delivered] = [{ epoch: 5, sequence: 1 }, readChannelPosition(await stored())];
    const channel = channelAfter(
      { sent, delivered, outboxFirst: undefined, isResynchronizing: false },
      7,
    );
    expect(channel).toEqual({ epoch: 7, sequence: 1, base: 1, isLost: true });
  });
});

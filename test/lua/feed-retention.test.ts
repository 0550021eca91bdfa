/**
 * feed-retention.test.ts – What a commit adds to the feed, and what it trims of it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommitCommands } from '../../src/redis/commit-commands.ts';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { sendScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

/** Redis trims whole nodes of a stream. */
const NODE_ENTRIES = 100;

let bench: ScriptBench;
let keys: PartitionKeys;
let number: number;
let last: string;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(async () => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
  await bench.redis.hset(keys.meta, 'number', 0);
  number = 0;
  last = '0-0';
});

/** A commit at a moment tells something; `kept` entries are kept, those from `oldestMs` on. */
async function tell(atMs: number, kept: number, oldestMs = 0): Promise<void> {
  const commands = new CommitCommands([keys.owner, keys.meta]);
  const id = `${atMs}-${number + 1}`;
  const entry = JSON.stringify({ at: atMs, after: last, control: [], events: [] });
  commands.addWhole('FEED', keys.feed, id, entry, last, kept, 2 * kept, `${oldestMs}-0`);
  const header = ['me', number, number + 1, `n${number}`, 3000];
  const given = [...header, ...commands.arguments];
  expect(await sendScript(bench.redis, 'commitBatch', commands.keys, given)).toBe('ok');
  number++;
  last = id;
}

const ids = async () => (await bench.redis.xrange(keys.feed, '-', '+')).map(([id]) => id);
const trimmed = () => bench.redis.hget(keys.meta, 'feed-trimmed');
const fold = (id: string) => bench.redis.hset(keys.meta, 'history-folded', id);

/** Whatever was trimmed ends right before what is kept. */
async function expectNoGap(): Promise<string[]> {
  const [first] = await bench.redis.xrange(keys.feed, '-', '+', 'COUNT', 1);
  expect(await trimmed()).toBe((JSON.parse(first![1][1]!) as { after: string }).after);
  return ids();
}

describe('a feed', () => {
  it('keeps as many entries as it is to keep, and says which one went last', async () => {
    for (let ms = 1; ms <= 199; ms++) await tell(ms, 100);
    expect(await ids()).toHaveLength(199);
    expect(await trimmed()).toBeNull();
    await tell(200, 100);
    const kept = await expectNoGap();
    expect(kept.length).toBeGreaterThanOrEqual(100);
    expect(kept.length).toBeLessThan(200);
    expect(kept.at(-1)).toBe('200-200');
  });

  it('keeps none that is too old', async () => {
    for (let ms = 1; ms <= 150; ms++) await tell(ms, 1000);
    await tell(5000, 1000, 4000);
    expect((await expectNoGap()).length).toBeLessThan(101);
  });

  it('keeps what history has not counted, up to twice as many', async () => {
    for (let ms = 1; ms <= 150; ms++) await tell(ms, 1000);
    await fold('10-10');
    await tell(5000, 1000, 4000);
    expect(await ids()).toEqual(expect.arrayContaining(['11-11', '5000-151']));
    for (let ms = 5001; ms <= 5060; ms++) await tell(ms, 100);
    expect(await ids()).toEqual(expect.arrayContaining(['11-11', '5000-151']));
    for (let ms = 5061; ms <= 5200; ms++) await tell(ms, 100);
    expect((await expectNoGap()).length).toBeLessThan(201 + NODE_ENTRIES);
  });

  it('begins anew where another program has written into it', async () => {
    await tell(10, 100);
    await bench.redis.xadd(keys.feed, '99999-0', 'x', 'y');
    await tell(20, 100);
    expect(await ids()).toEqual(['20-2']);
    expect(await trimmed()).toBe('10-1');
    await bench.redis.del(keys.feed);
    await tell(30, 100);
    expect(await trimmed()).toBe('20-2');
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: PartitionKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(async () => {
  keys = new Keys(freshPrefix(), 1).partitions[0]!;
  await found('install');
});

const found = (install: string) => runScript(bench.redis, 'foundPartition', keys, { install });
const acquire = (token: string, leaseMs: number, install: string) =>
  runScript(bench.redis, 'acquirePartition', keys, { token, leaseMs, install });
const renew = (token: string, leaseMs: number) =>
  runScript(bench.redis, 'renewLease', keys, { token, leaseMs });
const release = (token: string) => runScript(bench.redis, 'releaseLease', keys, { token });
const note = (token: string, text: string) =>
  runScript(bench.redis, 'noteTrial', keys, { token, note: text });

describe('the lease of a partition', () => {
  it('goes to whoever asks first, with where the partition stands', async () => {
    await bench.redis.hset(keys.counts, 7, 2);
    await bench.redis.hset(keys.failed, 9, '{}');
    expect(await acquire('a', 1000, 'install')).toEqual({
      status: 'acquired',
      meta: ['install', 'install', 'number', '0', 'nonce', '', 'holder', 'a'],
      complete: ['7'],
      failed: ['9', '{}'],
      followed: [],
    });
    expect(await acquire('b', 1000, 'install')).toEqual({
      status: 'held',
      forMs: expect.any(Number),
    });
  });

  it('is given again to its holder', async () => {
    await acquire('a', 1000, 'install');
    expect(await acquire('a', 1000, 'install')).toMatchObject({ status: 'acquired' });
  });

  it('is refused on a partition that has lost its install id: it never restarts from zero', async () => {
    await bench.redis.del(keys.meta);
    expect(await acquire('a', 1000, 'install')).toEqual({ status: 'lost' });
    expect(await bench.redis.exists(keys.owner)).toBe(0);
  });

  it('is refused on a partition of another deployment', async () => {
    expect(await acquire('a', 1000, 'another')).toEqual({ status: 'lost' });
  });

  it('is renewed by its holder alone, who hears the commit number', async () => {
    await acquire('a', 50, 'install');
    await bench.redis.hset(keys.meta, 'number', 12);
    expect(await renew('a', 60_000)).toEqual({
      status: 'renewed',
      number: 12,
      serverMs: expect.closeTo(Date.now(), -5),
    });
    expect(await renew('b', 60_000)).toEqual({ status: 'fenced' });
    expect(await bench.redis.pttl(keys.owner)).toBeGreaterThan(1000);
  });

  it('that ran out and that nobody has taken is renewed: the number tells what happened meanwhile', async () => {
    expect(await renew('a', 60_000)).toEqual({
      status: 'renewed',
      number: 0,
      serverMs: expect.closeTo(Date.now(), -5),
    });
    expect(await bench.redis.get(keys.owner)).toBe('a');
  });

  it('is released by its holder alone', async () => {
    await acquire('a', 1000, 'install');
    expect(await release('b')).toBe('fenced');
    expect(await release('a')).toBe('released');
    expect(await acquire('b', 1000, 'install')).toMatchObject({ status: 'acquired' });
  });
});

describe('what was under way', () => {
  const field = (name: string) => bench.redis.hget(keys.meta, name);

  it('is looked after by whoever finds that the one before has left without a word, until that is done', async () => {
    await acquire('a', 1000, 'install');
    expect(await field('deserted')).toBeNull();
    await note('a', 'x');
    await bench.redis.del(keys.owner); // the lease ran out
    await acquire('b', 1000, 'install');
    expect([await field('deserted'), await field('holder'), await field('trial')]).toEqual([
      'a',
      'b',
      'x',
    ]);
    // an answer that was lost: the same one asks again
    await acquire('b', 1000, 'install');
    expect(await field('deserted')).toBe('a');
    expect(await note('b', '')).toBe('noted');
    expect([await field('deserted'), await field('trial')]).toEqual([null, null]);
  });

  it('is noted by the holder alone', async () => {
    await acquire('a', 1000, 'install');
    expect(await note('b', 'x')).toBe('fenced');
    expect(await field('trial')).toBeNull();
  });

  it('is of no concern after an end in good order', async () => {
    await acquire('a', 1000, 'install');
    await note('a', 'x');
    await release('a');
    await acquire('b', 1000, 'install');
    expect([await field('deserted'), await field('trial')]).toEqual([null, null]);
  });
});

describe('a partition is founded', () => {
  it('once, and never for another deployment', async () => {
    expect(await found('install')).toBe('known');
    expect(await found('another')).toBe('foreign');
  });
});

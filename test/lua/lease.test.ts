import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Keys, type PartitionKeys } from '../../src/redis/keys.ts';
import { runScript, type ScriptName } from '../../src/redis/scripts.ts';
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
  await runScript(bench.redis, 'foundPartition', [keys.meta], ['install']);
});

const run = (name: ScriptName, ...args: (string | number)[]): Promise<unknown> =>
  runScript(bench.redis, name, [keys.owner, keys.meta], args);

describe('the lease of a partition', () => {
  it('goes to whoever asks first, with where the partition stands', async () => {
    expect(await run('acquirePartition', 'a', 1000, 'install')).toEqual([
      'acquired',
      'install',
      'install',
      'number',
      '0',
      'nonce',
      '',
      'holder',
      'a',
    ]);
    expect(await run('acquirePartition', 'b', 1000, 'install')).toEqual([
      'held',
      expect.stringMatching(/^\d+$/),
    ]);
  });

  it('is given again to its holder', async () => {
    await run('acquirePartition', 'a', 1000, 'install');
    expect(await run('acquirePartition', 'a', 1000, 'install')).toContain('acquired');
  });

  it('is refused on a partition that has lost its install id: it never restarts from zero', async () => {
    await bench.redis.del(keys.meta);
    expect(await run('acquirePartition', 'a', 1000, 'install')).toEqual(['lost']);
    expect(await bench.redis.exists(keys.owner)).toBe(0);
  });

  it('is refused on a partition of another deployment', async () => {
    expect(await run('acquirePartition', 'a', 1000, 'another')).toEqual(['lost']);
  });

  it('is renewed by its holder alone, who hears the commit number', async () => {
    await run('acquirePartition', 'a', 50, 'install');
    await bench.redis.hset(keys.meta, 'number', 12);
    expect(await run('renewLease', 'a', 60_000)).toEqual([
      'renewed',
      '12',
      expect.stringMatching(/^\d{13}$/),
    ]);
    expect(await run('renewLease', 'b', 60_000)).toEqual(['fenced']);
    expect(await bench.redis.pttl(keys.owner)).toBeGreaterThan(1000);
  });

  it('that ran out and that nobody has taken is renewed: the number tells what happened meanwhile', async () => {
    expect(await run('renewLease', 'a', 60_000)).toEqual([
      'renewed',
      '0',
      expect.stringMatching(/^\d{13}$/),
    ]);
    expect(await bench.redis.get(keys.owner)).toBe('a');
  });

  it('is released by its holder alone', async () => {
    await run('acquirePartition', 'a', 1000, 'install');
    expect(await run('releaseLease', 'b')).toBe('fenced');
    expect(await run('releaseLease', 'a')).toBe('released');
    expect(await run('acquirePartition', 'b', 1000, 'install')).toContain('acquired');
  });
});

describe('what was under way', () => {
  const field = (name: string) => bench.redis.hget(keys.meta, name);

  it('is looked after by whoever finds that the one before has left without a word, until that is done', async () => {
    await run('acquirePartition', 'a', 1000, 'install');
    expect(await field('deserted')).toBeNull();
    await run('noteTrying', 'a', 'x');
    await bench.redis.del(keys.owner); // the lease ran out
    await run('acquirePartition', 'b', 1000, 'install');
    expect([await field('deserted'), await field('holder'), await field('care')]).toEqual([
      'a',
      'b',
      'x',
    ]);
    // an answer that was lost: the same one asks again
    await run('acquirePartition', 'b', 1000, 'install');
    expect(await field('deserted')).toBe('a');
    expect(await run('noteTrying', 'b', '')).toBe('noted');
    expect([await field('deserted'), await field('care')]).toEqual([null, null]);
  });

  it('is noted by the holder alone', async () => {
    await run('acquirePartition', 'a', 1000, 'install');
    expect(await run('noteTrying', 'b', 'x')).toBe('fenced');
    expect(await field('care')).toBeNull();
  });

  it('is of no concern after an end in good order', async () => {
    await run('acquirePartition', 'a', 1000, 'install');
    await run('noteTrying', 'a', 'x');
    await run('releaseLease', 'a');
    await run('acquirePartition', 'b', 1000, 'install');
    expect([await field('deserted'), await field('care')]).toEqual([null, null]);
  });
});

describe('a partition is founded', () => {
  it('once, and never for another deployment', async () => {
    expect(await runScript(bench.redis, 'foundPartition', [keys.meta], ['install'])).toBe('known');
    expect(await runScript(bench.redis, 'foundPartition', [keys.meta], ['another'])).toBe(
      'foreign',
    );
  });
});

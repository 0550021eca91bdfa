import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CatalogKeys, Keys } from '../../src/redis/keys.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: CatalogKeys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 1).catalog;
});

function write(version: number, ...writes: (string | number)[]): Promise<unknown> {
  const { meta, objectTypes, segments, predicateIds, log, views, activations, slugs } = keys;
  const { webhookSecrets, goneActivations } = keys;
  const all = [meta, objectTypes, segments, predicateIds, log, views, activations, slugs];
  all.push(webhookSecrets, goneActivations);
  return runScript(bench.redis, 'writeCatalog', all, [version, 5, '{"writes":[]}', 100, ...writes]);
}

describe('a version of the catalog', () => {
  it('is written on top of the one that it was made for, and told in the log', async () => {
    expect(await write(0, 3, 'us', 'set', '{}')).toEqual(['ok', '1']);
    expect(await bench.redis.hgetall(keys.segments)).toEqual({ us: '{}' });
    expect(await bench.redis.xrange(keys.log, '-', '+')).toEqual([
      [expect.any(String), ['version', '1', 'change', '{"writes":[]}']],
    ]);
  });

  it('is refused when somebody else was faster, and writes nothing', async () => {
    await write(0, 3, 'us', 'set', '{}');
    expect(await write(0, 3, 'us', 'delete', '')).toEqual(['conflict', '1']);
    expect(await bench.redis.hgetall(keys.segments)).toEqual({ us: '{}' });
  });

  it('is refused as a whole when one of its writes has no hash', async () => {
    await expect(write(0, 3, 'us', 'set', '{}', 10, 'x', 'set', '{}')).rejects.toThrow(
      'no such hash',
    );
    expect(await bench.redis.exists(keys.segments)).toBe(0);
  });

  it('takes the secrets of activations along, and notes those that are gone', async () => {
    await write(
      0,
      7,
      'a',
      'set',
      '{}',
      7,
      'b',
      'set',
      '{}',
      9,
      'a',
      'set',
      'whsec_a',
      9,
      'b',
      'set',
      'whsec_b',
    );
    await write(1, 7, 'a', 'delete', '');
    expect(await bench.redis.hgetall(keys.webhookSecrets)).toEqual({ b: 'whsec_b' });
    expect(await bench.redis.zrange(keys.goneActivations, '0', '-1')).toEqual(['a']);
  });

  it('is founded once: later starts are told what was fixed', async () => {
    const first = await runScript(
      bench.redis,
      'foundDeployment',
      [keys.meta],
      ['id', 16, 'UTC', 1, 99],
    );
    const second = await runScript(
      bench.redis,
      'foundDeployment',
      [keys.meta],
      ['other', 8, 'Europe/Zurich', 1, 100],
    );
    expect(second).toEqual(first);
    expect(first).toContain('16');
  });
});

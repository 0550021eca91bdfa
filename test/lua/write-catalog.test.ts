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
  const given = { version, nextPredicateId: 5, change: '{"writes":[]}', entriesMax: 100 };
  return runScript(bench.redis, 'writeCatalog', keys, given, { arguments: writes });
}

describe('a version of the catalog', () => {
  it('is written on top of the one that it was made for, and told in the log', async () => {
    expect(await write(0, 'segments', 'us', 'set', '{}')).toEqual({ status: 'ok', version: 1 });
    expect(await bench.redis.hgetall(keys.segments)).toEqual({ us: '{}' });
    expect(await bench.redis.xrange(keys.log, '-', '+')).toEqual([
      [expect.any(String), ['version', '1', 'change', '{"writes":[]}']],
    ]);
  });

  it('is refused when somebody else was faster, and writes nothing', async () => {
    await write(0, 'segments', 'us', 'set', '{}');
    expect(await write(0, 'segments', 'us', 'delete', '')).toEqual({
      status: 'conflict',
      version: 1,
    });
    expect(await bench.redis.hgetall(keys.segments)).toEqual({ us: '{}' });
  });

  it('is refused as a whole when one of its writes has no hash', async () => {
    await expect(
      write(0, 'segments', 'us', 'set', '{}', 'goneActivations', 'x', 'set', '{}'),
    ).rejects.toThrow('no such hash');
    expect(await bench.redis.exists(keys.segments)).toBe(0);
  });

  it('takes the secrets of activations along, and notes those that are gone', async () => {
    await write(
      0,
      ...['activations', 'a', 'set', '{}', 'activations', 'b', 'set', '{}'],
      ...['webhookSecrets', 'a', 'set', 'whsec_a', 'webhookSecrets', 'b', 'set', 'whsec_b'],
    );
    await write(1, 'activations', 'a', 'delete', '');
    expect(await bench.redis.hgetall(keys.webhookSecrets)).toEqual({ b: 'whsec_b' });
    expect(await bench.redis.zrange(keys.goneActivations, '0', '-1')).toEqual(['a']);
  });

  it('is founded once: later starts are told what was fixed', async () => {
    const found = (install: string, partitions: number, timeZone: string) =>
      runScript(bench.redis, 'foundDeployment', keys, {
        ...{ install, partitions, timeZone },
        semantics: 1,
        nowMs: 99 + partitions,
        secret: `of ${install}`,
      });
    const first = await found('id', 16, 'UTC');
    const second = await found('other', 8, 'Europe/Zurich');
    expect(second).toEqual(first);
    expect(first).toMatchObject({ partitions: '16', secret: 'of id' });
  });
});

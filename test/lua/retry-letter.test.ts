/**
 * retry-letter.test.ts – A change is appended in place of its letter: once, also if the answer to
 * an attempt is lost and it is sent again.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());

it('an attempt that is sent again is answered as before; another one finds no letter', async () => {
  const { redis } = bench;
  const keys = new Keys(freshPrefix(), 1).partitions[0]!;
  const id = await redis.xadd(keys.dead, '*', 'code', 'change_failed', 'letter', '{}');
  const retry = (source: string, entriesMax = 9) =>
    runScript(
      redis,
      'retryLetter',
      keys,
      { id: id!, source, entriesMax, nowMs: 1 },
      { arguments: ['c', '[{}]'] },
    );
  await redis.xadd(keys.log, '1-1', 'c', '[]');
  expect(await retry('first', 1)).toBe('full');
  expect(await redis.xlen(keys.dead)).toBe(1);
  expect(await retry('first')).toBe('retried');
  expect(await retry('first')).toBe('retried');
  expect(await retry('second')).toBe('unknown');
  expect(await redis.xlen(keys.log)).toBe(2);
  expect(await redis.xlen(keys.dead)).toBe(0);
});

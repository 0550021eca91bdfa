import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FencedError, JOB_TTL_MS, JobRun } from '../../src/jobs/job-run.ts';
import { RedisJobStore } from '../../src/redis/job-store.ts';
import { Keys } from '../../src/redis/keys.ts';
import { runScript } from '../../src/redis/scripts.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

let bench: ScriptBench;
let keys: Keys;
let store: RedisJobStore;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(async () => {
  keys = new Keys(freshPrefix(), 1);
  store = new RedisJobStore(bench.redis, keys);
  for (const piece of ['a', 'b', 'c']) await store.pushInput('j', piece);
  await store.begin('j', { done: 0, total: 3 }, JOB_TTL_MS);
});

const run = (): Promise<JobRun> => JobRun.begin(store, 'j', async () => {});
async function all<T>(items: AsyncIterable<T>): Promise<string> {
  const parts: string[] = [];
  for await (const item of items) parts.push(String(item));
  return parts.join('');
}

describe('a step of a job', () => {
  it('notes all that it brought at once, and the next run goes on after it', async () => {
    const first = await run();
    await first.advance({
      state: { done: 1 },
      inputDone: 1,
      output: ['1', '2'],
      errors: [{ code: 'x', detail: 'y' }],
    });
    await first.advance({ state: { done: 2 }, inputDone: 1, output: ['3'] });
    const second = await run();
    expect(second.state).toEqual({ done: 2 });
    expect(await second.input(0)).toBe('c');
    expect(await second.input(1)).toBeUndefined();
    expect(await all(store.output('j'))).toBe('123');
    expect(await all(store.errorLines('j'))).toBe('{"code":"x","detail":"y"}\n');
  });

  it('of a run that another one has followed notes nothing', async () => {
    const late = await run();
    const next = await run();
    const step = {
      state: { done: 1 },
      inputDone: 1,
      output: ['1'],
      errors: [{ code: 'x', detail: 'y' }],
    };
    await expect(late.advance(step)).rejects.toThrow(FencedError);
    expect(await store.state('j')).toEqual({ done: 0, total: 3 });
    expect(await next.input(0)).toBe('a');
    expect([await store.hasOutput('j'), await store.errorCount('j')]).toEqual([false, 0]);
    await next.advance(step);
    expect(await store.state('j')).toEqual({ done: 1 });
  });

  it('that is sent twice is noted once', async () => {
    const { state, input, output, errors } = keys.job('j');
    await bench.redis.hset(state, 'run', 'r');
    const send = () =>
      runScript(
        bench.redis,
        'advanceJob',
        { state, input, output, errors },
        { run: 'r', steps: 0, job: '{}', inputDone: 1, keptMs: 1000, outputs: 1 },
        { arguments: ['o', 'e'] },
      );
    expect(await send()).toBe('ok');
    expect(await send()).toBe('fenced');
    expect(await bench.redis.llen(input)).toBe(2);
    expect(await bench.redis.lrange(output, 0, -1)).toEqual(['o']);
    expect(await bench.redis.lrange(errors, 0, -1)).toEqual(['e']);
  });

  it('makes all of it end by itself', async () => {
    await (await run()).advance({ state: { done: 3 }, output: ['1'], isLast: true });
    const { state, input, output } = keys.job('j');
    for (const key of [state, input, output])
      expect(await bench.redis.pttl(key)).toBeGreaterThan(0);
    await store.drop('j');
    expect(await bench.redis.exists(state, input, output)).toBe(0);
  });
});

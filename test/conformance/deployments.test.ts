/**
 * deployments.test.ts – Looking for a deployment founds none, and removing one touches no other.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { findDeployment, removeDeployment } from '../../src/redis/deployments.ts';
import { openTestDeployment } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

const url = inject('redisUrl');
let bench: ScriptBench;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());

const keysOf = (prefix: string) => bench.redis.keys(`${prefix}:*`);

describe('a deployment', () => {
  it('is not there before it was founded, and looking for it founds none', async () => {
    const prefix = freshPrefix();
    expect(await findDeployment(url, prefix)).toBeUndefined();
    expect(await keysOf(prefix)).toEqual([]);
  });

  it('is found with what was fixed, and with whether it is served', async () => {
    const prefix = freshPrefix();
    const fixed = { partitions: 3, timeZone: 'Europe/Zurich' };
    const idle = await openTestDeployment({ prefix, ...fixed, runsWorker: false });
    expect(await findDeployment(url, prefix)).toEqual({ ...fixed, isServed: false });
    await idle.close();
    const working = await openTestDeployment({ prefix, ...fixed });
    while (working.worker!.owned === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await findDeployment(url, prefix)).toEqual({ ...fixed, isServed: true });
    await working.close();
  });

  it('is removed with all its keys, and another whose prefix begins alike stays', async () => {
    const prefix = freshPrefix();
    for (const each of [prefix, `${prefix}b`])
      await (await openTestDeployment({ prefix: each, runsWorker: false })).close();
    await removeDeployment(url, prefix);
    expect(await keysOf(prefix)).toEqual([]);
    expect(await findDeployment(url, `${prefix}b`)).toBeDefined();
  });
});

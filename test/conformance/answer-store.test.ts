/**
 * answer-store.test.ts – Answers that are kept for Idempotency-Keys: one reservation at a time, and
 * a bounded weight for each holder.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoredAnswer } from '../../src/api/answer-store.ts';
import { RedisAnswerStore } from '../../src/redis/answer-store.ts';
import { Keys } from '../../src/redis/keys.ts';
import { freshPrefix } from '../support/redis.ts';
import { openScriptBench, type ScriptBench } from '../support/scripts.ts';

const TTL_MS = 60_000;
const answer = (body: string): StoredAnswer => ({ request: 'r', status: 201, headers: {}, body });

let bench: ScriptBench;
let answers: RedisAnswerStore;
let keys: Keys;

beforeAll(async () => {
  bench = await openScriptBench();
});
afterAll(() => bench.redis.disconnect());
beforeEach(() => {
  keys = new Keys(freshPrefix(), 1);
  answers = new RedisAnswerStore(bench.redis, keys.catalog);
});

describe('a reservation', () => {
  it('is held by one request, until it is released', async () => {
    expect(await answers.reserve('a', TTL_MS)).toBe('reserved');
    expect(await answers.reserve('a', TTL_MS)).toBe('busy');
    expect(await answers.reserve('b', TTL_MS)).toBe('reserved');
    await answers.release('a');
    expect(await answers.reserve('a', TTL_MS)).toBe('reserved');
  });

  it('ends by itself, later if it is renewed', async () => {
    await answers.reserve('a', 1000);
    await answers.renew('a', TTL_MS);
    expect(await bench.redis.pttl(keys.catalog.idempotency('a'))).toBeGreaterThan(TTL_MS / 2);
    await answers.renew('a', 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await answers.reserve('a', TTL_MS)).toBe('reserved');
  });

  it('gives way to the answer, which every later request gets', async () => {
    await answers.reserve('a', TTL_MS);
    await answers.keep({ digest: 'a', holder: 'h' }, answer('1'), TTL_MS, 10_000);
    expect(await answers.reserve('a', TTL_MS)).toEqual(answer('1'));
    expect(await answers.reserve('a', TTL_MS)).toEqual(answer('1'));
  });
});

describe('what is kept for one holder', () => {
  it('has a bounded weight: the oldest give way, and those of another holder stay', async () => {
    const body = 'x'.repeat(1000);
    await answers.keep({ digest: 'other', holder: 'o' }, answer(body), TTL_MS, 5000);
    for (const digest of ['a', 'b', 'c', 'd', 'e'])
      await answers.keep({ digest, holder: 'h' }, answer(body), TTL_MS, 5000);
    expect(await answers.reserve('a', TTL_MS)).toBe('reserved');
    expect(await answers.reserve('e', TTL_MS)).toEqual(answer(body));
    expect(await answers.reserve('other', TTL_MS)).toEqual(answer(body));
  });
});

/**
 * paused-process.test.ts – A process that was stopped in its tracks answers, from its first word
 * on, by the catalog that is stored.
 */
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type ApiProcess, startApiProcess } from '../support/api-processes.ts';
import { eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const ROUNDS = 12;
const opened: ApiProcess[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.stop();
});

const rule = (operator: string, value: number) => ({
  combinator: 'and',
  rules: [{ field: 'n', operator, value }],
});

async function open(prefix: string, runsWorker: boolean): Promise<ApiProcess> {
  const api = await startApiProcess({
    redisUrl: inject('redisUrl'),
    prefix,
    partitions: 2,
    runsWorker,
  });
  opened.push(api);
  return api;
}

const isReady = async (api: ApiProcess, slug: string) =>
  (await api.call('GET', `/v1/segments/${slug}`)).body.status === 'ready';

describe('after a pause', { timeout: 120_000 }, () => {
  it('it knows the newest revision of a segment, and a type that was declared meanwhile', async () => {
    const prefix = freshPrefix();
    const working = await open(prefix, true);
    const paused = await open(prefix, false);
    await working.call('PUT', '/v1/object-types/contacts', {
      attributes: { n: { type: 'number' } },
    });
    for (const n of [1, 2, 3, 4, 5]) await working.call('PUT', `/v1/records/contacts/r${n}`, { n });
    await working.call('POST', '/v1/segments', {
      title: 's',
      slug: 's',
      object_type: 'contacts',
      query: rule('<', 1),
    });
    await eventually('it is built', () => isReady(working, 's'));
    for (let round = 1; round <= ROUNDS; round++) {
      const least = 1 + (round % 5);
      paused.signal('SIGSTOP');
      await working.call('PUT', `/v1/object-types/t${round}`, {
        attributes: { a: { type: 'number' } },
      });
      await working.call('PATCH', '/v1/segments/s', { query: rule('>=', least) });
      await eventually('it is built', () => isReady(working, 's'));
      paused.signal('SIGCONT');
      const [members, counts, put, refused] = await Promise.all([
        paused.call('GET', '/v1/segments/s/members'),
        paused.call('POST', '/v1/segments/counts', { slugs: ['s'] }),
        paused.call('PUT', `/v1/records/t${round}/x`, { a: 1 }),
        paused.call('PUT', `/v1/records/t${round}/y`, { a: 'text' }),
      ]);
      const told = {
        round,
        members: members.body.data.length,
        count: counts.body.counts[0].count,
        put: put.status,
      };
      expect(told).toEqual({ round, members: 6 - least, count: 6 - least, put: 201 });
      expect(counts.body.counts[0]).toMatchObject({ status: 'ready', revision: round + 1 });
      expect(refused.status).toBe(422);
    }
  });
});

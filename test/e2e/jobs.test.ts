/**
 * jobs.test.ts – A job that its process puts down goes on elsewhere; deployments of several servers
 * take seeds at once.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobAnswer, openTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/deployment.ts';
import { openProxy } from '../support/proxy.ts';
import { freshPrefix, startPrivateRedis } from '../support/redis.ts';
import { DEFINITIONS } from '../support/seed-items.ts';

const NDJSON = 'application/x-ndjson';
const COUNT = 20_000;
const ROWS = {
  object_type: 'object_types',
  data: { name: 'rows', attributes: { n: { type: 'number' } } },
};

const prefix = freshPrefix();
let api: TestApi;
beforeEach(async () => {
  api = await openTestApi();
});
afterEach(() => api.close());

/** Puts the job down in its midst, and lets another worker take it up. */
async function interrupted(id: string): Promise<JobAnswer> {
  const job = async () => (await api.call('GET', `/v1/jobs/${id}`)).json<JobAnswer>();
  await eventually(
    'some of the job is done',
    async () => (await job()).progress.done >= COUNT / 10,
  );
  await api.stopJobs();
  const left = await job();
  expect(left.status).toBe('waiting');
  expect(left.progress.done).toBeLessThan(COUNT);
  api.startJobs();
  return api.ended(id);
}

describe('a job that is put down and taken up again', () => {
  const items = Array.from({ length: COUNT }, (_, n) => ({
    object_type: 'rows',
    data: { id: `r${n}`, n },
  }));

  it('that was a seed has taken over each item once', async () => {
    const body = [ROWS, ...items].map((item) => JSON.stringify(item)).join('\n');
    const { id } = (await api.call('POST', '/v1/seeds?async=true', body, { type: NDJSON })).json();
    const job = await interrupted(id);
    expect(job).toMatchObject({
      status: 'completed',
      progress: { done: COUNT + 1, total: COUNT + 1 },
      result: { totals: { create: COUNT + 1 } },
    });
    const ended = await api.ended(await api.call('POST', '/v1/exports/rows'));
    expect(ended.result).toEqual({ records: COUNT });
    expect((await api.call('GET', '/v1/records/rows/r0')).json()).toMatchObject({ version: 1 });
  });

  it('that was an export has written each record once', async () => {
    await api.call('POST', '/v1/seeds', [ROWS, ...items]);
    const { id } = (await api.call('POST', '/v1/exports/rows')).json();
    await interrupted(id);
    const text = (await api.call('GET', `/v1/jobs/${id}/result`)).body;
    const ids = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id as string);
    expect(ids).toHaveLength(COUNT);
    expect(new Set(ids).size).toBe(COUNT);
  });
});

describe('seeds that come at once, at two servers', () => {
  it('are all taken over, each as a whole', async () => {
    const servers = [
      await openTestApi({ prefix }),
      await openTestApi({ prefix, runsWorker: false }),
    ];
    try {
      const of = (n: number) => ({
        object_type: 'segments',
        data: {
          title: `S${n}`,
          slug: `s${n}`,
          object_type: 'contacts',
          query: { combinator: 'and', rules: [{ field: 'age', operator: '>', value: n }] },
        },
      });
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          servers[n % 2]!.call('POST', '/v1/seeds', [of(n), ...DEFINITIONS]),
        ),
      );
      expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
      for (const { call } of servers) {
        const { totals } = (
          await call('POST', '/v1/seeds?dry_run=true', [
            ...DEFINITIONS,
            ...answers.map((_, n) => of(n)),
          ])
        ).json();
        expect(totals).toEqual({
          create: 0,
          update: 0,
          unchanged: DEFINITIONS.length + answers.length,
        });
      }
      const { data } = (await servers[1]!.call('GET', '/v1/segments')).json();
      expect(data.filter(({ revision }: { revision: number }) => revision !== 1)).toEqual([]);
    } finally {
      for (const each of servers.reverse()) await each.close();
    }
  });
});

describe('while Redis is gone in the midst of an import', () => {
  it('the job waits, and goes on when it is back', { timeout: 120_000 }, async () => {
    const redis = await startPrivateRedis();
    const proxy = await openProxy(() => redis.url);
    const fragile = await openTestApi({ redisUrl: proxy.url });
    try {
      await fragile.call('PUT', '/v1/object-types/rows', { attributes: { n: { type: 'number' } } });
      const body = Array.from({ length: COUNT }, (_, n) => `{"id":"r${n}","n":${n}}`).join('\n');
      const { id } = (
        await fragile.call('POST', '/v1/imports/rows', body, { type: NDJSON })
      ).json();
      const job = async () => (await fragile.call('GET', `/v1/jobs/${id}`)).json<JobAnswer>();
      await eventually(
        'some of the job is done',
        async () => (await job()).progress.done >= COUNT / 10,
      );
      await redis.kill9();
      expect((await fragile.call('GET', `/v1/jobs/${id}`)).json()).toMatchObject({
        code: 'redis_unavailable',
      });
      const refused = await fragile.call('POST', '/v1/imports/rows', body, { type: NDJSON });
      expect(refused.json()).toMatchObject({ code: 'redis_unavailable' });
      await redis.restart();
      expect(await fragile.ended(id)).toMatchObject({
        status: 'completed',
        progress: { done: COUNT, total: COUNT },
        result: { accepted: COUNT, rejected: 0 },
      });
      expect((await fragile.call('GET', '/v1/records/rows/r0')).json()).toMatchObject({
        version: 1,
      });
    } finally {
      await fragile.close();
      await proxy.close();
      await redis.stop();
    }
  });
});

/**
 * stopped-partitions.test.ts – While a partition has stopped, or nobody works any off, the catalog
 * can be read, edited and cleared; what has to wait for a partition says in bounded time that
 * nobody works it off.
 */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const PARTITIONS = 2;
/** Longer than any bound: a call that takes it hangs. */
const HANGS_MS = 15_000;

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});
const segment = (slug: string, query: unknown, object_type = 'contacts') => ({
  title: slug,
  slug,
  object_type,
  query,
});
const view = (slug: string, n: number) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  query: rule('n', '<', n),
  columns: [{ path: 'n' }],
});

async function open(prefix: string, runsWorker: boolean): Promise<TestApi> {
  const api = await openTestApi({ prefix, partitions: PARTITIONS, runsWorker });
  opened.push(api);
  return api;
}

/** Segments, views and records that were there before. */
async function prepare(prefix: string): Promise<void> {
  const api = await open(prefix, true);
  const types = {
    contacts: { n: { type: 'number' } },
    notes: { n: { type: 'number' } },
    empty: {},
  };
  for (const [name, attributes] of Object.entries(types))
    await api.call('PUT', `/v1/object-types/${name}`, { attributes });
  await api.call('POST', '/v1/segments', segment('low', rule('n', '<', 50)));
  await api.call('POST', '/v1/segments', segment('other', rule('n', '<', 5)));
  await api.call('POST', '/v1/views', view('sheet', 7));
  for (let n = 0; n < 10; n++) await api.call('PUT', `/v1/records/contacts/r${n}`, { n });
  await api.call('PUT', '/v1/records/notes/x', { n: 1 });
  await built(api.deployment);
  await opened.pop()!.close();
}

/** A partition that has lost what says which deployment it is of, for good; the other one works. */
async function oneStopped(): Promise<TestApi> {
  const prefix = freshPrefix();
  await prepare(prefix);
  const redis = new Redis(inject('redisUrl'));
  await redis.hdel(`${prefix}:{0}:meta`, 'install');
  redis.disconnect();
  const api = await open(prefix, true);
  await eventually('it has stopped', () => api.deployment.worker!.fatal.length === 1);
  await eventually('the other works', () => api.deployment.worker!.owned === 1);
  return api;
}

async function noWorker(): Promise<TestApi> {
  const prefix = freshPrefix();
  await prepare(prefix);
  return open(prefix, false);
}

interface Told {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

async function told(api: TestApi, method: string, url: string, body?: unknown): Promise<Told> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`${method} ${url} hangs`)), HANGS_MS).unref();
  });
  const answer = await Promise.race([api.call(method, url, body), late]);
  const { code, detail } = answer.body === '' ? ({} as Partial<Told>) : answer.json();
  return { status: answer.statusCode, ...(code ? { code } : {}), ...(detail ? { detail } : {}) };
}

describe.each([
  { state: 'one partition has stopped for good', open: oneStopped },
  { state: 'no worker runs', open: noWorker },
])('while $state', { timeout: 120_000 }, ({ open }) => {
  it('types, segments, views, activations and seeds are made, changed and deleted', async () => {
    const api = await open();
    // Something waits in both logs that nobody, or not everybody, works off.
    for (let n = 0; n < 10; n++)
      await api.call('PUT', `/v1/records/notes/n${n}?wait=accepted`, { n });
    const statuses = async (calls: [method: string, url: string, body?: unknown][]) => {
      const all: [string, number][] = [];
      for (const [method, url, body] of calls)
        all.push([`${method} ${url}`, (await told(api, method, url, body)).status]);
      return all;
    };
    const calls: [method: string, url: string, body: unknown, status: number][] = [
      ['PUT', '/v1/object-types/orders', { attributes: { total: { type: 'number' } } }, 201],
      [
        'PUT',
        '/v1/object-types/contacts',
        { attributes: { n: { type: 'number' }, s: { type: 'string' } } },
        200,
      ],
      ['POST', '/v1/segments', segment('new', rule('n', '>', 5)), 201],
      ['PUT', '/v1/segments/low', segment('low', rule('n', '<', 40)), 200],
      ['PATCH', '/v1/segments/low', { query: rule('n', '<', 30) }, 200],
      ['GET', '/v1/segments/low', undefined, 200],
      ['GET', '/v1/segments', undefined, 200],
      ['POST', '/v1/segments', segment('nested', rule('', 'inSegment', 'new')), 201],
      ['DELETE', '/v1/segments/new', undefined, 409],
      ['DELETE', '/v1/segments/nested', undefined, 204],
      ['DELETE', '/v1/segments/new', undefined, 204],
      ['DELETE', '/v1/segments/low', undefined, 204],
      ['POST', '/v1/segments', segment('low', rule('n', '<', 20)), 201],
      ['POST', '/v1/views', view('more', 3), 201],
      ['PUT', '/v1/views/sheet', view('sheet', 4), 200],
      ['PATCH', '/v1/views/sheet', { title: 'Sheet' }, 200],
      ['POST', '/v1/views/sheet/activations', { url: 'https://example.com/hook' }, 201],
      ['GET', '/v1/views/sheet/activations', undefined, 200],
      ['DELETE', '/v1/views/sheet', undefined, 204],
      ['GET', '/v1/views', undefined, 200],
      ['GET', '/v1/object-types', undefined, 200],
      ['GET', '/v1/seeds', undefined, 200],
      [
        'POST',
        '/v1/seeds?dry_run=true',
        [{ object_type: 'segments', data: segment('seed', rule('n', '<', 2)) }],
        200,
      ],
      [
        'POST',
        '/v1/seeds',
        [{ object_type: 'segments', data: segment('seed', rule('n', '<', 2)) }],
        200,
      ],
      ['DELETE', '/v1/object-types/empty', undefined, 204],
      ['DELETE', '/v1/object-types/orders', undefined, 204],
      ['DELETE', '/v1/object-types/contacts', undefined, 409],
    ];
    expect(await statuses(calls.map(([method, url, body]) => [method, url, body]))).toEqual(
      calls.map(([method, url, , status]) => [`${method} ${url}`, status]),
    );
  });

  it('a type of which changes wait is not deleted, and the answer says who does not work', async () => {
    const api = await open();
    await api.call('PUT', '/v1/object-types/later', { attributes: {} });
    for (let n = 0; n < 10; n++) await api.call('PUT', `/v1/records/later/n${n}?wait=accepted`, {});
    const answer = await told(api, 'DELETE', '/v1/object-types/later');
    expect([409, 503]).toContain(answer.status);
    if (answer.status === 503) expect(answer.detail).toMatch(/partitions? .*nobody/);
    else expect(answer.code).toBe('object_type_in_use');
  });

  it('strong reads of what waits end in bounded time, and say who does not work', async () => {
    const api = await open();
    for (let n = 0; n < 10; n++)
      await api.call('PUT', `/v1/records/contacts/n${n}?wait=accepted`, { n });
    const counted = await api.call('POST', '/v1/segments/counts', {
      slugs: ['other'],
      timeout_ms: 300,
    });
    expect(counted.json().counts[0]).toMatchObject({ count: null, status: 'timeout' });
    const members = await told(api, 'GET', '/v1/segments/other/members?timeout_ms=300');
    expect(members).toMatchObject({ status: 503, code: 'not_caught_up' });
    expect(members.detail).toMatch(/partitions? .*nobody/);
    expect((await api.call('GET', '/readyz')).statusCode).toBe(503);
  });
});

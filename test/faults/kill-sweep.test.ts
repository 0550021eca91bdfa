/**
 * kill-sweep.test.ts – The end of a server while it removes what a relationship that was given up
 * has left behind: after the restart it goes on, and no set stays in Redis.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

/** Each points at a target of its own. */
const CONTACTS = 40_000;
const LINES = 10_000;
const PARTITIONS = 16;
const attributes = { age: { type: 'number' } };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function fill({ call }: Served): Promise<void> {
  await call('PUT', '/v1/object-types/organizations', { attributes: {} });
  const relationships = {
    organization: {
      to: 'organizations',
      key: 'organization_id',
      cardinality: 'one',
      inverse: 'contacts',
    },
  };
  await call('PUT', '/v1/object-types/contacts', { attributes, relationships });
  const rules = [{ field: 'contacts.age', operator: '>', value: 30, aggregate: 'max' }];
  const segment = {
    title: 'Old',
    slug: 'old',
    object_type: 'organizations',
    query: { combinator: 'and', rules },
  };
  expect((await call('POST', '/v1/segments', segment)).status).toBe(201);
  for (let from = 0; from < CONTACTS; from += LINES) {
    const lines = Array.from({ length: LINES }, (_, at) => {
      const data = { age: at % 60, organization_id: `o${from + at}` };
      return JSON.stringify({ op: 'put', object_type: 'contacts', id: `c${from + at}`, data });
    });
    const answer = await call(
      'POST',
      '/v1/changes?timeout_ms=60000',
      lines.join('\n'),
      'application/x-ndjson',
    );
    expect(answer.status).toBe(200);
  }
}

async function edgeKeys(redis: Redis, kind: string): Promise<number> {
  return (await redis.keys(`rc:{*}:${kind}:*`)).length;
}

it('kill -9 of the server while it sweeps the sets of a relationship leaves none behind in the end', async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const env = { ROLLCALL_DATA: folder.path };
  let served = await serve(env);
  cleanups.push(() => served.stop());
  await fill(served);
  const redis = new Redis(served.redis.url);
  cleanups.push(() => redis.disconnect());
  expect(await edgeKeys(redis, 'holders')).toBe(CONTACTS);
  expect(await edgeKeys(redis, 'values')).toBe(CONTACTS);
  const [hash] = (await redis.keys('rc:{0}:neighbours:*')) as [string];
  const edgeId = Number(hash.split(':').at(-1));
  const rows = new Keys('rc', PARTITIONS).partitions.map((keys) => keys.neighbours(edgeId));
  const left = async () => {
    const lengths = await Promise.all(rows.map((key) => redis.hlen(key)));
    return lengths.reduce((sum, length) => sum + length, 0);
  };

  expect((await served.call('DELETE', '/v1/segments/old')).status).toBeLessThan(300);
  const removed = await served.call('PUT', '/v1/object-types/contacts', { attributes });
  expect(removed.status).toBe(200);
  for (
    const deadlineMs = Date.now() + 10_000;
    (await left()) === CONTACTS && Date.now() < deadlineMs;
  )
    await sleep(1);
  await served.kill9();
  // A commit that was on its way when the server died may still be carried out.
  await eventually(
    'rows and sets go together',
    async () => (await edgeKeys(redis, 'holders')) === (await left()),
  );
  const cut = await left();
  console.log(`targets that were left when the server was killed: ${cut} of ${CONTACTS}`);
  expect(cut).toBeGreaterThan(0);
  expect(cut).toBeLessThan(CONTACTS);

  served = await serve(env);
  await eventually('no row is left', async () => (await left()) === 0, 20_000);
  for (const kind of ['holders', 'values', 'neighbours', 'related'])
    await eventually(
      `no ${kind} are left`,
      async () => (await edgeKeys(redis, kind)) === 0,
      20_000,
    );
  const { partitions } = new Keys('rc', PARTITIONS);
  const noted = async () => {
    const fields = await Promise.all(partitions.map(({ meta }) => redis.hkeys(meta)));
    return fields.flat().filter((field) => field.startsWith('sets:')).length;
  };
  await eventually('nothing is noted any more', async () => (await noted()) === 0);
}, 120_000);

/**
 * kill-sweep.test.ts – The end of a server while it removes what a relationship that was given up
 * has left behind: after the restart it goes on, and no set stays in Redis.
 */
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

/** Each points at a target of its own. */
const CONTACTS = isWhole ? 40_000 : 10_000;
const LINES = 10_000;
const PARTITIONS = 16;
const KILLS_MAX = 5;
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
  const redis = new Redis(served.redis.url);
  cleanups.push(() => redis.disconnect());
  let isCut = false;
  // A kill that comes when all is swept says nothing: there is another one.
  for (let kill = 0; !isCut && kill < KILLS_MAX; kill++) {
    await fill(served);
    for (const kind of ['holders', 'values'])
      await eventually(
        `all ${kind} are there`,
        async () => (await edgeKeys(redis, kind)) === CONTACTS,
        20_000,
      );
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
    await eventually('the sweep has begun', async () => (await left()) < CONTACTS, 20_000);
    await served.kill9();
    // A commit that was on its way when the server died may still be carried out.
    await eventually(
      'rows and sets go together',
      async () => (await edgeKeys(redis, 'holders')) === (await left()),
    );
    const cut = await left();
    console.log(`targets that were left when the server was killed: ${cut} of ${CONTACTS}`);
    isCut = cut > 0;

    served = await serve(env);
    for (const kind of ['neighbours', 'holders', 'values', 'related'])
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
  }
  expect(isCut).toBe(true);
}, 120_000);

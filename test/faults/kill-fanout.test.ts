/**
 * kill-fanout.test.ts – The end of a server in the middle of a fan-out over the holders of one
 * record loses no flip: after the restart it goes on from where it was, and an audit finds zero
 * differences.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { dataFolder, runCli, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

/** Several turns of each partition: what one turn visits is never seen half done. */
const CONTACTS = isWhole ? 30_000 : 20_000;
const PARTITIONS = 16;
const LINES = 10_000;
const KILLS = isWhole ? 3 : 2;
const KILLS_MAX = 10;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function declare({ call }: Served): Promise<void> {
  await call('PUT', '/v1/object-types/organizations', {
    attributes: { industry: { type: 'string' } },
  });
  const relationships = {
    organization: {
      to: 'organizations',
      key: 'organization_id',
      cardinality: 'one',
      inverse: 'contacts',
    },
  };
  await call('PUT', '/v1/object-types/contacts', {
    attributes: { age: { type: 'number' } },
    relationships,
  });
  const segment = {
    title: 'In SaaS',
    slug: 'in-saas',
    object_type: 'contacts',
    query: {
      combinator: 'and',
      rules: [
        { field: 'organization.industry', operator: '=', value: 'SaaS' },
        { field: 'age', operator: '>=', value: 20 },
      ],
    },
  };
  expect((await call('POST', '/v1/segments', segment)).status).toBe(201);
}

async function fill({ call }: Served): Promise<void> {
  const put = (object_type: string, id: string, data: object) =>
    JSON.stringify({ op: 'put', object_type, id, data });
  const lines = [put('organizations', 'hot', { industry: 'none' })];
  for (let i = 0; i < CONTACTS; i++)
    lines.push(put('contacts', `c${i}`, { age: i % 40, organization_id: 'hot' }));
  for (let from = 0; from < lines.length; from += LINES) {
    const body = lines.slice(from, from + LINES).join('\n');
    const answer = await call('POST', '/v1/changes?timeout_ms=60000', body, 'application/x-ndjson');
    expect(answer.status).toBe(200);
  }
}

interface SegmentCount {
  readonly count: number | null;
  readonly status: string;
}

async function countOf({ call }: Served): Promise<SegmentCount> {
  const body = { slugs: ['in-saas'], timeout_ms: 30_000 };
  const answer = (await (await call('POST', '/v1/segments/counts', body)).json()) as {
    counts: SegmentCount[];
  };
  return answer.counts[0]!;
}

/** Partitions in which a fan-out runs. */
async function fanning(redis: Redis): Promise<number> {
  const { partitions } = new Keys('rc', PARTITIONS);
  const running = await Promise.all(partitions.map(({ fanouts }) => redis.hlen(fanouts)));
  return running.filter((fanouts) => fanouts > 0).length;
}

it(`kill -9 of the server in the middle of a fan-out over ${CONTACTS} holders, ${KILLS} times`, async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const env = { ROLLCALL_DATA: folder.path };
  let served = await serve(env);
  cleanups.push(() => served.stop());
  await declare(served);
  await eventually('the segment is built', async () => (await countOf(served)).status === 'ready');
  await fill(served);
  const redis = new Redis(served.redis.url);
  cleanups.push(() => redis.disconnect());
  const cut: number[] = [];
  // A kill that comes when the fan-out is over says nothing: there is another one.
  for (let kill = 0; kill < KILLS || (kill < KILLS_MAX && Math.max(...cut) === 0); kill++) {
    const isSaas = kill % 2 === 0;
    const data = { industry: isSaas ? 'SaaS' : 'Retail' };
    await served.call('PATCH', '/v1/records/organizations/hot?wait=accepted', data);
    for (
      const deadlineMs = Date.now() + 2_000;
      (await fanning(redis)) === 0 && Date.now() < deadlineMs;
    )
      await sleep(1);
    await served.kill9();
    cut.push(await fanning(redis));
    served = await serve(env);
    let counted: SegmentCount | undefined;
    await eventually(
      'it is counted',
      async () => (counted = await countOf(served)).status === 'ready',
      90_000,
    );
    expect(counted).toMatchObject({ count: isSaas ? CONTACTS / 2 : 0 });
  }
  console.log(`partitions whose fan-out was cut: ${cut.join(', ')}`);
  expect(Math.max(...cut)).toBeGreaterThan(0);
  const audited = await runCli(['audit'], env);
  expect(audited.stdout).toContain('Zero differences.');
  expect(audited.code).toBe(0);
}, 300_000);

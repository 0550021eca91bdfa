/**
 * hot-target.test.ts – One organization with a great many contacts: what it shows reaches all of
 * them by one message per partition, and nothing else has to wait for it.
 */
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChannelPosition } from '../../src/redis/rows/channel-position.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, eventually, openTestDeployment } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const PARTITIONS = 16;
/** Of each partition a fan-out takes several turns. */
const CONTACTS = isWhole ? 100_000 : 20_000;
const OTHERS = 500;
const PATIENT = { consistency: 'strong', timeoutMs: 60_000 } as const;

let deployment: TestDeployment;

const inIndustry = (industry: string) => ({
  combinator: 'and',
  rules: [{ field: 'organization.industry', operator: '=', value: industry }],
});

beforeAll(async () => {
  deployment = await openTestDeployment({ partitions: PARTITIONS });
  const { objectTypes, segments, ingest } = deployment;
  await objectTypes.put('organizations', {
    attributes: { industry: { type: 'string' }, name: { type: 'string' } },
  });
  await objectTypes.put('contacts', {
    attributes: { age: { type: 'number' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  });
  for (const industry of ['SaaS', 'Retail']) {
    const slug = `in-${industry.toLowerCase()}`;
    await segments.create({
      title: slug,
      slug,
      object_type: 'contacts',
      query: inIndustry(industry),
    });
  }
  const grownUp = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };
  await segments.create({
    title: 'Grown up',
    slug: 'grown-up',
    object_type: 'contacts',
    query: grownUp,
  });
  await built(deployment);
  const session = ingest.session({ wait: 'applied', timeoutMs: 60_000 });
  let line = 0;
  const put = (object_type: string, id: string, data: object) =>
    session.addParsed(++line, { op: 'put', object_type, id, data });
  await put('organizations', 'hot', { industry: 'none', name: 'Hot' });
  for (let i = 0; i < CONTACTS; i++)
    await put('contacts', `c${i}`, { age: i % 80, organization_id: 'hot' });
  for (let i = 0; i < OTHERS; i++) await put('contacts', `other${i}`, { age: 1 });
  expect(await session.finish()).toMatchObject({
    accepted: CONTACTS + OTHERS + 1,
    isApplied: true,
  });
});
afterAll(() => deployment.close());

async function counts(consistency: 'strong' | 'eventual' = 'strong'): Promise<(number | null)[]> {
  const slugs = ['in-saas', 'in-retail'];
  return (await deployment.segmentCounts.read(slugs, { ...PATIENT, consistency })).counts.map(
    ({ count }) => count,
  );
}

async function patchHot(data: object): Promise<void> {
  const change = { op: 'patch', object_type: 'organizations', id: 'hot', data };
  expect(await deployment.ingest.one(change, { wait: 'applied', timeoutMs: 10_000 })).toBe(
    'updated',
  );
}

/** What each partition has sent to each other so far, entries of outboxes. */
async function sent(): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const [from, { meta }] of deployment.keys.partitions.entries()) {
    for (const [field, value] of Object.entries(await deployment.redis.hgetall(meta)))
      if (field.startsWith('sent:'))
        all.set(`${from}>${field.slice('sent:'.length)}`, readChannelPosition(value).sequence);
  }
  return all;
}

function since(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): number[] {
  return [...now]
    .map(([lane, sequence]) => sequence - (before.get(lane) ?? 0))
    .filter((entries) => entries > 0);
}

/** Changes other records, one after the other, until it is told to stop. */
function changeOthers(): { stop: () => Promise<number[]> } {
  let isStopped = false;
  const run = async () => {
    const tookMs: number[] = [];
    for (let i = 0; !isStopped; i++) {
      const change = {
        op: 'patch',
        object_type: 'contacts',
        id: `other${i % OTHERS}`,
        data: { age: 18 + (i % 60) },
      };
      const startedMs = performance.now();
      await deployment.ingest.one(change, { wait: 'applied', timeoutMs: 30_000 });
      tookMs.push(performance.now() - startedMs);
    }
    return tookMs.sort((a, b) => a - b);
  };
  const running = run();
  return {
    stop: () => {
      isStopped = true;
      return running;
    },
  };
}

describe(`an organization with ${CONTACTS} contacts`, () => {
  it('reaches all of them with at most one message per partition, and live changes keep flowing', async () => {
    expect(await counts()).toEqual([0, 0]);
    const before = await sent();
    const others = changeOthers();
    const startedMs = performance.now();
    await patchHot({ industry: 'SaaS' });
    expect(await counts()).toEqual([CONTACTS, 0]);
    const tookMs = performance.now() - startedMs;
    const tookOthersMs = await others.stop();
    const messages = since(before, await sent());
    expect(messages.length).toBeLessThanOrEqual(PARTITIONS);
    expect(messages.every((entries) => entries === 1)).toBe(true);
    const p99 = tookOthersMs[Math.floor(tookOthersMs.length * 0.99)]!;
    console.log(
      `${CONTACTS} contacts flipped in ${Math.round(tookMs)} ms by ` +
        `${messages.length} messages; meanwhile ` +
        `${tookOthersMs.length} live changes, p50 ` +
        `${tookOthersMs[tookOthersMs.length >> 1]!.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
    expect(tookOthersMs.length).toBeGreaterThan(0);
  });

  it('that flips again in the middle ends as it is last', async () => {
    // Who looks late sees a flip that has come through already, and flips again.
    let midway: number = CONTACTS;
    for (let tries = 0; midway === CONTACTS && tries < 20; tries++) {
      await patchHot({ industry: tries % 2 === 0 ? 'Retail' : 'SaaS' });
      const at = 1 - (tries % 2);
      await eventually('the flip is on its way', async () => {
        midway = (await counts('eventual'))[at]!;
        return midway > 0;
      });
    }
    await patchHot({ industry: 'Other' });
    await patchHot({ industry: 'none' });
    await patchHot({ industry: 'SaaS' });
    expect(await counts()).toEqual([CONTACTS, 0]);
    await patchHot({ industry: 'Retail' });
    expect(await counts()).toEqual([0, CONTACTS]);
    console.log(`the second flip came when ${midway} of ${CONTACTS} had seen the first`);
    expect(midway).toBeLessThan(CONTACTS);
  });

  it('sends nothing when it changes and no predicate flips', async () => {
    const before = await sent();
    const flipped = await flips();
    await patchHot({ name: 'Still hot', founded: 1999 });
    await patchHot({ industry: 'Retail', name: 'Hot' });
    expect(await counts()).toEqual([0, CONTACTS]);
    expect(since(before, await sent())).toEqual([]);
    expect(await flips()).toBe(flipped);
  });
});

async function flips(): Promise<number> {
  const { values } = await deployment.metrics.membershipsFlipped.get();
  return values.reduce((sum, { value }) => sum + value, 0);
}

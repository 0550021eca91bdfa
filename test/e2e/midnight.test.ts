/**
 * midnight.test.ts – 100,000 records that are due at one moment leave in chunks between live
 * changes.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/membership/audit.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, eventually, openTestDeployment } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const RECORDS = isWhole ? 100_000 : 12_000;
const OTHERS = 500;
const CHANGES_A_SECOND = 1000;
const WINDOW_S = 30;
/** How long before they leave they must all be there, beside what making them took. */
const AHEAD_MS = 2000;
const PATIENT = { consistency: 'strong', timeoutMs: 120_000 } as const;

let deployment: TestDeployment;
/** When all leave. */
let dueMs: number;

beforeAll(async () => {
  deployment = await openTestDeployment({ partitions: 16 });
  const { objectTypes, segments } = deployment;
  await objectTypes.put('contacts', {
    attributes: { seen_at: { type: 'datetime' }, n: { type: 'number' } },
  });
  const recent = {
    field: 'seen_at',
    operator: 'inLast',
    value: { amount: WINDOW_S, unit: 'second' },
  };
  const low = { field: 'n', operator: '<', value: 50 };
  for (const [slug, rule] of Object.entries({ recent, low })) {
    const query = { combinator: 'and', rules: [rule] };
    await segments.create({ title: slug, slug, object_type: 'contacts', query });
  }
  await built(deployment);
  const numbered = (i: number) => ({ n: i % 100 });
  const beganMs = Date.now();
  await putAll('c', RECORDS, numbered);
  await putAll('other', OTHERS, () => ({ n: 1 }));
  // To write all of them once more takes about as long as it took.
  dueMs = Date.now() + 2 * (Date.now() - beganMs) + AHEAD_MS;
  const seen_at = new Date(dueMs - WINDOW_S * 1000).toISOString();
  await putAll('c', RECORDS, (i) => ({ seen_at, ...numbered(i) }));
}, 120_000);
afterAll(() => deployment.close());

async function putAll(name: string, many: number, data: (i: number) => object): Promise<void> {
  const session = deployment.ingest.session({ wait: 'applied', timeoutMs: 120_000 });
  for (let i = 0; i < many; i++) {
    const change = { op: 'put', object_type: 'contacts', id: `${name}${i}`, data: data(i) };
    await session.addParsed(i + 1, change);
  }
  expect(await session.finish()).toMatchObject({ accepted: many, isApplied: true });
}

async function count(
  slug: string,
  consistency: 'strong' | 'eventual' = 'strong',
): Promise<number | null> {
  return (await deployment.segmentCounts.read([slug], { ...PATIENT, consistency })).counts[0]!
    .count;
}

/** Changes other records so many times a second, whatever each of them takes. */
function changeOthers(): { stop: () => Promise<number[]> } {
  const tookMs: Promise<number>[] = [];
  const startedMs = performance.now();
  const one = async (i: number) => {
    const sentMs = performance.now();
    const change = {
      op: 'patch',
      object_type: 'contacts',
      id: `other${i % OTHERS}`,
      data: { n: i % 100 },
    };
    await deployment.ingest.one(change, { wait: 'applied', timeoutMs: 60_000 });
    return performance.now() - sentMs;
  };
  const timer = setInterval(() => {
    const wanted = ((performance.now() - startedMs) / 1000) * CHANGES_A_SECOND;
    while (tookMs.length < wanted) tookMs.push(one(tookMs.length));
  }, 5);
  return {
    stop: async () => {
      clearInterval(timer);
      return (await Promise.all(tookMs)).sort((a, b) => a - b);
    },
  };
}

describe(`${RECORDS} records that are due at one moment`, { timeout: 120_000 }, () => {
  it('leave in chunks between live changes, and leave nothing behind', async () => {
    expect(await count('recent')).toBe(RECORDS);
    await sleep(Math.max(0, dueMs - 1000 - Date.now()));
    const others = changeOthers();
    await sleep(Math.max(0, dueMs - Date.now()));
    const isLate = Date.now() - dueMs > 100;
    await eventually(
      'all have left',
      async () => (await count('recent', 'eventual')) === 0,
      60_000,
    );
    const tookMs = Date.now() - dueMs;
    const tookOthersMs = await others.stop();
    const at = (share: number) => tookOthersMs[Math.floor(tookOthersMs.length * share)]!.toFixed(1);
    console.log(
      `${RECORDS} records have left ${tookMs} ms after their ` +
        `moment${isLate ? ' (which had passed before)' : ''}; meanwhile ` +
        `${tookOthersMs.length} live changes, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    );
    expect(await count('recent')).toBe(0);
    const { redis, keys } = deployment;
    const report = await audit(deployment, { timeoutMs: 60_000 });
    expect(report).toMatchObject({ differences: 0, segments: 2, records: RECORDS + OTHERS });
    for (const { due } of keys.partitions) expect(await redis.exists(due)).toBe(0);
  });
});

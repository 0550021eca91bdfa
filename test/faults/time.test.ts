/**
 * time.test.ts – Clocks that jump, on a real server: no timer is lost, none fires before its time
 * by any clock that may be right, and where a partition has believed a wrong one nobody is told a
 * number.
 */
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import type { ClockSource } from '../../src/engine/clock.ts';
import { audit } from '../../src/membership/audit.ts';
import type { TestDeployment } from '../support/client.ts';
import { createSegment, eventually, openTestDeployment, send } from '../support/deployment.ts';

const HOUR_MS = 3_600_000;

/** Each test closes what it has opened itself: they wait for their moments at once. */
const it = test.extend<{ opened: TestDeployment[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: a fixture names the fixtures that it needs
  opened: async ({}, use) => {
    const opened: TestDeployment[] = [];
    await use(opened);
    for (const one of opened.reverse()) await one.close();
  },
});

const SOURCE: ClockSource = { wallMs: () => Date.now(), steadyMs: () => performance.now() };
const EVENTUAL = { consistency: 'eventual', timeoutMs: 1000 } as const;

async function open(
  opened: TestDeployment[],
  clockSource: ClockSource,
  amount: number,
  partitions = 4,
): Promise<TestDeployment> {
  const deployment = await openTestDeployment({ clockSource, partitions });
  opened.push(deployment);
  await deployment.objectTypes.put('contacts', { attributes: { seen_at: { type: 'datetime' } } });
  const recent = { field: 'seen_at', operator: 'inLast', value: { amount, unit: 'second' } };
  await createSegment(deployment, 'recent', 'contacts', { combinator: 'and', rules: [recent] });
  return deployment;
}

async function countOf(
  { segmentCounts }: TestDeployment,
  options?: { consistency: 'eventual'; timeoutMs: number },
) {
  const { counts } = await segmentCounts.read(['recent'], options);
  return counts[0]!;
}

/** Each was seen a few milliseconds after the one before. */
function* seen(count: number, fromMs: number, stepMs: number): Generator<Change> {
  for (let i = 0; i < count; i++) {
    const seen_at = new Date(fromMs + i * stepMs).toISOString();
    yield { op: 'put', object_type: 'contacts', id: `c${i}`, data: { seen_at } };
  }
}

describe.concurrent('a clock that goes back and forth', () => {
  it('loses no timer: whoever was found due is looked at as of then', async ({ opened }) => {
    const random = {
      wallMs: () => Date.now(),
      steadyMs: () => performance.now() - Math.random() * 40,
    };
    const deployment = await open(opened, random, 2, 16);
    await send(deployment, seen(64, Date.now(), 10));
    await eventually(
      'all have left',
      async () => (await countOf(deployment, EVENTUAL)).count === 0,
      8000,
    );
  });
});

describe.concurrent('the clock of this machine', () => {
  it('is waited for while it is an hour late, and timers fire soon after it is put right', async ({
    opened,
  }) => {
    let lateMs = HOUR_MS;
    const late = { wallMs: () => Date.now() - lateMs, steadyMs: () => performance.now() };
    const deployment = await open(opened, late, 1);
    await send(deployment, seen(10, Date.now() - HOUR_MS, 0));
    await eventually(
      'a second of it passes',
      async () => (await countOf(deployment, EVENTUAL)).count === 0,
      4000,
    );
    const nowMs = Date.now();
    await send(deployment, seen(10, nowMs, 0));
    // By the late clock all of them were seen in an hour, by that of Redis a moment ago: nobody
    // answers for both.
    await eventually('the window is over by Redis', () => Date.now() > nowMs + 1500);
    const { segmentCounts } = deployment;
    const asked = await segmentCounts.read(['recent'], { consistency: 'strong', timeoutMs: 300 });
    expect(asked.counts[0]).toMatchObject({ status: 'timeout', count: null });
    lateMs = 0;
    expect(await countOf(deployment)).toMatchObject({ status: 'ready', count: 0 });
    const report = await audit(deployment, { timeoutMs: 10_000 });
    expect(report).toMatchObject({ differences: 0 });
  });
});

describe.concurrent('a partition whose stored clock is ahead of Redis', () => {
  it('answers for no segment that moves with time, goes on with all else, and says so', async ({
    opened,
  }) => {
    const first = await open(opened, SOURCE, 600);
    await createSegment(first, 'known', 'contacts', {
      combinator: 'and',
      rules: [{ field: 'seen_at', operator: 'notNull' }],
    });
    await send(first, seen(20, Date.now(), 0));
    const prefix = first.keys.catalog.meta.split(':')[0]!;
    await first.close();
    opened.pop();
    const idle = await openTestDeployment({ partitions: 4, prefix, runsWorker: false });
    await idle.redis.hset(idle.keys.partitions[1]!.meta, 'clock', Date.now() + HOUR_MS);
    await idle.close();
    const lines: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
    const ahead = await openTestDeployment({ partitions: 4, prefix, logger });
    opened.push(ahead);
    expect(await countOf(ahead)).toMatchObject({ status: 'building', count: null });
    const { counts } = await ahead.segmentCounts.read(['known']);
    expect(counts).toMatchObject([{ status: 'ready', count: 20 }]);
    const there = Array.from({ length: 20 }, (_, i) => `c${i}`).find(
      (id) => partitionOf(id, 4) === 1,
    )!;
    await expect(ahead.members.isMember('recent', there)).rejects.toMatchObject({
      code: 'segment_building',
    });
    await send(ahead, seen(30, Date.now(), 0));
    expect((await ahead.segmentCounts.read(['known'])).counts).toMatchObject([
      { status: 'ready', count: 30 },
    ]);
    expect(await ahead.progress.lag()).toMatchObject({ entries: 0, partitionsAhead: 1 });
    await eventually('it is logged', () =>
      lines.some((line) => line.includes('time stands still')),
    );
    const clock = Number(await ahead.redis.hget(ahead.keys.partitions[1]!.meta, 'clock'));
    expect(clock).toBeGreaterThan(Date.now() + HOUR_MS / 2); // it did not go back
  });
});

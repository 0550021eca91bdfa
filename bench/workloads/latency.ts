/**
 * latency.ts – From a change that is sent to the answer that it is applied, and to a strong count
 * that includes it: while nothing else happens, and while changes come in.
 *
 * The peer is one entry's way through a stream: XADD, and the blocked XREAD that gets it.
 */
import type { Change } from '../../src/change/change.ts';
import { assert } from '../../src/errors.ts';
import { openBlockingConnection } from '../../src/redis/connection.ts';
import type { BenchOptions, Case, Progress, Workload } from '../harness.ts';
import { type Asking, compareAsking, openFlow } from '../latencies.ts';
import { RollcallSide, withRedis } from '../rollcall-side.ts';
import { makeHistory, makeWorld } from '../world.ts';

export const LATENCY: Workload = {
  name: 'latency',
  defaults: { segments: [100], records: 10_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * 6);
    const cases: Case[] = [];
    for (const count of options.segments) {
      const run = (url: string) => runCases(url, count, options, progress);
      cases.push(...(await withRedis(progress, run)));
    }
    const title = 'latency: changes a second, one after the other, each waited for';
    return { workload: 'latency', title, cases, notes: NOTES };
  },
};

const CHANGES_A_SECOND = 1_000;
/** Between two changes: each of them comes alone. */
const REST_MS = 2;

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec): worker and ' +
    'client share it, without HTTP. One change at a time, with a rest of 2 ms after each.',
  'The count is a strong one of one segment, asked for once the change is applied.',
  `Under load ${CHANGES_A_SECOND} other changes come in each second.`,
];

async function runCases(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case[]> {
  progress.say(`compiling ${count} segments`);
  const world = makeWorld(options.records, count, options.seed);
  const { changes } = makeHistory('drift', world, lengthOf(options), options.seed);
  const half = Math.floor(changes.length / 2);
  const ours = await RollcallSide.open(url, world, progress);
  const { ingest, segmentCounts, redis } = ours.deployment;
  const reading = openBlockingConnection({ url });
  await reading.connect();
  let next = 0;
  const apply = async () => {
    const outcome = await ingest.one(nextOf(changes, next++), {
      wait: 'applied',
      timeoutMs: 30_000,
    });
    assert(outcome === 'updated' || outcome === 'unchanged', `a change is applied, not ${outcome}`);
  };
  let last = '0-0';
  const asking: Asking[] = [
    { name: 'Rollcall, applied', ask: apply },
    {
      name: 'Rollcall, applied and counted',
      ask: async () => {
        await apply();
        const { counts } = await segmentCounts.read(['segment-0']);
        assert(counts[0]!.status === 'ready', 'the count has a number');
      },
    },
    {
      name: 'XADD and XREAD',
      ask: async () => {
        const read = reading.xread('BLOCK', 5000, 'STREAMS', 'peer', last);
        await redis.xadd('peer', 'MAXLEN', '~', 1000, '*', 'c', TEXT);
        last = (await read)![0]![1].at(-1)![0];
      },
    },
  ];
  try {
    const setting = { segments: count, options, progress, restMs: REST_MS };
    const idle = await compareAsking('idle', asking, setting);
    const flow = openFlow(ingest, changes.slice(half), CHANGES_A_SECOND);
    const busy = await compareAsking(`${CHANGES_A_SECOND} changes/s`, asking, setting).finally(() =>
      flow.stop(),
    );
    return [idle, busy];
  } finally {
    reading.disconnect();
    await ours.close();
  }
}

/** As long as a packed change. */
const TEXT = 'x'.repeat(200);

function lengthOf({ rounds, roundMs }: BenchOptions): number {
  return 20_000 + rounds * roundMs * 16;
}

function nextOf(changes: readonly Change[], at: number): Change {
  const change = changes[at];
  assert(change, 'the history is long enough');
  return change;
}

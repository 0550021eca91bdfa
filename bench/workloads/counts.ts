/**
 * counts.ts – All counts of a deployment in one request: how long a strong answer takes at rest,
 * and while changes come in.
 *
 * The raw peers ask Redis for the same numbers and add them up: those that are kept (HMGET), and
 * the sizes of the sets themselves (SCARD). The bare route answers the same body without Redis.
 */
import type { Change } from '../../src/change/change.ts';
import { assert } from '../../src/errors.ts';
import {
  type BenchOptions,
  type Case,
  isWanted,
  type Progress,
  type Workload,
} from '../harness.ts';
import { type HttpSide, openBareHttp, openRollcallHttp } from '../http-side.ts';
import { type Asking, compareAsking, openFlow } from '../latencies.ts';
import { truthAtStart } from '../one-partition.ts';
import { RollcallSide, withRedis } from '../rollcall-side.ts';
import { makeHistory, makeWorld, type World } from '../world.ts';

const CHANGES_A_SECOND = 100;
const AT_REST = 'at rest';
const UNDER_CHANGES = `${CHANGES_A_SECOND} changes/s`;

export const COUNTS: Workload = {
  name: 'counts',
  defaults: { segments: [1_000], records: 20_000, roundMs: 1_000 },
  run: async (options, progress) => {
    const names = peerNames(options);
    progress.expect(options.segments.length * options.rounds * 2 * (1 + names.length));
    const cases: Case[] = [];
    for (const count of options.segments) {
      const run = (url: string) => runCases(url, count, options, progress);
      cases.push(...(await withRedis(progress, run)));
    }
    const title = 'counts: strong answers a second, of all counts in one request';
    return { workload: 'counts', title, unit: 'answers/s', cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec): server, ' +
    'worker and client share it. One request at a time, over one kept connection.',
  'Raw HMGET reads the counts that are kept in 16 partitions in one pipeline, raw SCARD the ' +
    'sizes of the sets; both add them up. ' +
    'The bare route is a Fastify server that sends a stored body.',
  'Before any time counts, and again at the end, each count is compared with json-logic-js, and ' +
    'raw counts with ours.',
];

const PEERS = ['raw pipelined HMGET', 'raw pipelined SCARD', 'bare route'] as const;

function peerNames(options: BenchOptions): string[] {
  return PEERS.filter((name) => isWanted(name, options));
}

async function runCases(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case[]> {
  progress.say(`compiling ${count} segments`);
  const world = makeWorld(options.records, count, options.seed);
  const ours = await RollcallSide.open(url, world, progress);
  const http = await openRollcallHttp(ours.deployment);
  const rollcall = new HttpCounts(http, count);
  const body = await rollcall.text();
  const bare = await openBareHttp(() => body);
  try {
    const raw = new RawCounts(ours);
    await check(rollcall, raw, world, []);
    const peers: readonly Asking[] = [
      { name: PEERS[0], ask: () => raw.kept() },
      { name: PEERS[1], ask: () => raw.sizes() },
      { name: PEERS[2], ask: () => bare.ask('GET', '/') },
    ];
    const wanted = peers.filter(({ name }) => peerNames(options).includes(name));
    const run = (history: string) =>
      compareAsking(history, [{ name: 'Rollcall', ask: () => rollcall.text() }, ...wanted], {
        segments: count,
        options,
        progress,
      });
    const atRest = await run(AT_REST);
    const changes = makeHistory('drift', world, historyLength(options), options.seed).changes;
    const flow = openFlow(ours.deployment.ingest, changes, CHANGES_A_SECOND);
    const busy = await run(UNDER_CHANGES).finally(() => flow.stop());
    await check(rollcall, raw, world, changes.slice(0, flow.sent));
    return [atRest, busy];
  } finally {
    await http.close();
    await bare.close();
    await ours.close();
  }
}

function historyLength({ rounds, roundMs }: BenchOptions): number {
  return Math.ceil(rounds * (PEERS.length + 2) * roundMs * CHANGES_A_SECOND * 0.003) + 1000;
}

class HttpCounts {
  readonly #http: HttpSide;
  readonly #body: string;

  constructor(http: HttpSide, count: number) {
    this.#http = http;
    const slugs = Array.from({ length: count }, (_, at) => `segment-${at}`);
    this.#body = JSON.stringify({ slugs });
  }

  text(): Promise<string> {
    return this.#http.ask('POST', '/v1/segments/counts', this.#body);
  }

  async counts(): Promise<(number | null)[]> {
    const { counts } = JSON.parse(await this.text()) as { counts: { count: number | null }[] };
    return counts.map(({ count }) => count);
  }
}

class RawCounts {
  readonly #side: RollcallSide;

  constructor(side: RollcallSide) {
    this.#side = side;
  }

  async kept(): Promise<number[]> {
    const { deployment, predicateIds } = this.#side;
    const pipeline = deployment.redis.pipeline();
    const fields = predicateIds.map(String);
    for (const { counts } of deployment.keys.partitions) pipeline.hmget(counts, ...fields);
    const replies = (await pipeline.exec()) as [unknown, string[]][];
    return predicateIds.map((_, at) =>
      replies.reduce((sum, [, some]) => sum + Number(some[at]), 0),
    );
  }

  async sizes(): Promise<number[]> {
    const { deployment, predicateIds } = this.#side;
    const pipeline = deployment.redis.pipeline();
    for (const keys of deployment.keys.partitions)
      for (const id of predicateIds) pipeline.scard(keys.segment(id));
    const replies = (await pipeline.exec()) as [unknown, number][];
    const sums = predicateIds.map(() => 0);
    for (const [at, [, size]] of replies.entries()) sums[at % sums.length]! += size;
    return sums;
  }
}

/** @throws Error unless all agree with what the network says of each person as he is now */
async function check(
  rollcall: HttpCounts,
  raw: RawCounts,
  world: World,
  applied: readonly Change[],
): Promise<void> {
  const people = new Map([...world.people].map(([id, person]) => [id, { ...person.data }]));
  for (const { id, data } of applied) Object.assign(people.get(id)!, data);
  const now = new Map([...people].map(([id, data]) => [id, { id, data }]));
  const truth = truthAtStart({ ...world, people: now });
  const expected = world.segments.map(() => 0);
  for (const held of truth.values()) for (const at of held) expected[at]!++;
  for (const [name, counts] of [
    ['Rollcall', await rollcall.counts()],
    ['HMGET', await raw.kept()],
    ['SCARD', await raw.sizes()],
  ] as const)
    assert(String(counts) === String(expected), `the counts of ${name} are right`);
}

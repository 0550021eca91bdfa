/**
 * lookup.ts – Is this record in that segment, and all segments of a record: over HTTP, strongly,
 * one at a time and 32 at once; and in process.
 *
 * The bare route is a Fastify server whose one route GETs a key: what any answer out of Redis
 * costs.
 */
import { partitionOf } from '../../src/change/partition.ts';
import { assert } from '../../src/errors.ts';
import { PEOPLE } from '../data.ts';
import type { BenchOptions, Case, Progress, Workload } from '../harness.ts';
import { openBareHttp, openRollcallHttp } from '../http-side.ts';
import { type Asking, compareAsking } from '../latencies.ts';
import { truthAtStart } from '../one-partition.ts';
import { PARTITIONS, RollcallSide, withRedis } from '../rollcall-side.ts';
import { makeWorld, type World } from '../world.ts';

export const LOOKUP: Workload = {
  name: 'lookup',
  defaults: { segments: [1_000], records: 20_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * (3 + 3 + 3));
    const cases: Case[] = [];
    for (const count of options.segments) {
      const run = (url: string) => runCases(url, count, options, progress);
      cases.push(...(await withRedis(progress, run)));
    }
    const title = 'lookup: strong answers a second about one record';
    return { workload: 'lookup', title, unit: 'answers/s', cases, notes: NOTES };
  },
};

const AT_ONCE = 32;
const CHECKED = 200;

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec): server, ' +
    'worker and client share it. Segments ask own attributes alone: nothing else is waited for.',
  'The bare route GETs one key and sends 15 bytes; it has no keys, logs nothing, checks nothing.',
  'In process: the call that the route makes, against SISMEMBER and HGET of the same record.',
  `Before any time counts, ${CHECKED} answers are compared with json-logic-js.`,
];

async function runCases(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case[]> {
  progress.say(`compiling ${count} segments`);
  const world = makeWorld(options.records, count, options.seed);
  const ours = await RollcallSide.open(url, world, progress);
  const { redis, keys, members, recordSegments } = ours.deployment;
  const http = await openRollcallHttp(ours.deployment);
  await redis.set('bare', 'true');
  const bare = await openBareHttp(async () => ({ member: (await redis.get('bare')) === 'true' }));
  const ids = [...world.people.keys()];
  const asked = (at: number) => {
    const id = ids[at % ids.length]!;
    return { id, segment: at % count, keysOf: keys.partitions[partitionOf(id, PARTITIONS)]! };
  };
  const slugOf = (segment: number) => `segment-${segment}`;
  const isMember = async (at: number) => {
    const { id, segment } = asked(at);
    const path = `/v1/segments/${slugOf(segment)}/members/${id}`;
    return (JSON.parse(await http.ask('GET', path)) as { member: boolean }).member;
  };
  try {
    await check(isMember, asked, world);
    const overHttp: Asking[] = [
      { name: 'Rollcall, in a segment', ask: isMember },
      {
        name: 'Rollcall, all segments',
        ask: (at) => http.ask('GET', `/v1/records/${PEOPLE}/${asked(at).id}/segments`),
      },
      { name: 'bare route', ask: () => bare.ask('GET', '/') },
    ];
    const inProcess: Asking[] = [
      {
        name: 'Rollcall, in a segment',
        ask: (at) => members.isMember(slugOf(asked(at).segment), asked(at).id),
      },
      {
        name: 'Rollcall, all segments',
        ask: (at) => recordSegments.of(PEOPLE, [asked(at).id]),
      },
      {
        name: 'raw SISMEMBER',
        ask: (at) => {
          const { id, segment, keysOf } = asked(at);
          return redis.sismember(keysOf.segment(ours.predicateIds[segment]!), id);
        },
      },
    ];
    const setting = { segments: count, options, progress };
    return [
      await compareAsking('HTTP, one at a time', overHttp, setting),
      await compareAsking('HTTP, 32 at once', overHttp, { ...setting, atOnce: AT_ONCE }),
      await compareAsking('in process', inProcess, setting),
    ];
  } finally {
    await http.close();
    await bare.close();
    await ours.close();
  }
}

/** @throws Error unless the answers are those of the network */
async function check(
  isMember: (at: number) => Promise<boolean>,
  asked: (at: number) => { readonly id: string; readonly segment: number },
  world: World,
): Promise<void> {
  const truth = truthAtStart(world);
  for (let at = 0; at < CHECKED; at++) {
    const { id, segment } = asked(at);
    const expected = [...truth.get(id)!].includes(segment);
    assert((await isMember(at)) === expected, `whether ${id} is in segment ${segment} is right`);
  }
}

/**
 * build.ts – A new segment over many records: from its creation until every partition has built it
 * and its slug answers, alone and while live changes go on.
 *
 * Keeps true: the raw peer reads the very records that are built over. After each round the members
 * in one partition are compared with json-logic-js over what is stored there.
 */
import { performance } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import { unpackRecord } from '../../src/change/record.ts';
import { assert } from '../../src/errors.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { PEOPLE, people, type RuleGroup, segments } from '../data.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  type Progress,
  type Side,
  type Timed,
  type Workload,
} from '../harness.ts';
import { LIVE_A_SECOND, LiveChanges } from '../live-changes.ts';
import { PARTITIONS, RollcallSide, reached, withRedis } from '../rollcall-side.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';
import { compileSegment, NOW_MS, putsOf, type World } from '../world.ts';

export const BUILD: Workload = {
  name: 'build',
  defaults: { segments: [10], records: 1_000_000, roundMs: 0 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * 3);
    const cases: Case[] = [];
    for (const count of options.segments)
      cases.push(await withRedis(progress, (url) => runCase(url, count, options, progress)));
    const title = 'build: records a second while a new segment is built over all of them';
    return { workload: 'build', title, cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec), ' +
    `${PARTITIONS} partitions; rows are not in the cache.`,
  'Timed from the creation of the segment until its slug answers in the whole deployment.',
  `Live changes: ${LIVE_A_SECOND} a second, each timed until it is applied, counted from when it ` +
    'was to be sent.',
  'The raw peer reads the records of all partitions with HSCAN, 1,000 at a time, the next page ' +
    'while it parses this one.',
];

/** People that are drawn and loaded together. */
const LOADED_TOGETHER = 50_000;
const SCANNED_TOGETHER = 1000;

async function runCase(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  const { records, rounds, seed } = options;
  const groups = segments(count + 2 * rounds, seed + 1);
  const world: World = {
    nowMs: NOW_MS,
    people: new Map(),
    segments: groups.slice(0, count).map((query) => compileSegment(query)),
  };
  const ours = await RollcallSide.open(url, world, progress);
  try {
    await load(ours, world, options, progress);
    const { deployment } = ours;
    const live = new LiveChanges(deployment, records, seed + 2);
    const news = groups.slice(count);
    const sides = [
      new Building('Rollcall', deployment, records, news.slice(0, rounds)),
      new Building(
        'Rollcall, live changes meanwhile',
        deployment,
        records,
        news.slice(rounds),
        live,
      ),
      new Scanning(deployment, records),
    ];
    const figures = await compare(sides, rounds, progress);
    return { history: 'build', segments: count, work: live.figures(), figures };
  } finally {
    await ours.close();
  }
}

/** Piece by piece: a million people at once fill the heap. */
async function load(
  side: RollcallSide,
  world: World,
  { records, seed }: BenchOptions,
  progress: Progress,
): Promise<void> {
  for (let from = 0; from < records; from += LOADED_TOGETHER) {
    const some = people(Math.min(LOADED_TOGETHER, records - from), seed + 10 + from);
    const named = some.map(({ data }, at) => ({ id: `p${from + at + 1}`, data }));
    progress.say(`${from} of ${records} people`);
    const loaded = { ...world, people: new Map(named.map((one) => [one.id, one])) };
    await (await side.prepare(putsOf(loaded)))();
  }
}

/** Each round builds another segment. */
class Building implements Side {
  readonly name: string;
  readonly #deployment: WatchedDeployment;
  readonly #records: number;
  readonly #groups: RuleGroup[];
  readonly #live: LiveChanges | undefined;

  constructor(
    name: string,
    deployment: WatchedDeployment,
    records: number,
    groups: readonly RuleGroup[],
    live?: LiveChanges,
  ) {
    this.name = name;
    this.#deployment = deployment;
    this.#records = records;
    this.#groups = [...groups];
    this.#live = live;
  }

  async round(): Promise<Timed> {
    const query = this.#groups.pop()!;
    const slug = `built-${this.#live ? 'live' : 'alone'}-${this.#groups.length}`;
    const build = () => this.#build(slug, query);
    const ms = await (this.#live ? this.#live.during(build) : build());
    await checkMembers(this.#deployment, slug, query);
    return { changes: this.#records, ms };
  }

  /** @returns how long it took, in ms */
  async #build(slug: string, query: RuleGroup): Promise<number> {
    const { segments: all, store } = this.#deployment;
    const startedMs = performance.now();
    await all.create({ slug, title: slug, object_type: PEOPLE, query });
    await reached(() => (store.catalog.segments.get(slug)!.predicateId === null ? 0 : 1), 1);
    return performance.now() - startedMs;
  }
}

/** In the first partition, by json-logic-js over what is stored. */
async function checkMembers(
  { redis, keys, store }: WatchedDeployment,
  slug: string,
  query: RuleGroup,
): Promise<void> {
  const partition = keys.partitions[0]!;
  const { predicateId } = store.catalog.segments.get(slug)!;
  const members = new Set(await redis.smembers(partition.segment(predicateId!)));
  const { jsonLogic } = compileSegment(query);
  await scan(redis, partition.records(PEOPLE), (id, stored) => {
    const { data } = unpackRecord(stored);
    assert(holds(jsonLogic, data) === members.has(id), `${id} is rightly in ${slug}, or not`);
  });
}

class Scanning implements Side {
  readonly name = 'raw HSCAN + JSON.parse';
  readonly #deployment: WatchedDeployment;
  readonly #records: number;

  constructor(deployment: WatchedDeployment, records: number) {
    this.#deployment = deployment;
    this.#records = records;
  }

  async round(): Promise<Timed> {
    const { redis, keys } = this.#deployment;
    const startedMs = performance.now();
    let parsed = 0;
    for (const partition of keys.partitions) {
      await scan(redis, partition.records(PEOPLE), (_, stored) => {
        if (JSON.parse(stored) !== null) parsed++;
      });
    }
    assert(parsed >= this.#records, 'every record is read');
    return { changes: this.#records, ms: performance.now() - startedMs };
  }
}

/** The next page is under way while this one is looked at. */
async function scan(
  redis: Redis,
  key: string,
  look: (field: string, value: string) => void,
): Promise<void> {
  const page = (cursor: string) => redis.hscan(key, cursor, 'COUNT', SCANNED_TOGETHER);
  let next: Promise<[cursor: string, elements: string[]]> | undefined = page('0');
  while (next) {
    const [cursor, flat]: [string, string[]] = await next;
    next = cursor === '0' ? undefined : page(cursor);
    for (let at = 0; at < flat.length; at += 2) look(flat[at]!, flat[at + 1]!);
  }
}

/**
 * memory.ts – What time costs: the timer of a record in bytes of Redis and in time, when it is set
 * and when it fires.
 *
 * The same people go through the whole engine twice, each on a Redis of its own: with segments that
 * know no time, and with one more that does, "seen in the last 30 days". So every record has a
 * timer there, and none here. Then the windows of many end at one moment, while the raw peer
 * removes as many ids from one set.
 */
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { assert } from '../../src/errors.ts';
import type { PartitionKeys } from '../../src/redis/keys.ts';
import { PEOPLE, type RuleGroup } from '../data.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  type Progress,
  type Side,
  type Timed,
  type Workload,
} from '../harness.ts';
import { Random } from '../random.ts';
import { PARTITIONS, RollcallSide, reached, withRedis } from '../rollcall-side.ts';
import { Walk } from '../walk.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';
import {
  checkTruth,
  compileSegment,
  makeHistory,
  makeWorld,
  putsOf,
  type World,
} from '../world.ts';

export const MEMORY: Workload = {
  name: 'memory',
  defaults: { segments: [100], records: 100_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * 4);
    const cases: Case[] = [];
    for (const count of options.segments) {
      const run = (timed: string) =>
        withRedis(progress, (timeless) => runCases({ timed, timeless }, count, options, progress));
      cases.push(...(await withRedis(progress, run)));
    }
    return {
      workload: 'memory',
      title: 'memory: what the timer of a record costs',
      cases,
      notes: NOTES,
    };
  },
};

const NOTES = [
  'Two private Redis (append-only file, appendfsync everysec), one Node process, ' +
    `${PARTITIONS} partitions; every record has a timer, or none has one.`,
  'drift: about one change in four says that a person was seen just now, which ' +
    'moves the timer. due at once: members that leave a second.',
  'The times of the people lie in the month before the run: everything else follows from the seed.',
  'Bytes are MEMORY USAGE with all samples, summed over the partitions; used_memory ' +
    'is that of the server: with the member set of the window and its feed.',
];

const DAY_MS = 86_400_000;
const WINDOW_DAYS = 30;
const SEEN = 'last_seen_at';
/** No peer knows such an operator, nor needs to. */
const TIMED = {
  combinator: 'and',
  rules: [{ field: SEEN, operator: 'inLast', value: { amount: WINDOW_DAYS, unit: 'day' } }],
};

async function runCases(
  urls: { readonly timed: string; readonly timeless: string },
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case[]> {
  const timeless = seenLately(makeWorld(options.records, count, options.seed), options.seed);
  const timed: World = {
    ...timeless,
    segments: [...timeless.segments, compileSegment(TIMED as unknown as RuleGroup)],
  };
  const plain = await Rollcall.open('Rollcall, no time', urls.timeless, timeless, progress);
  const sides = [
    await Rollcall.open('Rollcall, all timed', urls.timed, timed, progress),
    plain,
  ] as const;
  try {
    const roundChanges = Math.min(40_000, options.roundMs * 100);
    const changes = seenNow(
      makeHistory('drift', timeless, roundChanges * (options.rounds + 1), options.seed),
      options,
    );
    const memory = await memoryOf(...sides, timeless.people.size);
    const walks = sides.map(
      (side) => new Walk(side.runner, changes, roundChanges, options.roundMs),
    );
    for (const walk of walks) await walk.warmUp();
    const figures = await compare(walks, options.rounds, progress);
    for (const [at, side] of sides.entries())
      await side.check(changes.slice(0, walks[at]!.applied), timeless);
    const ending = [...timeless.people.keys()].slice(0, Math.ceil(options.roundMs * 20));
    const leaving = [new Leaving(sides[0], ending), new RawLeaving(plain.deployment, ending)];
    const fired = await compare(leaving, options.rounds, progress);
    return [
      { history: 'drift', segments: count, work: memory, figures },
      {
        history: 'due at once',
        segments: count,
        work: { 'records that are due': ending.length },
        figures: fired,
      },
    ];
  } finally {
    for (const { deployment } of sides) await deployment.close();
  }
}

/** Everyone was seen in the window, and stays in it while the workload runs. */
function seenLately(world: World, seed: number): World {
  const random = new Random(seed + 3);
  const people = [...world.people.values()].map(({ id, data }) => ({
    id,
    data: { ...data, [SEEN]: lately(random) },
  }));
  return { ...world, people: new Map(people.map((person) => [person.id, person])) };
}

function seenNow(
  { changes }: { readonly changes: readonly Change[] },
  { seed }: BenchOptions,
): Change[] {
  const random = new Random(seed + 4);
  return changes.map((change) =>
    change.data && SEEN in change.data
      ? { ...change, data: { ...change.data, [SEEN]: lately(random) } }
      : change,
  );
}

function lately(random: Random): string {
  return new Date(
    Date.now() - Math.floor(random.unit() * (WINDOW_DAYS - 1) * DAY_MS),
  ).toISOString();
}

/** What is stored, by kind. */
interface Stored {
  readonly due: number;
  readonly dueKeys: number;
  readonly state: number;
  readonly records: number;
  readonly used: number;
}

async function memoryOf(
  timed: Rollcall,
  timeless: Rollcall,
  records: number,
): Promise<Record<string, number>> {
  const [more, less] = [await timed.stored(), await timeless.stored()];
  assert(less.due === 0 && less.dueKeys === 0, 'records without timers have no due');
  const per = (bytes: number) => bytes / records;
  return {
    'B of due a record': per(more.due),
    'B more of state a record': per(more.state - less.state),
    'B of records a record': per(more.records),
    'B of used_memory a record': per(more.used),
    'B of used_memory a record, no time': per(less.used),
    'keys of due, no time': less.dueKeys,
  };
}

/** A whole worker, and its server. */
class Rollcall {
  readonly runner: RollcallSide;
  readonly #usedBefore: number;

  private constructor(runner: RollcallSide, usedBefore: number) {
    this.runner = runner;
    this.#usedBefore = usedBefore;
  }

  static async open(
    name: string,
    url: string,
    world: World,
    progress: Progress,
  ): Promise<Rollcall> {
    const side = await RollcallSide.open(url, { ...world, people: new Map() }, progress, name);
    const usedBefore = await usedMemory(side.deployment);
    progress.say(`${world.people.size} people`);
    await (await side.prepare(putsOf(world)))();
    return new Rollcall(side, usedBefore);
  }

  get deployment(): WatchedDeployment {
    return this.runner.deployment;
  }

  async stored(): Promise<Stored> {
    const { redis, keys } = this.deployment;
    const bytesOf = (key: (partition: PartitionKeys) => string) => bytesIn(this.deployment, key);
    return {
      due: await bytesOf(({ due }) => due),
      dueKeys: await redis.exists(...keys.partitions.map(({ due }) => due)),
      state: await bytesOf((partition) => partition.state(PEOPLE)),
      records: await bytesOf((partition) => partition.records(PEOPLE)),
      used: (await usedMemory(this.deployment)) - this.#usedBefore,
    };
  }

  /**
   * The last to be changed, by json-logic-js; of the window, all people at once: nobody has left
   * it.
   */
  async check(applied: readonly Change[], { people, segments, nowMs }: World): Promise<void> {
    const ids = new Set(applied.slice(-Math.ceil(10_000 / segments.length)).map(({ id }) => id));
    const expected = new Map([...ids].map((id) => [id, { ...people.get(id)!.data }]));
    for (const { id, data } of applied) if (ids.has(id)) Object.assign(expected.get(id)!, data);
    for (const [id, data] of expected) {
      const held = (await this.runner.held(id)).filter((at) => at < segments.length);
      checkTruth(this.runner.name, id, data, held, { people, segments, nowMs });
    }
    const { segmentCounts, store } = this.deployment;
    if (store.catalog.segments.has(timedSlug(segments.length)))
      assert(
        (await countOf(segmentCounts, timedSlug(segments.length))) === people.size,
        'nobody has left the window',
      );
  }
}

/** declareSegments names them in order. */
const timedSlug = (at: number) => `segment-${at}`;

async function countOf(
  segmentCounts: WatchedDeployment['segmentCounts'],
  slug: string,
): Promise<number | null> {
  return (await segmentCounts.read([slug])).counts[0]!.count;
}

async function bytesIn(
  { redis, keys }: WatchedDeployment,
  key: (partition: PartitionKeys) => string,
): Promise<number> {
  let sum = 0;
  for (const partition of keys.partitions)
    sum += (await redis.memory('USAGE', key(partition), 'SAMPLES', 0)) ?? 0;
  return sum;
}

async function usedMemory({ redis }: WatchedDeployment): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);
}

/** The windows of some people end at one moment; from then on it is timed. */
class Leaving implements Side {
  readonly name = 'Rollcall, due at once';
  readonly #rollcall: Rollcall;
  readonly #ids: readonly string[];
  #leadMs: number;

  constructor(rollcall: Rollcall, ids: readonly string[]) {
    this.#rollcall = rollcall;
    this.#ids = ids;
    this.#leadMs = 300 + ids.length / 10;
  }

  /** Bounded: each turn has twice the time to set the timers before they fire. */
  async round(): Promise<Timed> {
    const { runner } = this.#rollcall;
    for (;;) {
      const momentMs = Math.ceil(Date.now() + this.#leadMs);
      await (await runner.prepare(this.#endingAt(momentMs)))();
      const target = (await runner.flipped()) + this.#ids.length;
      if (Date.now() < momentMs) {
        await new Promise((resolve) => setTimeout(resolve, momentMs - Date.now()));
        await reached(() => runner.flipped(), target);
        return { changes: this.#ids.length, ms: Date.now() - momentMs };
      }
      this.#leadMs *= 2;
    }
  }

  #endingAt(momentMs: number): Change[] {
    const data = { [SEEN]: new Date(momentMs - WINDOW_DAYS * DAY_MS).toISOString() };
    return this.#ids.map((id) => ({ op: 'patch', object_type: PEOPLE, id, data }));
  }
}

const PIPELINED_MAX = 1000;

/** As many ids leave one set per partition, and nothing else happens. */
class RawLeaving implements Side {
  readonly name = 'raw pipelined SREM';
  readonly #deployment: WatchedDeployment;
  readonly #ids: readonly string[];

  constructor(deployment: WatchedDeployment, ids: readonly string[]) {
    this.#deployment = deployment;
    this.#ids = ids;
  }

  async round(): Promise<Timed> {
    await this.#pipelined('sadd');
    const startedMs = performance.now();
    await this.#pipelined('srem');
    return { changes: this.#ids.length, ms: performance.now() - startedMs };
  }

  async #pipelined(verb: 'sadd' | 'srem'): Promise<void> {
    for (let from = 0; from < this.#ids.length; from += PIPELINED_MAX) {
      const commands = this.#deployment.redis.pipeline();
      for (const id of this.#ids.slice(from, from + PIPELINED_MAX))
        commands[verb](`raw:${partitionOf(id, PARTITIONS)}`, id);
      await commands.exec();
    }
  }
}

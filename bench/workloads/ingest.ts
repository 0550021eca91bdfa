import type { Redis } from 'ioredis';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { assert } from '../../src/errors.ts';
import { entered, flippedPredicateId } from '../../src/query/network/network.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { Keys } from '../../src/redis/keys.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { PEOPLE } from '../data.ts';
import { type BenchOptions, type Case, compare, type Progress, type Workload } from '../harness.ts';
import { LogReader } from '../peers/log-reader.ts';
import { LoopPeer } from '../peers/loop.ts';
import { EVALUATORS } from '../peers/peers.ts';
import {
  heldIn,
  PARTITIONS,
  puts,
  RollcallSide,
  reached,
  stage,
  withRedis,
} from '../rollcall-side.ts';
import { type Run, type Runner, Walk } from '../walk.ts';
import {
  checkTruth,
  ENTRY_CHANGES,
  makeHistory,
  makeTypes,
  makeWorld,
  truthAtStart,
  type World,
} from '../world.ts';

export const INGEST: Workload = {
  name: 'ingest',
  defaults: { segments: [1_000], records: 20_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * (1 + peerNames(options).length));
    const cases: Case[] = [];
    for (const count of options.segments) {
      cases.push(await withRedis(progress, (url) => runCase(url, count, options, progress)));
    }
    const title = 'ingest: changes a second from the log to committed in Redis';
    return { workload: 'ingest', title, cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec) ' +
    `for all sides; ${PARTITIONS} partitions.`,
  'The logs are filled before the clock starts, in entries of up to ' +
    `${ENTRY_CHANGES} changes that nobody waits for; all rows are in the cache.`,
  'Segments filter on own attributes only: relationships and relative time are not ' +
    'part of this workload yet.',
  'Before any time counts, and again at the end, records and member sets in Redis ' +
    'are compared with json-logic-js.',
];

/** Changes that one side may take in a round. */
const ROUND_CHANGES_MAX = 40_000;
/** Memberships that are compared with the reference, one SISMEMBER each. */
const CHECKED_MEMBERSHIPS_MAX = 100_000;

const PEERS = ['bare log', 'naive engine'] as const;

function peerNames({ peers }: BenchOptions): string[] {
  return PEERS.filter((name) => !peers || peers.some((peer) => name.includes(peer)));
}

async function runCase(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  progress.say(`compiling ${count} segments`);
  const world = makeWorld(options.records, count, options.seed);
  const roundChanges = Math.min(ROUND_CHANGES_MAX, options.roundMs * 100);
  const history = makeHistory('drift', world, roundChanges * (options.rounds + 1), options.seed);
  const truth = truthAtStart(world, makeTypes(world));
  const names = peerNames(options);
  const ours = await RollcallSide.open(url, world, progress);
  const peers: LogSide[] = [];
  if (names.includes('bare log')) peers.push(await BareLogSide.open(url, world));
  if (names.includes('naive engine')) peers.push(await NaiveSide.open(url, world, truth));
  const sides = [ours, ...peers];
  try {
    const walks = sides.map(
      (side) => new Walk(side, history.changes, roundChanges, options.roundMs),
    );
    const checkAll = async () => {
      for (const [at, side] of sides.entries())
        await check(side, history.changes.slice(0, walks[at]!.applied), world);
    };
    for (const walk of walks) await walk.warmUp();
    await checkAll();
    const flipped = await ours.flipped();
    const appliedBefore = walks[0]!.applied;
    const figures = await compare(walks, options.rounds, progress);
    await checkAll();
    const flips = ((await ours.flipped()) - flipped) / (walks[0]!.applied - appliedBefore);
    return { history: 'drift', segments: count, work: { 'flips per change': flips }, figures };
  } finally {
    for (const side of sides) await side.close();
  }
}

/** A side that works off logs, and can be asked what it has stored. */
interface LogSide extends Runner {
  /** The stored values of a person. */
  data(id: string): Promise<Attributes>;
  /** The segments whose stored sets hold the person; undefined: it stores none. */
  held(id: string): Promise<number[] | undefined>;
  close(): Promise<void>;
}

/** The last people to be changed: the data that they must have follows from the history alone. */
async function check(side: LogSide, applied: readonly Change[], world: World): Promise<void> {
  const count = Math.max(2, Math.floor(CHECKED_MEMBERSHIPS_MAX / world.segments.length));
  const ids = new Set(applied.slice(-count).map(({ id }) => id));
  const expected = new Map([...ids].map((id) => [id, { ...world.people.get(id)!.data }]));
  for (const { id, data } of applied) if (ids.has(id)) Object.assign(expected.get(id)!, data);
  for (const [id, data] of expected) {
    assert(sameData(await side.data(id), data), `${side.name} has stored other values of ${id}`);
    const held = await side.held(id);
    if (held) checkTruth(side.name, id, data, held, world);
  }
}

function sameData(a: Attributes, b: Attributes): boolean {
  const sorted = (data: Attributes) =>
    JSON.stringify(Object.entries(data).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

/** Stores a batch of records and where it ends. */
const STORE_BATCH_LUA = `redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('SET', KEYS[2], ARGV[1])
return 'ok'`;

/**
 * What both peers have: their own streams, the records as they stand in memory, and a connection.
 */
abstract class PeerSide implements LogSide {
  abstract readonly name: string;
  protected readonly redis: Redis;
  protected readonly keys: Keys;
  readonly #tail: StreamTail;
  readonly #reader: LogReader;

  protected constructor(url: string, prefix: string) {
    this.keys = new Keys(prefix, PARTITIONS);
    this.redis = openConnection({ url });
    this.redis.defineCommand('storeBatch', { lua: STORE_BATCH_LUA, numberOfKeys: 2 });
    this.#tail = new StreamTail(url, () => {});
    const logs = this.keys.partitions.map(({ log }) => log);
    this.#reader = new LogReader(this.#tail, logs, (partition, changes, position) =>
      this.write(partition, changes, position),
    );
  }

  abstract held(id: string): Promise<number[] | undefined>;
  /** The values of the record after the change. */
  protected abstract apply(change: Change): Attributes;

  async start(): Promise<void> {
    await this.redis.connect();
    this.#tail.start();
  }

  async prepare(changes: readonly Change[]): Promise<Run> {
    const logs = this.keys.partitions.map(({ log }) => log);
    const show = await stage(this.redis, logs, changes, 1);
    const target = this.#reader.written + changes.length;
    return async () => {
      await show();
      await reached(() => this.#reader.written, target);
    };
  }

  async data(id: string): Promise<Attributes> {
    const { records } = this.#keysOf(partitionOf(id, PARTITIONS));
    return JSON.parse((await this.redis.hget(records, id))!) as Attributes;
  }

  async close(): Promise<void> {
    await this.#tail.stop();
    this.redis.disconnect();
  }

  protected async write(
    partition: number,
    changes: readonly Change[],
    position: string,
  ): Promise<void> {
    const { records, meta } = this.#keysOf(partition);
    const rows = new Map<string, Attributes>();
    for (const change of changes) rows.set(change.id, this.apply(change));
    const given: string[] = [records, meta, position];
    for (const [id, data] of rows) given.push(id, JSON.stringify(data));
    const redis = this.redis as unknown as {
      storeBatch(given: readonly string[]): Promise<string>;
    };
    await redis.storeBatch(given);
  }

  #keysOf(partition: number): { records: string; meta: string } {
    const keys = this.keys.partitions[partition]!;
    return { records: keys.records(PEOPLE), meta: keys.meta };
  }
}

class BareLogSide extends PeerSide {
  readonly name = 'bare log';
  readonly #records: Map<string, Attributes>;

  private constructor(url: string, world: World) {
    super(url, 'bare');
    this.#records = new Map([...world.people.values()].map(({ id, data }) => [id, data]));
  }

  static async open(url: string, world: World): Promise<BareLogSide> {
    const side = new BareLogSide(url, world);
    await side.start();
    const load = await side.prepare(puts(world));
    await load();
    return side;
  }

  async held(): Promise<undefined> {
    return undefined;
  }

  protected apply({ id, data }: Change): Attributes {
    const after = { ...this.#records.get(id), ...data };
    this.#records.set(id, after);
    return after;
  }
}

class NaiveSide extends PeerSide {
  readonly name = 'naive engine (json-logic-js)';
  readonly #peer: LoopPeer;
  readonly #sets: readonly string[];
  #commands: ReturnType<Redis['pipeline']> | undefined;

  private constructor(url: string, world: World, truth: ReadonlyMap<string, Iterable<number>>) {
    super(url, 'naive');
    const tests = EVALUATORS['json-logic-js loop']!(world.segments);
    this.#peer = new LoopPeer(tests, {
      data: (id) => world.people.get(id)!.data,
      held: (id) => truth.get(id)!,
    });
    this.#sets = world.segments.map((_, at) => `naive:segment:${at}`);
  }

  static async open(
    url: string,
    world: World,
    truth: ReadonlyMap<string, Iterable<number>>,
  ): Promise<NaiveSide> {
    const side = new NaiveSide(url, world, truth);
    await side.start();
    await side.#loadSets(truth);
    return side;
  }

  held(id: string): Promise<number[]> {
    return heldIn(this.redis, id, this.#sets);
  }

  protected apply(change: Change): Attributes {
    for (const flip of this.#peer.apply(change)) {
      const set = this.#sets[flippedPredicateId(flip)]!;
      if (entered(flip)) this.#commands?.sadd(set, change.id);
      else this.#commands?.srem(set, change.id);
    }
    return this.#peer.data(change.id);
  }

  protected override async write(
    partition: number,
    changes: readonly Change[],
    position: string,
  ): Promise<void> {
    const commands = this.redis.pipeline();
    this.#commands = commands;
    // evaluates all changes before it first awaits
    const stored = super.write(partition, changes, position);
    await Promise.all([stored, commands.exec()]);
  }

  /** A thousand ids a command, one command after the other. */
  async #loadSets(truth: ReadonlyMap<string, Iterable<number>>): Promise<void> {
    const members = this.#sets.map((): string[] => []);
    for (const [id, held] of truth) for (const segment of held) members[segment]!.push(id);
    for (const [segment, ids] of members.entries()) {
      for (let from = 0; from < ids.length; from += 1000)
        await this.redis.sadd(this.#sets[segment]!, ...ids.slice(from, from + 1000));
    }
  }
}

import type { Redis } from 'ioredis';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import type { Step } from '../../src/engine/step.ts';
import { assert } from '../../src/errors.ts';
import { pushTo } from '../../src/multimap.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { entered, flippedPredicateId } from '../../src/query/network/network.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { Keys } from '../../src/redis/keys.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  isWanted,
  type Progress,
  type Workload,
} from '../harness.ts';
import { loadPartition, truthAtStart } from '../one-partition.ts';
import { DocumentPeer } from '../peers/document-loop.ts';
import { LogReader } from '../peers/log-reader.ts';
import { heldIn, PARTITIONS, RollcallSide, reached, stage, withRedis } from '../rollcall-side.ts';
import { type Run, type Runner, Walk } from '../walk.ts';
import {
  batchesOf,
  checkTruth,
  documentsOf,
  ENTRY_CHANGES,
  type HistoryName,
  historiesAt,
  makeHistory,
  makeReachingWorld,
  makeWorld,
  putsOf,
  type World,
} from '../world.ts';

export const INGEST: Workload = {
  name: 'ingest',
  defaults: { segments: [1_000], records: 20_000, roundMs: 1_000 },
  run: async (options, progress) => {
    const runs = options.segments.flatMap((count) =>
      historiesAt(count, options).map((name) => ({ count, name })),
    );
    const sides = runs.reduce((sum, { name }) => sum + 1 + peerNames(name, options).length, 0);
    progress.expect(options.rounds * sides);
    const cases: Case[] = [];
    for (const { count, name } of runs)
      cases.push(await withRedis(progress, (url) => runCase(url, name, count, options, progress)));
    const title = 'ingest: changes a second from the log to committed in Redis';
    return { workload: 'ingest', title, cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec) ' +
    `for all sides; ${PARTITIONS} partitions.`,
  'The logs are filled before the clock starts, in entries of up to ' +
    `${ENTRY_CHANGES} changes that nobody waits for; all rows are in the cache.`,
  'drift and jump: segments filter on own attributes only. reach: of all segments 20 % reach ' +
    'the organization, 10 % the orders, 10 % ask relative time; changes are of all three types, ' +
    'and a round of ours ends with a strong read of every count.',
  'raw SADD/SREM: the same flips, made ready before the clock starts, in one script a batch that ' +
    'does nothing else.',
  'Before any time counts, and again at the end, records and member sets in Redis ' +
    'are compared with json-logic-js.',
];

/** Changes that one side may take in a round. */
const ROUND_CHANGES_MAX = 40_000;
/** Memberships that are compared with the reference, one SISMEMBER each. */
const CHECKED_MEMBERSHIPS_MAX = 100_000;

const PEERS = ['bare log', 'raw SADD/SREM', 'naive engine'] as const;

/** What raw flips take is asked where flips are many. */
function peerNames(history: HistoryName, options: BenchOptions): string[] {
  const isAsked = (name: string) => name !== 'raw SADD/SREM' || history === 'jump';
  return PEERS.filter((name) => isAsked(name) && isWanted(name, options));
}

async function runCase(
  url: string,
  historyName: HistoryName,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  progress.say(`compiling ${count} segments`);
  const { records, seed, rounds, roundMs } = options;
  const world =
    historyName === 'reach'
      ? makeReachingWorld(records, count, seed, Date.now())
      : makeWorld(records, count, seed);
  const roundChanges = Math.min(ROUND_CHANGES_MAX, roundMs * 100);
  const history = makeHistory(historyName, world, roundChanges * (rounds + 1), seed);
  const names = peerNames(historyName, options);
  const ours = await RollcallSide.open(url, world, progress);
  const peers: LogSide[] = [];
  if (names.includes('bare log')) peers.push(await BareLogSide.open(url, world));
  if (names.includes('raw SADD/SREM')) peers.push(await RawFlipsSide.open(url, world));
  if (names.includes('naive engine')) peers.push(await NaiveSide.open(url, world));
  const sides = [ours, ...peers];
  try {
    const walks = sides.map((side) => new Walk(side, history.changes, roundChanges, roundMs));
    const checkAll = async () => {
      for (const [at, side] of sides.entries())
        await check(side, history.changes.slice(0, walks[at]!.applied), world);
    };
    for (const walk of walks) await walk.warmUp();
    await checkAll();
    const flipped = await ours.flipped();
    const appliedBefore = walks[0]!.applied;
    const figures = await compare(walks, rounds, progress);
    await checkAll();
    const flips = ((await ours.flipped()) - flipped) / (walks[0]!.applied - appliedBefore);
    return { history: historyName, segments: count, work: { 'flips per change': flips }, figures };
  } finally {
    for (const side of sides) await side.close();
  }
}

/** A side that works off logs, and can be asked what it has stored. */
interface LogSide extends Runner {
  /** The stored values of a record; undefined: it stores none. */
  data(objectType: string, id: string): Promise<Attributes | undefined>;
  /** The segments whose stored sets hold the person; undefined: it stores none. */
  held(id: string): Promise<number[] | undefined>;
  /** The clock by which a side holds what it holds; undefined: the world's. */
  readonly nowMs?: number | undefined;
  close(): Promise<void>;
}

/** The last records to be changed: the data that they must have follows from the history alone. */
async function check(side: LogSide, applied: readonly Change[], world: World): Promise<void> {
  const count = Math.max(2, Math.floor(CHECKED_MEMBERSHIPS_MAX / world.segments.length));
  const documents = documentsOf(world);
  for (const change of applied) documents.apply(change);
  const last = applied.slice(-count);
  for (const { object_type: type, id } of last) {
    const stored = await side.data(type, id);
    const isRight = !stored || sameData(stored, documents.data(type, id));
    assert(isRight, `${side.name} has stored other values of ${id}`);
  }
  for (const id of [...documents.touchedBy(last)].slice(0, count)) {
    const held = await side.held(id);
    if (!held) return;
    const at = { ...world, nowMs: side.nowMs ?? world.nowMs };
    checkTruth(side.name, id, documents.document(id), held, at);
  }
}

function sameData(a: Attributes, b: Attributes): boolean {
  const sorted = (data: Attributes) =>
    JSON.stringify(Object.entries(data).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

/** Stores where a batch ends and its records: for each hash how many members follow. */
const STORE_BATCH_LUA = `local at = 2
for i = 2, #KEYS do
  local count = tonumber(ARGV[at])
  redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + count))
  at = at + 1 + count
end
redis.call('SET', KEYS[1], ARGV[1])
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
    this.redis.defineCommand('storeBatch', { lua: STORE_BATCH_LUA });
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

  async data(objectType: string, id: string): Promise<Attributes> {
    const records = this.keys.partitions[partitionOf(id, PARTITIONS)]!.records(objectType);
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
    const keys = this.keys.partitions[partition]!;
    const byType = new Map<string, Map<string, Attributes>>();
    for (const change of changes) {
      let rows = byType.get(change.object_type);
      if (!rows) byType.set(change.object_type, (rows = new Map()));
      rows.set(change.id, this.apply(change));
    }
    const given: string[] = [position];
    for (const rows of byType.values()) {
      given.push(String(2 * rows.size));
      for (const [id, data] of rows) given.push(id, JSON.stringify(data));
    }
    const hashes = [...byType.keys()].map((objectType) => keys.records(objectType));
    const redis = this.redis as unknown as {
      storeBatch(keyCount: number, ...given: readonly string[]): Promise<string>;
    };
    await redis.storeBatch(1 + hashes.length, keys.meta, ...hashes, ...given);
  }
}

class BareLogSide extends PeerSide {
  readonly name = 'bare log';
  /** Ids differ, also between types. */
  readonly #records = new Map<string, Attributes>();

  private constructor(url: string) {
    super(url, 'bare');
  }

  static async open(url: string, world: World): Promise<BareLogSide> {
    const side = new BareLogSide(url);
    await side.start();
    const load = await side.prepare(putsOf(world));
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
  readonly #peer: DocumentPeer;
  readonly #sets: readonly string[];
  #commands: ReturnType<Redis['pipeline']> | undefined;

  private constructor(url: string, world: World, truth: ReadonlyMap<string, Iterable<number>>) {
    super(url, 'naive');
    const tests = world.segments.map(({ jsonLogic }) => {
      return (document: Attributes) => holds(jsonLogic, document, world.nowMs);
    });
    this.#peer = new DocumentPeer(tests, documentsOf(world), (id) => truth.get(id)!);
    this.#sets = world.segments.map((_, at) => `naive:segment:${at}`);
  }

  static async open(url: string, world: World): Promise<NaiveSide> {
    const truth = truthAtStart(world);
    const side = new NaiveSide(url, world, truth);
    await side.start();
    await loadSets(side.redis, truth, (segment) => side.#sets[segment]!);
    return side;
  }

  held(id: string): Promise<number[]> {
    return heldIn(this.redis, id, this.#sets);
  }

  protected apply(change: Change): Attributes {
    for (const [id, flips] of this.#peer.apply(change)) {
      for (const flip of flips) {
        const set = this.#sets[flippedPredicateId(flip)]!;
        if (entered(flip)) this.#commands?.sadd(set, id);
        else this.#commands?.srem(set, id);
      }
    }
    return this.#peer.data(change.object_type, change.id);
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
}

/** A thousand ids a command, one command after the other. */
async function loadSets(
  redis: Redis,
  truth: ReadonlyMap<string, Iterable<number>>,
  setOf: (segment: number, id: string) => string,
): Promise<void> {
  const members = new Map<string, string[]>();
  for (const [id, held] of truth)
    for (const segment of held) pushTo(members, setOf(segment, id), id);
  for (const [set, ids] of members) {
    for (let from = 0; from < ids.length; from += 1000)
      await redis.sadd(set, ...ids.slice(from, from + 1000));
  }
}

/** For each set: what to do with it, how many ids follow, and these. */
const FLIP_BATCH_LUA = `local at = 1
for i = 1, #KEYS do
  local count = tonumber(ARGV[at + 1])
  redis.call(ARGV[at], KEYS[i], unpack(ARGV, at + 2, at + 1 + count))
  at = at + 2 + count
end
return 'ok'`;

/** The least that any engine has to write: the flips, in one script a batch. */
class RawFlipsSide implements LogSide {
  readonly name = 'raw SADD/SREM';
  readonly #redis: Redis;
  readonly #keys = new Keys('raw', PARTITIONS);
  readonly #loaded: ReturnType<typeof loadPartition>;

  private constructor(url: string, world: World) {
    this.#redis = openConnection({ url });
    this.#redis.defineCommand('flipBatch', { lua: FLIP_BATCH_LUA });
    this.#loaded = loadPartition(world);
  }

  /** Caller: segments ask own attributes alone, of which each has its own predicate id. */
  static async open(url: string, world: World): Promise<RawFlipsSide> {
    const side = new RawFlipsSide(url, world);
    await side.#redis.connect();
    await loadSets(side.#redis, truthAtStart(world), (segment, id) => side.#set(segment, id));
    return side;
  }

  prepare(changes: readonly Change[]): Run {
    const byPartition = new Map<number, Change[]>();
    for (const change of changes) pushTo(byPartition, partitionOf(change.id, PARTITIONS), change);
    const scripts = [...byPartition.values()].map((own) =>
      batchesOf(own).map((batch) => this.#flipsOf(this.#loaded.partition.apply(batch))),
    );
    const redis = this.#redis as unknown as {
      flipBatch(keyCount: number, ...given: readonly string[]): Promise<string>;
    };
    // As our partitions do: one batch after the other in each, all partitions side by side.
    const inTurn = async (batches: (typeof scripts)[number]) => {
      for (const { keyCount, given } of batches) await redis.flipBatch(keyCount, ...given);
    };
    return async () => {
      await Promise.all(scripts.map(inTurn));
    };
  }

  async data(): Promise<undefined> {
    return undefined;
  }

  held(id: string): Promise<number[]> {
    const sets = this.#loaded.predicateIds.map((predicateId) => this.#set(predicateId, id));
    return heldIn(this.#redis, id, sets);
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  #flipsOf(steps: readonly Step[]): { keyCount: number; given: string[] } {
    const ids = new Map<string, string[]>();
    for (const { records } of steps)
      for (const { id, flips } of records)
        for (const flip of flips) {
          const verb = entered(flip) ? 'SADD' : 'SREM';
          pushTo(ids, `${verb} ${this.#set(flippedPredicateId(flip), id)}`, id);
        }
    const sets = [...ids.keys()].map((key) => key.slice(5));
    const given = [...ids].flatMap(([key, some]) => [
      key.slice(0, 4),
      String(some.length),
      ...some,
    ]);
    return { keyCount: sets.length, given: [...sets, ...given] };
  }

  #set(predicateId: number, id: string): string {
    return this.#keys.partitions[partitionOf(id, PARTITIONS)]!.segment(predicateId);
  }
}

/**
 * ingest.ts – From the log to committed: changes a second that are read, evaluated and stored in Redis.
 *
 * Ours is a whole worker over 16 partitions: rows, memberships, counts, feed and position by one fenced commit a batch. The
 * bare log knows no segments: the same process reads the same entries in the same batches, and stores each record and the
 * position by one script call a batch. The naive engine evaluates all segments by json-logic-js and sends SADD and SREM.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { CatalogDraft } from '../../src/catalog/catalog-draft.ts';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { LOG_FIELDS } from '../../src/engine/batch.ts';
import { type Deployment, openDeployment } from '../../src/engine/deployment.ts';
import { assert } from '../../src/errors.ts';
import type { Attributes } from '../../src/query/atom.ts';
import { entered, flippedOrdinal } from '../../src/query/network.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { Keys } from '../../src/redis/keys.ts';
import { openRedisServer } from '../../src/redis/server.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { PEOPLE, PEOPLE_DEFINITION } from '../data.ts';
import { type BenchOptions, type Case, compare, type Progress, type Workload } from '../harness.ts';
import { LogReader } from '../peers/log-reader.ts';
import { LoopPeer } from '../peers/loop.ts';
import { EVALUATORS } from '../peers/peers.ts';
import { type Run, type Runner, Walk } from '../walk.ts';
import { checkTruth, ENTRY_CHANGES, makeHistory, makeTypes, makeWorld, truthAtStart, type World } from '../world.ts';

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

const PARTITIONS = 16;
const NOTES = [
  `One Node process and one private Redis (append-only file, appendfsync everysec) for all sides; ${PARTITIONS} partitions.`,
  `The logs are filled before the clock starts, in entries of up to ${ENTRY_CHANGES} changes that nobody waits for; all rows are in the cache.`,
  'Segments filter on own attributes only: relationships and relative time are not part of this workload yet.',
  'Before any time counts, and again at the end, records and member sets in Redis are compared with json-logic-js.',
];

/** Changes that one side may take in a round. */
const ROUND_CHANGES_MAX = 40_000;
/** Memberships that are compared with the reference, one SISMEMBER each. */
const CHECKED_MEMBERSHIPS_MAX = 100_000;

const PEERS = ['bare log', 'naive engine'] as const;

function peerNames({ peers }: BenchOptions): string[] {
  return PEERS.filter((name) => !peers || peers.some((peer) => name.includes(peer)));
}

/** Runs against a server of its own, which is gone afterwards. */
async function withRedis<T>(progress: Progress, run: (url: string) => Promise<T>): Promise<T> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'));
  const server = await openRedisServer({ dataFolder, appendfsync: 'everysec', say: progress.say });
  try {
    return await run(server.url);
  } finally {
    await server.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

async function runCase(url: string, count: number, options: BenchOptions, progress: Progress): Promise<Case> {
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
    const walks = sides.map((side) => new Walk(side, history.changes, roundChanges, options.roundMs));
    const checkAll = async () => {
      for (const [at, side] of sides.entries()) await check(side, history.changes.slice(0, walks[at]!.applied), world);
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
  const sorted = (data: Attributes) => JSON.stringify(Object.entries(data).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

/**
 * Puts changes into staged streams. Once `show` is called they are the logs, all at the same moment: a RENAME costs nothing,
 * while filling the logs themselves would let a reader start before the last change is there.
 */
async function stage(
  redis: Redis,
  logs: readonly string[],
  changes: readonly Change[],
  checkedAt: number,
): Promise<() => Promise<unknown>> {
  const byPartition = logs.map((): string[] => []);
  for (const change of changes) byPartition[partitionOf(change.id, logs.length)]!.push(JSON.stringify(change));
  const filling = redis.pipeline();
  const showing = redis.multi();
  for (const [partition, texts] of byPartition.entries()) {
    if (texts.length === 0) continue;
    const log = logs[partition]!;
    for (let from = 0; from < texts.length; from += ENTRY_CHANGES) {
      const payload = `[${texts.slice(from, from + ENTRY_CHANGES).join(',')}]`;
      filling.xadd(`${log}:staged`, '*', LOG_FIELDS.checkedAt, checkedAt, LOG_FIELDS.payload, payload);
    }
    showing.rename(`${log}:staged`, log);
  }
  await filling.exec();
  return () => showing.exec();
}

const POLL_MS = 1;

/** Waits without asking Redis. Bounded by the side's own progress: a side that fails throws elsewhere. */
async function reached(count: () => number | Promise<number>, target: number): Promise<void> {
  while ((await count()) < target) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function puts(world: World): Change[] {
  return [...world.people.values()].map(({ id, data }) => ({ op: 'put', object_type: PEOPLE, id, data }));
}

class RollcallSide implements LogSide {
  readonly name = 'Rollcall';
  readonly #deployment: Deployment;
  readonly #ordinals: readonly number[];

  private constructor(deployment: Deployment, ordinals: readonly number[]) {
    this.#deployment = deployment;
    this.#ordinals = ordinals;
  }

  static async open(redisUrl: string, world: World, progress: Progress): Promise<RollcallSide> {
    const logger = pino({ level: 'error' }, pino.destination(2));
    const deployment = await openDeployment({
      redisUrl,
      logger,
      prefix: 'ours',
      partitions: PARTITIONS,
      timeZone: 'UTC',
      runsWorker: true,
    });
    await deployment.objectTypes.put(PEOPLE, PEOPLE_DEFINITION);
    const ordinals = await declareSegments(deployment, world);
    await reached(() => countReady(deployment), new Set(ordinals).size);
    const side = new RollcallSide(deployment, ordinals);
    progress.say(`${world.people.size} people`);
    const load = await side.prepare(puts(world));
    await load();
    return side;
  }

  async prepare(changes: readonly Change[]): Promise<Run> {
    const { redis, keys, store } = this.#deployment;
    const logs = keys.partitions.map(({ log }) => log);
    const show = await stage(redis, logs, changes, store.catalog.version);
    const target = (await this.#applied()) + changes.length;
    return async () => {
      await show();
      await reached(() => this.#applied(), target);
    };
  }

  async data(id: string): Promise<Attributes> {
    const { redis, keys } = this.#deployment;
    const stored = await redis.hget(keys.partitions[partitionOf(id, PARTITIONS)]!.records(PEOPLE), id);
    return (JSON.parse(stored!) as { d: Attributes }).d;
  }

  async held(id: string): Promise<number[]> {
    const { redis, keys } = this.#deployment;
    const partition = keys.partitions[partitionOf(id, PARTITIONS)]!;
    return heldIn(
      redis,
      id,
      this.#ordinals.map((ordinal) => partition.segment(ordinal)),
    );
  }

  /** Memberships that flipped so far. */
  flipped(): Promise<number> {
    return read(this.#deployment.metrics.membershipsFlipped);
  }

  close(): Promise<void> {
    return this.#deployment.close();
  }

  #applied(): Promise<number> {
    assert(this.#deployment.worker?.fatal.length === 0, 'no partition has stopped');
    return read(this.#deployment.metrics.changesApplied);
  }
}

async function read(counter: Deployment['metrics']['changesApplied']): Promise<number> {
  return (await counter.get()).values[0]?.value ?? 0;
}

/** All in one version of the catalog. @returns the ordinal of each segment */
async function declareSegments({ store }: Deployment, { segments }: World): Promise<number[]> {
  let ordinals: number[] = [];
  await store.write((catalog) => {
    const draft = new CatalogDraft(catalog);
    ordinals = segments.map(({ query, compiled }, at) => {
      const ordinal = draft.ordinalFor(PEOPLE, compiled);
      const times = { created_at: Date.now(), updated_at: Date.now() };
      const revisions = { revision: 1, ready_revision: null, ordinal: null, pending: ordinal };
      const said = { title: `Segment ${at}`, slug: `segment-${at}`, object_type: PEOPLE, query };
      const meant = { json_logic: compiled.jsonLogic, uses: [] };
      draft.setSegment(said.slug, { id: said.slug, ...said, ...meant, ...revisions, ...times });
      return ordinal;
    });
    return draft.finish();
  });
  return ordinals;
}

function countReady({ store }: Deployment): number {
  let ready = 0;
  for (const { status } of store.catalog.ordinals.values()) if (status === 'ready') ready++;
  return ready;
}

async function heldIn(redis: Redis, id: string, sets: readonly string[]): Promise<number[]> {
  const pipeline = redis.pipeline();
  for (const set of sets) pipeline.sismember(set, id);
  const replies = (await pipeline.exec()) ?? [];
  return replies.flatMap(([error, isMember], at) => {
    assert(!error, `SISMEMBER is answered: ${error?.message}`);
    return isMember === 1 ? [at] : [];
  });
}

/** Stores a batch of records and where it ends. */
const STORE_BATCH_LUA = `redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('SET', KEYS[2], ARGV[1])
return 'ok'`;

/** What both peers have: their own streams, the records as they stand in memory, and a connection. */
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

  protected async write(partition: number, changes: readonly Change[], position: string): Promise<void> {
    const { records, meta } = this.#keysOf(partition);
    const rows = new Map<string, Attributes>();
    for (const change of changes) rows.set(change.id, this.apply(change));
    const given: string[] = [records, meta, position];
    for (const [id, data] of rows) given.push(id, JSON.stringify(data));
    const redis = this.redis as unknown as { storeBatch(given: readonly string[]): Promise<string> };
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
    this.#peer = new LoopPeer(tests, { data: (id) => world.people.get(id)!.data, held: (id) => truth.get(id)! });
    this.#sets = world.segments.map((_, at) => `naive:segment:${at}`);
  }

  static async open(url: string, world: World, truth: ReadonlyMap<string, Iterable<number>>): Promise<NaiveSide> {
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
      const set = this.#sets[flippedOrdinal(flip)]!;
      if (entered(flip)) this.#commands?.sadd(set, change.id);
      else this.#commands?.srem(set, change.id);
    }
    return this.#peer.data(change.id);
  }

  protected override async write(partition: number, changes: readonly Change[], position: string): Promise<void> {
    const commands = this.redis.pipeline();
    this.#commands = commands;
    const stored = super.write(partition, changes, position); // evaluates all changes before it first awaits
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

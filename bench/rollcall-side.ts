/**
 * rollcall-side.ts – A whole worker on a Redis of its own: the side of Rollcall in every workload
 * that stores something.
 *
 * Keeps true: its logs are filled before the clock starts and shown at one moment; it has done its
 * work when the worker has committed as many changes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { CatalogDraft } from '../src/catalog/catalog-draft.ts';
import type { Change } from '../src/change/change.ts';
import { partitionOf } from '../src/change/partition.ts';
import { assert } from '../src/errors.ts';
import type { Attributes } from '../src/query/predicate/view.ts';
import { packLogEntry } from '../src/redis/rows/stream-entry.ts';
import { openRedisServer } from '../src/redis/server.ts';
import { PEOPLE, PEOPLE_DEFINITION } from './data.ts';
import { declareSegments } from './declare.ts';
import type { Progress } from './harness.ts';
import { REACH_DEFINITIONS } from './reach.ts';
import type { Run, Runner } from './walk.ts';
import { openWatched, type WatchedDeployment } from './watched-deployment.ts';
import { ENTRY_CHANGES, putsOf, type World } from './world.ts';

export const PARTITIONS = 16;

/** Runs against a server of its own, which is gone afterwards. */
export async function withRedis<T>(
  progress: Progress,
  run: (url: string) => Promise<T>,
): Promise<T> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'));
  const server = await openRedisServer({ dataFolder, appendfsync: 'everysec', say: progress.say });
  try {
    return await run(server.url);
  } finally {
    await server.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/**
 * Puts changes into staged streams. Once `show` is called they are the logs, all at the same
 * moment: a RENAME costs nothing, while filling the logs themselves would let a reader start before
 * the last change is there.
 */
export async function stage(
  redis: Redis,
  logs: readonly string[],
  changes: readonly Change[],
  checkedAt: number,
): Promise<() => Promise<unknown>> {
  const byPartition = logs.map((): string[] => []);
  for (const change of changes)
    byPartition[partitionOf(change.id, logs.length)]!.push(JSON.stringify(change));
  const filling = redis.pipeline();
  const showing = redis.multi();
  for (const [partition, texts] of byPartition.entries()) {
    if (texts.length === 0) continue;
    const log = logs[partition]!;
    for (let from = 0; from < texts.length; from += ENTRY_CHANGES) {
      const payload = `[${texts.slice(from, from + ENTRY_CHANGES).join(',')}]`;
      const fields = packLogEntry({ checkedAt, replyTo: undefined, payload });
      filling.xadd(`${log}:staged`, '*', ...fields);
    }
    showing.rename(`${log}:staged`, log);
  }
  await filling.exec();
  return () => showing.exec();
}

const POLL_MS = 1;
const REST = { consistency: 'strong', timeoutMs: 60_000 } as const;

/**
 * Waits without asking Redis. Bounded by the side's own progress: a side that fails throws
 * elsewhere.
 */
export async function reached(
  count: () => number | Promise<number>,
  target: number,
): Promise<void> {
  while ((await count()) < target) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** A deployment with a worker that says nothing unless something is wrong. */
export function openQuiet(redisUrl: string): Promise<WatchedDeployment> {
  return openWatched({
    redisUrl,
    logger: pino({ level: 'error' }, pino.destination(2)),
    prefix: 'ours',
    partitions: PARTITIONS,
    timeZone: 'UTC',
    runsWorker: true,
  });
}

export class RollcallSide implements Runner {
  readonly name: string;
  readonly deployment: WatchedDeployment;
  /** By segment. */
  readonly predicateIds: readonly number[];
  readonly #isReaching: boolean;

  private constructor(
    name: string,
    deployment: WatchedDeployment,
    predicateIds: readonly number[],
    isReaching: boolean,
  ) {
    this.name = name;
    this.deployment = deployment;
    this.predicateIds = predicateIds;
    this.#isReaching = isReaching;
  }

  static async open(
    redisUrl: string,
    world: World,
    progress: Progress,
    name = 'Rollcall',
  ): Promise<RollcallSide> {
    const deployment = await openQuiet(redisUrl);
    const isReaching = world.neighbours !== undefined;
    const types = isReaching ? REACH_DEFINITIONS : { [PEOPLE]: PEOPLE_DEFINITION };
    for (const [type, definition] of Object.entries(types))
      await deployment.objectTypes.put(type, definition);
    let predicateIds: number[] = [];
    await deployment.store.write((catalog) => {
      const draft = new CatalogDraft(catalog);
      predicateIds = declareSegments(draft, world.segments);
      return draft.finish();
    });
    await reached(() => countReady(deployment), world.segments.length);
    const side = new RollcallSide(name, deployment, predicateIds, isReaching);
    progress.say(`${world.people.size} people`);
    const load = await side.prepare(putsOf(world));
    await load();
    return side;
  }

  async prepare(changes: readonly Change[]): Promise<Run> {
    const { redis, keys, store } = this.deployment;
    const logs = keys.partitions.map(({ log }) => log);
    const show = await stage(redis, logs, changes, store.catalog.version);
    const target = (await this.#applied()) + changes.length;
    return async () => {
      await show();
      await reached(() => this.#applied(), target);
      if (this.#isReaching) await this.#rest();
    };
  }

  /** Memberships over relationships come after the changes: a strong read waits for them. */
  async #rest(): Promise<void> {
    const { segmentCounts, store } = this.deployment;
    const slugs = [...store.catalog.segments.keys()];
    const { counts } = await segmentCounts.read(slugs, REST);
    assert(
      counts.every(({ count }) => count !== null),
      'every membership is right in time',
    );
  }

  /** The clock by which it goes. */
  get nowMs(): number | undefined {
    return this.#isReaching ? Date.now() : undefined;
  }

  async data(objectType: string, id: string): Promise<Attributes> {
    const { redis, keys } = this.deployment;
    const stored = await redis.hget(
      keys.partitions[partitionOf(id, PARTITIONS)]!.records(objectType),
      id,
    );
    return (JSON.parse(stored!) as { d: Attributes }).d;
  }

  async held(id: string): Promise<number[]> {
    const { redis, keys } = this.deployment;
    const partition = keys.partitions[partitionOf(id, PARTITIONS)]!;
    return heldIn(
      redis,
      id,
      this.predicateIds.map((predicateId) => partition.segment(predicateId)),
    );
  }

  /** Memberships that flipped so far. */
  flipped(): Promise<number> {
    return read(this.deployment.metrics.membershipsFlipped);
  }

  close(): Promise<void> {
    return this.deployment.close();
  }

  #applied(): Promise<number> {
    assert(this.deployment.worker?.fatal.length === 0, 'no partition has stopped');
    return read(this.deployment.metrics.changesApplied);
  }
}

async function read(counter: WatchedDeployment['metrics']['changesApplied']): Promise<number> {
  return (await counter.get()).values[0]?.value ?? 0;
}

function countReady({ store }: WatchedDeployment): number {
  let ready = 0;
  for (const { pending } of store.catalog.segments.values()) if (pending === null) ready++;
  return ready;
}

export async function heldIn(redis: Redis, id: string, sets: readonly string[]): Promise<number[]> {
  const pipeline = redis.pipeline();
  for (const set of sets) pipeline.sismember(set, id);
  const replies = (await pipeline.exec()) ?? [];
  return replies.flatMap(([error, isMember], at) => {
    assert(!error, `SISMEMBER is answered: ${error?.message}`);
    return isMember === 1 ? [at] : [];
  });
}

/**
 * clock.ts – Many records whose windows end at one moment, while live changes go on: from that
 * moment until all have left.
 *
 * Keeps true: the raw peer removes as many ids from one set per partition, and does nothing else.
 * After each round nobody is left in the window.
 */
import { performance } from 'node:perf_hooks';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { assert } from '../../src/errors.ts';
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
import { LIVE_A_SECOND, LiveChanges } from '../live-changes.ts';
import { PARTITIONS, RollcallSide, reached, withRedis } from '../rollcall-side.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';
import { compileSegment, makeWorld } from '../world.ts';

export const CLOCK: Workload = {
  name: 'clock',
  defaults: { segments: [100], records: 100_000, roundMs: 0 },
  run: async (options, progress) => {
    progress.expect(options.segments.length * options.rounds * 2);
    const cases: Case[] = [];
    for (const count of options.segments)
      cases.push(await withRedis(progress, (url) => runCase(url, count, options, progress)));
    const title = 'clock: members a second that leave when their windows end at one moment';
    return { workload: 'clock', title, cases, notes: NOTES };
  },
};

const NOTES = [
  'One Node process and one private Redis (append-only file, appendfsync everysec), ' +
    `${PARTITIONS} partitions; every person is in the window, and all leave at one moment.`,
  `Live changes: ${LIVE_A_SECOND} a second from that moment on, each timed until it is applied, ` +
    'counted from when it was to be sent.',
];

const DAY_MS = 86_400_000;
const WINDOW_DAYS = 30;
const SEEN = 'last_seen_at';
/** No peer knows such an operator, nor needs to. */
const WINDOW = {
  combinator: 'and',
  rules: [{ field: SEEN, operator: 'inLast', value: { amount: WINDOW_DAYS, unit: 'day' } }],
} as unknown as RuleGroup;

async function runCase(
  url: string,
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  const { records, rounds, seed } = options;
  const plain = makeWorld(records, count, seed);
  const world = { ...plain, segments: [...plain.segments, compileSegment(WINDOW)] };
  const ours = await RollcallSide.open(url, world, progress);
  try {
    const ids = [...world.people.keys()];
    const live = new LiveChanges(ours.deployment, records, seed + 2);
    const sides = [new Leaving(ours, ids, live), new RawLeaving(ours.deployment, ids)];
    const figures = await compare(sides, rounds, progress);
    return { history: 'due at once', segments: count, work: live.figures(), figures };
  } finally {
    await ours.close();
  }
}

/** The windows of all people end at one moment; from then on it is timed. */
class Leaving implements Side {
  readonly name = 'Rollcall, live changes meanwhile';
  readonly #side: RollcallSide;
  readonly #ids: readonly string[];
  readonly #live: LiveChanges;
  #leadMs: number;

  constructor(side: RollcallSide, ids: readonly string[], live: LiveChanges) {
    this.#side = side;
    this.#ids = ids;
    this.#live = live;
    this.#leadMs = 300 + ids.length / 10;
  }

  /** Bounded: each turn has twice the time to set the timers before they fire. */
  async round(): Promise<Timed> {
    for (;;) {
      const momentMs = Math.ceil(Date.now() + this.#leadMs);
      await (await this.#side.prepare(this.#endingAt(momentMs)))();
      if (Date.now() < momentMs) {
        assert((await this.#members()) === this.#ids.length, 'all are in the window');
        await new Promise((resolve) => setTimeout(resolve, momentMs - Date.now()));
        return this.#live.during(() => this.#left(momentMs));
      }
      this.#leadMs *= 2;
    }
  }

  async #left(momentMs: number): Promise<Timed> {
    await reached(async () => -(await this.#members()), 0);
    return { changes: this.#ids.length, ms: Date.now() - momentMs };
  }

  /** As the partitions have committed them so far. */
  async #members(): Promise<number> {
    const { redis, keys, store } = this.#side.deployment;
    // declareSegments names them in order
    const { segments } = store.catalog;
    const { predicateId } = segments.get(`segment-${segments.size - 1}`)!;
    const commands = redis.pipeline();
    for (const { counts } of keys.partitions) commands.hget(counts, String(predicateId));
    const replies = (await commands.exec()) ?? [];
    return replies.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  #endingAt(momentMs: number): Change[] {
    const data = { [SEEN]: new Date(momentMs - WINDOW_DAYS * DAY_MS).toISOString() };
    return this.#ids.map((id) => ({ op: 'patch', object_type: PEOPLE, id, data }));
  }
}

const PIPELINED_MAX = 1000;

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

/**
 * step.ts – The pure engine, no I/O: changes a second after which all memberships are right.
 *
 * Ours is `step()` over batches of 512 changes with all rows in memory, just as a processor calls
 * it: it makes the new rows, the flips and the outcomes. A peer evaluates every segment over the
 * changed record and compares with what held before.
 */
import type { Change } from '../../src/change/change.ts';
import { ABSENT, type Row, step } from '../../src/engine/step.ts';
import { WITHOUT_EDGES } from '../../src/engine/step-neighbours.ts';
import type { NetworkWork } from '../../src/query/network/network.ts';
import { predicateIds } from '../../src/query/network/predicate-ids.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { PEOPLE, PEOPLE_TYPE } from '../data.ts';
import { type BenchOptions, type Case, compare, type Progress, type Workload } from '../harness.ts';
import { LoopPeer, type Test } from '../peers/loop.ts';
import { EVALUATORS } from '../peers/peers.ts';
import { Walk, type Runner as Walker } from '../walk.ts';
import {
  batchesOf,
  checkTruth,
  HISTORIES,
  type HistoryName,
  makeHistory,
  makeTypes,
  makeWorld,
  type World,
} from '../world.ts';

export const STEP: Workload = {
  name: 'step',
  defaults: { segments: [100, 1_000, 10_000], records: 20_000, roundMs: 250 },
  run: async (options, progress) => {
    progress.expect(
      options.segments.length *
        HISTORIES.length *
        options.rounds *
        (1 + evaluators(options).length),
    );
    const cases: Case[] = [];
    for (const count of options.segments) {
      progress.say(`compiling ${count} segments`);
      const world = makeWorld(options.records, count, options.seed);
      const tests = new Map(
        evaluators(options).map(([name, compile]) => [name, compile(world.segments)]),
      );
      for (const name of HISTORIES)
        cases.push(await runCase(name, world, tests, options, progress));
    }
    return {
      workload: 'step',
      title: 'step: changes a second with all memberships right, no I/O',
      cases,
      notes: NOTES,
    };
  },
};

const NOTES = [
  'Every side starts from the same truth and applies the same changes; a side that ' +
    'is slow applies fewer of them in its time.',
  'Segments filter on own attributes only: relationships and relative time are not ' +
    'part of this workload yet.',
  'Before any time counts, and again at the end, the truth that each side holds is ' +
    'compared with json-logic-js.',
];

/** Changes that a round of ours may take; a history is as long as all rounds need. */
const ROUND_CHANGES_MAX = 20_000;
/**
 * People whose truth is compared with the reference: so many that this costs about a second at any
 * number of segments.
 */
const CHECKED_TESTS_MAX = 400_000;

function evaluators({ peers }: BenchOptions): [string, (typeof EVALUATORS)[string]][] {
  return Object.entries(EVALUATORS).filter(
    ([name]) => !peers || peers.some((peer) => name.includes(peer)),
  );
}

async function runCase(
  history: HistoryName,
  world: World,
  tests: ReadonlyMap<string, Test[]>,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  progress.say(`${history}, ${world.segments.length} segments`);
  const roundChanges = Math.min(ROUND_CHANGES_MAX, options.roundMs * 200);
  const made = makeHistory(history, world, roundChanges * (options.rounds + 1), options.seed);
  const engine = new EngineSide(world);
  const start = {
    data: (id: string) => world.people.get(id)!.data,
    held: (id: string) => engine.heldAtStart(id),
  };
  const runners: Runner[] = [
    engine,
    ...[...tests].map(([name, all]) => new LoopSide(name, new LoopPeer(all, start))),
  ];
  const sides = runners.map(
    (runner) => new Walk(runner, made.changes, roundChanges, options.roundMs),
  );
  for (const side of sides) await side.warmUp();
  for (const runner of runners) check(runner, made.changes, world);
  engine.resetWork();
  const figures = await compare(sides, options.rounds, progress);
  for (const runner of runners) check(runner, made.changes, world);
  return {
    history,
    segments: world.segments.length,
    work: { ...engine.workPerChange(), ...sizeOf(made) },
    figures,
  };
}

function sizeOf({ size }: { readonly size?: number }): Record<string, number> {
  return size === undefined ? {} : { 'largest step, in % of people': size * 100 };
}

/** A side that can be asked for its answers. */
interface Runner extends Walker {
  data(id: string): Attributes;
  held(id: string): Iterable<number>;
}

class EngineSide implements Runner {
  readonly name = 'Rollcall';
  readonly #types: ReturnType<typeof makeTypes>;
  readonly #world: World;
  readonly #start: ReadonlyMap<string, Row>;
  readonly #rows: Map<string, Row>;

  constructor(world: World) {
    this.#world = world;
    this.#types = makeTypes(world);
    this.#start = new Map(
      [...world.people.values()].map(({ id, data }) => [id, this.#firstRow(data)]),
    );
    this.#rows = new Map(this.#start);
  }

  prepare(changes: readonly Change[]): () => void {
    const rows = this.#rows;
    const context = {
      ...WITHOUT_EDGES,
      types: this.#types,
      timeZone: 'UTC',
      nowMs: 1_767_225_600_000,
      row: (_: string, id: string) => rows.get(id) ?? ABSENT,
    };
    const batches = batchesOf(changes);
    return () => {
      for (const batch of batches) {
        for (const { id, after } of step(batch, context).records) rows.set(id, after);
      }
    };
  }

  data(id: string): Attributes {
    return this.#rows.get(id)!.record!.data;
  }

  held(id: string): Iterable<number> {
    return this.#rows.get(id)!.truth;
  }

  heldAtStart(id: string): Iterable<number> {
    return this.#start.get(id)!.truth;
  }

  resetWork(): void {
    Object.assign(this.#work, { updates: 0, atomsFlipped: 0, evaluations: 0, flips: 0 });
  }

  workPerChange(): Record<string, number> {
    const { updates, atomsFlipped, evaluations, flips } = this.#work;
    const per = (count: number) => count / Math.max(1, updates);
    return {
      'flips per change': per(flips),
      'evaluations per change': per(evaluations),
      'flipped atoms per change': per(atomsFlipped),
      'memberships per person': this.#memberships() / this.#world.people.size,
    };
  }

  get #work(): NetworkWork {
    return this.#types.get(PEOPLE)!.network.work;
  }

  #memberships(): number {
    let sum = 0;
    for (const { truth } of this.#start.values()) sum += truth.size;
    return sum;
  }

  #firstRow(data: Attributes): Row {
    const record = { data, version: 1, createdAt: 0, updatedAt: 0, fits: PEOPLE_TYPE.revision };
    return {
      record,
      due: undefined,
      truth: predicateIds(this.#types.get(PEOPLE)!.network.create(data, 0)),
    };
  }
}

class LoopSide implements Runner {
  readonly name: string;
  readonly #peer: LoopPeer;

  constructor(name: string, peer: LoopPeer) {
    this.name = name;
    this.#peer = peer;
  }

  prepare(changes: readonly Change[]): () => void {
    this.#peer.load(changes);
    return () => {
      for (const change of changes) this.#peer.apply(change);
    };
  }

  data(id: string): Attributes {
    return this.#peer.data(id);
  }

  held(id: string): Iterable<number> {
    return this.#peer.held(id);
  }
}

/** Looks at the people whom the history changes first: every side has come to them. */
function check(runner: Runner, changes: readonly Change[], world: World): void {
  const count = Math.max(4, Math.floor(CHECKED_TESTS_MAX / world.segments.length));
  const ids = new Set(changes.slice(0, count).map(({ id }) => id));
  for (const id of ids) checkTruth(runner.name, id, runner.data(id), runner.held(id), world);
}

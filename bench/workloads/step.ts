/**
 * step.ts – The pure engine, no I/O: changes a second after which all memberships are right.
 *
 * Ours is `step()` over batches of 512 changes with all rows in memory, just as a processor calls
 * it: it makes the new rows, the flips and the outcomes. A peer evaluates every segment over the
 * changed record and compares with what held before.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../../src/change/change.ts';
import { assert } from '../../src/errors.ts';
import { addTo, pushTo } from '../../src/multimap.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import type { PredicateNetwork } from '../../src/query/network/network.ts';
import type { PredicateIds } from '../../src/query/network/predicate-ids.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { PEOPLE } from '../data.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  isWanted,
  type Progress,
  type Workload,
} from '../harness.ts';
import { loadPartition, type OnePartition } from '../one-partition.ts';
import { DocumentPeer } from '../peers/document-loop.ts';
import { LoopPeer, type StartingTruth as LoopStart, type Test } from '../peers/loop.ts';
import { EVALUATORS } from '../peers/peers.ts';
import { Walk, type Runner as Walker } from '../walk.ts';
import {
  batchesOf,
  checkTruth,
  documentsOf,
  type HistoryName,
  historiesAt,
  makeHistory,
  makeReachingWorld,
  makeWorld,
  NOW_MS,
  type World,
} from '../world.ts';

export const STEP: Workload = {
  name: 'step',
  defaults: { segments: [100, 1_000, 10_000], records: 20_000, roundMs: 250 },
  run: async (options, progress) => {
    const sides = {
      own: 1 + evaluators(options).length,
      reach: 1 + documentEvaluators(options).length,
    };
    const all = options.segments.flatMap((count) => historiesAt(count, options));
    const rounds = all.map((name) => (name === 'reach' ? sides.reach : sides.own));
    progress.expect(options.rounds * rounds.reduce((sum, count) => sum + count, 0));
    const cases: Case[] = [];
    for (const count of options.segments) {
      progress.say(`compiling ${count} segments`);
      const histories = historiesAt(count, options);
      const world = makeWorld(options.records, count, options.seed);
      const tests = new Map(
        evaluators(options).map(([name, compile]) => [name, compile(world.segments)]),
      );
      for (const name of histories.filter((one) => one !== 'reach'))
        cases.push(await runCase(name, world, peersOf(world, tests), options, progress));
      if (!histories.includes('reach')) continue;
      const reaching = makeReachingWorld(options.records, count, options.seed, NOW_MS);
      cases.push(
        await runCase('reach', reaching, documentPeers(reaching, options), options, progress),
      );
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
  'drift and jump: segments filter on own attributes only. reach: of all segments 20 % reach ' +
    'the organization, 10 % the orders, 10 % ask relative time; changes are of all three types.',
  'Under reach peers are given nested documents, and evaluate everybody whose document changes.',
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

/** A peer beside the engine, given what holds at the start. */
type Peer = (start: StartingTruth) => Runner;

function evaluators(options: BenchOptions): [string, (typeof EVALUATORS)[string]][] {
  return Object.entries(EVALUATORS).filter(([name]) => isWanted(name, options));
}

/** Only json-logic-js knows the operations of time. */
function documentEvaluators(options: BenchOptions): ReturnType<typeof evaluators> {
  return evaluators(options).filter(([name]) => name.startsWith('json-logic-js'));
}

function peersOf(world: World, tests: ReadonlyMap<string, Test[]>): Peer[] {
  return [...tests].map(([name, all]) => (start) => {
    const data = (id: string) => world.people.get(id)!.data;
    return new LoopSide(name, new LoopPeer(all, { ...start, data }));
  });
}

function documentPeers(world: World, options: BenchOptions): Peer[] {
  return documentEvaluators(options).map(([name]) => (start) => {
    const tests = world.segments.map(({ jsonLogic }): Test => {
      return (document) => holds(jsonLogic, document, NOW_MS);
    });
    return new DocumentSide(name, new DocumentPeer(tests, documentsOf(world)!, start.held));
  });
}

async function runCase(
  history: HistoryName,
  world: World,
  peers: readonly Peer[],
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  progress.say(`${history}, ${world.segments.length} segments`);
  const roundChanges = Math.min(ROUND_CHANGES_MAX, options.roundMs * 200);
  const made = makeHistory(history, world, roundChanges * (options.rounds + 1), options.seed);
  const engine = new EngineSide(world);
  const start = { held: (id: string) => engine.heldAtStart(id) };
  const runners: Runner[] = [engine, ...peers.map((peer) => peer(start))];
  const sides = runners.map(
    (runner) => new Walk(runner, made.changes, roundChanges, options.roundMs),
  );
  const checkAll = () => {
    for (const [at, runner] of runners.entries())
      check(runner, made.changes.slice(0, sides[at]!.applied), world);
  };
  for (const side of sides) await side.warmUp();
  checkAll();
  engine.resetWork();
  const applied = sides[0]!.applied;
  const figures = await compare(sides, options.rounds, progress);
  checkAll();
  return {
    history,
    segments: world.segments.length,
    work: { ...engine.workPer(sides[0]!.applied - applied), ...sizeOf(made) },
    figures,
  };
}

function sizeOf({ size }: { readonly size?: number }): Record<string, number> {
  return size === undefined ? {} : { 'largest step, in % of people': size * 100 };
}

/** A side that can be asked for its answers. */
interface Runner extends Walker {
  /** What a record of the type holds now. */
  data(objectType: string, id: string): Attributes;
  held(id: string): Iterable<number>;
}

type StartingTruth = Pick<LoopStart, 'held'>;

class EngineSide implements Runner {
  readonly name = 'Rollcall';
  readonly #world: World;
  readonly #partition: OnePartition;
  readonly #network: PredicateNetwork;
  /** By predicate id: queries that mean the same share one. */
  readonly #segmentsOf = new Map<number, number[]>();
  readonly #start: ReadonlyMap<string, PredicateIds>;

  constructor(world: World) {
    this.#world = world;
    const { partition, network, predicateIds } = loadPartition(world);
    this.#partition = partition;
    this.#network = network;
    for (const [at, predicateId] of predicateIds.entries())
      pushTo(this.#segmentsOf, predicateId, at);
    this.#start = new Map(
      [...world.people.keys()].map((id) => [id, partition.row(PEOPLE, id)!.truth]),
    );
  }

  prepare(changes: readonly Change[]): () => void {
    const batches = batchesOf(changes);
    return () => {
      for (const batch of batches) this.#partition.apply(batch);
    };
  }

  data(objectType: string, id: string): Attributes {
    return this.#partition.row(objectType, id)!.record!.data;
  }

  held(id: string): number[] {
    return this.#segments(this.#partition.row(PEOPLE, id)!.truth);
  }

  heldAtStart(id: string): number[] {
    return this.#segments(this.#start.get(id)!);
  }

  resetWork(): void {
    Object.assign(this.#network.work, { updates: 0, atomsFlipped: 0, evaluations: 0, flips: 0 });
  }

  workPer(changes: number): Record<string, number> {
    const { updates, atomsFlipped, evaluations, flips } = this.#network.work;
    const per = (count: number) => count / Math.max(1, changes);
    return {
      'flips per change': per(flips),
      'evaluations per change': per(evaluations),
      'flipped atoms per change': per(atomsFlipped),
      'people looked at per change': per(updates),
      'memberships per person': this.#memberships() / this.#world.people.size,
    };
  }

  #segments(truth: PredicateIds): number[] {
    return [...truth].flatMap((predicateId) => this.#segmentsOf.get(predicateId) ?? []);
  }

  #memberships(): number {
    let sum = 0;
    for (const id of this.#start.keys()) sum += this.heldAtStart(id).length;
    return sum;
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

  data(_: string, id: string): Attributes {
    return this.#peer.data(id);
  }

  held(id: string): Iterable<number> {
    return this.#peer.held(id);
  }
}

class DocumentSide implements Runner {
  readonly name: string;
  readonly #peer: DocumentPeer;

  constructor(name: string, peer: DocumentPeer) {
    this.name = name;
    this.#peer = peer;
  }

  prepare(changes: readonly Change[]): () => void {
    return () => {
      for (const change of changes) this.#peer.apply(change);
    };
  }

  data(objectType: string, id: string): Attributes {
    return this.#peer.data(objectType, id);
  }

  held(id: string): Iterable<number> {
    return this.#peer.held(id);
  }
}

/**
 * Looks at those whom the history changed last: a side must have come to them, and their values
 * follow from the history alone.
 */
function check(runner: Runner, applied: readonly Change[], world: World): void {
  const count = Math.max(4, Math.floor(CHECKED_TESTS_MAX / world.segments.length));
  const documents = documentsOf(world);
  const touched = new Map<string, Set<string>>();
  for (const change of applied) documents.apply(change);
  for (const { object_type: type, id } of applied.slice(-count)) addTo(touched, type, id);
  for (const [type, ids] of touched) {
    for (const id of ids)
      assert(
        isDeepStrictEqual({ ...runner.data(type, id) }, { ...documents.data(type, id) }),
        `${runner.name} has other values of ${id}`,
      );
  }
  const people = new Set([
    ...(touched.get(PEOPLE) ?? []),
    ...documents.touchedBy(applied.slice(-count)),
  ]);
  for (const id of people)
    checkTruth(runner.name, id, documents.document(id), runner.held(id), world);
}

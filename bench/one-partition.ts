/**
 * one-partition.ts – All that one partition holds, in memory, and the step over it: the engine
 * without I/O.
 *
 * Keeps true: a batch is applied as a whole, in as many steps as it takes (one ends at so many
 * effects), and so is all that follows from it: messages to itself, and fan-outs. After `apply`
 * every membership is right.
 */
import { Catalog } from '../src/catalog/catalog.ts';
import { CatalogDraft } from '../src/catalog/catalog-draft.ts';
import type { Batch, FewHolders, LogPosition } from '../src/engine/batch.ts';
import type { Edge } from '../src/engine/edges.ts';
import type { Message } from '../src/engine/message.ts';
import { Networks } from '../src/engine/networks.ts';
import {
  ABSENT,
  type Row,
  type Step,
  type StepContext,
  step,
  type TypeContext,
} from '../src/engine/step.ts';
import { WITHOUT_EDGES } from '../src/engine/step-neighbours.ts';
import {
  type NeighbourRow,
  NOT_RELATED,
  type RelatedRow,
  UNKNOWN_NEIGHBOUR,
} from '../src/membership/neighbour-row.ts';
import { pushTo } from '../src/multimap.ts';
import type { PredicateNetwork } from '../src/query/network/network.ts';
import { predicateIds } from '../src/query/network/predicate-ids.ts';
import { PEOPLE, PEOPLE_TYPE } from './data.ts';
import { declareSegments } from './declare.ts';
import { REACH_DEFINITIONS } from './reach.ts';
import { batchesOf, makeTypes, putsOf, type World } from './world.ts';

/** Holders that are evaluated in one step, as between two live batches. */
const FANOUT_RECORDS_MAX = 500;
const FEW_MAX = 8;
/** Messages of one step to itself go on to the next one: a circle of them would be a bug. */
const ROUNDS_MAX = 1_000;

type Follow = Pick<Batch, 'inbox' | 'few' | 'fanouts'>;

/** What is kept at the ends of edges, by edge id and target. */
class ByTarget<R> {
  readonly #rows = new Map<number, Map<string, R>>();

  get(edgeId: number, target: string): R | undefined {
    return this.#rows.get(edgeId)?.get(target);
  }

  set(edgeId: number, target: string, row: R | null): void {
    let ofEdge = this.#rows.get(edgeId);
    if (!ofEdge) this.#rows.set(edgeId, (ofEdge = new Map()));
    if (row === null) ofEdge.delete(target);
    else ofEdge.set(target, row);
  }
}

export class OnePartition {
  readonly #context: StepContext;
  readonly #rows = new Map<string, Map<string, Row>>();
  readonly #neighbours = new ByTarget<NeighbourRow>();
  readonly #related = new ByTarget<RelatedRow>();
  readonly #holders = new ByTarget<Set<string>>();

  constructor(
    types: ReadonlyMap<string, TypeContext>,
    edges: ReadonlyMap<number, Edge>,
    nowMs: number,
  ) {
    for (const name of types.keys()) this.#rows.set(name, new Map());
    this.#context = {
      ...WITHOUT_EDGES,
      types,
      edges,
      timeZone: 'UTC',
      nowMs,
      row: (objectType, id) => this.row(objectType, id) ?? ABSENT,
      neighbour: (edgeId, target) => this.#neighbours.get(edgeId, target) ?? UNKNOWN_NEIGHBOUR,
      related: (edgeId, target) => this.#related.get(edgeId, target) ?? NOT_RELATED,
    };
  }

  row(objectType: string, id: string): Row | undefined {
    return this.#rows.get(objectType)?.get(id);
  }

  setRow(objectType: string, id: string, row: Row): void {
    this.#rows.get(objectType)!.set(id, row);
  }

  /** @returns the steps that it took for the changes themselves */
  apply(batch: Batch): Step[] {
    const steps: Step[] = [];
    let { entries, position } = batch;
    while (entries.length > 0) {
      const made = this.#step({ ...batch, entries, position });
      const reached: LogPosition = made.position ?? position;
      entries = entries.slice(entries.findIndex(({ id }) => id === reached.entry) + 1);
      position = reached;
      steps.push(made);
      this.#follow(made);
    }
    return steps;
  }

  #follow(made: Step): void {
    let waiting = this.#followUp(made);
    for (let rounds = 0; waiting.length > 0; rounds++) {
      if (rounds > ROUNDS_MAX) throw new Error('the partition does not come to rest');
      waiting = waiting.flatMap((next) => this.#followUp(this.#step({ ...NOTHING, ...next })));
    }
  }

  /** What a step asks for: its messages arrive here, and holders are visited. */
  #followUp({ edges }: Step): Follow[] {
    const messages = edges.messages.get(0) ?? [];
    const next: Follow[] = [];
    if (messages.length > 0)
      next.push({ inbox: [inboxEntry(messages)], few: this.#fewHolders(messages) });
    for (const { edgeId, target } of edges.fanouts) {
      const holders = this.#holdersOf(edgeId, target);
      for (let from = 0; from < holders.length; from += FANOUT_RECORDS_MAX)
        next.push({ fanouts: [{ edgeId, ids: holders.slice(from, from + FANOUT_RECORDS_MAX) }] });
    }
    return next;
  }

  /** Holders that are evaluated with the news, as a processor does where a target has few. */
  #fewHolders(messages: readonly Message[]): FewHolders[] {
    return messages.flatMap((message) => {
      if (message.kind !== 'target-state') return [];
      const { edge: edgeId, target } = message;
      const ids = this.#holdersOf(edgeId, target);
      return ids.length <= FEW_MAX ? [{ edgeId, target, ids }] : [];
    });
  }

  #holdersOf(edgeId: number, target: string): string[] {
    return [...(this.#holders.get(edgeId, target) ?? [])];
  }

  #step(batch: Batch): Step {
    const made = step(batch, this.#context);
    for (const { objectType, id, after } of made.records)
      this.#rows.get(objectType)!.set(id, after);
    const { neighbours, related, holders } = made.edges;
    for (const { edgeId, target, row } of neighbours) this.#neighbours.set(edgeId, target, row);
    for (const { edgeId, target, row } of related) this.#related.set(edgeId, target, row);
    for (const { edgeId, target, id, holds } of holders) {
      const known = this.#holders.get(edgeId, target);
      if (!known) this.#holders.set(edgeId, target, new Set(holds ? [id] : []));
      else if (holds) known.add(id);
      else known.delete(id);
    }
    return made;
  }
}

const NOTHING: Batch = {
  entries: [],
  position: { entry: '0-0', offset: 0 },
  backfills: [],
  expired: [],
};

function inboxEntry(messages: readonly Message[]): NonNullable<Batch['inbox']>[number] {
  return { id: '1-0', from: 0, catalogVersion: 1, messages, payload: '' };
}

interface LoadedPartition {
  readonly partition: OnePartition;
  readonly network: PredicateNetwork;
  /** Of each segment: those that mean the same share one. */
  readonly predicateIds: readonly number[];
}

/** All records of a world as they are before its history begins. */
export function loadPartition(world: World): LoadedPartition {
  return world.neighbours ? withNeighbours(world) : peopleAlone(world);
}

/** Their rows are put there as they are: changes would take longer. */
function peopleAlone(world: World): LoadedPartition {
  const { nowMs } = world;
  const types = makeTypes(world);
  const { network } = types.get(PEOPLE)!;
  const partition = new OnePartition(types, new Map(), nowMs);
  for (const { id, data } of world.people.values()) {
    const record = { data, version: 1, createdAt: 0, updatedAt: 0, fits: PEOPLE_TYPE.revision };
    const truth = predicateIds(network.create(data, nowMs));
    partition.setRow(PEOPLE, id, { record, due: undefined, truth });
  }
  return { partition, network, predicateIds: world.segments.map((_, at) => at) };
}

function withNeighbours(world: World): LoadedPartition {
  const catalog = new Catalog();
  const draft = new CatalogDraft(catalog);
  for (const [name, definition] of Object.entries(REACH_DEFINITIONS))
    draft.setObjectType(name, { ...definition, revision: 1 });
  draft.edgesWithIds();
  const declared = declareSegments(draft, world.segments);
  catalog.apply(1, draft.finish());
  const networks = new Networks(catalog);
  const partition = new OnePartition(networks.types, networks.edges, world.nowMs);
  for (const batch of batchesOf(putsOf(world))) partition.apply(batch);
  return { partition, network: networks.types.get(PEOPLE)!.network, predicateIds: declared };
}

/** The segments that hold of each person, from 0. */
export function truthAtStart(world: World): Map<string, number[]> {
  const { partition, predicateIds: of } = loadPartition(world);
  const segmentsOf = new Map<number, number[]>();
  for (const [at, predicateId] of of.entries()) pushTo(segmentsOf, predicateId, at);
  const held = (id: string) => [...partition.row(PEOPLE, id)!.truth];
  return new Map(
    [...world.people.keys()].map((id) => [
      id,
      held(id).flatMap((predicateId) => segmentsOf.get(predicateId) ?? []),
    ]),
  );
}

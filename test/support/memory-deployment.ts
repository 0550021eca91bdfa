/**
 * memory-deployment.ts – A deployment in memory, without faults: the catalog and P partitions of
 * the pure step, their messages, fan-outs and builds, in an order that a seeded chooser decides.
 *
 * Keeps true: a partition sees nothing but its own rows and its inbox; member sets change only by
 * the flips that steps report; what is stored goes through its stored form. The real Networks,
 * CatalogDraft, PartitionBuilds and Fanouts run here.
 */
import { Catalog } from '../../src/catalog/catalog.ts';
import { CatalogDraft } from '../../src/catalog/catalog-draft.ts';
import type { Change } from '../../src/change/change.ts';
import type { ObjectTypeDefinition } from '../../src/change/object-type.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { packRecord, unpackRecord } from '../../src/change/record.ts';
import { type Batch, LOG_START, type LogPosition } from '../../src/engine/batch.ts';
import { CORE_LIMITS } from '../../src/engine/core-limits.ts';
import { type Fanout, Fanouts, type FanoutVisit } from '../../src/engine/fanouts.ts';
import type { InboxEntry, Message } from '../../src/engine/message.ts';
import { packMessages, readInboxEntry } from '../../src/engine/message.ts';
import { Networks } from '../../src/engine/networks.ts';
import { PartitionBuilds } from '../../src/engine/partition-builds.ts';
import type { StoredInboxEntry } from '../../src/engine/partition-store.ts';
import { ABSENT, type Row, type Step, step } from '../../src/engine/step.ts';
import type { NeighbourRow, RelatedRow } from '../../src/membership/neighbour-row.ts';
import { nameOf } from '../../src/membership/value-key.ts';
import { type CompiledQuery, compileQuery } from '../../src/query/dialects/compile.ts';
import { entered, flippedPredicateId } from '../../src/query/network/network.ts';
import { packRow, unpackNeighbour, unpackRelated } from '../../src/redis/rows/neighbour-row.ts';
import { unpackState } from '../../src/redis/rows/state-row.ts';
import { NOON } from './contacts.ts';
import { stateText } from './state-text.ts';

/** Chooses a whole number below `n`. */
export type Choose = (n: number) => number;

/** A small seeded generator (mulberry32). */
export function chooser(seed: number): Choose {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

class SimulatedPartition {
  readonly records = new Map<string, string>();
  readonly states = new Map<string, string>();
  readonly neighbours = new Map<string, string>();
  readonly related = new Map<string, string>();
  readonly holders = new Map<string, Set<string>>();
  readonly values = new Map<string, Map<string, number>>();
  readonly valueCounts = new Map<string, number>();
  readonly valueSources = new Map<string, readonly number[]>();
  readonly valueTotals = new Map<string, number>();
  readonly sets = new Map<number, Set<string>>();
  readonly complete = new Set<number>();
  readonly inbox: InboxEntry[] = [];
  readonly log: Change[] = [];
  builds = new PartitionBuilds(CORE_LIMITS);
  fanouts = new Fanouts(CORE_LIMITS);
  position: LogPosition = LOG_START;
  entries = 0;
  number = 0;
}

const BACKFILLED_IDS = 2;
const VISITED_IDS = 2;

interface MemoryOptions {
  /** Told of each step, once what it made is stored. */
  readonly onStep?: (partition: number, made: Step) => void;
  /** For tests of the tests only: a target that has not answered counts as absent, as if it had. */
  readonly takesSilenceForAbsence?: boolean;
}

export class MemoryDeployment {
  readonly catalog = new Catalog();
  readonly networks: Networks;
  readonly partitions: SimulatedPartition[];
  /** Messages that were sent, by reason of their kind. */
  readonly sent = {
    'holder-aggregate': 0,
    'target-state': 0,
    'holder-values': 0,
    'snapshot-begin': 0,
    'snapshot-end': 0,
  };
  readonly #choose: Choose;
  /** What is under way from one partition to another, in order. */
  readonly #channels = new Map<
    string,
    { readonly to: number; readonly entries: Omit<StoredInboxEntry, 'id'>[] }
  >();
  readonly #options: MemoryOptions;
  #arrivals = 0;

  constructor(partitions: number, choose: Choose, options: MemoryOptions = {}) {
    this.#choose = choose;
    this.#options = options;
    this.networks = new Networks(this.catalog);
    this.partitions = Array.from({ length: partitions }, () => new SimulatedPartition());
  }

  declare(types: Readonly<Record<string, ObjectTypeDefinition>>): void {
    this.#draft((draft) => {
      for (const [name, definition] of Object.entries(types))
        draft.setObjectType(name, { ...definition, revision: draft.version });
      draft.edgesWithIds();
    });
  }

  compile(objectType: string, query: unknown): CompiledQuery {
    const type = this.catalog.objectTypes.get(objectType)!;
    return compileQuery(query, {
      type,
      types: this.catalog.objectTypes,
      timeZone: 'UTC',
      segment: () => undefined,
    });
  }

  /** Adds a predicate; it is built while the world goes on. @returns its predicate id */
  add(objectType: string, compiled: CompiledQuery): number {
    let predicateId = 0;
    this.#draft((draft) => {
      predicateId = draft.predicateIdFor(objectType, compiled);
    });
    return predicateId;
  }

  send(change: Change): void {
    this.partitions[partitionOf(change.id, this.partitions.length)]!.log.push(change);
  }

  /** Does one thing that can be done; false if there is nothing left to do. */
  advance(): boolean {
    const doable: (() => void)[] = [];
    for (const { to, entries } of this.#channels.values()) {
      if (entries.length > 0) doable.push(() => this.#arrive(to, entries.shift()!));
    }
    this.partitions.forEach((partition, at) => {
      if (partition.inbox.length > 0)
        doable.push(() =>
          this.#turn(at, { inbox: partition.inbox.splice(0, 1 + this.#choose(3)) }),
        );
      if (partition.log.length > 0)
        doable.push(() => this.#turn(at, { log: partition.log.splice(0, 1 + this.#choose(3)) }));
      if (partition.fanouts.size > 0) doable.push(() => this.#turn(at, { fans: true }));
      if (partition.builds.isBuilding(this.networks.version))
        doable.push(() => this.#turn(at, { backfills: true }));
    });
    if (doable.length === 0) return false;
    doable[this.#choose(doable.length)]!();
    return true;
  }

  /** Lets everything that is under way come to rest. */
  settle(): void {
    for (let turns = 0; this.advance(); turns++)
      if (turns > 200_000) throw new Error('the world does not come to rest');
  }

  members(predicateId: number): Set<string> {
    return new Set(this.partitions.flatMap(({ sets }) => [...(sets.get(predicateId) ?? [])]));
  }

  #draft(change: (draft: CatalogDraft) => void): void {
    const draft = new CatalogDraft(this.catalog);
    change(draft);
    const made = draft.finish();
    if (made.writes.length > 0) this.catalog.apply(this.catalog.version + 1, made);
  }

  #arrive(to: number, sent: Omit<StoredInboxEntry, 'id'>): void {
    this.partitions[to]!.inbox.push(readInboxEntry({ id: `${++this.#arrivals}-0`, ...sent }));
  }

  #turn(
    at: number,
    {
      inbox = [],
      log = [],
      fans = false,
      backfills = false,
    }: { inbox?: InboxEntry[]; log?: Change[]; fans?: boolean; backfills?: boolean },
  ): void {
    const partition = this.partitions[at]!;
    const entries =
      log.length === 0
        ? []
        : [
            {
              id: `${++partition.entries}-0`,
              checkedAt: this.networks.version,
              changes: log,
              payload: '',
            },
          ];
    const visits = fans
      ? partition.fanouts
          .next()
          .slice(0, 1 + this.#choose(2))
          .map((fanout) => visit(partition, fanout))
      : [];
    const request = backfills ? partition.builds.nextBackfill() : undefined;
    const ids = request
      ? after(this.#idsOf(partition, request.objectType), request.backfill.cursor, null).slice(
          0,
          BACKFILLED_IDS,
        )
      : [];
    const batch: Batch = {
      entries,
      inbox,
      fanouts: visits.map(({ fanout, ids }) => ({ edgeId: fanout.edgeId, ids })),
      position: partition.position,
      backfills:
        request && ids.length > 0
          ? [{ objectType: request.objectType, predicateIds: request.backfill.predicateIds, ids }]
          : [],
      expired: [],
    };
    const made = this.#step(partition, batch);
    partition.number++;
    partition.position = made.position ?? partition.position;
    const progress = partition.builds.progress(
      this.networks,
      request,
      ids.slice(0, made.backfilled),
      ids.length < BACKFILLED_IDS && made.backfilled === ids.length,
      made.failures,
    );
    const fanouts = partition.fanouts.progress(
      visits,
      made.edges.fanouts,
      partition.number,
      (edgeId) => this.networks.edges.has(edgeId),
    );
    this.#store(partition, made);
    for (const predicateId of progress.dropped) partition.sets.delete(predicateId);
    for (const predicateId of progress.completed) partition.complete.add(predicateId);
    for (const predicateId of progress.failed.keys()) partition.complete.delete(predicateId);
    partition.builds.apply(progress);
    partition.fanouts.apply(fanouts);
    for (const [to, messages] of made.edges.messages) this.#post(at, to, messages);
    this.#options.onStep?.(at, made);
  }

  #step(partition: SimulatedPartition, batch: Batch): Step {
    return step(batch, {
      isReceiving: () => false,
      failed: partition.builds.failed,
      types: this.networks.types,
      edges: this.networks.edges,
      timeZone: 'UTC',
      nowMs: NOON,
      row: (objectType, id) => rowOf(partition, objectType, id),
      neighbour: (edgeId, target) => this.#neighbour(partition, edgeId, target),
      related: (edgeId, target): RelatedRow =>
        unpackRelated(partition.related.get(`${edgeId} ${target}`)),
      extremes: (predicateId, target) => {
        const all = [...(partition.values.get(`${predicateId} ${target}`) ?? [])].sort(
          ([, a], [, b]) => a - b,
        );
        return { lowest: all.slice(0, 20), highest: all.slice(-20) };
      },
      values: {
        valueCount: (at) => partition.valueCounts.get(nameOf(at)) ?? 0,
        valueSources: (at) => partition.valueSources.get(nameOf(at)) ?? [],
        valueTotal: (predicateId, target) =>
          partition.valueTotals.get(`${predicateId} ${target}`) ?? 0,
      },
      partitionOf: (id) => partitionOf(id, this.partitions.length),
    });
  }

  #neighbour(partition: SimulatedPartition, edgeId: number, target: string): NeighbourRow {
    const row = unpackNeighbour(partition.neighbours.get(`${edgeId} ${target}`));
    return this.#options.takesSilenceForAbsence ? { shared: null, ...row } : row;
  }

  #store(partition: SimulatedPartition, { records, edges }: Step): void {
    for (const { objectType, id, after: row, flips } of records) {
      const key = `${objectType}:${id}`;
      if (row.record) partition.records.set(key, packRecord(row.record));
      else partition.records.delete(key);
      const state = stateText(row);
      if (state === undefined) partition.states.delete(key);
      else partition.states.set(key, state);
      for (const flip of flips) {
        const predicateId = flippedPredicateId(flip);
        const set = partition.sets.get(predicateId) ?? new Set();
        partition.sets.set(predicateId, set);
        if (entered(flip) === set.has(id))
          throw new Error(`a flip of ${key} in predicate id ${predicateId} that is none`);
        if (entered(flip)) set.add(id);
        else set.delete(id);
      }
    }
    for (const { edgeId, target, row } of edges.neighbours)
      setOrDelete(partition.neighbours, `${edgeId} ${target}`, row && packRow(row));
    for (const { edgeId, target, row } of edges.related)
      setOrDelete(partition.related, `${edgeId} ${target}`, row && packRow(row));
    for (const { edgeId, target, id, holds } of edges.holders) {
      const key = `${edgeId} ${target}`;
      const holders = partition.holders.get(key) ?? new Set();
      partition.holders.set(key, holders);
      if (holds) holders.add(id);
      else holders.delete(id);
    }
    for (const { predicateId, target, id, value } of edges.values) {
      const key = `${predicateId} ${target}`;
      const values = partition.values.get(key) ?? new Map();
      partition.values.set(key, values);
      if (value === undefined) values.delete(id);
      else values.set(id, value);
    }
    for (const { count, ...at } of edges.valueCounts)
      setOrDelete(partition.valueCounts, nameOf(at), count || null);
    for (const { sources, ...at } of edges.valueSources)
      setOrDelete(partition.valueSources, nameOf(at), sources.length > 0 ? sources : null);
    for (const { predicateId, target, total } of edges.valueTotals)
      setOrDelete(partition.valueTotals, `${predicateId} ${target}`, total || null);
  }

  #post(from: number, to: number, messages: readonly Message[]): void {
    for (const { kind } of messages) this.sent[kind]++;
    const key = `${from} ${to}`;
    const channel = this.#channels.get(key) ?? { to, entries: [] };
    this.#channels.set(key, channel);
    channel.entries.push({
      from,
      catalogVersion: this.networks.version,
      payload: packMessages(messages),
    });
  }

  #idsOf(partition: SimulatedPartition, objectType: string): string[] {
    const prefix = `${objectType}:`;
    const live = [...partition.records].filter(
      ([key, stored]) => key.startsWith(prefix) && unpackRecord(stored).deletedAt === undefined,
    );
    return live.map(([key]) => key.slice(prefix.length)).sort();
  }
}

function rowOf(partition: SimulatedPartition, objectType: string, id: string): Row {
  const stored = partition.records.get(`${objectType}:${id}`);
  return stored
    ? { record: unpackRecord(stored), ...unpackState(partition.states.get(`${objectType}:${id}`)) }
    : ABSENT;
}

function visit(partition: SimulatedPartition, fanout: Fanout): FanoutVisit {
  const holders = [...(partition.holders.get(`${fanout.edgeId} ${fanout.target}`) ?? [])].sort();
  const ids = after(holders, fanout.cursor, fanout.until).slice(0, VISITED_IDS);
  return { fanout, ids, isStretchDone: ids.length < VISITED_IDS };
}

function after(sorted: readonly string[], cursor: string, until: string | null): string[] {
  return sorted.filter((id) => (cursor === '' || id > cursor) && (until === null || id <= until));
}

function setOrDelete<T>(all: Map<string, T>, key: string, stored: T | null): void {
  if (stored === null) all.delete(key);
  else all.set(key, stored);
}

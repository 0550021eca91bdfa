/**
 * owner.ts – The processor of one partition, as processor.ts and outbox.ts are: it holds the lease, takes batches, commits them
 * and forwards their messages; here each of these is a step of its own, so that anything can happen in between.
 *
 * Keeps true: what it holds in memory is what it read when it took the partition over, and what its own commits were answered;
 * it sends the very same commit until it is answered. Rows are loaded, cached and written down by the engine's own code.
 */
import type { Redis } from 'ioredis';
import { partitionOf } from '../../src/change/partition.ts';
import {
  type Batch,
  LOG_START,
  type LogEntry,
  type LogPosition,
  type RecordKey,
  readLogEntry,
} from '../../src/engine/batch.ts';
import { commitCommands, readFailed } from '../../src/engine/commit.ts';
import { type DueChunk, type DueProgress, DueSweep, readDueChunk, readTimedType } from '../../src/engine/due-sweep.ts';
import {
  EdgeSweep,
  readEdgeSets,
  readSweepChunk,
  type SweepChunk,
  type SweepProgress,
} from '../../src/engine/edge-sweep.ts';
import type { Edge } from '../../src/engine/edges.ts';
import { type Fanout, type FanoutProgress, Fanouts, type FanoutVisit, readFanout } from '../../src/engine/fanouts.ts';
import { beginGenerations, type Lane as ForwardingLane, laneAfter, sourceName } from '../../src/engine/generations.ts';
import { INBOX_FIELDS, type InboxEntry, readInboxEntry } from '../../src/engine/message.ts';
import type { Networks } from '../../src/engine/networks.ts';
import type { OutboxEntry } from '../../src/engine/outbox.ts';
import { outboxEntries } from '../../src/engine/outbox.ts';
import {
  type BuildProgress,
  PartitionBuilds,
  type ScanRequest,
  type TypeBuild,
} from '../../src/engine/partition-builds.ts';
import { NO_RESYNC, partitionIn, type ResyncChunk, Resyncs } from '../../src/engine/resyncs.ts';
import { RowCache } from '../../src/engine/row-cache.ts';
import { type Step, step } from '../../src/engine/step.ts';
import { loadStepRows, type StepRows } from '../../src/engine/step-rows.ts';
import { Timers } from '../../src/engine/timers.ts';
import { NOWHERE, type Place, readPlace } from '../../src/membership/place.ts';
import { compareEntries } from '../../src/membership/standing.ts';
import type { Keys, PartitionKeys } from '../../src/redis/keys.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Process } from './catalogs.ts';
import { CheckFailure } from './check-failure.ts';
import type { Guards, Wire } from './faults.ts';
import { Lane } from './lane.ts';
import type { CommitAnswer, Store } from './store.ts';

/** So small that rows are evicted, batches, scans and fan-outs are interrupted, and outboxes run full. */
const CACHED_ROWS_MAX = 8;
const SCANNED_IDS_MAX = 2;
const VISITED_IDS_MAX = 1;
const UNDELIVERED_MAX = 6;
const DUE_RECORDS_MAX = 2;
const SWEPT_TARGETS_MAX = 1;
const SWEPT_ENTRIES_MAX = 2;

export interface OwnerContext {
  readonly store: Store;
  readonly keys: Keys;
  readonly wire: Wire;
  readonly guards: Guards;
  readonly choose: Choose;
  /** Partitions that have lost a tail. */
  readonly rolledBack: ReadonlySet<number>;
  /** The clock of its process. */
  readonly now: () => number;
}

/** A commit that is under way. */
interface Underway {
  readonly keys: readonly string[];
  readonly arguments: readonly (string | number)[];
  readonly number: number;
  readonly nowMs: number;
  readonly due: readonly RecordKey[];
  readonly edges: ReadonlyMap<number, Edge>;
  readonly sweep: SweepProgress;
  readonly dueSweep: DueProgress;
  readonly made: Step;
  readonly progress: BuildProgress;
  readonly fanouts: FanoutProgress;
  readonly outbox: readonly OutboxEntry[];
  readonly chunk: ResyncChunk;
  answer?: CommitAnswer;
}

export class Owner {
  readonly partition: number;
  readonly process: Process;
  readonly token: string;
  isPaused = false;
  /** It was told so: it stops. */
  isFenced = false;
  readonly #context: OwnerContext;
  readonly #keys: PartitionKeys;
  readonly #redis: Redis;
  readonly #cache = new RowCache(CACHED_ROWS_MAX);
  readonly #builds: PartitionBuilds;
  readonly #fanouts: Fanouts;
  readonly #timers = new Timers(0, DUE_RECORDS_MAX);
  readonly #sweep: EdgeSweep;
  readonly #dueSweep: DueSweep;
  readonly #sent = new Map<number, Place>();
  #newPlaces: [target: number, lane: ForwardingLane][] = [];
  #resyncs!: Resyncs;
  readonly #lanes = new Map<number, Lane<OutboxEntry>>();
  readonly #resynchronizing = new Set<number>();
  /** The generations that it has begun; undefined: it has not yet. */
  #begun: ReadonlyMap<number, ForwardingLane> | undefined;
  #isOpen = false;
  #number: number;
  #clockMs: number;
  #position: LogPosition;
  #inboxRead: string;
  #logRead: string;
  #queue: LogEntry[] = [];
  #inbox: InboxEntry[] = [];
  #underway: Underway | undefined;

  /** Takes the partition over: from now on the store refuses whoever held it. */
  constructor(partition: number, process: Process, token: string, context: OwnerContext) {
    this.partition = partition;
    this.process = process;
    this.token = token;
    this.#context = context;
    this.#redis = context.store as unknown as Redis;
    const keys = (this.#keys = context.keys.partitions[partition]!);
    context.store.leases.set(keys.owner, token);
    const meta = context.store.hash(keys.meta);
    if (process.version < Number(meta.get('catalog') ?? 0)) process.refresh();
    const builds: [string, TypeBuild][] = [];
    const fanouts: Fanout[] = [];
    const noted: [ordinal: number, anchor: number][] = [];
    const timed: string[] = [];
    for (const [field, value] of meta) {
      if (field.startsWith('scan:')) builds.push([field.slice('scan:'.length), JSON.parse(value) as TypeBuild]);
      if (field.startsWith('fanout:')) fanouts.push(readFanout(field, value));
      const sets = readEdgeSets(field, value);
      if (sets) noted.push(sets);
      const timedType = readTimedType(field);
      if (timedType !== undefined) timed.push(timedType);
      if (field.startsWith('sent:')) this.#sent.set(Number(field.slice('sent:'.length)), readPlace(value));
      const lostTo = partitionIn(field, 'sending');
      if (lostTo !== undefined) this.#resynchronizing.add(lostTo);
    }
    const complete = [...context.store.hash(keys.counts).keys()].map(Number);
    this.#builds = new PartitionBuilds(-1, complete, builds, readFailed(meta));
    this.#fanouts = new Fanouts(fanouts);
    this.#sweep = new EdgeSweep(noted);
    this.#dueSweep = new DueSweep(timed);
    this.#number = Number(meta.get('number') ?? 0);
    this.#clockMs = Number(meta.get('clock') ?? 0);
    this.#position = { entry: meta.get('log') ?? LOG_START.entry, offset: Number(meta.get('offset') ?? 0) };
    this.#logRead = this.#position.entry;
    this.#inboxRead = meta.get('inbox') ?? LOG_START.entry;
  }

  get holdsLease(): boolean {
    return this.#context.store.leases.get(this.#keys.owner) === this.token;
  }

  /** What it can do next; 'nothing' if it waits. */
  get next(): 'begin' | 'open' | 'prepare' | 'commit' | 'conclude' | 'nothing' {
    if (!this.#begun) return 'begin';
    if (!this.#isOpen) return 'open';
    if (this.#underway) return this.#underway.answer === undefined ? 'commit' : 'conclude';
    return this.#hasWork() ? 'prepare' : 'nothing';
  }

  /** The ways to other partitions on which something waits. */
  lanes(): Lane<OutboxEntry>[] {
    return [...this.#lanes.values()].filter(({ waiting }) => waiting.length > 0);
  }

  async turn(): Promise<void> {
    switch (this.next) {
      case 'begin':
        return this.#beginGenerations();
      case 'open':
        return this.#open();
      case 'prepare':
        return this.#prepare();
      case 'commit':
        return this.#commit();
      case 'conclude':
        return this.#conclude();
      case 'nothing':
    }
  }

  /** What it would notice when it renews its lease: the partition is not as it left it, or a target has forgotten something. */
  get isRolledBack(): boolean {
    if (!this.#isOpen || this.#underway || !this.holdsLease) return false;
    const { store, keys } = this.#context;
    if (Number(store.hash(this.#keys.meta).get('number')) !== this.#number) return true;
    if (this.lanes().length > 0 || this.#newPlaces.length > 0) return false;
    return [...this.#sent].some(([target, { generation, sequence }]) => {
      const held = readPlace(store.hash(keys.partitions[target]!.delivered).get(sourceName(this.partition)));
      return held.generation !== generation || held.sequence < sequence;
    });
  }

  async #beginGenerations(): Promise<void> {
    const { keys, guards, store } = this.#context;
    if (guards.generations) {
      const fresh = () => store.nonce(); // take-overs come within one millisecond here, and a seed is to be all they depend on
      this.#begun = await beginGenerations(this.#redis, keys, this.partition, this.#sent, this.#resynchronizing, fresh);
      return;
    }
    // As if nobody before could have anything under way: the generation is only looked up.
    const lanes = keys.partitions.map(({ delivered }, target): [number, ForwardingLane] => {
      const held = readPlace(this.#context.store.hash(delivered).get(sourceName(this.partition)));
      const [first] = this.#context.store.entriesAfter(this.#keys.outbox(target), '0-0');
      const outboxFirst = first && Number(first[0].split('-')[0]);
      const isResynchronizing = this.#resynchronizing.has(target);
      const sent = this.#sent.get(target) ?? NOWHERE;
      return [target, laneAfter({ sent, delivered: held, outboxFirst, isResynchronizing }, held.generation || 1)];
    });
    this.#begun = new Map(lanes);
  }

  #open(): void {
    const { store, guards } = this.#context;
    const meta = store.hash(this.#keys.meta);
    if (!this.holdsLease || Number(meta.get('number') ?? 0) !== this.#number) {
      this.isFenced = true;
      return;
    }
    const lost = [...this.#begun!].filter(([, { isLost }]) => isLost && guards.resynchronization);
    this.#resyncs = new Resyncs(
      meta,
      lost.map(([target]) => target),
    );
    for (const [target, lane] of this.#begun!) {
      this.#sent.set(target, lane);
      this.#lanes.set(
        target,
        new Lane(
          (entry) => this.#deliver(lane, entry),
          () => this.#refused(),
        ),
      );
    }
    this.#newPlaces = [...this.#begun!];
    this.#recoverOutbox();
    this.#isOpen = true;
  }

  #refused(): void {
    this.isFenced = true;
  }

  /** What has arrived since is read ahead; what is read ahead stays in memory, also while the owner is paused. */
  #read(): void {
    const { store } = this.#context;
    for (const [id, fields] of store.entriesAfter(this.#keys.log, this.#logRead)) {
      this.#queue.push(readLogEntry(id, fields));
      this.#logRead = id;
    }
    for (const [id, fields] of store.entriesAfter(this.#keys.inbox, this.#inboxRead)) {
      this.#inbox.push(readInboxEntry(id, fields));
      this.#inboxRead = id;
    }
  }

  get #isHeldBack(): boolean {
    return this.lanes().reduce((sum, { waiting }) => sum + waiting.length, 0) > UNDELIVERED_MAX;
  }

  /** The partition's clock never runs backwards. */
  get #nowMs(): number {
    return Math.max(this.#clockMs, this.#context.now());
  }

  /** Whether there is something to do, or it may be time for something. */
  #hasWork(): boolean {
    return this.#isBusy() || (!this.#isHeldBack && this.#timers.nextMs <= this.#nowMs);
  }

  #isBusy(): boolean {
    this.#read();
    if (this.#inbox.length > 0) return true;
    if (this.#isHeldBack) return false;
    if (this.#sweep.next(this.process.networks.edges) || this.#dueSweep.next(this.process.networks.types)) return true;
    if (this.#fanouts.size > 0 || this.#resyncs.hasWork) return true;
    return this.#queue.length > 0 || this.#builds.hasWork(this.process.version);
  }

  async #prepare(): Promise<void> {
    const { choose } = this.#context;
    const isHeldBack = this.#isHeldBack;
    const due = isHeldBack ? [] : await this.#timers.take(this.#redis, this.#keys, this.#nowMs);
    if (due.length === 0 && !this.#isBusy()) return;
    const sweep = isHeldBack ? undefined : this.#sweep.next(this.process.networks.edges);
    const dueSweep = isHeldBack ? undefined : this.#dueSweep.next(this.process.networks.types);
    const request = isHeldBack ? undefined : this.#builds.nextScan();
    const inbox = this.#inbox.slice(0, 1 + choose(4));
    const entries = isHeldBack ? [] : this.#queue.slice(0, 1 + choose(3));
    this.#catchUpWith(entries, inbox);
    // A fan-out takes its turns between other batches: the processor's are small beside the number of holders.
    const visits = isHeldBack || (inbox.length + entries.length > 0 && choose(2) === 0) ? [] : this.#visitHolders();
    const ids = request ? this.#scanIds(request) : [];
    const scans =
      request && ids.length > 0 ? [{ objectType: request.objectType, ordinals: request.scan.ordinals, ids }] : [];
    const swept = await readSweepChunk(this.#redis, this.#keys, sweep, SWEPT_TARGETS_MAX);
    const untimed = await readDueChunk(this.#redis, this.#keys, dueSweep, SWEPT_ENTRIES_MAX);
    const fanouts = visits.map(({ fanout, ids }) => ({ anchor: fanout.anchor, ids }));
    const resync = isHeldBack || !this.#resyncs.hasWork ? NO_RESYNC : await this.#nextOfResync();
    const work = { entries, inbox, fanouts, resync, scans, due, untimed: untimed?.records ?? [], expired: [] };
    const batch = { ...work, position: this.#position };
    const changesMax = choose(5) === 0 ? { changesMax: 1 + choose(2) } : {};
    await this.#step({ ...batch, ...changesMax }, visits, request, ids, swept, untimed);
  }

  #nextOfResync(): Promise<ResyncChunk> {
    const { networks, version } = this.process;
    const partitions = this.#context.keys.partitions.length;
    return this.#resyncs.next(this.#redis, this.#keys, networks, partitions, !this.#builds.hasWork(version));
  }

  async #step(
    batch: Batch,
    visits: readonly FanoutVisit[],
    request: ScanRequest | undefined,
    ids: readonly string[],
    swept: SweepChunk | undefined,
    untimed: DueChunk | undefined,
  ): Promise<void> {
    const { networks } = this.process;
    const { edges } = networks;
    const { keys, store, guards } = this.#context;
    const rows = await loadStepRows(this.#redis, this.#keys, this.#cache, networks, batch);
    const nowMs = this.#nowMs;
    const made = step(batch, {
      ...rows,
      row: guards.fireBeforeChange ? rows.row : withoutTimers(rows, batch),
      types: networks.types,
      edges: networks.edges,
      partitionOf: (id) => partitionOf(id, keys.partitions.length),
      isReceiving: (source) => this.#resyncs.isReceiving(source),
      timeZone: 'UTC',
      nowMs,
      failed: this.#builds.failed,
    });
    checkWritten(made, networks);
    const progress = this.#builds.progress(
      networks,
      request,
      ids.slice(0, made.scanned),
      request !== undefined && ids.length < SCANNED_IDS_MAX && made.scanned === ids.length,
      made.failures,
    );
    const number = this.#number + 1;
    const isKept = (anchor: number) => networks.edges.has(anchor);
    const fanouts = this.#fanouts.progress(visits, made.edges.fanouts, number, isKept);
    const outbox = outboxEntries(made, this.#sent, this.process.version);
    const chunk = batch.resync ?? NO_RESYNC;
    const settled = this.#newPlaces
      .filter(([, { base }]) => base > 0)
      .map(([target, { base }]) => [target, base] as const);
    const traffic = {
      fanouts,
      outbox,
      delivered: [...this.#takeDelivered(), ...settled],
      places: this.#newPlaces,
      resync: this.#resyncs.progress(chunk, made.resync),
    };
    const commands = commitCommands(made, progress, traffic, {
      keys: this.#keys,
      networks,
      builds: this.#builds,
      nowMs,
    });
    const header = [this.token, this.#number, number, `${this.token} ${store.nonce()}`, 0];
    const sweep = this.#sweep.progress(edges, swept);
    this.#sweep.addTo(commands, sweep, edges, made.edges.neighbours, this.#keys);
    const dueSweep = this.#dueSweep.progress(networks.types, networks.version, untimed);
    this.#dueSweep.addTo(commands, dueSweep, this.#keys);
    const sent = { keys: commands.keys, arguments: [...header, ...commands.arguments] };
    const { due = [] } = batch;
    this.#underway = { ...sent, number, nowMs, due, edges, sweep, dueSweep, made, progress, fanouts, outbox, chunk };
  }

  #commit(): void {
    const { wire, store } = this.#context;
    const { keys, arguments: given } = this.#underway!;
    const answer = wire.call(() => store.commit(keys, given));
    if (answer !== undefined) this.#underway!.answer = answer;
  }

  #conclude(): void {
    const { answer, number, nowMs, due, edges, sweep, dueSweep, made, progress, fanouts, outbox, chunk } =
      this.#underway!;
    this.#underway = undefined;
    if (answer === 'fenced' || answer === 'rolled-back') {
      // Without a roll-back only those are refused who no longer hold the partition.
      if (this.holdsLease && !this.#context.rolledBack.has(this.partition))
        throw new CheckFailure(
          'owner refused',
          `partition ${this.partition} refuses the commit of its owner as '${answer}'`,
        );
      this.isFenced = true;
      return;
    }
    this.#number = number;
    this.#clockMs = nowMs;
    this.#cache.committed(made, this.#keys);
    this.#fanouts.committed(fanouts);
    this.#newPlaces = [];
    this.#timers.committed(made, due);
    this.#resyncs.committed(chunk, made.resync);
    this.#sweep.committed(edges, sweep);
    this.#dueSweep.committed(dueSweep);
    for (const entry of outbox) {
      this.#sent.set(entry.target, entry);
      this.#forward(entry);
    }
    this.#advance(made);
    this.#builds.committed(progress);
  }

  #advance({ position, inbox }: Step): void {
    if (inbox !== undefined) this.#inbox = this.#inbox.filter(({ id }) => compareEntries(id, inbox) > 0);
    if (!position) return;
    this.#position = position;
    this.#queue = this.#queue.filter(({ id }) => compareEntries(id, position.entry) > 0);
  }

  #catchUpWith(entries: readonly LogEntry[], inbox: readonly InboxEntry[]): void {
    const messages = this.#context.guards.adoptBeforeApply ? inbox.map(({ catalogVersion }) => catalogVersion) : [];
    const newest = Math.max(0, ...messages, ...entries.map(({ checkedAt }) => checkedAt));
    if (newest > this.process.version) this.process.refresh();
  }

  #visitHolders(): FanoutVisit[] {
    const { store, choose } = this.#context;
    return this.#fanouts
      .next()
      .slice(0, 1 + choose(2))
      .map((fanout) => {
        const key = this.#keys.holders(fanout.anchor, fanout.target);
        const ids = store.idsAfter(key, fanout.cursor, fanout.until).slice(0, VISITED_IDS_MAX);
        return { fanout, ids, isStretchDone: ids.length < VISITED_IDS_MAX };
      });
  }

  #scanIds({ objectType, scan }: ScanRequest): string[] {
    return this.#context.store.idsAfter(this.#keys.ids(objectType), scan.cursor).slice(0, SCANNED_IDS_MAX);
  }

  // ——— Outbox ———

  /** What an owner before has committed and perhaps not forwarded is sent again; where all is sent anew, nothing. */
  #recoverOutbox(): void {
    for (const [target, { isLost, generation }] of this.#begun!) {
      if (isLost) continue;
      for (const [id, [, version, , payload]] of this.#context.store.entriesAfter(this.#keys.outbox(target), '0-0')) {
        const place = { target, generation, sequence: Number(id.split('-')[0]) };
        this.#forward({ ...place, catalogVersion: Number(version), payload: payload! });
      }
    }
  }

  #forward(entry: OutboxEntry): void {
    this.#lanes.get(entry.target)!.waiting.push(entry);
  }

  #deliver({ generation, base }: ForwardingLane, { target, sequence, catalogVersion, payload }: OutboxEntry) {
    const { inbox, delivered } = this.#context.keys.partitions[target]!;
    const { from, catalogVersion: version, payload: messages } = INBOX_FIELDS;
    const fields = [from, String(this.partition), version, String(catalogVersion), messages, payload];
    const place = { generation, base, sequence };
    return this.#context.store.deliver(inbox, delivered, sourceName(this.partition), place, fields);
  }

  #takeDelivered(): [target: number, sequence: number][] {
    const taken = [...this.#lanes].map(([target, lane]): [number, number] => [target, lane.takeDelivered()]);
    return taken.filter(([, sequence]) => sequence > 0);
  }
}

/** @throws Error if a row that is written holds something of an ordinal that was given up. */
function checkWritten({ records, edges: { neighbours, related } }: Step, networks: Networks): void {
  const given = (of: string, ordinals: Iterable<number | string>, isKept: (ordinal: number) => boolean) => {
    for (const ordinal of ordinals)
      if (!isKept(Number(ordinal))) throw new CheckFailure('given up', `${of} is written with ${ordinal}`);
  };
  for (const { objectType, id, before, after } of records) {
    const network = networks.types.get(objectType)?.network;
    if (network && after !== before) given(`the row of ${id}`, after.truth, (ordinal) => network.has(ordinal));
  }
  const rows = [
    ...neighbours.map(({ anchor, target, row }) => ({ anchor, target, parts: row ? [row.local] : [], row })),
    ...related.map(({ anchor, target, row }) => ({ anchor, target, parts: Object.values(row ?? {}), row: undefined })),
  ];
  for (const { anchor, target, parts, row } of rows) {
    const isKept = (ordinal: number) => networks.edges.get(anchor)!.exports.has(ordinal);
    const named = parts.flatMap(({ counts, sums, lows, highs }) =>
      Object.keys({ ...counts, ...sums, ...lows, ...highs }),
    );
    given(`the row of ${target}`, [...named, ...(row?.exported?.truth ?? [])], isKept);
  }
}

/** Rows of records that the batch changes, as if they were never due: a touch sets the timer anew. */
function withoutTimers({ row }: StepRows, { entries }: Batch): StepRows['row'] {
  const changed = new Set(
    entries.flatMap(({ changes }) => changes.map((change) => `${change.object_type}:${change.id}`)),
  );
  return (objectType, id) => {
    const stored = row(objectType, id);
    return changed.has(`${objectType}:${id}`) ? { ...stored, due: undefined } : stored;
  };
}

/**
 * owner.ts – The processor of one partition, as processor.ts and outbox.ts are: it holds the lease,
 * takes batches, commits them and forwards their messages; here each of these is a step of its own,
 * so that anything can happen in between.
 *
 * Keeps true: what it holds in memory is what it read when it took the partition over, and what its
 * own commits were answered; it sends the very same commit until it is answered. Rows are loaded,
 * cached and written down by the engine's own code.
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
import {
  type DueChunk,
  type DueProgress,
  DueSweep,
  readDueChunk,
  readTimedType,
} from '../../src/engine/due-sweep.ts';
import {
  EdgeSweep,
  readEdgeSets,
  readSweepChunk,
  type SweepChunk,
  type SweepProgress,
} from '../../src/engine/edge-sweep.ts';
import type { Edge } from '../../src/engine/edges.ts';
import {
  beginEpochs,
  channelAfter,
  type Channel as ForwardingChannel,
} from '../../src/engine/epochs.ts';
import {
  type Fanout,
  type FanoutProgress,
  Fanouts,
  type FanoutVisit,
  readFanout,
} from '../../src/engine/fanouts.ts';
import { INBOX_FIELDS, type InboxEntry, readInboxEntry } from '../../src/engine/message.ts';
import type { Networks } from '../../src/engine/networks.ts';
import type { OutboxEntry } from '../../src/engine/outbox.ts';
import { outboxEntries } from '../../src/engine/outbox.ts';
import {
  type BackfillRequest,
  type BuildProgress,
  PartitionBuilds,
  type TypeBuild,
} from '../../src/engine/partition-builds.ts';
import { NO_RESYNC, partitionIn, type ResyncChunk, Resyncs } from '../../src/engine/resyncs.ts';
import { RowCache } from '../../src/engine/row-cache.ts';
import { type Step, step } from '../../src/engine/step.ts';
import { loadStepRows, type StepRows } from '../../src/engine/step-rows.ts';
import { Timers } from '../../src/engine/timers.ts';
import { CHANNEL_START, type ChannelPosition } from '../../src/membership/channel-position.ts';
import { compareEntries } from '../../src/membership/partition-status.ts';
import { type Keys, type PartitionKeys, sourceName } from '../../src/redis/keys.ts';
import { readChannelPosition } from '../../src/redis/rows/channel-position.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Process } from './catalogs.ts';
import { Channel } from './channel.ts';
import { CheckFailure } from './check-failure.ts';
import type { Guards, Wire } from './faults.ts';
import type { CommitAnswer, Store } from './store.ts';

/**
 * So small that rows are evicted, batches, backfills and fan-outs are interrupted, and outboxes run
 * full.
 */
const CACHED_ROWS_MAX = 8;
const BACKFILLED_IDS_MAX = 2;
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
  readonly #sent = new Map<number, ChannelPosition>();
  #newPlaces: [target: number, channel: ForwardingChannel][] = [];
  #resyncs!: Resyncs;
  readonly #channels = new Map<number, Channel<OutboxEntry>>();
  readonly #resynchronizing = new Set<number>();
  /** The epochs that it has begun; undefined: it has not yet. */
  #begun: ReadonlyMap<number, ForwardingChannel> | undefined;
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
    const noted: [predicateId: number, edgeId: number][] = [];
    const timed: string[] = [];
    for (const [field, value] of meta) {
      if (field.startsWith('backfill:'))
        builds.push([field.slice('backfill:'.length), JSON.parse(value) as TypeBuild]);
      if (field.startsWith('fanout:')) fanouts.push(readFanout(field, value));
      const sets = readEdgeSets(field, value);
      if (sets) noted.push(sets);
      const timedType = readTimedType(field);
      if (timedType !== undefined) timed.push(timedType);
      if (field.startsWith('sent:'))
        this.#sent.set(Number(field.slice('sent:'.length)), readChannelPosition(value));
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
    this.#position = {
      entry: meta.get('log') ?? LOG_START.entry,
      offset: Number(meta.get('offset') ?? 0),
    };
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
  channels(): Channel<OutboxEntry>[] {
    return [...this.#channels.values()].filter(({ waiting }) => waiting.length > 0);
  }

  async turn(): Promise<void> {
    switch (this.next) {
      case 'begin':
        return this.#beginEpochs();
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

  /**
   * What it would notice when it renews its lease: the partition is not as it left it, or a target
   * has forgotten something.
   */
  get isRolledBack(): boolean {
    if (!this.#isOpen || this.#underway || !this.holdsLease) return false;
    const { store, keys } = this.#context;
    if (Number(store.hash(this.#keys.meta).get('number')) !== this.#number) return true;
    if (this.channels().length > 0 || this.#newPlaces.length > 0) return false;
    return [...this.#sent].some(([target, { epoch, sequence }]) => {
      const held = readChannelPosition(
        store.hash(keys.partitions[target]!.delivered).get(sourceName(this.partition)),
      );
      return held.epoch !== epoch || held.sequence < sequence;
    });
  }

  async #beginEpochs(): Promise<void> {
    const { keys, guards, store } = this.#context;
    if (guards.epochs) {
      const fresh = () => store.nonce(); // take-overs come within one millisecond here, and a seed is to be all they depend on
      this.#begun = await beginEpochs(
        this.#redis,
        keys,
        this.partition,
        this.#sent,
        this.#resynchronizing,
        fresh,
      );
      return;
    }
    // As if nobody before could have anything under way: the epoch is only looked up.
    const channels = keys.partitions.map(({ delivered }, target): [number, ForwardingChannel] => {
      const held = readChannelPosition(
        this.#context.store.hash(delivered).get(sourceName(this.partition)),
      );
      const [first] = this.#context.store.entriesAfter(this.#keys.outbox(target), '0-0');
      const outboxFirst = first && Number(first[0].split('-')[0]);
      const isResynchronizing = this.#resynchronizing.has(target);
      const sent = this.#sent.get(target) ?? CHANNEL_START;
      return [
        target,
        channelAfter({ sent, delivered: held, outboxFirst, isResynchronizing }, held.epoch || 1),
      ];
    });
    this.#begun = new Map(channels);
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
    for (const [target, channel] of this.#begun!) {
      this.#sent.set(target, channel);
      this.#channels.set(
        target,
        new Channel(
          (entry) => this.#deliver(channel, entry),
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

  /**
   * What has arrived since is read ahead; what is read ahead stays in memory, also while the owner
   * is paused.
   */
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
    return this.channels().reduce((sum, { waiting }) => sum + waiting.length, 0) > UNDELIVERED_MAX;
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
    if (
      this.#sweep.next(this.process.networks.edges) ||
      this.#dueSweep.next(this.process.networks.types)
    )
      return true;
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
    const request = isHeldBack ? undefined : this.#builds.nextBackfill();
    const inbox = this.#inbox.slice(0, 1 + choose(4));
    const entries = isHeldBack ? [] : this.#queue.slice(0, 1 + choose(3));
    this.#catchUpWith(entries, inbox);
    // A fan-out takes its turns between other batches: the processor's are small beside the number
    // of holders.
    const visits =
      isHeldBack || (inbox.length + entries.length > 0 && choose(2) === 0)
        ? []
        : this.#visitHolders();
    const ids = request ? this.#backfillIds(request) : [];
    const backfills =
      request && ids.length > 0
        ? [{ objectType: request.objectType, predicateIds: request.backfill.predicateIds, ids }]
        : [];
    const swept = await readSweepChunk(this.#redis, this.#keys, sweep, SWEPT_TARGETS_MAX);
    const untimed = await readDueChunk(this.#redis, this.#keys, dueSweep, SWEPT_ENTRIES_MAX);
    const fanouts = visits.map(({ fanout, ids }) => ({ edgeId: fanout.edgeId, ids }));
    const resync = isHeldBack || !this.#resyncs.hasWork ? NO_RESYNC : await this.#nextOfResync();
    const work = {
      entries,
      inbox,
      fanouts,
      resync,
      backfills,
      due,
      untimed: untimed?.records ?? [],
      expired: [],
    };
    const batch = { ...work, position: this.#position };
    const changesMax = choose(5) === 0 ? { changesMax: 1 + choose(2) } : {};
    await this.#step({ ...batch, ...changesMax }, visits, request, ids, swept, untimed);
  }

  #nextOfResync(): Promise<ResyncChunk> {
    const { networks, version } = this.process;
    const partitions = this.#context.keys.partitions.length;
    return this.#resyncs.next(
      this.#redis,
      this.#keys,
      networks,
      partitions,
      !this.#builds.hasWork(version),
    );
  }

  async #step(
    batch: Batch,
    visits: readonly FanoutVisit[],
    request: BackfillRequest | undefined,
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
      ids.slice(0, made.backfilled),
      request !== undefined && ids.length < BACKFILLED_IDS_MAX && made.backfilled === ids.length,
      made.failures,
    );
    const number = this.#number + 1;
    const isKept = (edgeId: number) => networks.edges.has(edgeId);
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
      positions: this.#newPlaces,
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
    this.#underway = {
      ...sent,
      number,
      nowMs,
      due,
      edges,
      sweep,
      dueSweep,
      made,
      progress,
      fanouts,
      outbox,
      chunk,
    };
  }

  #commit(): void {
    const { wire, store } = this.#context;
    const { keys, arguments: given } = this.#underway!;
    const answer = wire.call(() => store.commit(keys, given));
    if (answer !== undefined) this.#underway!.answer = answer;
  }

  #conclude(): void {
    const {
      answer,
      number,
      nowMs,
      due,
      edges,
      sweep,
      dueSweep,
      made,
      progress,
      fanouts,
      outbox,
      chunk,
    } = this.#underway!;
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
    if (inbox !== undefined)
      this.#inbox = this.#inbox.filter(({ id }) => compareEntries(id, inbox) > 0);
    if (!position) return;
    this.#position = position;
    this.#queue = this.#queue.filter(({ id }) => compareEntries(id, position.entry) > 0);
  }

  #catchUpWith(entries: readonly LogEntry[], inbox: readonly InboxEntry[]): void {
    const messages = this.#context.guards.adoptBeforeApply
      ? inbox.map(({ catalogVersion }) => catalogVersion)
      : [];
    const newest = Math.max(0, ...messages, ...entries.map(({ checkedAt }) => checkedAt));
    if (newest > this.process.version) this.process.refresh();
  }

  #visitHolders(): FanoutVisit[] {
    const { store, choose } = this.#context;
    return this.#fanouts
      .next()
      .slice(0, 1 + choose(2))
      .map((fanout) => {
        const key = this.#keys.holders(fanout.edgeId, fanout.target);
        const ids = store.idsAfter(key, fanout.cursor, fanout.until).slice(0, VISITED_IDS_MAX);
        return { fanout, ids, isStretchDone: ids.length < VISITED_IDS_MAX };
      });
  }

  #backfillIds({ objectType, backfill }: BackfillRequest): string[] {
    return this.#context.store
      .idsAfter(this.#keys.ids(objectType), backfill.cursor)
      .slice(0, BACKFILLED_IDS_MAX);
  }

  // ——— Outbox ———

  /**
   * What an owner before has committed and perhaps not forwarded is sent again; where all is sent
   * anew, nothing.
   */
  #recoverOutbox(): void {
    for (const [target, { isLost, epoch }] of this.#begun!) {
      if (isLost) continue;
      for (const [id, [, version, , payload]] of this.#context.store.entriesAfter(
        this.#keys.outbox(target),
        '0-0',
      )) {
        const place = { target, epoch, sequence: Number(id.split('-')[0]) };
        this.#forward({ ...place, catalogVersion: Number(version), payload: payload! });
      }
    }
  }

  #forward(entry: OutboxEntry): void {
    this.#channels.get(entry.target)!.waiting.push(entry);
  }

  #deliver(
    { epoch, base }: ForwardingChannel,
    { target, sequence, catalogVersion, payload }: OutboxEntry,
  ) {
    const { inbox, delivered } = this.#context.keys.partitions[target]!;
    const { from, catalogVersion: version, payload: messages } = INBOX_FIELDS;
    const fields = [
      from,
      String(this.partition),
      version,
      String(catalogVersion),
      messages,
      payload,
    ];
    const place = { epoch, base, sequence };
    return this.#context.store.deliver(inbox, delivered, sourceName(this.partition), place, fields);
  }

  #takeDelivered(): [target: number, sequence: number][] {
    const taken = [...this.#channels].map(([target, channel]): [number, number] => [
      target,
      channel.takeDelivered(),
    ]);
    return taken.filter(([, sequence]) => sequence > 0);
  }
}

/** @throws Error if a row that is written holds something of a predicate id that was given up. */
function checkWritten({ records, edges: { neighbours, related } }: Step, networks: Networks): void {
  const given = (
    of: string,
    predicateIds: Iterable<number | string>,
    isKept: (predicateId: number) => boolean,
  ) => {
    for (const predicateId of predicateIds)
      if (!isKept(Number(predicateId)))
        throw new CheckFailure('given up', `${of} is written with ${predicateId}`);
  };
  for (const { objectType, id, before, after } of records) {
    const network = networks.types.get(objectType)?.network;
    if (network && after !== before)
      given(`the row of ${id}`, after.truth, (predicateId) => network.has(predicateId));
  }
  const rows = [
    ...neighbours.map(({ edgeId, target, row }) => ({
      edgeId,
      target,
      parts: row ? [row.local] : [],
      row,
    })),
    ...related.map(({ edgeId, target, row }) => ({
      edgeId,
      target,
      parts: Object.values(row ?? {}),
      row: undefined,
    })),
  ];
  for (const { edgeId, target, parts, row } of rows) {
    const isKept = (predicateId: number) => networks.edges.get(edgeId)!.shares.has(predicateId);
    const named = parts.flatMap(({ counts, sums, lows, highs }) =>
      Object.keys({ ...counts, ...sums, ...lows, ...highs }),
    );
    given(`the row of ${target}`, [...named, ...(row?.shared?.truth ?? [])], isKept);
  }
}

/**
 * Rows of records that the batch changes, as if they were never due: a touch sets the timer anew.
 */
function withoutTimers({ row }: StepRows, { entries }: Batch): StepRows['row'] {
  const changed = new Set(
    entries.flatMap(({ changes }) => changes.map((change) => `${change.object_type}:${change.id}`)),
  );
  return (objectType, id) => {
    const stored = row(objectType, id);
    return changed.has(`${objectType}:${id}`) ? { ...stored, due: undefined } : stored;
  };
}

/**
 * processor.ts – The loop of one partition: take a batch, load its rows, step, commit.
 *
 * Keeps true: one batch at a time, each on top of the commit before; nothing is cached of a commit whose outcome is not known,
 * and the very same commit is sent again until it is; whoever is fenced or rolled back forgets all it knew and takes the
 * partition anew. All branching of a partition's life is in this file; what it calls is straight.
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { partitionOf } from '../change/partition.ts';
import { unreachable } from '../errors.ts';
import { type Place, readPlace } from '../membership/place.ts';
import { compareEntries } from '../membership/standing.ts';
import type { Metrics } from '../metrics.ts';
import { Alarm } from '../redis/alarm.ts';
import { isUnanswered } from '../redis/connection.ts';
import { type Keys, type PartitionKeys, readRecordMember } from '../redis/keys.ts';
import { pairs } from '../redis/pairs.ts';
import { runScript } from '../redis/scripts.ts';
import type { StreamEntry, StreamTail } from '../redis/stream-tail.ts';
import { type Batch, LOG_START, type LogEntry, type LogPosition, readLogEntry } from './batch.ts';
import { CLOCK_SKEW_MAX_MS, type Clock } from './clock.ts';
import { commitCommands } from './commit.ts';
import { type DueChunk, DueSweep, readDueChunk, readTimedType } from './due-sweep.ts';
import { EdgeSweep, readEdgeSets, readSweepChunk, type SweepChunk } from './edge-sweep.ts';
import { type Fanout, Fanouts, type FanoutVisit, readFanout } from './fanouts.ts';
import { beginGenerations, freshGeneration, type Lane } from './generations.ts';
import { type InboxEntry, readInboxEntry } from './message.ts';
import type { Networks } from './networks.ts';
import { Outbox, outboxEntries, UNDELIVERED_MAX } from './outbox.ts';
import { PartitionBuilds, type ScanRequest, type TypeBuild } from './partition-builds.ts';
import { NO_RESYNC, partitionIn, type ResyncChunk, Resyncs } from './resyncs.ts';
import { RowCache } from './row-cache.ts';
import { EFFECTS_MAX, type Step, step } from './step.ts';
import { loadStepRows, type StepRows } from './step-rows.ts';
import { Timers } from './timers.ts';

export const LEASE_TTL_MS = 3000;
/** A batch ends at the entry that passes one of these. */
const BATCH_RECORDS_MAX = 500;
const BATCH_BYTES_MAX = 1024 * 1024;
/**
 * Holders that the fan-outs of a batch visit together: a live change waits for what goes before it in every partition of the
 * process (measured with 16: 100,000 holders take 1.8 s with 100 and with 500 a batch; live changes meanwhile 80 ms and 370 ms at p99).
 */
const FANOUT_RECORDS_MAX = 100;
/** Bytes of entries that are read ahead of what is committed. */
const QUEUED_BYTES_MAX = 1024 * 1024;
/** Inbox entries that are read ahead of what is committed. */
const QUEUED_MESSAGES_MAX = 1000;
/** A small batch in a busy process waits this long for more: a commit costs the same for one change and for thirty. */
const SMALL_BATCH_ENTRIES = 32;
const GATHER_MS = 2;
const BUSY_UTILIZATION = 0.5;
const RETRY_MS = 50;
const STEP_ATTEMPTS_MAX = 3;
/** Every so many renewals of the lease (about 3 s) the targets of messages are asked whether they still hold them. */
const RENEWALS_A_CHECK = 3;
const SWEEP_INTERVAL_MS = 30_000;
const SWEPT_TOMBSTONES_MAX = 200;

type CommitAnswer = 'ok' | 'duplicate' | 'fenced' | 'rolled-back';

/** What a processor shares with the others of its process. */
export interface ProcessorContext {
  readonly redis: Redis;
  readonly tail: StreamTail;
  readonly networks: Networks;
  readonly clock: Clock;
  /** Those of all partitions, for messages. */
  readonly keys: Keys;
  readonly timeZone: string;
  readonly install: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly cachedRowsMax: number;
  /** Brings the catalog to what is stored. */
  readonly refreshCatalog: () => Promise<unknown>;
  /** Told when this partition has completed ordinals, or moved to a newer catalog version. */
  readonly onProgress: () => void;
}

/** What is known of a partition while its lease is held. */
interface Held {
  readonly builds: PartitionBuilds;
  readonly fanouts: Fanouts;
  readonly sweep: EdgeSweep;
  readonly dueSweep: DueSweep;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly resyncs: Resyncs;
  /** What was sent last to each partition. */
  readonly sent: Map<number, Place>;
  /** Places that the next commit writes down: the generations of this take-over. */
  newPlaces: [target: number, lane: Lane][];
  number: number;
  position: LogPosition;
  /** The latest that this owner or one before it went by. */
  clockMs: number;
  isLost: boolean;
}

/** A batch, and whose pieces of work are part of it. */
interface Turn {
  readonly batch: Batch;
  readonly visits: readonly FanoutVisit[];
  /** The scan that goes on, and the ids that it visits. */
  readonly request?: ScanRequest | undefined;
  readonly ids: readonly string[];
  readonly swept?: SweepChunk | undefined;
  readonly untimed?: DueChunk | undefined;
}

/**
 * An entry that waits, as the stream holds it: parsed when a batch takes it, for thousands of changes that are read ahead as
 * objects outlive several young collections and are copied in each (measured with 16 partitions: a tenth of all time).
 */
interface Queued {
  readonly id: string;
  readonly fields: readonly string[];
  readonly bytes: number;
  entry?: LogEntry;
}

export class PartitionProcessor {
  readonly #context: ProcessorContext;
  readonly #keys: PartitionKeys;
  readonly #token = randomUUID();
  readonly #cache: RowCache;
  readonly #logger: Logger;
  #held: Held | undefined;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #inbox: InboxEntry[] = [];
  #lastBatchEntries = SMALL_BATCH_ENTRIES;
  #poison: Batch['poison'];
  #failures = 0;
  #sweptAtMs = 0;
  #renewals = 0;
  #isAheadOfTime = false;
  #isStopped = false;
  #fatal: Error | undefined;
  readonly #alarm = new Alarm();
  #running: Promise<void> | undefined;

  readonly #partition: number;

  constructor(partition: number, context: ProcessorContext) {
    this.#context = context;
    this.#partition = partition;
    this.#keys = context.keys.partitions[partition]!;
    this.#logger = context.logger.child({ partition });
    this.#cache = new RowCache(context.cachedRowsMax, (key, field) => this.#tellUnreadable(key, field));
  }

  /** Whether the lease is held and batches are being worked off. */
  get isOwned(): boolean {
    return this.#held !== undefined && !this.#held.isLost;
  }

  /** Why this processor has stopped for good, if it has: a bug, or a partition that lost its install id. */
  get fatal(): Error | undefined {
    return this.#fatal;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  #tellUnreadable(key: string, field: string): void {
    this.#logger.error(
      { key, field },
      'a row can not be read, and counts as none: rollcall audit --repair builds it anew',
    );
  }

  /** Looks again whether there is something to do: the catalog changed. */
  nudge(): void {
    this.#alarm.ring();
  }

  /** Finishes the batch that is under way, and gives up the lease. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#alarm.ring();
    await this.#running;
  }

  /** Keeps the lease while nothing is committed; notices a fence or a roll-back on an idle partition. */
  async renew(): Promise<void> {
    const held = this.#held;
    if (!held || held.isLost) return;
    const number = held.number;
    const [answer, stored] = await this.#renewLease();
    // One more than mine is the commit that is under way.
    const isMine = Number(stored) === number || Number(stored) === number + 1;
    if (answer === 'renewed' && (isMine || held.number !== number)) {
      this.#tellWhetherAhead(held);
      // Whoever sleeps until a record is due has not seen the clock jump meanwhile.
      if (held.timers.nextMs <= this.#clockOf(held)) this.#alarm.ring();
      if (this.#renewals++ % RENEWALS_A_CHECK === 0) await held.outbox.check(new Map(held.sent));
      return;
    }
    this.#logger.warn({ answer, number, stored }, 'the lease is lost');
    held.isLost = true;
    this.#alarm.ring();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const held = await this.#acquire();
        if (held) await this.#work(held);
      }
    } catch (error) {
      this.#fatal = error as Error;
      this.#logger.fatal({ err: error }, 'the partition has stopped');
    } finally {
      this.#forget();
      await runScript(this.#context.redis, 'releaseLease', [this.#keys.owner], [this.#token]).catch(() => {});
    }
  }

  /** @returns undefined if it was stopped meanwhile. */
  async #acquire(): Promise<Held | undefined> {
    const { redis, install } = this.#context;
    while (!this.#isStopped) {
      try {
        const keys = [this.#keys.owner, this.#keys.meta];
        const [answer, ...fields] = await runScript<string[]>(redis, 'acquirePartition', keys, [
          this.#token,
          LEASE_TTL_MS,
          install,
        ]);
        if (answer === 'acquired') {
          const held = await this.#open(fields);
          if (held) return held;
        }
        if (answer === 'lost')
          throw new Error(
            `${this.#keys.meta} has no install id of this deployment: its data is gone; it is not started from zero`,
          );
        await this.#alarm.sleep(Math.min(Math.max(Number(fields[0]), RETRY_MS), 200));
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        await this.#alarm.sleep(RETRY_MS);
      }
    }
    return undefined;
  }

  /** @returns undefined if the partition is no longer as it was when it was acquired. */
  async #open(flat: readonly string[]): Promise<Held | undefined> {
    const meta = pairs(flat);
    const adopted = Number(meta.get('catalog') ?? 0);
    if (this.#context.networks.version < adopted) await this.#context.refreshCatalog();
    const complete = (await this.#context.redis.hkeys(this.#keys.counts)).map(Number);
    const builds: [string, TypeBuild][] = [];
    const fanouts: Fanout[] = [];
    const noted: [number, number][] = [];
    const timed: string[] = [];
    const sent = new Map<number, Place>();
    const resynchronizing = new Set<number>();
    for (const [field, value] of meta) {
      if (field.startsWith('scan:')) builds.push([field.slice('scan:'.length), JSON.parse(value) as TypeBuild]);
      if (field.startsWith('fanout:')) fanouts.push(readFanout(field, value));
      const sets = readEdgeSets(field, value);
      if (sets) noted.push(sets);
      const timedType = readTimedType(field);
      if (timedType !== undefined) timed.push(timedType);
      if (field.startsWith('sent:')) sent.set(Number(field.slice('sent:'.length)), readPlace(value));
      const lostTo = partitionIn(field, 'sending');
      if (lostTo !== undefined) resynchronizing.add(lostTo);
    }
    this.#cache.clear();
    const number = Number(meta.get('number') ?? 0);
    const { redis, keys, clock } = this.#context;
    // By the clock of Redis: machines whose clocks are apart must not draw an earlier one than those before them.
    const fresh = () => freshGeneration(clock.nowMs());
    const lanes = await beginGenerations(redis, keys, this.#partition, sent, resynchronizing, fresh);
    // Whoever takes over after this finds these generations; whoever did before would have closed them.
    if (!(await this.#isStillAt(number))) return undefined;
    const lost = [...lanes].filter(([, { isLost }]) => isLost).map(([target]) => target);
    if (lost.length > 0)
      this.#logger.warn({ lost }, 'state was lost on the way to partitions; all is sent to them anew');
    const outbox = this.#outbox(lanes);
    await outbox.recover();
    const position = { entry: meta.get('log') ?? LOG_START.entry, offset: Number(meta.get('offset') ?? 0) };
    const held: Held = {
      // A version that no partition was ever at: what the catalog holds is looked at once more.
      builds: new PartitionBuilds(-1, complete, builds),
      fanouts: new Fanouts(fanouts),
      sweep: new EdgeSweep(noted),
      dueSweep: new DueSweep(timed),
      outbox,
      timers: new Timers(0),
      resyncs: new Resyncs(meta, lost),
      sent: new Map(lanes),
      newPlaces: [...lanes],
      number,
      position,
      clockMs: Number(meta.get('clock') ?? 0),
      isLost: false,
    };
    this.#held = held;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#inbox = [];
    this.#context.tail.follow(this.#keys.log, position.entry, (entries) => this.#enqueue(held, entries));
    const inboxPosition = meta.get('inbox') ?? LOG_START.entry;
    this.#context.tail.follow(this.#keys.inbox, inboxPosition, (entries) => this.#enqueueMessages(held, entries));
    this.#logger.debug({ number: held.number, position }, 'the partition is acquired');
    return held;
  }

  #outbox(lanes: ReadonlyMap<number, Lane>): Outbox {
    const { redis, keys } = this.#context;
    const [partition, logger, ring] = [this.#partition, this.#logger, () => this.nudge()];
    return new Outbox({ redis, keys, logger, partition, onDelivered: ring, onRefused: ring }, lanes);
  }

  /** Whether the lease is mine, and nobody has committed, nor has a fail-over lost a tail, since `number` was read. */
  async #isStillAt(number: number): Promise<boolean> {
    const [answer, stored] = await this.#renewLease();
    return answer === 'renewed' && Number(stored) === number;
  }

  async #renewLease(): Promise<string[]> {
    const { redis, clock } = this.#context;
    const lease = [this.#token, LEASE_TTL_MS];
    const answer = await runScript<string[]>(redis, 'renewLease', [this.#keys.owner, this.#keys.meta], lease);
    if (answer[2] !== undefined) clock.follow(Number(answer[2]));
    return answer;
  }

  async #work(held: Held): Promise<void> {
    while (!this.#isStopped && !held.isLost && !held.outbox.isRefused) {
      try {
        await this.#turn(held);
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        await this.#alarm.sleep(RETRY_MS); // Redis is gone: what was read stays queued, and the lease is taken anew if it ran out
      }
    }
    this.#forget();
  }

  #forget(): void {
    this.#held?.outbox.stop();
    this.#inbox = [];
    this.#context.tail.unfollow(this.#keys.inbox);
    this.#context.tail.unfollow(this.#keys.log);
    this.#cache.clear();
    this.#held = undefined;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #enqueue(held: Held, entries: readonly StreamEntry[]): void {
    if (this.#held !== held) return;
    for (const [id, fields] of entries) {
      const bytes = fields.reduce((sum, field) => sum + field.length, 0);
      this.#queue.push({ id, fields, bytes });
      this.#queuedBytes += bytes;
    }
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#context.tail.pause(this.#keys.log);
    this.#alarm.ring();
  }

  #enqueueMessages(held: Held, entries: readonly StreamEntry[]): void {
    if (this.#held !== held) return;
    for (const [id, fields] of entries) this.#inbox.push(readInboxEntry(id, fields));
    if (this.#inbox.length > QUEUED_MESSAGES_MAX) this.#context.tail.pause(this.#keys.inbox);
    this.#alarm.ring();
  }

  /** One batch, or a wait for one. A full outbox holds back all but the inbox: else two partitions could wait for each other. */
  async #turn(held: Held): Promise<void> {
    const expired = await this.#expiredTombstones(held);
    const isHeldBack = held.outbox.undelivered > UNDELIVERED_MAX;
    const due = isHeldBack ? [] : await held.timers.take(this.#context.redis, this.#keys, this.#clockOf(held));
    const request = isHeldBack ? undefined : held.builds.nextScan();
    const isQueued = !isHeldBack && this.#queue.length > 0;
    const isFanning = !isHeldBack && held.fanouts.size > 0;
    const isBuilding = !isHeldBack && held.builds.hasWork(this.#context.networks.version);
    const isResyncing = !isHeldBack && held.resyncs.hasWork;
    const sweep = isHeldBack ? undefined : held.sweep.next(this.#context.networks.edges);
    const dueSweep = isHeldBack ? undefined : held.dueSweep.next(this.#context.networks.types);
    const isSweeping = sweep !== undefined || dueSweep !== undefined;
    const isBusy = isQueued || isFanning || isBuilding || isResyncing || isSweeping;
    const hasWork = isBusy || due.length > 0 || expired.length > 0 || this.#inbox.length > 0;
    if (!hasWork) return this.#sleep(isHeldBack ? Number.POSITIVE_INFINITY : held.timers.nextMs - this.#clockOf(held));
    await this.#gather();
    const inbox = this.#takeMessages();
    if (this.#failures > 0 && inbox.length > 0) return this.#carryOutAlone(held, inbox[0]!);
    const entries = isHeldBack ? [] : this.#takeEntries();
    await this.#catchUpWith(entries, inbox);
    const visits = isHeldBack ? [] : await this.#visitHolders(held);
    const ids = request ? await this.#scanIds(request) : [];
    const scans =
      request && ids.length > 0 ? [{ objectType: request.objectType, ordinals: request.scan.ordinals, ids }] : [];
    const swept = await readSweepChunk(this.#context.redis, this.#keys, sweep);
    const untimed = await readDueChunk(this.#context.redis, this.#keys, dueSweep);
    const fanouts = visits.map((visit) => ({ anchor: visit.fanout.anchor, ids: visit.ids }));
    const resync = isResyncing ? await this.#nextOfResync(held, isBuilding) : NO_RESYNC;
    const untimedRecords = untimed?.records ?? [];
    const work = { entries, inbox, fanouts, resync, scans, due, untimed: untimedRecords, expired };
    const batch = this.#withCare({ ...work, position: held.position });
    await this.#carryOut(held, { batch, visits, request, ids, swept, untimed });
  }

  /** Until somebody rings, a record is due (while the outbox is full none is looked at), or it is time to look after tombstones. */
  #sleep(untilDueMs: number): Promise<void> {
    return this.#alarm.sleep(Math.max(1, Math.min(SWEEP_INTERVAL_MS, untilDueMs)));
  }

  /** A partition's clock never runs backwards, not even between two looks at it: what was found due is due when it is carried out. */
  #clockOf(held: Held): number {
    held.clockMs = Math.max(held.clockMs, this.#context.clock.nowMs());
    return held.clockMs;
  }

  /** A clock that somebody has believed while it was wrong stays, so that time never runs backwards: somebody should know. */
  #tellWhetherAhead({ clockMs }: Held): void {
    const aheadMs = clockMs - this.#context.clock.nowMs();
    const isAhead = aheadMs > CLOCK_SKEW_MAX_MS;
    if (isAhead && !this.#isAheadOfTime)
      this.#logger.error({ aheadMs }, 'time stands still here: the partition’s clock is over a minute ahead of Redis');
    if (!isAhead && this.#isAheadOfTime) this.#logger.info('time goes on again here');
    this.#isAheadOfTime = isAhead;
  }

  #nextOfResync({ resyncs }: Held, isBuilding: boolean): Promise<ResyncChunk> {
    const { redis, networks, keys } = this.#context;
    return resyncs.next(redis, this.#keys, networks, keys.partitions.length, !isBuilding);
  }

  /** After a failure: so that the message at fault is found. */
  async #carryOutAlone(held: Held, entry: InboxEntry): Promise<void> {
    await this.#catchUpWith([], [entry]);
    const batch = { entries: [], inbox: [entry], position: held.position, scans: [], expired: [] };
    await this.#carryOut(held, { batch: this.#withCare(batch), visits: [], ids: [] });
  }

  async #carryOut(held: Held, { batch, visits, request, ids, swept, untimed }: Turn): Promise<void> {
    const { redis, networks, metrics } = this.#context;
    let rows: StepRows;
    let loadedAt: number;
    do {
      loadedAt = networks.version;
      rows = await loadStepRows(redis, this.#keys, this.#cache, networks, batch);
    } while (networks.version !== loadedAt); // which rows a step looks at follows from the catalog
    // From here to the commit's arguments nothing awaits: catalog, networks and step are of one version.
    const nowMs = this.#clockOf(held);
    const startedMs = performance.now();
    const number = held.number + 1;
    const isLastChunk = request !== undefined && ids.length < scanRowsMax(request);
    const progress = held.builds.progress(networks, request, ids, isLastChunk);
    const { edges } = networks;
    const sweep = held.sweep.progress(edges, swept);
    const dueSweep = held.dueSweep.progress(networks.types, networks.version, untimed);
    const delivered = held.outbox.takeDelivered();
    const settled = held.newPlaces
      .filter(([, { base }]) => base > 0)
      .map(([target, { base }]) => [target, base] as const);
    const attempted = this.#attempt(batch, () => {
      const made = step(batch, {
        ...rows,
        types: networks.types,
        edges: networks.edges,
        partitionOf: (id) => partitionOf(id, this.#context.keys.partitions.length),
        isReceiving: (source) => held.resyncs.isReceiving(source),
        timeZone: this.#context.timeZone,
        nowMs,
      });
      const isKept = (anchor: number) => networks.edges.has(anchor);
      const fanouts = held.fanouts.progress(visits, made.edges.fanouts, number, isKept);
      const outbox = outboxEntries(made, held.sent, networks.version);
      const context = { keys: this.#keys, networks, builds: held.builds, nowMs };
      const resync = held.resyncs.progress(batch.resync ?? NO_RESYNC, made.resync);
      const traffic = { fanouts, outbox, resync, delivered: [...delivered, ...settled], places: held.newPlaces };
      const commands = commitCommands(made, progress, traffic, context);
      held.sweep.addTo(commands, sweep, edges, made.edges.neighbours, this.#keys);
      held.dueSweep.addTo(commands, dueSweep, this.#keys);
      return { made, fanouts, outbox, commands };
    });
    if (!attempted) return;
    const { made, fanouts, outbox, commands } = attempted;
    const header = [this.#token, held.number, number, randomUUID(), LEASE_TTL_MS];
    metrics.stepSeconds.observe((performance.now() - startedMs) / 1000);
    const answer = await this.#commit(commands.keys, [...header, ...commands.arguments]);
    switch (answer) {
      case 'ok':
      case 'duplicate':
        held.number = number;
        this.#cache.committed(made, this.#keys);
        held.fanouts.committed(fanouts);
        held.newPlaces = [];
        held.timers.committed(made, batch.due ?? []);
        held.resyncs.committed(batch.resync ?? NO_RESYNC, made.resync);
        held.sweep.committed(edges, sweep);
        held.dueSweep.committed(dueSweep);
        for (const entry of outbox) {
          held.sent.set(entry.target, entry);
          held.outbox.forward(entry);
        }
        this.#advance(held, made);
        this.#count(made);
        if (held.builds.committed(progress)) this.#context.onProgress();
        return;
      case 'fenced':
      case 'rolled-back':
        this.#logger.warn({ answer, number }, 'a commit was refused; the partition is taken anew');
        held.isLost = true;
        return;
      default:
        return unreachable(answer);
    }
  }

  /** Sends the very same commit until its outcome is known. */
  async #commit(keys: readonly string[], arguments_: readonly (string | number)[]): Promise<CommitAnswer> {
    const timer = this.#context.metrics.commitSeconds.startTimer();
    for (;;) {
      try {
        const answer = await runScript<CommitAnswer>(this.#context.redis, 'commitBatch', keys, arguments_);
        timer();
        return answer;
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        if (this.#isStopped) return 'fenced'; // unknown, and nobody of this process will ask again: the next owner reads what is stored
        this.#logger.warn({ err: error }, 'no answer to a commit; it is sent again');
        await this.#alarm.sleep(RETRY_MS);
      }
    }
  }

  /** What was applied leaves the queue. */
  #advance(held: Held, { position, applied, inbox }: Step): void {
    if (inbox !== undefined) this.#advanceInbox(inbox);
    if (this.#poison?.isMessage && this.#poison.entry === inbox) this.#trustAgain();
    if (!position) return;
    held.position = position;
    while (this.#queue.length > 0 && compareEntries(this.#queue[0]!.id, position.entry) <= 0) {
      this.#queuedBytes -= this.#queue.shift()!.bytes;
    }
    if (applied > 0) this.#trustAgain();
    if (this.#queuedBytes < QUEUED_BYTES_MAX / 2) this.#context.tail.resume(this.#keys.log);
  }

  #trustAgain(): void {
    this.#poison = undefined;
    this.#failures = 0;
  }

  #advanceInbox(position: string): void {
    while (this.#inbox.length > 0 && compareEntries(this.#inbox[0]!.id, position) <= 0) this.#inbox.shift();
    if (this.#inbox.length < QUEUED_MESSAGES_MAX / 2) this.#context.tail.resume(this.#keys.inbox);
  }

  #count({ applied, dead, effects }: Step): void {
    const { metrics } = this.#context;
    metrics.changesApplied.inc(applied);
    metrics.membershipsFlipped.inc(effects);
    metrics.commits.inc();
    if (dead.length > 0) {
      metrics.deadLetters.inc(dead.length);
      this.#logger.error(
        { dead: dead.map(({ entry, index, code, detail }) => ({ entry, index, code, detail })) },
        'changes went to the dead letters',
      );
    }
  }

  /**
   * The step is pure, and so is what is written of it: a failure (a bug, a record grown too long) meets the same change again
   * and again. After a failure messages and changes are tried one by one, and the one that has failed STEP_ATTEMPTS_MAX times
   * goes to the dead letters instead of stopping all that come after it.
   */
  #attempt<Made>(batch: Batch, run: () => Made): Made | undefined {
    try {
      return run();
    } catch (error) {
      this.#failures++;
      this.#logger.error({ err: error, failures: this.#failures }, 'the step failed');
      const [change] = batch.entries;
      const [message] = batch.inbox ?? [];
      const first = message ?? change;
      if (!first || this.#failures > STEP_ATTEMPTS_MAX) throw error;
      if (this.#failures === STEP_ATTEMPTS_MAX) {
        const at = message ? { index: 0, isMessage: true } : { index: batch.position.offset };
        this.#poison = { entry: first.id, ...at, detail: (error as Error).message };
      }
      return undefined;
    }
  }

  #withCare(batch: Batch): Batch {
    if (this.#failures === 0) return batch;
    return { ...batch, changesMax: 1, ...(this.#poison ? { poison: this.#poison } : {}) };
  }

  #takeEntries(): LogEntry[] {
    const entries: LogEntry[] = [];
    let records = 0;
    let bytes = 0;
    for (const queued of this.#queue) {
      queued.entry ??= readLogEntry(queued.id, queued.fields);
      entries.push(queued.entry);
      records += queued.entry.changes.length;
      bytes += queued.bytes;
      if (records > BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX) break;
    }
    this.#lastBatchEntries = entries.length;
    return entries;
  }

  #takeMessages(): InboxEntry[] {
    const entries: InboxEntry[] = [];
    let messages = 0;
    for (const entry of this.#inbox) {
      entries.push(entry);
      messages += entry.messages.length;
      if (messages > BATCH_RECORDS_MAX) break;
    }
    return entries;
  }

  /** The next holders of the fan-outs that run: together no more than a batch has room for. */
  #visitHolders(held: Held): Promise<FanoutVisit[]> {
    const next = held.fanouts.next();
    const idsMax = Math.max(16, Math.floor(FANOUT_RECORDS_MAX / Math.max(1, next.length)));
    return Promise.all(
      next.map(async (fanout): Promise<FanoutVisit> => {
        const { anchor, target, cursor, until } = fanout;
        const [from, to] = [cursor === '' ? '-' : `(${cursor}`, until === null ? '+' : `[${until}`];
        const key = this.#keys.holders(anchor, target);
        const ids = await this.#context.redis.zrangebylex(key, from, to, 'LIMIT', 0, idsMax);
        return { fanout, ids, isStretchDone: ids.length < idsMax };
      }),
    );
  }

  /** A change was checked, and a message sent, at a catalog version that may be newer than ours. */
  async #catchUpWith(entries: readonly LogEntry[], inbox: readonly InboxEntry[]): Promise<void> {
    let newest = inbox.reduce((version, entry) => Math.max(version, entry.catalogVersion), 0);
    newest = entries.reduce((version, entry) => Math.max(version, entry.checkedAt), newest);
    if (newest > this.#context.networks.version) await this.#context.refreshCatalog();
  }

  #scanIds(request: ScanRequest): Promise<string[]> {
    const { objectType, scan } = request;
    const after = scan.cursor === '' ? '-' : `(${scan.cursor}`;
    return this.#context.redis.zrangebylex(this.#keys.ids(objectType), after, '+', 'LIMIT', 0, scanRowsMax(request));
  }

  async #expiredTombstones(held: Held): Promise<{ objectType: string; id: string }[]> {
    const now = Date.now();
    if (now - this.#sweptAtMs < SWEEP_INTERVAL_MS) return [];
    const clock = this.#clockOf(held);
    const members = await this.#context.redis.zrangebyscore(
      this.#keys.tombstones,
      0,
      clock,
      'LIMIT',
      0,
      SWEPT_TOMBSTONES_MAX,
    );
    if (members.length < SWEPT_TOMBSTONES_MAX) this.#sweptAtMs = now;
    return members.map(readRecordMember);
  }

  async #gather(): Promise<void> {
    if (this.#lastBatchEntries >= SMALL_BATCH_ENTRIES || this.#queue.length >= SMALL_BATCH_ENTRIES) return;
    if (utilization() > BUSY_UTILIZATION) await sleep(GATHER_MS);
  }
}

/** Rows of one chunk: few when many ordinals are evaluated for each, so that a commit stays within EFFECTS_MAX. */
function scanRowsMax({ scan }: ScanRequest): number {
  return Math.max(16, Math.min(BATCH_RECORDS_MAX, Math.floor(EFFECTS_MAX / scan.ordinals.length)));
}

const UTILIZATION_SAMPLE_MS = 100;
let sample = { at: 0, elu: performance.eventLoopUtilization(), busy: 0 };

/** The share of the last tenth of a second in which this process was busy. */
function utilization(): number {
  const at = performance.now();
  if (at - sample.at > UTILIZATION_SAMPLE_MS) {
    const elu = performance.eventLoopUtilization();
    sample = { at, elu, busy: performance.eventLoopUtilization(elu, sample.elu).utilization };
  }
  return sample.busy;
}

/**
 * processor.ts – The loop of one partition: take a batch, load its rows, step, commit.
 *
 * Keeps true: one batch at a time, each on top of the commit before; nothing is cached of a commit
 * whose outcome is not known, and the very same commit is sent again until it is; whoever is fenced
 * or rolled back forgets all it knew and takes the partition anew. All branching of a partition's
 * life is in this file; what it calls is straight.
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Alarm } from '../alarm.ts';
import { partitionOf } from '../change/partition.ts';
import { unreachable } from '../errors.ts';
import type { ChannelPosition } from '../membership/channel-position.ts';
import { compareEntries } from '../membership/partition-status.ts';
import type { Metrics } from '../metrics.ts';
import { type Failure, failureReason } from '../query/failure.ts';
import type { CommitCommands } from '../redis/commit-commands.ts';
import { isFull, isUnanswered } from '../redis/failures.ts';
import { type Keys, type PartitionKeys, readRecordMember } from '../redis/keys.ts';
import { pairs } from '../redis/pairs.ts';
import { readChannelPosition } from '../redis/rows/channel-position.ts';
import { runScript, sendScript } from '../redis/scripts.ts';
import type { StreamEntry, StreamTail } from '../redis/stream-tail.ts';
import { weighFields } from '../redis/weigh.ts';
import {
  type Batch,
  LOG_START,
  type LogEntry,
  type LogPosition,
  type RecordKey,
  readLogEntry,
} from './batch.ts';
import {
  CARE_FIELD,
  Care,
  type CareEnds,
  type CareLimits,
  deathsBefore,
  type Piece,
  pieceName,
  pieceNames,
  type Solo,
} from './care.ts';
import { CLOCK_SKEW_MAX_MS, type Clock } from './clock.ts';
import { commitCommands, readFailed } from './commit.ts';
import { type DueChunk, DueSweep, readDueChunk, readTimedType } from './due-sweep.ts';
import { EdgeSweep, readEdgeSets, readSweepChunk, type SweepChunk } from './edge-sweep.ts';
import { beginEpochs, type Channel, freshEpoch } from './epochs.ts';
import { type Fanout, Fanouts, type FanoutVisit, readFanout } from './fanouts.ts';
import { LOADED_BYTES_MAX, lighter } from './lighter.ts';
import { type InboxEntry, readInboxEntry } from './message.ts';
import type { Networks } from './networks.ts';
import { Outbox, outboxEntries, UNDELIVERED_MAX } from './outbox.ts';
import { type BackfillRequest, PartitionBuilds, type TypeBuild } from './partition-builds.ts';
import type { Renewal } from './partition-store.ts';
import { NO_RESYNC, partitionIn, type ResyncChunk, Resyncs } from './resyncs.ts';
import { type HeavyRows, RowCache } from './row-cache.ts';
import { EFFECTS_MAX, OPERATIONS_MAX, type Step, type StepContext, step } from './step.ts';
import { loadStepRows, type StepRows } from './step-rows.ts';
import { Timers } from './timers.ts';

export const LEASE_TTL_MS = 3000;
/** A batch ends at the entry that passes one of these. */
const BATCH_RECORDS_MAX = 500;
const BATCH_BYTES_MAX = 1024 * 1024;
/**
 * Records that a chunk of a backfill reads: it ends at the one that passes this (measured: to parse
 * 4 MB takes 40 ms).
 */
const BACKFILL_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Holders that the fan-outs of a batch visit together: a live change waits for what goes before it
 * in every partition of the process (measured with 16: 100,000 holders take 1.8 s with 100 and with
 * 500 a batch; live changes meanwhile 80 ms and 370 ms at p99).
 */
const FANOUT_RECORDS_MAX = 100;
/** Bytes of entries that are read ahead of what is committed. */
const QUEUED_BYTES_MAX = 1024 * 1024;
/** Inbox entries that are read ahead of what is committed. */
const QUEUED_MESSAGES_MAX = 1000;
/**
 * A small batch in a busy process waits this long for more: a commit costs the same for one change
 * and for thirty.
 */
const SMALL_BATCH_ENTRIES = 32;
const GATHER_MS = 2;
const BUSY_UTILIZATION = 0.5;
const RETRY_MS = 50;
/** A Redis that refuses at once is asked again 20 times a second, for as long as it is full. */
const COMMITS_A_WARNING = 200;
/** While what may be at fault is still being read. */
const CARE_POLL_MS = 5;
/**
 * One under suspicion waits so long after a take-over: whoever kills a process as soon as it is
 * ready, again and again, must not meet it there each time.
 */
const SUSPICION_PAUSE_MS = 1000;
/** Batches that may throw before the partition stops, if no piece of them throws alone. */
const STEP_ATTEMPTS_MAX = 3;
/**
 * Every so many renewals of the lease (about 3 s) the targets of messages are asked whether they
 * still hold them.
 */
const RENEWALS_A_CHECK = 3;
const SWEEP_INTERVAL_MS = 30_000;
const SWEPT_TOMBSTONES_MAX = 200;

/**
 * What one batch may have held besides messages. Of a resynchronization nobody knows: it begins
 * anew after a take-over.
 */
const CARE_LIMITS: CareLimits = {
  change: BATCH_RECORDS_MAX + 256, // an entry may pass the limit (ENTRY_CHANGES_MAX)
  fanout: BATCH_RECORDS_MAX,
  due: 100,
  backfill: BATCH_RECORDS_MAX,
  resync: Number.POSITIVE_INFINITY,
};

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
  readonly solo: Solo;
  /** Brings the catalog to what is stored. */
  readonly refreshCatalog: () => Promise<unknown>;
  /** Told when this partition has completed predicate ids, or moved to a newer catalog version. */
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
  readonly sent: Map<number, ChannelPosition>;
  /** Places that the next commit writes down: the epochs of this take-over. */
  newPositions: [target: number, channel: Channel][];
  number: number;
  position: LogPosition;
  inboxPosition: string;
  /** While something may be at fault. */
  care: Care | undefined;
  readonly sinceMs: number;
  /** The latest that this owner or one before it went by. */
  clockMs: number;
  isLost: boolean;
}

/** A batch, and whose pieces of work are part of it. */
interface Turn {
  readonly batch: Batch;
  readonly visits: readonly FanoutVisit[];
  /** The scan that goes on, and the ids that it visits. */
  readonly request?: BackfillRequest | undefined;
  readonly ids: readonly string[];
  /** Whether the backfill ends with these. */
  readonly isLastChunk?: boolean;
  readonly swept?: SweepChunk | undefined;
  readonly untimed?: DueChunk | undefined;
  /**
   * Of a turn with care: what it tries alone; and whether nothing else of this process runs
   * meanwhile.
   */
  readonly piece?: Piece;
  readonly isSolo?: boolean;
}

/**
 * An entry that waits, as the stream holds it: parsed when a batch takes it, for thousands of
 * changes that are read ahead as objects outlive several young collections and are copied in each
 * (measured with 16 partitions: a tenth of all time).
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
  /** Fewer after a batch whose programs took long: fan-outs are carried out as a whole. */
  #visitedMax = FANOUT_RECORDS_MAX;
  #failures = 0;
  #isResyncNext = false;
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
    this.#cache = new RowCache(context.cachedRowsMax, (key, field) =>
      this.#tellUnreadable(key, field),
    );
  }

  /** Whether the lease is held and batches are being worked off. */
  get isOwned(): boolean {
    return this.#held !== undefined && !this.#held.isLost;
  }

  /**
   * Why this processor has stopped for good, if it has: a bug, or a partition that lost its install
   * id.
   */
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

  /**
   * Keeps the lease while nothing is committed; notices a fence or a roll-back on an idle
   * partition.
   */
  async renew(): Promise<void> {
    const held = this.#held;
    if (!held || held.isLost) return;
    const number = held.number;
    const answer = await this.#renewLease();
    const stored = answer.status === 'renewed' ? answer.number : undefined;
    // One more than mine is the commit that is under way.
    const isMine = stored === number || stored === number + 1;
    if (answer.status === 'renewed' && (isMine || held.number !== number)) {
      this.#tellWhetherAhead(held);
      // Whoever sleeps until a record is due has not seen the clock jump meanwhile.
      if (held.timers.nextMs <= this.#clockOf(held)) this.#alarm.ring();
      if (this.#renewals++ % RENEWALS_A_CHECK === 0) await held.outbox.check(new Map(held.sent));
      return;
    }
    this.#logger.warn({ answer: answer.status, number, stored }, 'the lease is lost');
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
      const given = { token: this.#token };
      await runScript(this.#context.redis, 'releaseLease', this.#keys, given).catch(() => {});
    }
  }

  /** @returns undefined if it was stopped meanwhile. */
  async #acquire(): Promise<Held | undefined> {
    const { redis, install } = this.#context;
    while (!this.#isStopped) {
      try {
        const given = { token: this.#token, leaseMs: LEASE_TTL_MS, install };
        const answer = await runScript(redis, 'acquirePartition', this.#keys, given);
        if (answer.status === 'acquired') {
          const held = await this.#open(answer.meta);
          if (held) return held;
        }
        if (answer.status === 'lost')
          throw new Error(
            `${this.#keys.meta} has no install id of this deployment: its data is gone; it is not started from zero`,
          );
        const forMs = answer.status === 'held' ? answer.forMs : 0;
        await this.#alarm.sleep(Math.min(Math.max(forMs, RETRY_MS), 200));
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
    // Whoever waits for all owners to know a version does not wait for a partition that has none.
    await this.#context.refreshCatalog();
    const complete = (await this.#context.redis.hkeys(this.#keys.counts)).map(Number);
    const builds: [string, TypeBuild][] = [];
    const fanouts: Fanout[] = [];
    const noted: [number, number][] = [];
    const timed: string[] = [];
    const sent = new Map<number, ChannelPosition>();
    const resynchronizing = new Set<number>();
    for (const [field, value] of meta) {
      if (field.startsWith('backfill:'))
        builds.push([field.slice('backfill:'.length), JSON.parse(value) as TypeBuild]);
      if (field.startsWith('fanout:')) fanouts.push(readFanout(field, value));
      const sets = readEdgeSets(field, value);
      if (sets) noted.push(sets);
      const timedType = readTimedType(field);
      if (timedType !== undefined) timed.push(timedType);
      if (field.startsWith('sent:'))
        sent.set(Number(field.slice('sent:'.length)), readChannelPosition(value));
      const lostTo = partitionIn(field, 'sending');
      if (lostTo !== undefined) resynchronizing.add(lostTo);
    }
    this.#cache.clear();
    const number = Number(meta.get('number') ?? 0);
    const { redis, keys, clock } = this.#context;
    // By the clock of Redis: machines whose clocks are apart must not draw an earlier one than
    // those before them.
    const fresh = () => freshEpoch(clock.nowMs());
    const channels = await beginEpochs(redis, keys, this.#partition, sent, resynchronizing, fresh);
    // Whoever takes over after this finds these epochs; whoever did before would have closed them.
    if (!(await this.#isStillAt(number))) return undefined;
    const lost = [...channels].filter(([, { isLost }]) => isLost).map(([target]) => target);
    if (lost.length > 0)
      this.#logger.warn(
        { lost },
        'state was lost on the way to partitions; all is sent to them anew',
      );
    const outbox = this.#outbox(channels);
    await outbox.recover();
    const position = {
      entry: meta.get('log') ?? LOG_START.entry,
      offset: Number(meta.get('offset') ?? 0),
    };
    const inboxPosition = meta.get('inbox') ?? LOG_START.entry;
    const care = await this.#careAfterTakeOver(meta);
    const held: Held = {
      // A version that no partition was ever at: what the catalog holds is looked at once more.
      builds: new PartitionBuilds(-1, complete, builds, readFailed(meta)),
      fanouts: new Fanouts(fanouts),
      sweep: new EdgeSweep(noted),
      dueSweep: new DueSweep(timed),
      outbox,
      timers: new Timers(0),
      resyncs: new Resyncs(meta, lost),
      sent: new Map(channels),
      newPositions: [...channels],
      number,
      position,
      inboxPosition,
      care,
      sinceMs: performance.now(),
      clockMs: Number(meta.get('clock') ?? 0),
      isLost: false,
    };
    this.#held = held;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#inbox = [];
    this.#context.tail.follow(this.#keys.log, position.entry, (entries) =>
      this.#enqueue(held, entries),
    );
    this.#context.tail.follow(this.#keys.inbox, inboxPosition, (entries) =>
      this.#enqueueMessages(held, entries),
    );
    this.#logger.debug({ number: held.number, position }, 'the partition is acquired');
    return held;
  }

  #outbox(channels: ReadonlyMap<number, Channel>): Outbox {
    const { redis, keys } = this.#context;
    const [partition, logger, ring] = [this.#partition, this.#logger, () => this.nudge()];
    return new Outbox(
      { redis, keys, logger, partition, onDelivered: ring, onRefused: ring },
      channels,
    );
  }

  /**
   * Whether the lease is mine, and nobody has committed, nor has a fail-over lost a tail, since
   * `number` was read.
   */
  async #isStillAt(number: number): Promise<boolean> {
    const answer = await this.#renewLease();
    return answer.status === 'renewed' && answer.number === number;
  }

  async #renewLease(): Promise<Renewal> {
    const { redis, clock } = this.#context;
    const lease = { token: this.#token, leaseMs: LEASE_TTL_MS };
    const answer = await runScript(redis, 'renewLease', this.#keys, lease);
    if (answer.status === 'renewed') clock.follow(answer.serverMs);
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

  /** Whoever held the partition before may have died of what it had in hand. */
  async #careAfterTakeOver(meta: ReadonlyMap<string, string>): Promise<Care | undefined> {
    const deserted = meta.get('deserted');
    const note = meta.get(CARE_FIELD);
    if (deserted === undefined && note === undefined) return undefined;
    const [log, inbox] = await Promise.all([
      this.#lastEntry(this.#keys.log),
      this.#lastEntry(this.#keys.inbox),
    ]);
    const deaths = deathsBefore(note, this.#token);
    const logged = { deaths: Object.fromEntries(deaths) };
    this.#logger.info(
      logged,
      'the owner before left without a word: what it had in hand is tried piece by piece',
    );
    return new Care({ log, inbox }, CARE_LIMITS, deaths);
  }

  async #lastEntry(stream: string): Promise<string> {
    const [last] = await this.#context.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
    return last?.[0] ?? LOG_START.entry;
  }

  /**
   * One batch, or a wait for one. A full outbox holds back all but the inbox: else two partitions
   * could wait for each other.
   */
  async #turn(held: Held): Promise<void> {
    const isHeldBack = held.outbox.undelivered > UNDELIVERED_MAX;
    if (held.care && (await this.#turnWithCare(held, held.care, isHeldBack))) return;
    const expired = await this.#expiredTombstones(held);
    const due = isHeldBack
      ? []
      : await held.timers.take(this.#context.redis, this.#keys, this.#clockOf(held));
    const request = isHeldBack ? undefined : held.builds.nextBackfill();
    const isQueued = !isHeldBack && this.#queue.length > 0;
    const isFanning = !isHeldBack && held.fanouts.size > 0;
    const isBuilding = !isHeldBack && held.builds.hasWork(this.#context.networks.version);
    const isResyncing = !isHeldBack && held.resyncs.hasWork && !held.care;
    const sweep = isHeldBack ? undefined : held.sweep.next(this.#context.networks.edges);
    const dueSweep = isHeldBack ? undefined : held.dueSweep.next(this.#context.networks.types);
    const isSweeping = sweep !== undefined || dueSweep !== undefined;
    const isBusy = isQueued || isFanning || isBuilding || isResyncing || isSweeping;
    const hasWork = isBusy || due.length > 0 || expired.length > 0 || this.#inbox.length > 0;
    if (!hasWork && held.care) return this.#alarm.sleep(CARE_POLL_MS);
    if (!hasWork)
      return this.#sleep(
        isHeldBack ? Number.POSITIVE_INFINITY : held.timers.nextMs - this.#clockOf(held),
      );
    await this.#gather();
    const inbox = this.#takeMessages();
    const entries = isHeldBack ? [] : this.#takeEntries();
    await this.#catchUpWith(entries, inbox);
    const visits = isHeldBack ? [] : await this.#visitHolders(held);
    const { ids, isLastChunk } = request
      ? await this.#backfillIds(request)
      : { ids: [], isLastChunk: false };
    const backfills =
      request && ids.length > 0
        ? [{ objectType: request.objectType, predicateIds: request.backfill.predicateIds, ids }]
        : [];
    const swept = await readSweepChunk(this.#context.redis, this.#keys, sweep);
    const untimed = await readDueChunk(this.#context.redis, this.#keys, dueSweep);
    const fanouts = visits.map((visit) => ({ edgeId: visit.fanout.edgeId, ids: visit.ids }));
    const resync = isResyncing ? await this.#nextOfResync(held, isBuilding) : NO_RESYNC;
    const untimedRecords = untimed?.records ?? [];
    const work = {
      entries,
      inbox,
      fanouts,
      resync,
      backfills,
      due,
      untimed: untimedRecords,
      expired,
    };
    const batch = { ...work, position: held.position };
    await this.#carryOut(held, { batch, visits, request, ids, isLastChunk, swept, untimed });
  }

  /**
   * Until somebody rings, a record is due (while the outbox is full none is looked at), or it is
   * time to look after tombstones.
   */
  #sleep(untilDueMs: number): Promise<void> {
    return this.#alarm.sleep(Math.max(1, Math.min(SWEEP_INTERVAL_MS, untilDueMs)));
  }

  /**
   * A partition's clock never runs backwards, not even between two looks at it: what was found due
   * is due when it is carried out.
   */
  #clockOf(held: Held): number {
    held.clockMs = Math.max(held.clockMs, this.#context.clock.nowMs());
    return held.clockMs;
  }

  /**
   * A clock that somebody has believed while it was wrong stays, so that time never runs backwards:
   * somebody should know.
   */
  #tellWhetherAhead({ clockMs }: Held): void {
    const aheadMs = clockMs - this.#context.clock.nowMs();
    const isAhead = aheadMs > CLOCK_SKEW_MAX_MS;
    if (isAhead && !this.#isAheadOfTime)
      this.#logger.error(
        { aheadMs },
        'time stands still here: the partition’s clock is over a minute ahead of Redis',
      );
    if (!isAhead && this.#isAheadOfTime) this.#logger.info('time goes on again here');
    this.#isAheadOfTime = isAhead;
  }

  #nextOfResync({ resyncs }: Held, isBuilding: boolean): Promise<ResyncChunk> {
    const { redis, networks, keys } = this.#context;
    return resyncs.next(redis, this.#keys, networks, keys.partitions.length, !isBuilding);
  }

  // ——— With care (care.ts) ———

  /** @returns whether this turn was taken: a piece was tried, or is waited for. */
  async #turnWithCare(held: Held, care: Care, isHeldBack: boolean): Promise<boolean> {
    const piece = await this.#nextPiece(held, care, isHeldBack);
    if (piece === undefined) {
      if (held.resyncs.hasWork) return false;
      await this.#note(held, []);
      held.care = undefined;
      return false;
    }
    if (piece === 'wait') await this.#alarm.sleep(CARE_POLL_MS);
    else await this.#tryPiece(held, care, piece);
    return true;
  }

  /**
   * What may be at fault and was not tried yet; 'wait': it is still being read, or the outbox is
   * full.
   */
  async #nextPiece(
    held: Held,
    care: Care,
    isHeldBack: boolean,
  ): Promise<Piece | 'wait' | undefined> {
    const [message] = this.#inbox;
    const isMessageLeft = care.has('inbox', held.inboxPosition);
    if (message && (isHeldBack || (isMessageLeft && care.covers('inbox', message.id))))
      return { kind: 'message', entry: message.id };
    if (isHeldBack || (isMessageLeft && !message)) return 'wait';
    const [first] = this.#queue;
    if (care.has('log', held.position.entry)) {
      if (!first) return 'wait';
      if (care.covers('log', first.id)) return care.changesFrom(first.id, held.position.offset);
    }
    return this.#nextVisit(held, care);
  }

  /** Records that were not in a log: of fan-outs, timers, backfills and resynchronizations. */
  async #nextVisit(held: Held, care: Care): Promise<Piece | undefined> {
    if (care.left('fanout') && held.fanouts.size > 0) {
      const [visit] = await this.#visitHolders(held, 1);
      if (visit) return { kind: 'fanout', visit };
    }
    const taken = care.left('due')
      ? await held.timers.take(this.#context.redis, this.#keys, this.#clockOf(held))
      : [];
    if (taken[0]) return { kind: 'due', record: taken[0], taken };
    const request = care.left('backfill') ? held.builds.nextBackfill() : undefined;
    if (request)
      return { kind: 'backfill', request, ids: (await this.#backfillIds(request, 1)).ids };
    this.#isResyncNext = !this.#isResyncNext; // it may go on for long: every other turn is for all else
    if (!held.resyncs.hasWork || !this.#isResyncNext) return undefined;
    const isBuilding = held.builds.hasWork(this.#context.networks.version);
    return { kind: 'resync', chunk: await this.#nextOfResync(held, isBuilding) };
  }

  /** One under suspicion is alone in the process: its neighbours' deaths are not its own. */
  async #tryPiece(held: Held, care: Care, piece: Piece): Promise<void> {
    const name = pieceName(piece);
    const pauseMs = SUSPICION_PAUSE_MS - (performance.now() - held.sinceMs);
    if (care.isSuspect(name) && pauseMs > 0) return this.#alarm.sleep(Math.min(pauseMs, RETRY_MS));
    const end = care.isSuspect(name) ? await this.#context.solo.begin() : undefined;
    try {
      const isSolo = end !== undefined;
      const verdict = care.verdict([name], WORDS[piece.kind]);
      if (verdict !== undefined)
        await this.#carryOut(held, { ...this.#asideTurn(held, piece, verdict), isSolo });
      else if (piece.kind === 'backfill' && isSolo && !(await this.#rehearse(held, care, piece)))
        return;
      else if (await this.#note(held, pieceNames(piece)))
        await this.#carryOut(held, { ...this.#turnOf(held, piece), isSolo });
    } finally {
      end?.();
    }
  }

  /**
   * Evaluates the predicates of a backfill one by one, for nothing: the one at fault is found, and
   * the others are built.
   * @returns false if one was given up, or has thrown.
   */
  async #rehearse(
    held: Held,
    care: Care,
    piece: Extract<Piece, { kind: 'backfill' }>,
  ): Promise<boolean> {
    const { objectType, backfill } = piece.request;
    for (const predicateId of backfill.predicateIds.filter((each) =>
      this.#context.networks.has(each),
    )) {
      const name = pieceName(piece, predicateId);
      const verdict = care.verdict([pieceName(piece), name], WORDS.backfill);
      if (verdict !== undefined) {
        await this.#carryOut(held, {
          ...this.#failingTurn(held, piece, [predicateId], verdict),
          isSolo: true,
        });
        return false;
      }
      if (!(await this.#note(held, [name]))) return false;
      const backfills = [{ objectType, predicateIds: [predicateId], ids: piece.ids }];
      const batch = { entries: [], position: held.position, backfills, expired: [] };
      const { redis, networks } = this.#context;
      const rows = await loadStepRows(redis, this.#keys, this.#cache, networks, batch);
      try {
        step(batch, this.#stepContext(held, rows, this.#clockOf(held)));
      } catch (error) {
        care.threw([name], (error as Error).message);
        return false;
      }
    }
    return true;
  }

  /** @returns whether the partition is still ours. */
  async #note(held: Held, names: readonly string[]): Promise<boolean> {
    const note = names.length === 0 ? '' : held.care!.note(this.#token, names);
    const given = { token: this.#token, note };
    const answer = await runScript(this.#context.redis, 'noteTrial', this.#keys, given);
    if (answer === 'fenced') held.isLost = true;
    return answer === 'noted';
  }

  #turnOf(held: Held, piece: Piece): Turn {
    const nothing = { entries: [], position: held.position, backfills: [], expired: [] };
    const base = { visits: [], ids: [], piece };
    switch (piece.kind) {
      case 'message':
        return { ...base, batch: { ...nothing, inbox: [this.#inbox[0]!] } };
      case 'change':
        return {
          ...base,
          batch: { ...nothing, entries: [this.#entryOf(piece)!], changesMax: piece.count },
        };
      case 'fanout': {
        const fanouts = [{ edgeId: piece.visit.fanout.edgeId, ids: piece.visit.ids }];
        return { ...base, visits: [piece.visit], batch: { ...nothing, fanouts } };
      }
      case 'due':
        return { ...base, batch: { ...nothing, due: [piece.record] } };
      case 'backfill': {
        const { request, ids } = piece;
        const { objectType, backfill } = request;
        const backfills =
          ids.length > 0 ? [{ objectType, predicateIds: backfill.predicateIds, ids }] : [];
        return {
          ...base,
          request,
          ids,
          isLastChunk: ids.length === 0,
          batch: { ...nothing, backfills },
        };
      }
      case 'resync':
        return { ...base, batch: { ...nothing, resync: piece.chunk } };
      default:
        return unreachable(piece);
    }
  }

  /**
   * Goes on without a piece, and keeps it with the dead letters. What can't be told any more
   * without it says so from then on.
   */
  #asideTurn(held: Held, piece: Piece, detail: string): Turn {
    const turn = this.#turnOf(held, piece);
    const letter = pieceName(piece);
    switch (piece.kind) {
      case 'message':
        return {
          ...turn,
          batch: {
            ...turn.batch,
            poison: { entry: piece.entry, index: 0, detail, isMessage: true },
          },
        };
      case 'change':
        return {
          ...turn,
          batch: { ...turn.batch, poison: { entry: piece.entry, index: piece.index, detail } },
        };
      case 'fanout':
        return {
          ...turn,
          batch: { ...turn.batch, fanouts: [], aside: { detail, letter, broken: this.#partition } },
        };
      case 'due': {
        const { record: timer } = piece;
        const failures = this.#failuresOf(
          this.#context.networks.timedPredicateIds(timer.objectType),
          timer,
          detail,
        );
        return {
          ...turn,
          batch: { ...turn.batch, due: [], aside: { detail, letter, timer, failures } },
        };
      }
      case 'backfill':
        return this.#failingTurn(held, piece, piece.request.backfill.predicateIds, detail);
      case 'resync': {
        const broken = piece.chunk.resends[0]?.to ?? piece.chunk.sweeps[0]?.from ?? this.#partition;
        return {
          ...turn,
          batch: { ...turn.batch, resync: NO_RESYNC, aside: { detail, letter, broken } },
        };
      }
      default:
        return unreachable(piece);
    }
  }

  /** Goes on with a backfill where it is, without some of its predicates. */
  #failingTurn(
    held: Held,
    piece: Extract<Piece, { kind: 'backfill' }>,
    failing: readonly number[],
    detail: string,
  ): Turn {
    const letter = pieceName(piece, failing.length === 1 ? failing[0] : undefined);
    const record = { objectType: piece.request.objectType, id: piece.ids[0] ?? '' };
    const aside = { detail, letter, failures: this.#failuresOf(failing, record, detail) };
    return {
      visits: [],
      ids: [],
      batch: { entries: [], position: held.position, backfills: [], expired: [], aside },
    };
  }

  #failuresOf(
    predicateIds: readonly number[],
    { objectType, id }: RecordKey,
    detail: string,
  ): Map<number, Failure> {
    return new Map(
      predicateIds.map((predicateId) => [
        predicateId,
        { object_type: objectType, id, passed: '', detail },
      ]),
    );
  }

  /**
   * The entry of the log that a piece is of; read only now, for reading may be what it dies under.
   */
  #entryOf({ kind }: Piece): LogEntry | undefined {
    const [queued] = this.#queue;
    if (kind !== 'change' || !queued) return undefined;
    queued.entry ??= readLogEntry(queued.id, queued.fields);
    return queued.entry;
  }

  async #carryOut(held: Held, given: Turn): Promise<void> {
    const { request, ids, isLastChunk = false, swept, piece } = given;
    const { redis, networks, metrics, solo } = this.#context;
    // A message was sent, and a change checked, at a catalog version that may be newer than ours.
    if (piece) await this.#catchUpWith(given.batch.entries, given.batch.inbox ?? []);
    let turn = given;
    let loaded: StepRows | HeavyRows;
    let loadedAt: number;
    do {
      if (!turn.isSolo) await solo.over;
      loadedAt = networks.version;
      const bytesMax = turn === given ? LOADED_BYTES_MAX : undefined;
      loaded = await loadStepRows(redis, this.#keys, this.#cache, networks, turn.batch, bytesMax);
      if ('weigh' in loaded) turn = lighter(given, loaded.weigh, networks.edges);
      // which rows a step looks at follows from the catalog
    } while ('weigh' in loaded || networks.version !== loadedAt || (solo.over && !turn.isSolo));
    const rows = loaded;
    const { batch, visits, untimed } = turn;
    // From here to the commit's arguments nothing awaits: catalog, networks and step are of one
    // version.
    const nowMs = this.#clockOf(held);
    const startedMs = performance.now();
    const number = held.number + 1;
    const { edges } = networks;
    const sweep = held.sweep.progress(edges, swept);
    const dueSweep = held.dueSweep.progress(networks.types, networks.version, untimed);
    const delivered = held.outbox.takeDelivered();
    const settled = held.newPositions
      .filter(([, { base }]) => base > 0)
      .map(([target, { base }]) => [target, base] as const);
    const chunk = piece?.kind === 'resync' ? piece.chunk : (batch.resync ?? NO_RESYNC);
    const attempted = this.#attempt(held, turn, () => {
      const made = step(batch, this.#stepContext(held, rows, nowMs));
      const visited = ids.slice(0, made.backfilled);
      const isDone = isLastChunk && visited.length === ids.length;
      const progress = held.builds.progress(networks, request, visited, isDone, made.failures);
      const isKept = (edgeId: number) => networks.edges.has(edgeId);
      const fanouts = held.fanouts.progress(visits, made.edges.fanouts, number, isKept);
      const outbox = outboxEntries(made, held.sent, networks.version);
      const context = { keys: this.#keys, networks, builds: held.builds, nowMs };
      const resync = held.resyncs.progress(chunk, made.resync);
      const traffic = {
        fanouts,
        outbox,
        resync,
        delivered: [...delivered, ...settled],
        positions: held.newPositions,
      };
      const commands = commitCommands(made, progress, traffic, context);
      held.sweep.addTo(commands, sweep, edges, made.edges.neighbours, this.#keys);
      held.dueSweep.addTo(commands, dueSweep, this.#keys);
      const names = piece ? pieceNames(piece).slice(0, made.applied || undefined) : [];
      if (piece) addCare(commands, held.care!.noteWithout(names), this.#keys);
      return { made, progress, fanouts, outbox, commands, names };
    });
    if (!attempted) return;
    const { made, progress, fanouts, outbox, commands, names } = attempted;
    const header = [this.#token, held.number, number, randomUUID(), LEASE_TTL_MS];
    metrics.stepSeconds.observe((performance.now() - startedMs) / 1000);
    const answer = await this.#commit(commands.keys, [...header, ...commands.arguments]);
    switch (answer) {
      case 'ok':
      case 'duplicate':
        held.number = number;
        this.#cache.committed(made, this.#keys);
        held.fanouts.committed(fanouts);
        held.newPositions = [];
        held.timers.committed(made, piece?.kind === 'due' ? piece.taken : (given.batch.due ?? []));
        held.resyncs.committed(chunk, made.resync);
        if (piece) held.care?.passed(piece.kind, names);
        else this.#failures = 0;
        held.sweep.committed(edges, sweep);
        held.dueSweep.committed(dueSweep);
        for (const entry of outbox) {
          held.sent.set(entry.target, entry);
          held.outbox.forward(entry);
        }
        this.#advance(held, made);
        this.#count(made);
        this.#tellFailures(made);
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

  #stepContext(held: Held, rows: StepRows, nowMs: number): StepContext {
    const { networks, keys, timeZone } = this.#context;
    return {
      ...rows,
      types: networks.types,
      edges: networks.edges,
      partitionOf: (id) => partitionOf(id, keys.partitions.length),
      isReceiving: (source) => held.resyncs.isReceiving(source),
      timeZone,
      nowMs,
      failed: held.builds.failed,
    };
  }

  /** Sends the very same commit until its outcome is known. */
  async #commit(
    keys: readonly string[],
    arguments_: readonly (string | number)[],
  ): Promise<CommitAnswer> {
    const timer = this.#context.metrics.commitSeconds.startTimer();
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await sendScript(this.#context.redis, 'commitBatch', keys, arguments_);
        timer();
        return answer;
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        if (this.#isStopped) return 'fenced'; // unknown, and nobody of this process will ask again: the next owner reads what is stored
        if (attempt % COMMITS_A_WARNING === 0)
          this.#logger.warn({ err: error }, unansweredCommit(error));
        await this.#alarm.sleep(RETRY_MS);
      }
    }
  }

  /** What was applied leaves the queue. */
  #advance(held: Held, { position, inbox }: Step): void {
    if (inbox !== undefined) this.#advanceInbox(held, inbox);
    if (!position) return;
    held.position = position;
    while (this.#queue.length > 0 && compareEntries(this.#queue[0]!.id, position.entry) <= 0) {
      this.#queuedBytes -= this.#queue.shift()!.bytes;
    }
    if (this.#queuedBytes < QUEUED_BYTES_MAX / 2) this.#context.tail.resume(this.#keys.log);
  }

  #advanceInbox(held: Held, position: string): void {
    held.inboxPosition = position;
    while (this.#inbox.length > 0 && compareEntries(this.#inbox[0]!.id, position) <= 0)
      this.#inbox.shift();
    if (this.#inbox.length < QUEUED_MESSAGES_MAX / 2) this.#context.tail.resume(this.#keys.inbox);
  }

  #count({ applied, dead, effects, operations }: Step): void {
    const visitedMax = operations > OPERATIONS_MAX ? this.#visitedMax / 2 : this.#visitedMax * 2;
    this.#visitedMax = Math.max(1, Math.min(FANOUT_RECORDS_MAX, Math.floor(visitedMax)));
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

  #tellFailures({ failures }: Step): void {
    for (const [predicateId, failure] of failures)
      this.#logger.error({ predicateId, reason: failureReason(failure) }, 'a segment has failed');
  }

  /**
   * The step is pure, and so is what is written of it: a failure (a bug, a record grown too long)
   * meets the same piece again and again. All that was in the batch is tried piece by piece then,
   * and the one at fault is set aside instead of stopping all that come after it.
   */
  #attempt<Made>(held: Held, { batch, piece }: Turn, run: () => Made): Made | undefined {
    try {
      return run();
    } catch (error) {
      this.#logger.error({ err: error, piece: piece && pieceName(piece) }, 'the step failed');
      if (batch.aside || batch.poison) throw error;
      if (piece) held.care!.threw(pieceNames(piece), (error as Error).message);
      else if (++this.#failures > STEP_ATTEMPTS_MAX) throw error;
      else held.care = new Care(endsOf(batch, held), CARE_LIMITS);
      return undefined;
    }
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

  /**
   * The next holders of the fan-outs that run: together no more than a batch has room for; or only
   * the very next one.
   */
  #visitHolders(held: Held, most?: 1): Promise<FanoutVisit[]> {
    const next = held.fanouts.next().slice(0, most);
    const share = Math.floor(this.#visitedMax / Math.max(1, next.length));
    const idsMax = most ?? Math.max(Math.min(16, this.#visitedMax), share);
    return Promise.all(
      next.map(async (fanout): Promise<FanoutVisit> => {
        const { edgeId, target, cursor, until } = fanout;
        const [from, to] = [cursor === '' ? '-' : `(${cursor}`, until === null ? '+' : `[${until}`];
        const key = this.#keys.holders(edgeId, target);
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

  /**
   * The next ids of a backfill, up to SCAN_BYTES_MAX of records: hundreds of large ones at once
   * hold up everything, or fill the heap.
   */
  async #backfillIds(
    request: BackfillRequest,
    most = backfillRowsMax(request),
  ): Promise<{ ids: readonly string[]; isLastChunk: boolean }> {
    const { redis } = this.#context;
    const { objectType, backfill } = request;
    const after = backfill.cursor === '' ? '-' : `(${backfill.cursor}`;
    const ids = await redis.zrangebylex(this.#keys.ids(objectType), after, '+', 'LIMIT', 0, most);
    const records = this.#keys.records(objectType);
    const lengths = await weighFields(redis, records, ids);
    let bytes = 0;
    const full = lengths.findIndex((length) => (bytes += length) > BACKFILL_BYTES_MAX);
    if (full >= 0 && full + 1 < ids.length)
      return { ids: ids.slice(0, full + 1), isLastChunk: false };
    return { ids, isLastChunk: ids.length < most };
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
    if (this.#lastBatchEntries >= SMALL_BATCH_ENTRIES || this.#queue.length >= SMALL_BATCH_ENTRIES)
      return;
    if (utilization() > BUSY_UTILIZATION) await sleep(GATHER_MS);
  }
}

function unansweredCommit(error: unknown): string {
  if (isFull(error)) return 'Redis is full: a commit waits until there is room';
  return 'no answer to a commit; it is sent again';
}

const WORDS: Readonly<Record<Piece['kind'], string>> = {
  message: 'this message',
  change: 'this change',
  fanout: 'the evaluation of this record after one that it points at had changed',
  due: 'the evaluation of this record when it was due',
  backfill: 'the evaluation of this record for a new segment',
  resync: 'this piece of what is sent anew to another partition, or heard anew from it',
};

function endsOf({ entries, inbox = [] }: Batch, { position, inboxPosition }: Held): CareEnds {
  return { log: entries.at(-1)?.id ?? position.entry, inbox: inbox.at(-1)?.id ?? inboxPosition };
}

/** The field of meta after a piece is done with. */
function addCare(commands: CommitCommands, note: string | undefined, keys: PartitionKeys): void {
  if (note === undefined) commands.add('HDEL', keys.meta, [CARE_FIELD]);
  else commands.add('HSET', keys.meta, [CARE_FIELD, note]);
}

/**
 * Rows of one chunk: few when many predicate ids are evaluated for each, so that a commit stays
 * within EFFECTS_MAX.
 */
function backfillRowsMax({ backfill }: BackfillRequest): number {
  return Math.max(
    16,
    Math.min(BATCH_RECORDS_MAX, Math.floor(EFFECTS_MAX / backfill.predicateIds.length)),
  );
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

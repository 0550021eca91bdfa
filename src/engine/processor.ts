/**
 * processor.ts – Drives the core of one partition in a process. It holds the lease, follows the
 * streams, carries out the core's requests (core-driver.ts), and reports what has happened.
 *
 * Keeps true: an owner that is fenced or rolled back forgets all it knew and takes the partition
 * again. What a partition does is decided in partition-core.ts; here is only what needs a process.
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { Alarm } from '../alarm.ts';
import { unreachable } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { isUnanswered, isWrongKind } from '../redis/failures.ts';
import type { Solo } from './care.ts';
import type { EngineClock } from './clock.ts';
import { CoreDriver } from './core-driver.ts';
import { CORE_LIMITS } from './core-limits.ts';
import { freshEpoch } from './epochs.ts';
import { Forwarder } from './forwarder.ts';
import type { Networks } from './networks.ts';
import { OwnerLog } from './owner-log.ts';
import { PartitionCore } from './partition-core.ts';
import type { PartitionMeta, PartitionStore, PartitionTail, Renewal } from './partition-store.ts';
import type { Seat, Slices } from './slices.ts';
import type { TurnResult } from './turn-result.ts';

export const LEASE_TTL_MS = 3000;
/**
 * Bytes of entries of the log, and entries of the inbox, that are read ahead of what is committed.
 */
const QUEUED_BYTES_MAX = 1024 * 1024;
const QUEUED_MESSAGES_MAX = 1000;
const RETRY_MS = 50;
/**
 * Every so many renewals of the lease (about 3 s) the targets of messages are asked whether they
 * still hold them.
 */
const RENEWALS_A_CHECK = 3;

/** The context that a processor shares with the others of its process. */
export interface ProcessorContext {
  /** By partition. */
  readonly stores: readonly PartitionStore[];
  readonly tail: PartitionTail;
  readonly networks: Networks;
  readonly clock: EngineClock;
  readonly timeZone: string;
  readonly install: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly cachedRowsMax: number;
  readonly solo: Solo;
  readonly slices: Slices;
  /** Brings the catalog to what is stored. */
  readonly refreshCatalog: () => Promise<unknown>;
  /**
   * Removes keys of a partition that hold another kind of value than its owner reads.
   * @returns which
   */
  readonly removeForeign: (partition: number) => Promise<readonly string[]>;
  /** Called after each commit of this partition. */
  readonly onCommit: () => void;
  /**
   * Called when this partition has completed predicate ids, or moved to a newer catalog version.
   */
  readonly onProgress: () => void;
}

/** The partition while its lease is held. */
interface Held {
  readonly core: PartitionCore;
  readonly forwarder: Forwarder;
  isLost: boolean;
}

export class PartitionProcessor {
  readonly #context: ProcessorContext;
  readonly #store: PartitionStore;
  readonly #driver: CoreDriver;
  readonly #token = randomUUID();
  readonly #logger: Logger;
  readonly #log: OwnerLog;
  readonly #alarm = new Alarm();
  readonly #seat: Seat;
  readonly #partition: number;
  #held: Held | undefined;
  /** The number of the last commit that this processor knows to be stored. */
  #committed = 0;
  #renewals = 0;
  #isStopped = false;
  #fatal: Error | undefined;
  #running: Promise<void> | undefined;

  constructor(partition: number, context: ProcessorContext) {
    this.#context = context;
    this.#partition = partition;
    this.#store = context.stores[partition]!;
    this.#logger = context.logger.child({ partition });
    this.#log = new OwnerLog(this.#logger, context.metrics);
    const { stores, metrics, solo, slices, refreshCatalog } = context;
    this.#seat = slices.join(() => this.nudge());
    this.#driver = new CoreDriver({
      partition,
      token: this.#token,
      stores,
      metrics,
      log: this.#log,
      solo,
      slices,
      seat: this.#seat,
      refreshCatalog,
      renewLease: () => this.#renewLease(),
      sleep: (ms) => this.#alarm.sleep(ms),
      isStopped: () => this.#isStopped,
    });
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

  /** Looks again whether there is something to do: the catalog changed, or a slice is granted. */
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
    const { core, forwarder } = held;
    const number = core.committedNumber;
    const renewal = await this.#renewLease();
    // An owner that has committed meanwhile makes this number an old one.
    const isOurs =
      renewal.status === 'renewed' &&
      (core.committedNumber !== number || core.recognizes(renewal.number));
    if (isOurs) {
      this.#log.tellWhetherAhead(core.nowMs - this.#context.clock.nowMs());
      // An owner that sleeps until a record is due has not seen the clock jump meanwhile.
      if (core.participants.timers.nextMs(core) <= core.nowMs) this.#alarm.ring();
      if (this.#renewals++ % RENEWALS_A_CHECK === 0) await forwarder.check();
      return;
    }
    this.#log.leaseLost(renewal, number);
    held.isLost = true;
    this.#alarm.ring();
  }

  async #renewLease(): Promise<Renewal> {
    const renewal = await this.#store.renew(this.#token, LEASE_TTL_MS);
    if (renewal.status === 'renewed') this.#context.clock.follow(renewal.serverMs);
    return renewal;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) await this.#own();
    } catch (error) {
      this.#fatal = error as Error;
      this.#log.stopped(error);
    } finally {
      this.#forget();
      await this.#store.release(this.#token).catch(() => {});
    }
  }

  // ——— Office ———

  /** @throws Error that no further try would do away with */
  async #own(): Promise<void> {
    try {
      const held = await this.#acquire();
      if (held) await this.#work(held);
    } catch (error) {
      if (!isWrongKind(error)) throw error;
      this.#forget();
      const removed = await this.#context.removeForeign(this.#partition);
      if (removed.length === 0) throw error;
      this.#log.removedForeign(removed);
    }
  }

  /** @returns undefined if it was stopped meanwhile. */
  async #acquire(): Promise<Held | undefined> {
    while (!this.#isStopped) {
      try {
        const acquired = await this.#store.acquire(
          this.#token,
          LEASE_TTL_MS,
          this.#context.install,
        );
        if (acquired.status === 'lost')
          throw new Error(
            `partition ${this.#partition} has no install id of this deployment: its data is ` +
              'gone; it is not started from zero',
          );
        const held = acquired.status === 'acquired' && (await this.#open(acquired.meta));
        if (held) return held;
        const forMs = acquired.status === 'held' ? acquired.forMs : RETRY_MS;
        await this.#alarm.sleep(Math.min(Math.max(forMs, RETRY_MS), 200));
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        await this.#alarm.sleep(RETRY_MS);
      }
    }
    return undefined;
  }

  /** @returns undefined if the partition is no longer as it was when it was acquired. */
  async #open(meta: PartitionMeta): Promise<Held | undefined> {
    // A reader that waits for all owners to know a version does not wait for a partition that has
    // none.
    await this.#context.refreshCatalog();
    const core = this.#coreOf(meta);
    if (!(await this.#driver.drive(core.open()))) return undefined;
    this.#log.acquired(core, meta);
    const { channels } = core.participants;
    const { stores } = this.#context;
    const [partition, logger, onNews] = [this.#partition, this.#logger, () => this.nudge()];
    const forwarder = new Forwarder({ partition, stores, logger, onNews }, channels);
    const held: Held = { core, forwarder, isLost: false };
    this.#held = held;
    this.#follow(held, meta);
    forwarder.wake();
    return held;
  }

  #coreOf(meta: PartitionMeta): PartitionCore {
    const { networks, clock, timeZone, stores, solo, cachedRowsMax } = this.#context;
    const context = {
      partition: this.#partition,
      partitions: stores.length,
      token: this.#token,
      leaseMs: LEASE_TTL_MS,
      timeZone,
      networks,
      limits: { ...CORE_LIMITS, cachedRowsMax },
      solo,
      nowMs: () => clock.nowMs(),
      elapsedMs: () => performance.now(),
      nonce: randomUUID,
      // By the clock of the store: machines whose clocks are apart must not draw an earlier one
      // than those before them.
      freshEpoch: () => freshEpoch(clock.nowMs()),
      prepare: this.#store.prepare.bind(this.#store),
      isRolledBack: meta.number < this.#committed,
    };
    return new PartitionCore(context, meta);
  }

  #follow(held: Held, { position, inbox }: PartitionMeta): void {
    const { tail } = this.#context;
    const { core } = held;
    const { intake } = core.participants;
    tail.followLog(position.entry, (entries) => {
      if (this.#held !== held) return;
      core.addLog(entries);
      if (intake.queuedBytes > QUEUED_BYTES_MAX) tail.pause('log');
      this.#alarm.ring();
    });
    tail.followInbox(inbox, (entries) => {
      if (this.#held !== held) return;
      core.addInbox(entries);
      if (intake.queuedMessages > QUEUED_MESSAGES_MAX) tail.pause('inbox');
      this.#alarm.ring();
    });
  }

  #forget(): void {
    this.#context.slices.leave(this.#seat);
    this.#held?.forwarder.stop();
    this.#held = undefined;
    this.#context.tail.unfollow();
  }

  // ——— Turns ———

  async #work(held: Held): Promise<void> {
    const { core } = held;
    while (!this.#isStopped && !held.isLost && !core.participants.channels.isRefused) {
      try {
        await this.#conclude(held, await this.#driver.drive(core.turn()));
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        // The store is gone: what was read stays queued, and the lease is taken again if it ran
        // out.
        await this.#alarm.sleep(RETRY_MS);
      }
    }
    this.#forget();
  }

  async #conclude(held: Held, result: TurnResult): Promise<void> {
    switch (result.kind) {
      case 'idle':
        return this.#alarm.sleep(result.forMs);
      case 'again':
        return;
      case 'committed':
        this.#committed = held.core.committedNumber;
        this.#context.onCommit();
        held.forwarder.wake();
        this.#resume(held);
        this.#log.committed(result.made);
        if (result.isNews) this.#context.onProgress();
        return;
      case 'failed':
        this.#log.failed(result);
        return;
      case 'lost':
        this.#log.lost(result);
        held.isLost = true;
        return;
      default:
        return unreachable(result);
    }
  }

  /** Reads on once enough of what was read ahead is committed. */
  #resume({ core }: Held): void {
    const { tail } = this.#context;
    const { queuedBytes, queuedMessages } = core.participants.intake;
    if (queuedBytes < QUEUED_BYTES_MAX / 2) tail.resume('log');
    if (queuedMessages < QUEUED_MESSAGES_MAX / 2) tail.resume('inbox');
  }
}

/**
 * owner.ts – Drives the core of one partition in a simulation, as processor.ts does in a process:
 * it takes the lease, carries out what the core asks for, and sends what waits for other
 * partitions.
 *
 * Keeps true: everything it does is a step of its own, so that anything can happen in between; who
 * is not answered asks the very same again, or begins anew, and so does it.
 */

import type { Batch } from '../../src/engine/batch.ts';
import { makeParticipants, type Participants } from '../../src/engine/participants.ts';
import { PartitionCore } from '../../src/engine/partition-core.ts';
import type { EntryId, FanoutKey } from '../../src/engine/partition-store.ts';
import {
  type Answers,
  type Asking,
  answerOf,
  isForDriver,
  type Request,
} from '../../src/engine/requests.ts';
import type { TurnAhead } from '../../src/engine/slices.ts';
import type { Step, step } from '../../src/engine/step.ts';
import type { TurnResult } from '../../src/engine/turn-result.ts';
import type { Choose } from '../support/memory-deployment.ts';
import type { Process } from './catalogs.ts';
import { CheckFailure } from './check-failure.ts';
import { checkWritten } from './check-written.ts';
import type { Guards, Wire } from './faults.ts';
import type { MemoryPartitionStore } from './memory-partition-store.ts';
import { poisonedStep } from './poison.ts';
import { tinyLimits } from './tiny-limits.ts';

/** A read is not answered once in so many times, while there are faults. */
const UNANSWERED_ONE_IN = 40;
/** A fan-out or a resynchronization is part of a batch so many times in ten, and a sweep. */
const SHARED_IN_TEN = 7;
const SWEPT_IN_TEN = 2;
const ELAPSED_A_LOOK_MS = 250;
/** A slice that is wanted is granted so many times in ten. */
const GRANTED_IN_TEN = 6;
const SLICE_MS_MAX = 1000;

export interface OwnerContext {
  readonly stores: readonly MemoryPartitionStore[];
  readonly wire: Wire;
  readonly guards: Guards;
  readonly choose: Choose;
  /** Partitions that have lost a tail. */
  readonly rolledBack: ReadonlySet<number>;
  /** The clock of its process. */
  readonly nowMs: () => number;
  /** The most by which the clock goes on at once. */
  readonly strideMs: number;
  readonly nextId: () => number;
  /** What is left out of a participant, for canaries. */
  readonly change: ((participants: Participants) => void) | undefined;
}

/** The store has not answered: whether it was carried out is not known. */
class Unanswered extends Error {}

/** What the core is in the middle of. */
interface Run {
  readonly asking: Asking<boolean | TurnResult>;
  readonly isOpening: boolean;
  request: Request;
}

export class Owner {
  readonly partition: number;
  readonly process: Process;
  readonly token: string;
  isPaused = false;
  /** It was told so, or has stopped: it does nothing any more. */
  isGone = false;
  readonly #context: OwnerContext;
  readonly #store: MemoryPartitionStore;
  #core: PartitionCore | undefined;
  #run: Run | undefined;
  #isOpen = false;
  #logRead: EntryId = '0-0';
  #inboxRead: EntryId = '0-0';
  #elapsedMs = 0;
  readonly #holders = new Map<string, readonly string[] | undefined>();
  readonly #stepThere: typeof step;
  /** Its process dies of what it evaluates. */
  isDeadly = false;

  /** Takes the partition over with its first step: from then on the store refuses others. */
  constructor(partition: number, process: Process, token: string, context: OwnerContext) {
    this.partition = partition;
    this.process = process;
    this.token = token;
    this.#context = context;
    this.#store = context.stores[partition]!;
    this.#store.lease = token;
    this.#stepThere = poisonedStep(context.guards, () => this.#die());
  }

  get holdsLease(): boolean {
    return this.#store.lease === this.token;
  }

  /** Whether it can do something now. */
  get canGoOn(): boolean {
    if (!this.#core || this.#run) return !this.#waitsForSolo;
    this.#readAhead();
    return this.#core.hasWork;
  }

  get #waitsForSolo(): boolean {
    const kind = this.#run?.request.kind;
    return (kind === 'solo-over' || kind === 'solo-begin') && this.process.solo.over !== undefined;
  }

  /** Does one thing: takes the partition, carries out a request, or begins a turn. */
  async goOn(): Promise<void> {
    if (!this.#core) return this.#acquire();
    this.#readAhead();
    if (this.#run) return this.#carryOut(this.#run);
    this.#proceed({ asking: this.#core.turn(), isOpening: false }, undefined);
  }

  /** A commit is under way, and was perhaps sent. */
  get isCommitting(): boolean {
    return this.#run?.request.kind === 'commit';
  }

  /** Stops in good order: what it has not been answered it will never know. */
  async stop(): Promise<void> {
    if (this.#run?.request.kind === 'commit') this.#answer(this.#run, 'unknown');
    this.abandon();
    await this.#store.release(this.token);
  }

  /** It goes no further, wherever it is. */
  abandon(): void {
    this.#run?.asking.return(false);
    this.#run = undefined;
    this.isGone = true;
  }

  /** The partitions for which something waits. */
  get targets(): number[] {
    return this.#isOpen ? [...this.#core!.participants.channels.waiting()] : [];
  }

  /** Sends what waits first for a target, once. */
  async send(target: number): Promise<void> {
    const { channels } = this.#core!.participants;
    const { entry, base } = channels.next(target)!;
    const { stores, wire } = this.#context;
    const delivery = { ...entry, source: this.partition, base };
    const answer = await wire.call(() => stores[target]!.deliver(delivery));
    if (answer === undefined || this.isGone) return;
    channels.answered(target, answer);
    if (channels.isRefused) this.abandon();
  }

  /**
   * What it would notice when it renews its lease: the partition is not as it left it, or a target
   * has forgotten something.
   */
  async noticesLoss(): Promise<boolean> {
    if (!this.#isOpen || this.#run || !this.holdsLease) return false;
    const { channels } = this.#core!.participants;
    const { expected } = channels;
    if (this.#store.content.number !== this.#core!.committedNumber) return true;
    const { stores } = this.#context;
    const held = [...expected.keys()].map((target) => stores[target]!.channel(this.partition));
    channels.compare(
      expected,
      (await Promise.all(held)).map(({ position }) => position),
    );
    return channels.isRefused;
  }

  async #acquire(): Promise<void> {
    const acquired = await this.#store.acquire(this.token, 0, '');
    if (acquired.status !== 'acquired') return this.abandon();
    const { meta } = acquired;
    // No owner runs below the version in the partition's meta.
    this.process.refresh(meta.catalogVersion);
    const { guards, choose, strideMs, nextId, nowMs, stores } = this.#context;
    this.#logRead = meta.position.entry;
    this.#inboxRead = meta.inbox;
    this.#core = new PartitionCore(
      {
        partition: this.partition,
        partitions: stores.length,
        token: this.token,
        leaseMs: 0,
        timeZone: 'UTC',
        networks: this.process.networks,
        limits: tinyLimits(choose, strideMs),
        solo: this.process.solo,
        nowMs,
        elapsedMs: () => (this.#elapsedMs += ELAPSED_A_LOOK_MS),
        nonce: () => `${this.token} ${nextId()}`,
        // Take-overs come within one millisecond here, and a seed is to be all they depend on.
        freshEpoch: nextId,
        prepare: (header, writes) => this.#store.prepare(header, writes),
        makeParticipants: (making) => this.#participants(makeParticipants(making)),
        step: (batch, context) => this.#step(batch, context),
      },
      meta,
    );
    if (!guards.resynchronization)
      Object.defineProperty(this.#core.participants.channels, 'lost', { value: [] });
    this.#proceed({ asking: this.#core.open(), isOpening: true }, undefined);
  }

  /** Work that many batches share passes now and then, as if it had its turn in between. */
  #participants(made: Participants): Participants {
    this.#context.change?.(made);
    const { choose } = this.#context;
    const { fanouts, resyncs, dueSweep, edgeSweep } = made;
    for (const participant of [fanouts, resyncs, dueSweep, edgeSweep]) {
      const isSweep = participant === dueSweep || participant === edgeSweep;
      const inTen = isSweep ? SWEPT_IN_TEN : SHARED_IN_TEN;
      const work = participant.work.bind(participant);
      participant.work = function* (batch, turn) {
        return choose(10) < inTen && (yield* work(batch, turn));
      };
    }
    return made;
  }

  #step(...[batch, context]: Parameters<typeof step>): Step {
    const made = this.#stepThere(batch, context);
    checkWritten(made, this.process.networks);
    const { restOfNews, restOfChunk } = this.#context.guards;
    const all = (batch.fanouts ?? []).reduce((sum, { ids }) => sum + ids.length, 0);
    const counted = restOfChunk ? made : { ...made, fanned: all };
    return restOfNews ? counted : withoutRestOfNews(counted, batch);
  }

  #die(): void {
    this.isDeadly = true;
    this.process.isDying = true;
  }

  /** What has arrived is read ahead, and stays in memory, also while the owner is paused. */
  #readAhead(): void {
    const log = this.#store.logAfter(this.#logRead);
    const inbox = this.#store.inboxAfter(this.#inboxRead);
    this.#logRead = log.at(-1)?.id ?? this.#logRead;
    this.#inboxRead = inbox.at(-1)?.id ?? this.#inboxRead;
    this.#core?.addLog(log);
    this.#core?.addInbox(inbox);
  }

  async #carryOut(run: Run): Promise<void> {
    try {
      const answer = await this.#answerTo(run.request);
      if (answer !== NOT_YET && this.#run === run) this.#answer(run, answer);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.#run = undefined;
      run.asking.return(false);
      if (run.isOpening) this.#core = undefined; // it is taken anew
    }
  }

  async #answerTo(request: Request): Promise<Answers[keyof Answers] | typeof NOT_YET> {
    const { wire, guards, stores, choose } = this.#context;
    if (!isForDriver(request)) {
      const asker = { partition: this.partition, token: this.token, stores };
      const store = this.#store;
      if (request.kind === 'begin-epochs' || request.kind === 'note-trial')
        return (await wire.call(() => answerOf(request, asker))) ?? unanswered();
      if (wire.isFaulty && choose(UNANSWERED_ONE_IN) === 0) unanswered();
      if (request.kind === 'few-holders' && !guards.freshHolders)
        return this.#staleHolders(request, await store.fewHolders(request.asked, request.most));
      return answerOf(request, asker);
    }
    switch (request.kind) {
      case 'commit': // the very same is sent until it is answered
        return (await wire.call(() => this.#store.commit(request.prepared))) ?? NOT_YET;
      case 'renew':
        return this.#store.renew(this.token);
      case 'catalog':
        if (guards.adoptBeforeApply) this.process.refresh(request.version);
        return undefined;
      case 'solo-begin':
        return this.process.solo.begin();
      case 'slice':
        return this.#slice(request);
      case 'gather':
      case 'solo-over':
        return undefined;
    }
  }

  /** Granted now and then, also to who has changes to work off, and withdrawn without a reason. */
  #slice({ isWanted }: TurnAhead): number | undefined {
    const { choose } = this.#context;
    return isWanted && choose(10) < GRANTED_IN_TEN ? 1 + choose(SLICE_MS_MAX) : undefined;
  }

  /** What was answered when a target was asked for the first time. */
  #staleHolders(
    { asked }: Extract<Request, { kind: 'few-holders' }>,
    found: readonly (readonly string[] | undefined)[],
  ) {
    return asked.map(({ edgeId, target }, at) => {
      const key = `${edgeId} ${target}`;
      if (!this.#holders.has(key)) this.#holders.set(key, found[at]);
      return this.#holders.get(key);
    });
  }

  #answer(run: Run, answer: unknown): void {
    this.#proceed(run, answer);
  }

  #proceed({ asking, isOpening }: Omit<Run, 'request'>, answer: unknown): void {
    this.#run = undefined;
    const next = this.#next(asking, answer);
    if (!next) return;
    if (!next.done) this.#run = { asking, isOpening, request: next.value };
    else if (typeof next.value === 'boolean') this.#opened(next.value);
    else this.#conclude(next.value);
  }

  /** @returns undefined if the process dies of it */
  #next(asking: Run['asking'], answer: unknown) {
    try {
      const next = asking.next(answer);
      return this.process.isDying ? undefined : next;
    } catch (error) {
      if (!this.process.isDying) throw error;
      return undefined;
    }
  }

  #opened(isOurs: boolean): void {
    if (isOurs) this.#isOpen = true;
    else this.abandon();
  }

  #conclude(result: TurnResult): void {
    if (result.kind !== 'lost') return;
    // Without a roll-back only those are refused who no longer hold the partition.
    const isRefused = result.why !== 'unknown' && this.holdsLease;
    if (isRefused && !this.#context.rolledBack.has(this.partition)) {
      const what = `partition ${this.partition} refuses the commit of its owner as '${result.why}'`;
      throw new CheckFailure('owner refused', what);
    }
    this.abandon();
  }
}

const NOT_YET = Symbol('not answered yet');

/** What did not fit into the batch is taken for evaluated. */
function withoutRestOfNews(made: Step, { few = [] }: Batch): Step {
  const isTaken = ({ edgeId, target }: FanoutKey) =>
    few.some((each) => each.edgeId === edgeId && each.target === target);
  const fanouts = made.edges.fanouts.filter((key) => !isTaken(key));
  return { ...made, edges: { ...made.edges, fanouts } };
}

function unanswered(): never {
  throw new Unanswered();
}

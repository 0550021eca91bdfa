/**
 * partition-core.ts – The life of one partition in the hands of one owner, without I/O.
 *
 * Keeps true: one batch at a time, each on top of the commit before. Nothing is remembered of a
 * commit whose outcome is unknown. It is the same code in a process, where processor.ts carries out
 * what it asks for, and in the simulator, where anything may happen between two requests. All
 * branching of a turn is in this file and in careful-turns.ts; what they call is straight.
 */
import { partitionOf } from '../change/partition.ts';
import { assert, unreachable } from '../errors.ts';
import { type Batch, visited } from './batch.ts';
import type { Piece, Solo } from './care.ts';
import { CarefulTurns, type CareSetting } from './careful-turns.ts';
import { addMembers, addStep, CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Networks } from './networks.ts';
import { Pace } from './pace.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import { makeParticipants, type Participants } from './participants.ts';
import type {
  CommitHeader,
  CommitWrites,
  PartitionMeta,
  PreparedCommit,
  StoredInboxEntry,
  StoredLogEntry,
} from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { HeavyRows, ReadRows } from './row-cache.ts';
import { type Step, type StepContext, step } from './step.ts';
import { loadStepRows, type StepRows } from './step-rows.ts';
import { AGAIN, type TurnResult } from './turn-result.ts';

/** The arguments of a core; it has no clock and no randomness of its own. */
export interface CoreContext {
  readonly partition: number;
  readonly partitions: number;
  readonly token: string;
  readonly leaseMs: number;
  readonly timeZone: string;
  readonly networks: Networks;
  readonly limits: CoreLimits;
  readonly solo: Solo;
  /** The clock by which records are due. */
  readonly nowMs: () => number;
  /** Since some moment; never stands still. */
  readonly elapsedMs: () => number;
  /** Tells a commit from all others. */
  readonly nonce: () => string;
  /** A number that is larger than any that it, or another owner's, has answered before. */
  readonly freshEpoch: () => number;
  readonly prepare: (header: CommitHeader, writes: CommitWrites) => PreparedCommit;
  /** The partition is not as an owner of this process has left it: a tail was lost. */
  readonly isRolledBack?: boolean;
  /** For simulations: other participants, another step. */
  readonly makeParticipants?: typeof makeParticipants;
  readonly step?: typeof step;
}

/** An owner sleeps no longer than this. */
const IDLE_MAX_MS = 30_000;
/** A slice that is granted wakes the owner; it asks again in any case. */
const NO_SLICE: TurnResult = { kind: 'idle', forMs: 1000 };

export class PartitionCore implements Turn {
  readonly participants: Participants;
  readonly #context: CoreContext;
  readonly #meta: PartitionMeta;
  readonly #all: readonly Participant[];
  readonly #live: readonly Participant[];
  /** The kinds of background work, the one whose turn is next first. */
  #background: readonly Participant[];
  readonly #paces = new Map<Participant, Pace>();
  #recordsMax = 0;
  /** How long the last step took, with what is written of it. */
  #stepMs = 0;
  readonly #careful: CarefulTurns;
  #number: number;
  /** The latest that this owner or one before it went by. */
  #clockMs: number;
  /** The clock of the last commit. */
  #committedMs: number;
  #isHeldBack = false;
  #failures = 0;

  /** Caller: the partition was acquired with this meta, and the networks are as new as it says. */
  constructor(context: CoreContext, meta: PartitionMeta) {
    const { networks, limits, freshEpoch, partitions } = context;
    assert(networks.version >= meta.catalogVersion, 'no owner runs below the version in meta');
    this.#context = context;
    this.#meta = meta;
    this.#number = meta.number;
    this.#clockMs = meta.clockMs;
    this.#committedMs = meta.clockMs;
    const make = context.makeParticipants ?? makeParticipants;
    this.participants = make({ limits, partitions, freshEpoch });
    this.#all = Object.values(this.participants);
    this.#live = this.#all.filter(({ isLive }) => isLive);
    this.#background = this.#all.filter(({ work, isLive }) => work && !isLive);
    for (const kind of this.#background) this.#paces.set(kind, new Pace());
    for (const participant of this.#all) participant.recover?.(meta);
    this.#careful = new CarefulTurns(this.#careSetting());
  }

  // ——— Turn ———

  get networks(): Networks {
    return this.#context.networks;
  }

  get timeZone(): string {
    return this.#context.timeZone;
  }

  get partitions(): number {
    return this.#context.partitions;
  }

  /**
   * Never runs backwards, not even between two looks: what was found due is due when it is fired.
   */
  get nowMs(): number {
    this.#clockMs = Math.max(this.#clockMs, this.#context.nowMs());
    return this.#clockMs;
  }

  /** Of the commit that comes next. */
  get number(): number {
    return this.#number + 1;
  }

  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  get isCareful(): boolean {
    return this.#careful.isOn;
  }

  get isBuilding(): boolean {
    return this.participants.builds.isBuilding(this.networks.version);
  }

  get completing(): readonly number[] {
    return this.participants.builds.completing;
  }

  isAnswered(predicateId: number): boolean {
    const { builds } = this.participants;
    return builds.isComplete(predicateId) || builds.completing.includes(predicateId);
  }

  get recordsMax(): number {
    return this.#recordsMax;
  }

  // ——— Around turns ———

  addLog(entries: readonly StoredLogEntry[]): void {
    this.participants.intake.addLog(entries);
  }

  addInbox(entries: readonly StoredInboxEntry[]): void {
    this.participants.intake.addInbox(entries);
  }

  /**
   * Whether the number that is stored is that of the last commit, or of the one that is under way.
   */
  recognizes(stored: number): boolean {
    return stored === this.#number || stored === this.#number + 1;
  }

  /** The number of the last commit that is known to be stored. */
  get committedNumber(): number {
    return this.#number;
  }

  /** Whether there may be something to do. */
  get hasWork(): boolean {
    this.#isHeldBack = this.participants.channels.undelivered > this.#context.limits.undeliveredMax;
    return this.isCareful || this.#hasOrdinaryWork();
  }

  /**
   * Makes the partition ours towards all others, and takes up what the owner before has left.
   * @returns false if it is no longer as it was when it was acquired: it has to be taken again
   */
  *open(): Asking<boolean> {
    const { channels, fanouts, feed, resyncs } = this.participants;
    yield* channels.beginEpochs();
    yield* fanouts.takeUp();
    // The next owner finds these epochs; an owner that took over before would have closed them.
    const renewal = yield* ask({ kind: 'renew' });
    if (renewal.status !== 'renewed' || renewal.number !== this.#number) return false;
    if (this.#context.isRolledBack || channels.lost.length > 0)
      feed.rolledBackTo(this.#meta.clockMs, this.#number);
    resyncs.resend(channels.lost);
    yield* channels.recoverOutbox();
    yield* this.#careful.takeOver(this.#meta);
    return true;
  }

  /** What earlier owners died under, and how often: reported once, after a take-over with care. */
  get deaths(): ReadonlyMap<string, number> | undefined {
    return this.#careful.deaths;
  }

  // ——— A turn ———

  /**
   * One batch, or the news that there is none: either of changes and messages, or a slice of one
   * kind of background work. So changes wait for one slice at most, and what a slice takes is
   * measured. A full outbox holds back all but the inbox: else two partitions could wait for each
   * other.
   * @throws what a step throws that is no piece's fault
   */
  *turn(): Asking<TurnResult> {
    for (const participant of this.#all) participant.begin?.();
    if (!this.hasWork) return this.#idle();
    if (this.isCareful) {
      const tried = yield* this.#careful.turn();
      if (tried) return tried;
      for (const participant of this.#all) participant.begin?.();
      if (!this.#hasOrdinaryWork()) return this.#careful.idle ?? AGAIN;
    }
    const isLive = this.#live.some((participant) => participant.hasWork?.(this));
    const isWanted = this.#background.some((kind) => kind.hasWork?.(this));
    const hasChanges = isLive && this.participants.intake.hasChanges(this);
    const hasMessages = isLive && !hasChanges;
    const sliceMs = yield* ask({ kind: 'slice', hasChanges, hasMessages, isWanted });
    if (sliceMs !== undefined) return yield* this.#slice(sliceMs);
    return isLive ? yield* this.#liveTurn() : (this.#careful.idle ?? NO_SLICE);
  }

  *#liveTurn(): Asking<TurnResult> {
    yield* ask({ kind: 'gather', entries: this.participants.intake.pace });
    const batch = this.#emptyBatch();
    for (const participant of this.#live) {
      if (participant.hasWork?.(this)) yield* participant.work!(batch, this);
    }
    return yield* this.#carryOut(batch, undefined, false);
  }

  /** Of the kind whose turn it is; it comes last from now on. */
  *#slice(sliceMs: number): Asking<TurnResult> {
    for (const kind of this.#background) {
      if (!kind.hasWork?.(this)) continue;
      const pace = this.#paces.get(kind)!;
      this.#recordsMax = Math.max(this.#context.limits.sliceRecordsMin, pace.records(sliceMs));
      const batch = this.#emptyBatch();
      if (!(yield* kind.work!(batch, this))) continue;
      this.#background = [...this.#background.filter((each) => each !== kind), kind];
      const result = yield* this.#carryOut(batch, undefined, false, true);
      if (result.kind === 'committed')
        pace.took(visited(batch, result.made), this.#stepMs, result.made);
      return result;
    }
    return AGAIN;
  }

  #hasOrdinaryWork(): boolean {
    return this.#all.some((participant) => participant.hasWork?.(this));
  }

  /** Until something comes, a record is due, or it is time to look after tombstones. */
  #idle(): TurnResult {
    const { nowMs } = this;
    let forMs = IDLE_MAX_MS;
    for (const participant of this.#all) {
      const nextMs = participant.nextMs?.(this);
      if (nextMs !== undefined) forMs = Math.min(forMs, nextMs - nowMs);
    }
    return { kind: 'idle', forMs: Math.max(1, forMs) };
  }

  /** The rows that this turn has read with its ids. */
  get #read(): ReadRows | undefined {
    const { builds, feed } = this.participants;
    return builds.read ?? feed.read;
  }

  /** Of the last commit. */
  get #isNews(): boolean {
    const { builds, feed } = this.participants;
    return builds.isNews || feed.isNews;
  }

  #emptyBatch(): BatchDraft {
    const { position } = this.participants.intake;
    const { effectsMax } = this.#context.limits;
    return { entries: [], position, backfills: [], expired: [], effectsMax };
  }

  *#carryOut(
    batch: BatchDraft,
    piece: Piece | undefined,
    isSolo: boolean,
    isSlice = false,
  ): Asking<TurnResult> {
    const rows = yield* this.#load(batch, isSolo, isSlice);
    // From here to the prepared commit nothing is asked for: catalog, networks and step are of one
    // version.
    const beganMs = this.#context.elapsedMs();
    const planned = this.#plan(batch, piece, rows);
    this.#stepMs = this.#context.elapsedMs() - beganMs;
    if (planned.kind !== 'planned') return planned;
    const { made, prepared, names, nowMs } = planned;
    const answer = yield* ask({ kind: 'commit', prepared });
    switch (answer) {
      case 'ok':
      case 'duplicate':
        this.#number = prepared.number;
        this.#committedMs = nowMs;
        for (const participant of this.#all) participant.committed?.(made);
        if (piece) this.#careful.passed(piece, names);
        else this.#failures = 0;
        return { kind: 'committed', made, isNews: this.#isNews };
      case 'fenced':
      case 'rolled-back':
      case 'unknown':
        return { kind: 'lost', why: answer };
      default:
        return unreachable(answer);
    }
  }

  /** Which rows a step looks at follows from the catalog, which may move on while they are read. */
  *#load(batch: BatchDraft, isSolo: boolean, isSlice: boolean): Asking<StepRows> {
    const { networks, solo, limits, timeZone } = this.#context;
    const { loadedBytesMax, kindBytesMax } = limits;
    let bytesMax: number | undefined = isSlice
      ? Math.min(loadedBytesMax, kindBytesMax)
      : loadedBytesMax;
    for (;;) {
      if (!isSolo && solo.over) yield* ask({ kind: 'solo-over' });
      const { version } = networks;
      const loaded: StepRows | HeavyRows = yield* loadStepRows(
        this.participants.cache,
        networks,
        timeZone,
        batch,
        { bytesMax, isPassing: isSlice, read: this.#read },
      );
      const isHeavy = 'weigh' in loaded;
      if (isHeavy) {
        for (const each of this.#all) each.lighten?.(batch, loaded.weigh, networks.edges);
        bytesMax = undefined;
      } else if (networks.version === version && (isSolo || !solo.over)) return loaded;
    }
  }

  /**
   * The step is pure, and so is what is written of it: a failure (a bug, a record grown too long)
   * meets the same piece again and again. All that was in the batch is tried piece by piece then,
   * and the one at fault is set aside instead of stopping all that come after it.
   */
  #plan(
    batch: Batch,
    piece: Piece | undefined,
    rows: StepRows,
  ):
    | TurnResult
    | {
        readonly kind: 'planned';
        readonly made: Step;
        readonly prepared: PreparedCommit;
        readonly names: readonly string[];
        readonly nowMs: number;
      } {
    try {
      const { nowMs } = this;
      const made = this.#step(batch, rows, nowMs);
      const writes = new CommitDraft(nowMs, this.networks.version);
      addStep(writes, made);
      for (const participant of this.#all) participant.plan?.(writes, made, this);
      addMembers(writes, made, this.networks, this.participants.builds);
      const names = piece ? this.#careful.plan(writes, made, piece) : [];
      const prepared = this.#context.prepare(this.#header(), writes);
      return { kind: 'planned', made, prepared, names, nowMs };
    } catch (error) {
      if (batch.aside || batch.poison) throw error;
      if (piece) this.#careful.threw(piece, error as Error);
      else if (++this.#failures > this.#context.limits.stepAttemptsMax) throw error;
      else this.#careful.beginAfter(batch);
      return { kind: 'failed', error, piece };
    }
  }

  #step(batch: Batch, rows: StepRows, nowMs: number): Step {
    return (this.#context.step ?? step)(batch, this.#stepContext(rows, nowMs));
  }

  #header(): CommitHeader {
    const { token, leaseMs, nonce } = this.#context;
    return { token, before: this.#number, number: this.number, nonce: nonce(), leaseMs };
  }

  #stepContext(rows: StepRows, nowMs: number): StepContext {
    const { networks, partitions, timeZone } = this.#context;
    const { resyncs, builds } = this.participants;
    return {
      ...rows,
      types: networks.types,
      edges: networks.edges,
      partitionOf: (id) => partitionOf(id, partitions),
      isReceiving: (source) => resyncs.isReceiving(source),
      timeZone,
      nowMs,
      // Within a commit nobody sees a record come and go.
      life: nowMs === this.#committedMs ? this.number : undefined,
      failed: builds.failed,
    };
  }

  #careSetting(): CareSetting {
    const { limits, token, partition, solo, elapsedMs } = this.#context;
    return {
      turn: this,
      participants: this.participants,
      limits,
      token,
      partition,
      solo,
      elapsedMs,
      emptyBatch: () => this.#emptyBatch(),
      carryOut: (batch, piece, isSolo) => this.#carryOut(batch, piece, isSolo),
      rehearse: (batch, rows) => {
        this.#step(batch, rows, this.nowMs);
      },
    };
  }
}

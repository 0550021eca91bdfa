/**
 * step.ts – The incremental step: turns a batch and the rows it touches into new rows, flipped
 * memberships and outcomes.
 *
 * Keeps true: it is pure – no I/O, no clock, no randomness, and no row that it was given is edited.
 * So the same batch over the same rows makes the same commit, here and in a simulator. After it,
 * the truth in each row it returns equals the truth of its predicates for the row's record at the
 * batch's clock. Flips are netted per record, so a record that enters and leaves within a batch
 * does neither. What touches a record first fires its timer if that is overdue. Else the timer
 * would be set again, and what time had made of the record would stay undetected.
 *
 * A predicate whose program takes more than its budget fails: from that record on it keeps its
 * stored truth, and the step reports it. Nothing else of the batch is lost, and the failure is
 * found at the same record in every run of the step.
 */
import { CAUSES, type CauseCode } from '../change/cause.ts';
import type { Change, Outcome } from '../change/change.ts';
import type { ObjectType } from '../change/object-type.ts';
import { applyChange, exists, filterableData, isLive, type RecordRow } from '../change/record.ts';
import { unreachable } from '../errors.ts';
import type { Aggregate, NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { StateRow } from '../membership/state-row.ts';
import { DIFFERENT_VALUES_MAX, spentSince, spentSoFar } from '../query/budget.ts';
import {
  type FailedPredicateIds,
  type Failure,
  NONE_FAILED,
  ProgramFailed,
} from '../query/failure.ts';
import {
  type Flip,
  flip,
  flippedPredicateId,
  type NeighbourState,
  type PredicateNetwork,
} from '../query/network/network.ts';
import {
  applyFlips,
  hasPredicateId,
  keptPredicateIds,
  NO_PREDICATE_IDS,
  type PredicateIds,
} from '../query/network/predicate-ids.ts';
import type { Attributes } from '../query/predicate/view.ts';
import type {
  BackfillChunk,
  Batch,
  FanoutChunk,
  FewHolders,
  LogEntry,
  LogPosition,
  RecordKey,
} from './batch.ts';
import type { Edge } from './edges.ts';
import type { HolderValues, InboxEntry, Message } from './message.ts';
import type { RecordsOfType } from './partition-store.ts';
import {
  confirmedMember,
  confirmedValue,
  HeardResyncs,
  NO_RESYNC,
  type Resend,
  type ResyncEffects,
  type Sweep,
  type ValueSweep,
} from './resyncs.ts';
import {
  type EdgeEffects,
  type Extremes,
  NOTHING_OPEN,
  StepNeighbours,
} from './step-neighbours.ts';
import type { ValueRows } from './step-values.ts';

interface Timer extends RecordKey {
  readonly due: number | undefined;
}

/** All that is kept of one record: its row in `records` and its row in `state`. */
export interface Row extends StateRow {
  readonly record: RecordRow | undefined;
}

export const ABSENT: Row = { record: undefined, truth: NO_PREDICATE_IDS, due: undefined };

/** The step's view of an object type. */
export interface TypeContext {
  readonly type: ObjectType;
  readonly network: PredicateNetwork;
  /** All that the network has: a state that is written holds no other. */
  readonly predicateIds: PredicateIds;
  /** The edges of which records of this type hold the key, and those whose target they are. */
  readonly out: readonly Edge[];
  readonly in: readonly Edge[];
}

export interface StepContext {
  readonly types: ReadonlyMap<string, TypeContext>;
  readonly timeZone: string;
  /** The partition's clock for this batch, in ms: never lower than that of the batch before. */
  readonly nowMs: number;
  /** What records that are created get as their `life`; undefined: nothing. */
  readonly life?: number | undefined;
  /** Caller: holds every record that the batch touches; ABSENT for those that do not exist. */
  readonly row: (objectType: string, id: string) => Row;
  /** By edge id. */
  readonly edges: ReadonlyMap<number, Edge>;
  /** Caller: holds the rows at both ends of every edge of those records. */
  readonly neighbour: (edgeId: number, target: string) => NeighbourRow;
  readonly related: (edgeId: number, target: string) => RelatedRow;
  readonly extremes: (predicateId: number, target: string) => Extremes;
  readonly values: ValueRows;
  readonly partitionOf: (id: string) => number;
  /** Whether a partition is resending us all its state. */
  readonly isReceiving: (source: number) => boolean;
  /** Predicates that have failed in this partition; none if absent. */
  readonly failed?: FailedPredicateIds;
}

/** A record whose row changed, or whose memberships did. */
export interface TouchedRecord extends RecordKey {
  readonly before: Row;
  readonly after: Row;
  /** Net flips of memberships, ascending by predicate id. */
  readonly flips: readonly Flip[];
  /** Those of them that a change made: what a backfill finds out is no event. */
  readonly liveFlips: readonly Flip[];
  /** Why it flipped. Of each live flip, where they differ; else of all of them. */
  readonly cause: CauseCode;
  readonly causes: readonly CauseCode[] | undefined;
}

/** A record that a run of the feed visits, and what held of it before and after the step. */
export interface ToldRecord {
  readonly id: string;
  readonly before: PredicateIds;
  readonly after: PredicateIds;
}

/** The outcomes of the changes `from`… of one entry, for the writer that waits for them. */
export interface EntryOutcomes {
  readonly replyTo: string;
  readonly from: number;
  readonly total: number;
  readonly outcomes: readonly Outcome[];
}

export interface DeadLetter {
  readonly entry: string;
  readonly index: number;
  readonly code:
    | 'entry_malformed'
    | 'object_type_unknown'
    | 'change_failed'
    | 'message_failed'
    | 'work_failed';
  readonly detail: string;
  readonly letter: string;
  /** Whose it is: it goes when that record is deleted. */
  readonly record?: RecordKey;
  /** A partition of which nothing is known for sure without it. */
  readonly lost?: number;
  /** Predicates that are unknown without it. */
  readonly failing?: readonly number[];
}

export interface Step {
  readonly records: readonly TouchedRecord[];
  readonly outcomes: readonly EntryOutcomes[];
  readonly dead: readonly DeadLetter[];
  /** Records that were deleted: their earlier dead letters go. */
  readonly forgotten: readonly RecordKey[];
  /** The position up to which the batch's entries were applied; undefined: none. */
  readonly position: LogPosition | undefined;
  readonly applied: number;
  readonly effects: number;
  /** The last entry of the inbox that was applied; undefined: none. */
  readonly inbox: string | undefined;
  readonly edges: EdgeEffects;
  readonly resync: ResyncEffects;
  /**
   * When records are due from now on (undefined: never), where that is news or has to be made sure
   * of.
   */
  readonly timers: readonly Timer[];
  /** How many of the records that were taken for due were looked at. */
  readonly fired: number;
  /** How many ids of the fan-outs were visited, in their order. */
  readonly fanned: number;
  /** How many ids of the backfills were visited. */
  readonly backfilled: number;
  /** The records of the feed's run that were visited, in their order. */
  readonly told: readonly ToldRecord[];
  /** Operations of programs (query/budget.ts) that it took. */
  readonly operations: number;
  /** Predicates that failed in this step, and why. */
  readonly failures: ReadonlyMap<number, Failure>;
}

/**
 * Memberships that one commit may flip: it ends at the change that passes this, for a commit holds
 * the shard meanwhile (about 6 ms).
 */
export const EFFECTS_MAX = 8000;
/**
 * Operations of programs (query/budget.ts) after which a batch ends, 50 ms at most: each program of
 * a record is bounded, many of them over many records are not. One record is always carried out as
 * a whole.
 */
export const OPERATIONS_MAX = 5_000_000;

/**
 * @returns what the batch made of the rows. Applies at least one change, and stops once EFFECTS_MAX
 * is passed.
 */
export function step(batch: Batch, context: StepContext): Step {
  const run = new StepRun(context, batch);
  const { begins, resends, sweeps, ends } = batch.resync ?? NO_RESYNC;
  for (const to of begins) run.mark(to, 'snapshot-begin');
  run.messages(batch.inbox ?? []);
  run.news(batch.few ?? []);
  run.changes(batch.entries, batch.position);
  run.fanouts(batch.fanouts ?? []);
  run.failHopeless();
  for (const chunk of batch.backfills) run.backfill(chunk);
  if (batch.aside) run.setAside(batch.aside);
  run.fire(batch.due ?? []);
  run.untime(batch.untimed ?? []);
  for (const { objectType, id } of batch.expired) run.expire(objectType, id);
  for (const resend of resends) run.resend(resend);
  for (const sweep of sweeps) run.sweep(sweep);
  if (batch.told) run.tell(batch.told);
  return run.finish(ends);
}

/** A record while the batch runs over it: its row is made once, when all is known. */
interface WorkingRecord extends RecordKey {
  readonly known: TypeContext | undefined;
  readonly before: Row;
  record: RecordRow | undefined;
  truth: PredicateIds;
  due: number | undefined;
  live: readonly Flip[];
  /** Of all live flips, unless `causes` says it of each. */
  cause: CauseCode;
  causes: readonly CauseCode[] | undefined;
  backfilled: readonly Flip[];
  /**
   * Whether its timer is written also if it is unchanged: a backfill rebuilds what may have been
   * wrong.
   */
  isTimerWritten: boolean;
}

class StepRun {
  readonly #context: StepContext;
  readonly #poison: Batch['poison'];
  readonly #changesMax: number;
  readonly #effectsMax: number;
  /** By object type and id. */
  readonly #working = new Map<string, Map<string, WorkingRecord>>();
  readonly #outcomes: EntryOutcomes[] = [];
  #dead: DeadLetter[] = [];
  readonly #forgotten: RecordKey[] = [];
  readonly #neighbours: StepNeighbours;
  readonly #resync: HeardResyncs;
  readonly #failures = new Map<number, Failure>();
  /** Those from before and those of this step. */
  #failed: FailedPredicateIds;
  /** A record whose neighbours are all known and as they were: nearly every one. */
  #quiet: NeighbourState;
  /** What the network's questions are about. */
  #truth: PredicateIds = NO_PREDICATE_IDS;
  readonly #held = (predicateId: number) => hasPredicateId(this.#truth, predicateId);
  readonly #spentBefore = spentSoFar();
  #visited = 0;
  #fanned = 0;
  #inbox: string | undefined;
  #position: LogPosition | undefined;
  #applied = 0;
  #effects = 0;
  #fired = 0;
  /** Records that the feed's run visits. */
  readonly #forFeed: WorkingRecord[] = [];
  /** Records whose timers are given up. */
  readonly #given: TouchedRecord[] = [];

  constructor(context: StepContext, { poison, changesMax, effectsMax }: Batch) {
    this.#context = context;
    this.#failed = context.failed ?? NONE_FAILED;
    this.#quiet = { verify: NO_NAMES, open: NOTHING_OPEN, failed: this.#failed };
    this.#neighbours = new StepNeighbours(context);
    this.#resync = new HeardResyncs(context.isReceiving);
    this.#poison = poison;
    this.#changesMax = changesMax ?? Number.POSITIVE_INFINITY;
    this.#effectsMax = effectsMax ?? EFFECTS_MAX;
  }

  messages(entries: readonly InboxEntry[]): void {
    for (const entry of entries) {
      this.#inbox = entry.id;
      const fault = this.#poisonOf(entry);
      if (fault === undefined)
        for (const message of entry.messages) this.#message(entry.from, message);
      else {
        const { id, from: lost, payload: letter } = entry;
        this.#dead.push({ entry: id, index: 0, ...fault, letter, lost });
        this.#resync.spoil(entry.from);
      }
    }
  }

  #poisonOf({ id, malformed }: InboxEntry): Pick<DeadLetter, 'code' | 'detail'> | undefined {
    if (malformed !== undefined) return { code: 'entry_malformed', detail: malformed };
    const poison = this.#poison;
    return poison?.isMessage && poison.entry === id
      ? { code: 'message_failed', detail: poison.detail }
      : undefined;
  }

  #message(from: number, message: Message): void {
    switch (message.kind) {
      case 'target-state': {
        const edge = this.#context.edges.get(message.edge);
        if (edge) this.#neighbours.learn(edge, message.target, message.shared);
        break; // without: the relationship was given up meanwhile
      }
      case 'holder-aggregate': {
        const edge = this.#context.edges.get(message.edge);
        if (edge) this.#hear(edge, message.target, from, message.aggregate);
        break;
      }
      case 'holder-values': {
        const edge = this.#context.edges.get(message.edge);
        if (edge) this.#hearValues(edge, from, message);
        break;
      }
      case 'snapshot-begin':
      case 'snapshot-end':
        this.#resync.mark(from, message.kind);
        break;
      default:
        unreachable(message);
    }
  }

  #hear(edge: Edge, target: string, from: number, aggregate: Aggregate | null): void {
    // A source that has forgotten what it was answered is answered once more, whatever we remember
    // of it.
    const isAnew = this.#resync.confirm(from, confirmedMember(edge.edgeId, target));
    this.#neighbours.hear(edge, target, from, aggregate, isAnew);
    this.#verify(edge.definition.target, target, edge.inNames);
  }

  /** What has failed here is not kept any further: it is not read again. */
  #hearValues(edge: Edge, from: number, { target, predicateId, held, gone }: HolderValues): void {
    if (!edge.valuesUp.has(predicateId) || this.#failed.has(predicateId)) return;
    for (const value of held) {
      const at = { predicateId, target, value };
      this.#resync.confirm(from, confirmedValue(at));
      this.#neighbours.hearValue(at, from, true);
    }
    for (const value of gone)
      this.#neighbours.hearValue({ predicateId, target, value }, from, false);
    if (this.#neighbours.differentValues(predicateId, target) > DIFFERENT_VALUES_MAX)
      this.#fail([predicateId], tooManyValues(edge, target));
    this.#verify(edge.definition.target, target, edge.inNames);
  }

  /** Announces that all state follows, before anything else is sent to that partition. */
  mark(to: number, kind: 'snapshot-begin' | 'snapshot-end'): void {
    this.#neighbours.mark(to, kind);
  }

  resend(resend: Resend): void {
    const edge = this.#context.edges.get(resend.edgeId);
    if (!edge) return;
    if (resend.direction === 'values') {
      if (!edge.valuesUp.has(resend.predicateId)) return;
      for (const at of resend.values)
        this.#neighbours.resendValue(edge, { predicateId: resend.predicateId, ...at });
    } else {
      const { direction, targets, to } = resend;
      for (const target of targets) this.#neighbours.resend(edge, direction, target, to);
    }
  }

  /**
   * Forgets what was known from a partition that has not sent it again. Messages in this very batch
   * are newer.
   */
  sweep(sweep: Sweep): void {
    const { from, edgeId } = sweep;
    const edge = this.#context.edges.get(edgeId);
    if (!edge || this.#resync.heard.has(from)) return;
    if ('values' in sweep) {
      this.#sweepValues(edge, sweep);
      return;
    }
    const { targets } = sweep;
    for (const target of targets) {
      if (!this.#resync.isConfirmed(from, confirmedMember(edgeId, target))) {
        this.#neighbours.hear(edge, target, from, null);
        this.#verify(edge.definition.target, target, edge.inNames);
      }
    }
  }

  #sweepValues(edge: Edge, { from, predicateId, values }: ValueSweep): void {
    if (!edge.valuesUp.has(predicateId)) return;
    for (const { target, value } of values) {
      const at = { predicateId, target, value };
      if (this.#resync.isConfirmed(from, confirmedValue(at))) continue;
      this.#neighbours.hearValue(at, from, false);
      this.#verify(edge.definition.target, target, edge.inNames);
    }
  }

  /**
   * Evaluates the holders of targets that have shown something new, where all of them are given.
   * Nothing has changed a holder yet. What is too many, or does not fit into this batch, becomes a
   * fan-out.
   */
  news(few: readonly FewHolders[]): void {
    for (const { edgeId, target, ids } of few) {
      if (this.#isSpent()) return;
      if (this.#neighbours.takeNews(edgeId, target)) this.#fanOut(edgeId, ids);
    }
  }

  /** Evaluates holders again: one at least, and none any more once the batch is full. */
  fanouts(chunks: readonly FanoutChunk[]): void {
    for (const { edgeId, ids } of chunks) {
      for (const id of ids) {
        if (this.#fanned > 0 && this.#isSpent()) return;
        this.#fanOut(edgeId, [id]);
        this.#fanned++;
      }
    }
  }

  /** Evaluates again what holders see over an edge. */
  #fanOut(edgeId: number, ids: readonly string[]): void {
    const edge = this.#context.edges.get(edgeId);
    if (edge) for (const id of ids) this.#verify(edge.definition.holder, id, edge.outNames);
  }

  changes(entries: readonly LogEntry[], start: LogPosition): void {
    let { entry: last, offset } = start;
    for (const entry of entries) {
      const to = this.#entry(entry, offset);
      const isWhole = to >= entry.changes.length;
      if (isWhole) last = entry.id;
      offset = isWhole ? 0 : to;
      this.#position = { entry: last, offset };
      if (!isWhole || this.#isFull()) return;
    }
  }

  /** Predicates that can't be evaluated over any record fail without one. */
  failHopeless(): void {
    for (const [objectType, { network }] of this.#context.types) {
      for (const [predicateId, passed] of network.hopeless) {
        if (!this.#failed.has(predicateId))
          this.#fail([predicateId], { object_type: objectType, id: null, passed });
      }
    }
  }

  #fail(predicateIds: readonly number[], failure: Failure): void {
    for (const predicateId of predicateIds)
      if (!this.#failed.has(predicateId)) this.#failures.set(predicateId, failure);
    const before = this.#context.failed ?? NONE_FAILED;
    const now = this.#failures;
    this.#failed = {
      size: before.size + now.size,
      has: (predicateId) => now.has(predicateId) || before.has(predicateId),
    };
    this.#quiet = { verify: NO_NAMES, open: NOTHING_OPEN, failed: this.#failed };
  }

  /**
   * Asks a network of a record, again without the predicates that fail over it: each time there is
   * one less at least.
   */
  #told<T>(key: RecordKey, ask: () => T): T {
    for (;;) {
      try {
        return ask();
      } catch (error) {
        this.#failOver(key, error);
      }
    }
  }

  /** @throws the error, unless it names predicates that fail over the record from now on */
  #failOver({ objectType, id }: RecordKey, error: unknown): void {
    if (
      !(error instanceof ProgramFailed) ||
      error.predicateIds.every((predicateId) => this.#failed.has(predicateId))
    )
      throw error;
    for (const [predicateId, passed] of error.passedBy)
      this.#fail([predicateId], { object_type: objectType, id, passed });
  }

  /** What the network has to know of a record's neighbourhood. */
  #neighbourhood(verify: readonly string[], open: ReadonlySet<string>): NeighbourState {
    if (verify.length === 0 && open.size === 0) return this.#quiet;
    return { verify, open, failed: this.#failed };
  }

  /**
   * Evaluates predicates that the rows know nothing of yet, or not for sure; stops after the record
   * with which the batch is full.
   */
  backfill({ objectType, predicateIds: backfilled, ids }: BackfillChunk): void {
    const known = this.#context.types.get(objectType);
    if (!known) {
      this.#visited += ids.length;
      return;
    }
    const edgeIds = known.out.filter(({ edgeId }) => backfilled.includes(edgeId));
    const sharing = known.out.filter(({ up }) =>
      up.some(({ predicateId }) => backfilled.includes(predicateId)),
    );
    for (const id of ids) {
      if (this.#visited > 0 && this.#isOverworked()) return;
      this.#visited++;
      const working = this.#open(objectType, id);
      working.isTimerWritten = known.network.hasTimers;
      const { record, truth } = working;
      const flips = isLive(record)
        ? this.#backfilled(known, id, record, truth, backfilled)
        : backfilled
            .filter((each) => known.network.has(each) && hasPredicateId(truth, each))
            .map((predicateId) => flip(predicateId, false));
      this.#settleFlips(working, flips);
      working.backfilled = appended(working.backfilled, flips);
      // a holder that is registered only now has received nothing of what its targets showed before
      for (const { edgeId, outNames } of edgeIds) {
        if (flips.includes(flip(edgeId, true)))
          this.#verify(objectType, id, outNames, CAUSES.catalog_changed);
      }
      if (isLive(record)) for (const edge of sharing) this.#neighbours.announce(edge, record);
    }
  }

  #backfilled(
    known: TypeContext,
    id: string,
    record: RecordRow,
    truth: PredicateIds,
    backfilled: readonly number[],
  ): Flip[] {
    const seen = this.#neighbours.view(known, id, record);
    const open = this.#neighbours.open(known, record);
    const flips: Flip[] = [];
    const { network, type } = known;
    const key = { objectType: type.name, id };
    for (const predicateId of backfilled) {
      if (!network.has(predicateId) || network.isOpen(predicateId, open)) continue;
      const held = hasPredicateId(truth, predicateId);
      const holds = this.#told(key, () =>
        this.#failed.has(predicateId)
          ? held
          : network.holds(predicateId, seen, this.#context.nowMs),
      );
      if (holds !== held) flips.push(flip(predicateId, holds));
    }
    return flips;
  }

  /**
   * Evaluates what reads some derived attributes of a record, whatever the stored truth knew of
   * them.
   */
  #verify(
    objectType: string,
    id: string,
    names: readonly string[],
    cause: CauseCode = CAUSES.related_changed,
  ): void {
    const known = this.#context.types.get(objectType);
    if (!known || names.length === 0) return;
    const working = this.#open(objectType, id);
    const { record } = working;
    if (!isLive(record)) return;
    const seen = this.#neighbours.view(known, id, record);
    const open = this.#neighbours.open(known, record);
    this.#flip(working, this.#updated(working, known, seen, seen, NO_NAMES, names, open), cause);
  }

  /** What differs between two states of a live record: `names` at most, and what is verified. */
  #updated(
    working: WorkingRecord,
    { network }: TypeContext,
    before: Attributes,
    after: Attributes,
    names: readonly string[] | undefined,
    verify: readonly string[],
    open: ReadonlySet<string>,
  ): Flip[] {
    const { nowMs } = this.#context;
    this.#truth = working.truth;
    for (;;) {
      const neighbourhood = this.#neighbourhood(verify, open);
      try {
        return network.update(before, after, names, this.#held, nowMs, neighbourhood);
      } catch (error) {
        this.#failOver(working, error);
      }
    }
  }

  /** Flips of a change, of time or of neighbours: events. */
  #flip(working: WorkingRecord, flips: Flip[], cause: CauseCode): void {
    if (flips.length === 0) return;
    this.#settleFlips(working, flips);
    const { live } = working;
    if (live.length === 0) working.cause = cause;
    else if (working.causes || cause !== working.cause) {
      const before = working.causes ?? live.map(() => working.cause);
      working.causes = [...before, ...flips.map(() => cause)];
    }
    working.live = appended(live, flips);
  }

  /** Sorts them, too. */
  #settleFlips(working: WorkingRecord, flips: Flip[]): void {
    if (flips.length === 0) return;
    if (flips.length > 1) flips.sort(ascending);
    working.truth = applyFlips(working.truth, flips);
    this.#effects += flips.length;
  }

  /**
   * Looks at records because they may be due: at one at least, and at no more once these have
   * flipped EFFECTS_MAX themselves.
   */
  fire(due: readonly RecordKey[]): void {
    const before = this.#effects;
    for (const { objectType, id } of due) {
      if (this.#effects - before > this.#effectsMax || (this.#fired > 0 && this.#isOverworked()))
        return;
      this.#open(objectType, id).isTimerWritten = true;
      this.#fired++;
    }
  }

  /** Looks at records for the feed: at one at least, and at none any more once a batch is full. */
  tell({ objectType, ids }: RecordsOfType): void {
    for (const id of ids) {
      if (this.#forFeed.length > 0 && this.#isSpent()) return;
      this.#forFeed.push(this.#open(objectType, id));
    }
  }

  /**
   * Keeps a piece of work that is given up. Without its timer a record is not fired whenever it is
   * touched.
   */
  setAside({
    detail,
    letter,
    timer,
    broken,
    failures = new Map(),
  }: NonNullable<Batch['aside']>): void {
    for (const [predicateId, failure] of failures) this.#fail([predicateId], failure);
    const [failure] = failures.values();
    this.#dead.push({
      ...{ entry: '', index: 0, code: 'work_failed', detail, letter },
      ...(broken === undefined ? {} : { lost: broken }),
      ...(failures.size === 0 ? {} : { failing: [...failures.keys()] }),
      ...(failure?.id ? { record: { objectType: failure.object_type, id: failure.id } } : {}),
    });
    if (broken !== undefined) this.#resync.spoil(broken);
    if (!timer) return;
    const { objectType, id } = timer;
    const before = this.#context.row(objectType, id);
    const known = this.#context.types.get(objectType);
    const untimed = { record: before.record, truth: before.truth, due: undefined };
    const after = withoutGivenUp(untimed, known);
    const untold = { flips: NO_FLIPS, liveFlips: NO_FLIPS, causes: undefined };
    this.#given.push({ objectType, id, before, after, ...untold, cause: CAUSES.record_changed });
  }

  /**
   * Nothing of these moves with time any more: their timers are written down as what they are,
   * none.
   */
  untime(records: readonly RecordKey[]): void {
    for (const { objectType, id } of records) this.#open(objectType, id).isTimerWritten = true;
  }

  /** Forgets a tombstone; what this batch made of the record, a newer tombstone included, stays. */
  expire(objectType: string, id: string): void {
    const working = this.#open(objectType, id);
    if (isChanged(working) || working.record?.deletedAt === undefined) return;
    working.record = ABSENT.record;
    working.truth = ABSENT.truth;
    working.due = ABSENT.due;
  }

  /** `ends`: partitions to which all state has been sent with this. */
  finish(ends: readonly number[]): Step {
    const records: TouchedRecord[] = [...this.#given];
    const timers: Timer[] = this.#given.map(({ objectType, id }) => ({
      objectType,
      id,
      due: undefined,
    }));
    for (const rows of this.#working.values()) {
      for (const working of rows.values()) {
        const { objectType, id, known, before } = working;
        if (known) working.due = this.#dueOf(known, working);
        const { due } = working;
        if (due !== before.due || working.isTimerWritten) timers.push({ objectType, id, due });
        if (isChanged(working)) records.push(this.#touched(working));
      }
    }
    const edges = this.#neighbours.finish((objectType, id) => this.#rowNow(objectType, id), ends);
    return {
      records,
      outcomes: this.#outcomes,
      dead: this.#dead,
      forgotten: this.#forgotten,
      position: this.#position,
      applied: this.#applied,
      effects: this.#effects,
      inbox: this.#inbox,
      edges,
      resync: this.#resync,
      timers,
      fired: this.#fired,
      fanned: this.#fanned,
      backfilled: this.#visited,
      told: this.#forFeed.map(({ id, before, truth }) => ({
        id,
        before: before.truth,
        after: truth,
      })),
      operations: spentSince(this.#spentBefore),
      failures: this.#failures,
    };
  }

  /** Caller: what the record is due for is known. */
  #touched(working: WorkingRecord): TouchedRecord {
    const { objectType, id, known, before, record, truth, due, backfilled } = working;
    const made: Row = { record, truth, due };
    const after = withoutGivenUp(made, known);
    if (known) this.#neighbours.settle(known, id, before, after);
    const liveFlips = netFlips(working.live);
    const flips = backfilled.length === 0 ? liveFlips : netFlips([...working.live, ...backfilled]);
    const causes = working.causes && causesOf(liveFlips, working.live, working.causes);
    return { objectType, id, before, after, flips, liveFlips, cause: working.cause, causes };
  }

  #rowNow(objectType: string, id: string): Row {
    const working = this.#working.get(objectType)?.get(id);
    return working ?? this.#context.row(objectType, id);
  }

  /**
   * A record that was touched is due at the next moment that follows from its values and the
   * batch's clock.
   */
  #dueOf({ network, type }: TypeContext, { record }: WorkingRecord): number | undefined {
    if (!network.hasTimers || !isLive(record)) return undefined;
    const { nowMs, timeZone } = this.#context;
    return network.nextFlip(filterableData(record, type, timeZone), nowMs);
  }

  /** @returns the index of the first change of the entry that was not applied. */
  #entry(entry: LogEntry, from: number): number {
    if (entry.malformed !== undefined) {
      this.#keepMalformed(entry.id, entry.malformed, entry.payload);
      this.#answer(entry, 0, []);
      return 0;
    }
    const outcomes: Outcome[] = [];
    let index = from;
    while (index < entry.changes.length && (index === from || !this.#isFull())) {
      outcomes.push(this.#change(entry, index++));
      this.#applied++;
    }
    this.#answer(entry, from, outcomes);
    return index;
  }

  #keepMalformed(entry: string, detail: string, letter: string): void {
    this.#dead.push({ entry, index: 0, code: 'entry_malformed', detail, letter });
  }

  #isFull(): boolean {
    return this.#applied >= this.#changesMax || this.#isSpent();
  }

  /** What the batch may flip, or what its programs may take, is used up. */
  #isSpent(): boolean {
    return this.#effects > this.#effectsMax || this.#isOverworked();
  }

  #isOverworked(): boolean {
    return spentSince(this.#spentBefore) > OPERATIONS_MAX;
  }

  #answer({ replyTo, changes }: LogEntry, from: number, outcomes: readonly Outcome[]): void {
    if (replyTo !== undefined)
      this.#outcomes.push({ replyTo, from, total: changes.length, outcomes });
  }

  #change(entry: LogEntry, index: number): Outcome {
    const change = entry.changes[index]!;
    const letter = (code: DeadLetter['code'], detail: string): Outcome => {
      const record = { objectType: change.object_type, id: change.id };
      const text = JSON.stringify(change);
      this.#dead.push({ entry: entry.id, index, code, detail, letter: text, record });
      return 'dead';
    };
    const poison = this.#poison;
    if (!poison?.isMessage && poison?.entry === entry.id && poison.index === index)
      return letter('change_failed', poison.detail);
    const known = this.#context.types.get(change.object_type);
    if (!known)
      return letter('object_type_unknown', `there is no object type '${change.object_type}'`);
    return this.#apply(change, known, entry.checkedAt);
  }

  #apply(change: Change, known: TypeContext, checkedAt: number): Outcome {
    const { nowMs, timeZone, life } = this.#context;
    const working = this.#open(change.object_type, change.id);
    const { record } = working;
    const applying = { nowMs, timeZone, type: known.type, checkedAt, life };
    const applied = applyChange(record, change, applying);
    if (change.op === 'delete' && !NOT_APPLIED.has(applied.outcome)) this.#forget(working);
    if (applied.record === record) return applied.outcome;
    const flips = this.#flips(working, applied.record, applied.names, known);
    working.record = applied.record;
    this.#flip(working, flips, causeOf(record, applied.record));
    return applied.outcome;
  }

  /** Letters of changes that come after the deletion stay. */
  #forget({ objectType, id }: RecordKey): void {
    this.#forgotten.push({ objectType, id });
    this.#dead = this.#dead.filter(
      ({ record }) => record?.objectType !== objectType || record.id !== id,
    );
  }

  /**
   * The flips when a record becomes `after`: either may be absent or archived, and then is in no
   * segment.
   */
  #flips(
    working: WorkingRecord,
    after: RecordRow | undefined,
    names: readonly string[] | undefined,
    known: TypeContext,
  ): Flip[] {
    const { id, record: before, truth } = working;
    if (!isLive(after)) return isLive(before) ? leaveAll(truth, known) : [];
    if (isLive(before) && names?.length === 0) return [];
    const open = this.#neighbours.open(known, after);
    const seen = this.#neighbours.view(known, id, after);
    if (!isLive(before)) return this.#created(working, known, seen, open);
    // Both views have the neighbourhood of now; what a new key may move is verified, whatever the
    // stored truth knew of the old one.
    const verify = this.#neighbours.movedBy(known, before, after);
    const was = this.#neighbours.view(known, id, before);
    return this.#updated(working, known, was, seen, names, verify, open);
  }

  #created(
    working: WorkingRecord,
    known: TypeContext,
    seen: Attributes,
    open: ReadonlySet<string>,
  ): Flip[] {
    const { nowMs } = this.#context;
    const holding = this.#told(working, () =>
      known.network.create(seen, nowMs, this.#neighbourhood(NO_NAMES, open)),
    );
    return [...holding, ...this.#neighbours.heldOfNothing(known, open)].map((predicateId) =>
      flip(predicateId, true),
    );
  }

  #open(objectType: string, id: string): WorkingRecord {
    let rows = this.#working.get(objectType);
    if (!rows) this.#working.set(objectType, (rows = new Map()));
    let working = rows.get(id);
    if (!working) {
      const before = this.#context.row(objectType, id);
      working = {
        objectType,
        id,
        known: this.#context.types.get(objectType),
        before,
        record: before.record,
        truth: before.truth,
        due: before.due,
        live: NO_FLIPS,
        cause: CAUSES.record_changed,
        causes: undefined,
        backfilled: NO_FLIPS,
        isTimerWritten: false,
      };
      rows.set(id, working);
      if (before.due !== undefined && before.due <= this.#context.nowMs)
        this.#fireTimer(working, before.due);
    }
    return working;
  }

  /** Time has passed the moment at which the record was due: it is evaluated once, as of now. */
  #fireTimer(working: WorkingRecord, due: number): void {
    const { id, known, record } = working;
    if (!known || !isLive(record)) return;
    const { nowMs } = this.#context;
    const seen = this.#neighbours.view(known, id, record);
    const open = this.#neighbours.open(known, record);
    this.#truth = working.truth;
    const flips = this.#told(working, () => {
      const neighbourhood = this.#neighbourhood(NO_NAMES, open);
      return known.network.fire(seen, due - 1, nowMs, this.#held, neighbourhood);
    });
    this.#flip(working, flips, CAUSES.time);
  }
}

const NO_NAMES: readonly string[] = [];
const NO_FLIPS: readonly Flip[] = [];
/** Outcomes of a change that leaves all as it was. */
const NOT_APPLIED: ReadonlySet<Outcome> = new Set(['stale', 'precondition_failed']);

function isChanged({ before, record, truth, due }: WorkingRecord): boolean {
  return record !== before.record || truth !== before.truth || due !== before.due;
}

/**
 * Predicate ids that were retired since fall away whenever a row is written, in memory too: else it
 * grows with every edit. Those of a type that is unknown are all retired.
 */
function withoutGivenUp(row: Row, known: TypeContext | undefined): Row {
  const truth = known ? keptPredicateIds(row.truth, known.predicateIds) : NO_PREDICATE_IDS;
  return truth === row.truth ? row : { ...row, truth };
}

/** Predicate ids that were retired since have no member set any more, and no follower. */
function leaveAll(truth: PredicateIds, known: TypeContext): Flip[] {
  return [...keptPredicateIds(truth, known.predicateIds)].map((predicateId) =>
    flip(predicateId, false),
  );
}

/**
 * The flips of one predicate id alternate: an even number of them is none, an odd number is the
 * last.
 */
function netFlips(flips: readonly Flip[]): readonly Flip[] {
  if (isNet(flips)) return flips;
  const last = new Map<number, Flip>();
  for (const flip of flips) {
    const predicateId = flippedPredicateId(flip);
    if (last.has(predicateId)) last.delete(predicateId);
    else last.set(predicateId, flip);
  }
  return [...last.values()].sort(ascending);
}

/** What the last of the flips of each net one was about: `causes` are those of `all`. */
function causesOf(
  net: readonly Flip[],
  all: readonly Flip[],
  causes: readonly CauseCode[],
): CauseCode[] {
  return net.map((each) => causes[all.lastIndexOf(each)]!);
}

/** Why a change of a record itself moves it, once it becomes `after`. */
function causeOf(before: RecordRow | undefined, after: RecordRow | undefined): CauseCode {
  if (isLive(after)) {
    if (isLive(before)) return CAUSES.record_changed;
    return exists(before) ? CAUSES.restored : CAUSES.created;
  }
  return exists(after) ? CAUSES.archived : CAUSES.deleted;
}

/** Those of one change are: ascending, each predicate id once. */
function isNet(flips: readonly Flip[]): boolean {
  for (let i = 1; i < flips.length; i++)
    if (flippedPredicateId(flips[i - 1]!) >= flippedPredicateId(flips[i]!)) return false;
  return true;
}

/** Most records are changed once in a batch: then nothing is copied. */
function appended(flips: readonly Flip[], more: readonly Flip[]): readonly Flip[] {
  if (flips.length === 0) return more;
  return more.length === 0 ? flips : flips.concat(more);
}

const ascending = (a: number, b: number) => a - b;

function tooManyValues({ definition }: Edge, target: string): Failure {
  const passed = `${DIFFERENT_VALUES_MAX.toLocaleString('en')} different values`;
  const detail = `more than ${passed} are counted`;
  return { object_type: definition.target, id: target, passed, detail };
}

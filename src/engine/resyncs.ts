/**
 * resyncs.ts – Resynchronizations: after a loss a partition resends another one all its state.
 *
 * Keeps true: the source's messages between `snapshot-begin` and `snapshot-end` hold all that it
 * knows of every (edge, target) that concerns the other. Each is as of when it is sent, in order
 * with the live messages. What the target had received before and was not confirmed in between is
 * swept away after `snapshot-end`. That one runs is part of `meta` at both ends, from the commit
 * that begins it to the one that ends it, so that reads know. How far it has come is not: after a
 * take-over it begins again, which is harmless.
 */
import { partitionOf } from '../change/partition.ts';
import type { TargetValue, ValueAt } from '../membership/value-key.ts';
import { addTo } from '../multimap.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Networks } from './networks.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import type { CommitWrites, PartitionMeta } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { Step } from './step.ts';

/** `receiving`: between `begin` and `end`; `sweeping`: what was not confirmed is being dropped. */
export type Receipt = 'receiving' | 'sweeping';

/** State about some targets over one edge, to be resent. */
interface TargetResend {
  readonly to: number;
  readonly edgeId: number;
  /**
   * `up`: what our holders add up to at targets of the other; `down`: what our targets show to
   * holders there.
   */
  readonly direction: 'up' | 'down';
  readonly targets: readonly string[];
}

/** Values that our holders have at targets of another partition, to be resent. */
interface ValueResend {
  readonly to: number;
  readonly edgeId: number;
  readonly direction: 'values';
  readonly predicateId: number;
  readonly values: readonly TargetValue[];
}

export type Resend = TargetResend | ValueResend;

/** Targets of ours about which a partition has sent nothing since its resynchronization began. */
interface TargetSweep {
  readonly from: number;
  readonly edgeId: number;
  readonly targets: readonly string[];
}

/** Values at targets of ours that no message has confirmed their holders to have. */
export interface ValueSweep {
  readonly from: number;
  readonly edgeId: number;
  readonly predicateId: number;
  readonly values: readonly TargetValue[];
}

export type Sweep = TargetSweep | ValueSweep;

/** What a batch takes along. */
export interface ResyncChunk {
  readonly begins: readonly number[];
  readonly resends: readonly Resend[];
  readonly ends: readonly number[];
  readonly sweeps: readonly Sweep[];
  /** Sources whose sweep is done with this batch. */
  readonly swept: readonly number[];
}

export const NO_RESYNC: ResyncChunk = { begins: [], resends: [], ends: [], sweeps: [], swept: [] };

/** What a step has received of resynchronizations. */
export interface ResyncEffects {
  /** The last mark received of each source. */
  readonly heard: ReadonlyMap<number, 'snapshot-begin' | 'snapshot-end'>;
  /** Sources that began in this batch: what was confirmed before does not count any more. */
  readonly begun: ReadonlySet<number>;
  /** By source that is resending, the (edge, target) pairs about which it has sent something. */
  readonly confirmed: ReadonlyMap<number, ReadonlySet<string>>;
  /**
   * Sources of messages that can't be applied, and that have not begun a resend since: until they
   * have, what is known of them is not right.
   */
  readonly broken: ReadonlySet<number>;
}

/** Collects the effects while a step runs. */
export class HeardResyncs implements ResyncEffects {
  readonly heard = new Map<number, 'snapshot-begin' | 'snapshot-end'>();
  readonly begun = new Set<number>();
  readonly broken = new Set<number>();
  readonly #confirmed = new Map<number, Set<string>>();
  readonly #isReceiving: (source: number) => boolean;

  constructor(isReceiving: (source: number) => boolean) {
    this.#isReceiving = isReceiving;
  }

  get confirmed(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.#confirmed;
  }

  mark(from: number, kind: 'snapshot-begin' | 'snapshot-end'): void {
    this.heard.set(from, kind);
    if (kind === 'snapshot-end') return;
    this.begun.add(from);
    this.broken.delete(from);
    this.#confirmed.delete(from);
  }

  /**
   * A message of the source can't be applied. A resend that it began before does not make that
   * good: the message may be part of it.
   */
  spoil(from: number): void {
    this.broken.add(from);
  }

  /** @returns whether the source is resending all its state. */
  confirm(from: number, member: string): boolean {
    if (!this.begun.has(from) && !this.#isReceiving(from)) return false;
    addTo(this.#confirmed, from, member);
    return true;
  }

  isConfirmed(from: number, member: string): boolean {
    return this.#confirmed.get(from)?.has(member) === true;
  }
}

/** Names a target in the set of those that were confirmed. */
export function confirmedMember(edgeId: number, target: string): string {
  return `${edgeId}:${target}`;
}

/** Names a value at a target in that set. No predicate has the id of an edge and keeps values. */
export function confirmedValue({ predicateId, target, value }: ValueAt): string {
  return `${predicateId}:${value}\n${target}`;
}

/** The writes of a commit about resynchronizations. */
export type ResyncProgress = Pick<
  CommitWrites,
  'resending' | 'resendingDone' | 'receiving' | 'receivingDone' | 'broken' | 'brokenDone'
>;

export class Resyncs implements Participant {
  readonly #limits: CoreLimits;
  /** The chunks still to be sent, by target partition; undefined: not listed yet. */
  readonly #sending = new Map<number, Resend[] | undefined>();
  readonly #unbegun = new Set<number>();
  readonly #receipts = new Map<number, Receipt>();
  readonly #sweeping = new Map<number, Sweep[]>();
  #chunk = NO_RESYNC;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({ receiving }: Pick<PartitionMeta, 'receiving'>): void {
    for (const [source, receipt] of receiving) this.#receipts.set(source, receipt);
  }

  /** Resends all state to these partitions. */
  resend(lost: Iterable<number>): void {
    for (const to of lost) {
      this.#sending.set(to, undefined);
      this.#unbegun.add(to);
    }
  }

  /** Whether state is left to be sent, or to be swept. */
  get isRunning(): boolean {
    if (this.#sending.size > 0) return true;
    for (const receipt of this.#receipts.values()) if (receipt === 'sweeping') return true;
    return false;
  }

  /** Whether what this source sends is noted as confirmed. */
  isReceiving(source: number): boolean {
    return this.#receipts.has(source);
  }

  begin(): void {
    this.#chunk = NO_RESYNC;
  }

  /** With care its pieces are tried one by one. */
  hasWork({ isHeldBack, isCareful }: Turn): boolean {
    return !isHeldBack && !isCareful && this.isRunning;
  }

  *work(batch: BatchDraft, turn: Turn): Asking<boolean> {
    batch.resync = yield* this.take(turn);
    return true;
  }

  /**
   * The next piece of work. An end comes only once everything that the partition has to build is
   * built, for what a build finds out is part of its state.
   */
  *take(turn: Turn): Asking<ResyncChunk> {
    this.#chunk = yield* this.#next(turn);
    return this.#chunk;
  }

  *#next(turn: Turn): Asking<ResyncChunk> {
    if (this.#unbegun.size > 0) return { ...NO_RESYNC, begins: [...this.#unbegun] };
    for (const [to, listed] of this.#sending) {
      const resends = listed ?? (yield* this.#listResends(to, turn));
      this.#sending.set(to, resends);
      const next = resends.at(-1);
      if (next) return { ...NO_RESYNC, resends: [next] };
      if (!turn.isBuilding) return { ...NO_RESYNC, ends: [to] };
    }
    for (const [from, receipt] of this.#receipts) {
      if (receipt !== 'sweeping') continue;
      const sweeps = this.#sweeping.get(from) ?? (yield* this.#listSweeps(from, turn.networks));
      this.#sweeping.set(from, sweeps);
      const next = sweeps.at(-1);
      if (!next) return { ...NO_RESYNC, swept: [from] };
      return { ...NO_RESYNC, sweeps: [yield* unconfirmed(next)] };
    }
    return NO_RESYNC;
  }

  plan(writes: CommitDraft, { resync }: Step): void {
    const chunk = this.#chunk;
    const { heard, begun, broken, confirmed } = resync;
    if (chunk === NO_RESYNC && this.#unbegun.size + heard.size + broken.size === 0) {
      if (confirmed.size > 0) writes.confirmed = confirmed;
      return;
    }
    const planned = this.progress(chunk, resync);
    Object.assign(writes, planned);
    writes.unconfirmed = [...begun, ...planned.receivingDone];
    writes.confirmed = planned.receivingDone.length > 0 ? without(confirmed, planned) : confirmed;
  }

  /** The writes of a commit. Pure. */
  progress(chunk: ResyncChunk, { heard, begun, broken }: ResyncEffects): ResyncProgress {
    return {
      // Commits before it begins leave the positions of both ends equal: only this records that
      // state was lost between them.
      resending: [...this.#unbegun],
      resendingDone: chunk.ends,
      receiving: [...heard].map(([from, mark]) => [from, receiptAfter(mark)]),
      receivingDone: chunk.swept.filter((from) => !heard.has(from)),
      broken: [...broken],
      brokenDone: [...begun].filter((from) => !broken.has(from)),
    };
  }

  committed({ resync }: Pick<Step, 'resync'>): void {
    this.apply(this.#chunk, resync);
  }

  apply(chunk: ResyncChunk, { heard }: ResyncEffects): void {
    for (const to of chunk.begins) this.#unbegun.delete(to);
    for (const { to } of chunk.resends) this.#sending.get(to)?.pop();
    for (const to of chunk.ends) this.#sending.delete(to);
    for (const { from } of chunk.sweeps) this.#sweeping.get(from)?.pop();
    for (const from of chunk.swept) {
      this.#receipts.delete(from);
      this.#sweeping.delete(from);
    }
    for (const [from, mark] of heard) {
      this.#receipts.set(from, receiptAfter(mark));
      this.#sweeping.delete(from);
    }
  }

  /**
   * Read whole: targets have no order to go along by, and losses are rare (a million targets are
   * about half a second of one shard).
   */
  *#listResends(to: number, { networks, partitions }: Turn): Asking<Resend[]> {
    const resends: Resend[] = [];
    for (const [edgeId, { valuesUp }] of networks.edges) {
      const held = (yield* ask({ kind: 'all-neighbour-targets', edgeId })).filter(
        (target) => partitionOf(target, partitions) === to,
      );
      for (const targets of this.#chunks(held))
        resends.push({ to, edgeId, direction: 'up', targets });
      const related = yield* ask({ kind: 'all-related-targets', edgeId });
      for (const targets of this.#chunks(related)) {
        const rows = yield* ask({ kind: 'related', edgeId, targets });
        const subscribed = targets.filter((_, at) => rows[at]?.[to] !== undefined);
        if (subscribed.length > 0)
          resends.push({ to, edgeId, direction: 'down', targets: subscribed });
      }
      for (const predicateId of valuesUp) {
        const counted = yield* ask({ kind: 'all-value-counts', predicateId });
        const held = counted.filter(({ target }) => partitionOf(target, partitions) === to);
        for (const values of this.#chunks(held))
          resends.push({ to, edgeId, direction: 'values', predicateId, values });
      }
    }
    return resends;
  }

  *#listSweeps(from: number, { edges }: Networks): Asking<Sweep[]> {
    const sweeps: Sweep[] = [];
    for (const [edgeId, { valuesUp }] of edges) {
      const related = yield* ask({ kind: 'all-related-targets', edgeId });
      for (const targets of this.#chunks(related)) sweeps.push({ from, edgeId, targets });
      for (const predicateId of valuesUp) {
        const all = yield* ask({ kind: 'all-value-sources', predicateId });
        const told = all.filter(({ sources }) => sources.includes(from));
        for (const values of this.#chunks(told)) sweeps.push({ from, edgeId, predicateId, values });
      }
    }
    return sweeps;
  }

  #chunks<T>(all: readonly T[]): T[][] {
    const most = this.#limits.resentTargetsMax;
    const made: T[][] = [];
    for (let from = 0; from < all.length; from += most) made.push(all.slice(from, from + most));
    return made;
  }
}

function receiptAfter(mark: 'snapshot-begin' | 'snapshot-end'): Receipt {
  return mark === 'snapshot-begin' ? 'receiving' : 'sweeping';
}

function without(
  confirmed: ResyncEffects['confirmed'],
  { receivingDone }: ResyncProgress,
): ResyncEffects['confirmed'] {
  return new Map([...confirmed].filter(([source]) => !receivingDone.includes(source)));
}

function* unconfirmed(sweep: Sweep): Asking<Sweep> {
  const { from, edgeId } = sweep;
  if ('values' in sweep) {
    const { predicateId, values } = sweep;
    const members = values.map((at) => confirmedValue({ predicateId, ...at }));
    const areConfirmed = yield* ask({ kind: 'are-confirmed', source: from, members });
    return { ...sweep, values: values.filter((_, at) => !areConfirmed[at]) };
  }
  const { targets } = sweep;
  const members = targets.map((target) => confirmedMember(edgeId, target));
  const areConfirmed = yield* ask({ kind: 'are-confirmed', source: from, members });
  return { from, edgeId, targets: targets.filter((_, at) => !areConfirmed[at]) };
}

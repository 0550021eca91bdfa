/**
 * participant.ts – One concern of a partition between its batches: builds, fan-outs, timers, …
 *
 * Keeps true: a participant remembers only what `recover` read from the last commit's `meta`, and
 * what `committed` passed it of commits since. `work` and `plan` only note down what `committed`
 * needs: a turn that comes to nothing leaves no trace (`begin` clears it). So a participant is as
 * right after a take-over, a lost answer or a failed step as it was before.
 */
import type { Batch } from './batch.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { Edge } from './edges.ts';
import type { Networks } from './networks.ts';
import type { PartitionMeta } from './partition-store.ts';
import type { Asking } from './requests.ts';
import type { Step } from './step.ts';

/** A batch while participants add their shares to it. */
export type BatchDraft = { -readonly [Name in keyof Batch]: Batch[Name] };

/** The part of a turn that its participants may know. */
export interface Turn {
  /** They may move on to a newer catalog version whenever something is asked for. */
  readonly networks: Networks;
  readonly timeZone: string;
  /** How many partitions there are. */
  readonly partitions: number;
  /** The partition's clock. */
  readonly nowMs: number;
  /** The number of the commit that this turn may make. */
  readonly number: number;
  /** The outbox is full: only the inbox, and what sends nothing, is worked off. */
  readonly isHeldBack: boolean;
  /** Something may be at fault, and pieces are tried one by one (care.ts). */
  readonly isCareful: boolean;
  /** Something is left to build at the catalog version of now. */
  readonly isBuilding: boolean;
  /** Predicates that this partition answers for from the commit on that is being planned. */
  readonly completing: readonly number[];
  /** Whether it answers for a predicate, from that commit on at the latest. */
  isAnswered(predicateId: number): boolean;
  /** How many records this slice may look at, so that it takes no longer than it was granted. */
  readonly recordsMax: number;
}

/** The bytes of a stored record. */
export type Weigh = (objectType: string, id: string) => number;

export interface Participant {
  /** Its work comes first: changes and messages. All other work is done in slices (slices.ts). */
  readonly isLive?: boolean;
  /** Takes up what the last commit says. Caller: once, before anything else. */
  recover?(meta: PartitionMeta): void;
  /** Forgets what it had noted down for a turn that came to nothing. Caller: before each turn. */
  begin?(): void;
  /** Whether it may have something to do. Costs nothing while it has not. */
  hasWork?(turn: Turn): boolean;
  /** When it may have something to do without an event; Infinity: never. */
  nextMs?(turn: Turn): number;
  /**
   * Reads what it needs for its next piece of work, and adds it to the batch.
   * Caller: `hasWork` was true. @returns whether there is something to commit
   */
  work?(batch: BatchDraft, turn: Turn): Asking<boolean>;
  /** Cuts its share so that the records of it weigh less; what comes first stays. */
  lighten?(batch: BatchDraft, weigh: Weigh, edges: ReadonlyMap<number, Edge>): void;
  /** Adds to the commit what the step made of its share. Caller: nothing is asked for meanwhile. */
  plan?(writes: CommitDraft, made: Step, turn: Turn): void;
  /** The commit that was planned last took place. */
  committed?(made: Step): void;
}

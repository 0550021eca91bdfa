/**
 * commit-draft.ts – Collects the writes of a commit while the step and the participants add to it.
 *
 * Keeps true: a list without additions is one shared empty list, so that an idle part of a commit
 * costs nothing. A field is given by one participant alone.
 */
import { pushTo } from '../multimap.ts';
import { entered, flippedPredicateId } from '../query/network/network.ts';
import type { Networks } from './networks.ts';
import type { PartitionBuilds } from './partition-builds.ts';
import type { CommitWrites } from './partition-store.ts';
import type { Step } from './step.ts';

const NONE: readonly never[] = [];
const NO_MAP: ReadonlyMap<never, never> = new Map<never, never>();

export class CommitDraft implements CommitWrites {
  readonly clockMs: number;
  catalogVersion: number;
  position: CommitWrites['position'];
  inbox: CommitWrites['inbox'];
  records: CommitWrites['records'] = NONE;
  tombstones: CommitWrites['tombstones'] = NONE;
  timers: CommitWrites['timers'] = NONE;
  entering: CommitWrites['entering'] = NO_MAP;
  leaving: CommitWrites['leaving'] = NO_MAP;
  counted: CommitWrites['counted'] = NONE;
  dropped: CommitWrites['dropped'] = NONE;
  failed: CommitWrites['failed'] = NO_MAP;
  healed: CommitWrites['healed'] = NONE;
  backfills: CommitWrites['backfills'] = NO_MAP;
  neighbours: CommitWrites['neighbours'] = NONE;
  related: CommitWrites['related'] = NONE;
  holders: CommitWrites['holders'] = NONE;
  values: CommitWrites['values'] = NONE;
  valueCounts: CommitWrites['valueCounts'] = NONE;
  valueSources: CommitWrites['valueSources'] = NONE;
  valueTotals: CommitWrites['valueTotals'] = NONE;
  fanouts: CommitWrites['fanouts'] = NONE;
  fanoutsDone: CommitWrites['fanoutsDone'] = NONE;
  edgeSets: CommitWrites['edgeSets'] = NONE;
  edgeSetsDone: CommitWrites['edgeSetsDone'] = NONE;
  forgottenHolders: CommitWrites['forgottenHolders'] = NONE;
  forgottenValues: CommitWrites['forgottenValues'] = NONE;
  forgottenNeighbours: CommitWrites['forgottenNeighbours'] = NONE;
  timedTypes: CommitWrites['timedTypes'] = NONE;
  timedTypesDone: CommitWrites['timedTypesDone'] = NONE;
  channels: CommitWrites['channels'] = NONE;
  outbox: CommitWrites['outbox'] = NONE;
  delivered: CommitWrites['delivered'] = NONE;
  resending: CommitWrites['resending'] = NONE;
  resendingDone: CommitWrites['resendingDone'] = NONE;
  receiving: CommitWrites['receiving'] = NONE;
  receivingDone: CommitWrites['receivingDone'] = NONE;
  broken: CommitWrites['broken'] = NONE;
  brokenDone: CommitWrites['brokenDone'] = NONE;
  unconfirmed: CommitWrites['unconfirmed'] = NONE;
  confirmed: CommitWrites['confirmed'] = NO_MAP;
  feed: CommitWrites['feed'];
  followed: CommitWrites['followed'] = NO_MAP;
  feedRuns: CommitWrites['feedRuns'] = NO_MAP;
  telling: CommitWrites['telling'];
  feedEpochs: CommitWrites['feedEpochs'];
  activations: CommitWrites['activations'] = NONE;
  /** By predicate: members that are no records, and go. */
  strays: ReadonlyMap<number, readonly string[]> = NO_MAP;
  outcomes: CommitWrites['outcomes'] = NONE;
  dead: CommitWrites['dead'] = NONE;
  forgotten: CommitWrites['forgotten'] = NONE;
  trial: CommitWrites['trial'];

  constructor(clockMs: number, catalogVersion: number) {
    this.clockMs = clockMs;
    this.catalogVersion = catalogVersion;
  }
}

/** What a step has made of records, memberships and both ends of edges. */
export function addStep(
  writes: CommitDraft,
  { records, timers, edges, outcomes, dead, forgotten }: Step,
): void {
  writes.records = records;
  writes.timers = timers;
  writes.neighbours = edges.neighbours;
  writes.related = edges.related;
  writes.holders = edges.holders;
  writes.values = edges.values;
  writes.valueCounts = edges.valueCounts;
  writes.valueSources = edges.valueSources;
  writes.valueTotals = edges.valueTotals;
  writes.outcomes = outcomes;
  writes.dead = dead;
  writes.forgotten = forgotten;
}

/**
 * Member sets follow the flips. Counts come from the sets themselves, for every predicate id that
 * this partition answers for, or answers for from now on.
 */
export function addMembers(
  writes: CommitDraft,
  { records }: Step,
  networks: Networks,
  builds: Pick<PartitionBuilds, 'isComplete' | 'completing'>,
): void {
  const entering = new Map<number, string[]>();
  const leaving = new Map<number, string[]>();
  for (const [predicateId, ids] of writes.strays) leaving.set(predicateId, [...ids]);
  for (const { id, flips } of records) {
    for (const flip of flips) {
      const predicateId = flippedPredicateId(flip);
      if (networks.hasShared && networks.isShared(predicateId)) continue;
      const sets = entered(flip) ? entering : leaving;
      pushTo(sets, predicateId, id);
    }
  }
  const counted = new Set(builds.completing);
  for (const sets of [entering, leaving]) {
    for (const predicateId of sets.keys())
      if (builds.isComplete(predicateId)) counted.add(predicateId);
  }
  writes.entering = entering;
  writes.leaving = leaving;
  writes.counted = counted;
}

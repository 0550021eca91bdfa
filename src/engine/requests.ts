/**
 * requests.ts – The requests of a partition's core while it runs, and their answers.
 *
 * Keeps true: the core does no I/O. It is a generator that yields one request at a time; its driver
 * carries the request out and hands back the answer. The union is closed, so that adding a request
 * makes the compiler name each driver. Some requests are for a `PartitionStore`; the others are for
 * the process that the core runs in.
 */
import { unreachable } from '../errors.ts';
import type { ChannelPosition } from '../membership/channel-position.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { TargetValue } from '../membership/value-key.ts';
import type { RecordKey } from './batch.ts';
import type { Fanout } from './fanouts.ts';
import type {
  ChunkLimit,
  CommitAnswer,
  DueRecord,
  EntryId,
  EpochBegin,
  FanoutKey,
  LoadedRecords,
  PartitionStore,
  PreparedCommit,
  RecordChunk,
  RecordsOfType,
  Renewal,
  StoredChannel,
  StrayWalk,
  TrialNote,
  ValueSources,
  WaitingEntry,
  Walk,
} from './partition-store.ts';
import type { TurnAhead } from './slices.ts';
import type { Extremes } from './step-neighbours.ts';

/** Rows at one end of an edge. */
export interface EdgeTargets {
  readonly edgeId: number;
  readonly targets: readonly string[];
}

export interface ExtremesOf {
  readonly predicateId: number;
  readonly target: string;
  readonly most: number;
}

/** Values at targets, for one shared predicate of holders. */
export interface ValuesOf {
  readonly predicateId: number;
  readonly values: readonly TargetValue[];
}

export interface TotalsOf {
  readonly predicateId: number;
  readonly targets: readonly string[];
}

interface HoldersOf {
  readonly edgeId: number;
  readonly target: string;
  readonly after: string;
  readonly until: string | null;
  readonly most: number;
}

/** Where the way to a target stands, at both ends. */
interface ChannelEnds {
  readonly stored: StoredChannel;
  /** The first sequence that waits in the outbox; undefined: none does. */
  readonly outboxFirst: number | undefined;
}

export interface TargetEpoch extends Omit<EpochBegin, 'source'> {
  readonly target: number;
}

/** Requests for the store of the partition, or for that of a target. */
export type StoreRequest =
  | {
      readonly kind: 'records';
      readonly asked: readonly RecordsOfType[];
      readonly bytesMax: number;
    }
  | {
      readonly kind: 'edge-rows';
      readonly neighbours: readonly EdgeTargets[];
      readonly related: readonly EdgeTargets[];
      readonly extremes: readonly ExtremesOf[];
      readonly valueCounts: readonly ValuesOf[];
      readonly valueSources: readonly ValuesOf[];
      readonly valueTotals: readonly TotalsOf[];
    }
  | ({
      readonly kind: 'records-after';
      readonly objectType: string;
      readonly after: string;
    } & ChunkLimit)
  | { readonly kind: 'holders'; readonly asked: readonly HoldersOf[] }
  | {
      readonly kind: 'few-holders';
      readonly asked: readonly FanoutKey[];
      readonly most: number;
    }
  | { readonly kind: 'fanouts'; readonly from: number; readonly most: number }
  | { readonly kind: 'first-due'; readonly most: number }
  | { readonly kind: 'expired-tombstones'; readonly untilMs: number; readonly most: number }
  | {
      readonly kind: 'walk-timers';
      readonly cursor: string | undefined;
      readonly most: number;
    }
  | {
      readonly kind: 'walk-neighbour-targets';
      readonly edgeId: number;
      readonly cursor: string | undefined;
      readonly most: number;
    }
  | { readonly kind: 'some-neighbour-targets'; readonly edgeId: number; readonly most: number }
  | { readonly kind: 'all-neighbour-targets'; readonly edgeId: number }
  | { readonly kind: 'all-related-targets'; readonly edgeId: number }
  | { readonly kind: 'all-value-counts'; readonly predicateId: number }
  | { readonly kind: 'all-value-sources'; readonly predicateId: number }
  | { readonly kind: 'related'; readonly edgeId: number; readonly targets: readonly string[] }
  | {
      readonly kind: 'are-confirmed';
      readonly source: number;
      readonly members: readonly string[];
    }
  | { readonly kind: 'are-members'; readonly predicateId: number; readonly ids: readonly string[] }
  | ({ readonly kind: 'walk-strays' } & StrayWalk)
  | { readonly kind: 'last-entries' }
  | { readonly kind: 'channels'; readonly targets: readonly number[] }
  | { readonly kind: 'begin-epochs'; readonly begins: readonly TargetEpoch[] }
  | { readonly kind: 'outbox'; readonly target: number }
  | { readonly kind: 'note-trial'; readonly note: TrialNote | null };

/** Requests that the driver carries out itself: it retries these, or they are about its process. */
export type DriverRequest =
  | { readonly kind: 'renew' }
  /**
   * The very same commit is sent until it is answered; 'unknown': the driver stops, and the next
   * owner reads what is stored.
   */
  | { readonly kind: 'commit'; readonly prepared: PreparedCommit }
  /** Brings the catalog to this version at least. */
  | { readonly kind: 'catalog'; readonly version: number }
  /** A turn begins: may it take a slice of background work (slices.ts)? */
  | ({ readonly kind: 'slice' } & TurnAhead)
  /** A small batch, of so many entries of the log, may be waited with. */
  | { readonly kind: 'gather'; readonly entries: number }
  /**
   * Waits until no partition of this process is alone any more, and until the core is alone itself.
   */
  | { readonly kind: 'solo-over' }
  | { readonly kind: 'solo-begin' };

export type Request = StoreRequest | DriverRequest;

export interface EdgeRows {
  /** In the order of what was asked, and of the targets. */
  readonly neighbours: readonly (readonly (NeighbourRow | undefined)[])[];
  readonly related: readonly (readonly (RelatedRow | undefined)[])[];
  readonly extremes: readonly Extremes[];
  readonly valueCounts: readonly (readonly number[])[];
  readonly valueSources: readonly (readonly (readonly number[])[])[];
  readonly valueTotals: readonly (readonly number[])[];
}

export interface Answers {
  readonly records: LoadedRecords;
  readonly 'edge-rows': EdgeRows;
  readonly 'records-after': RecordChunk;
  readonly holders: readonly (readonly string[])[];
  readonly 'few-holders': readonly (readonly string[] | undefined)[];
  readonly fanouts: readonly Fanout[];
  readonly 'first-due': readonly DueRecord[];
  readonly 'expired-tombstones': readonly RecordKey[];
  readonly 'walk-timers': Walk<RecordKey>;
  readonly 'walk-neighbour-targets': Walk<string>;
  readonly 'some-neighbour-targets': readonly string[];
  readonly 'all-neighbour-targets': readonly string[];
  readonly 'all-related-targets': readonly string[];
  readonly 'all-value-counts': readonly TargetValue[];
  readonly 'all-value-sources': readonly (TargetValue & ValueSources)[];
  readonly related: readonly (RelatedRow | undefined)[];
  readonly 'are-confirmed': readonly boolean[];
  readonly 'are-members': readonly boolean[];
  readonly 'walk-strays': Walk<string>;
  readonly 'last-entries': { readonly log: EntryId; readonly inbox: EntryId };
  readonly channels: readonly ChannelEnds[];
  readonly outbox: readonly WaitingEntry[];
  readonly 'note-trial': 'noted' | 'fenced';
  readonly 'begin-epochs': readonly ('begun' | 'moved')[];
  readonly renew: Renewal;
  readonly commit: CommitAnswer | 'unknown';
  readonly catalog: undefined;
  /** The length of the slice in ms; undefined: none now. */
  readonly slice: number | undefined;
  readonly gather: undefined;
  readonly 'solo-over': undefined;
  /** What ends it. */
  readonly 'solo-begin': () => void;
}

/** A part of the core's work that asks for what it needs, and comes to an `R`. */
export type Asking<R> = Generator<Request, R, unknown>;

/** Asks for one thing. */
export function* ask<R extends Request>(request: R): Asking<Answers[R['kind']]> {
  return (yield request) as Answers[R['kind']];
}

/** Whose store is asked, for whom. */
export interface Asker {
  readonly partition: number;
  readonly token: string;
  /** By partition. */
  readonly stores: readonly PartitionStore[];
}

/** Carries out a request of the store. Rejects as the store does. */
export function answerOf(
  request: StoreRequest,
  { partition, token, stores }: Asker,
): Promise<Answers[StoreRequest['kind']]> {
  const store = stores[partition]!;
  switch (request.kind) {
    case 'records':
      return store.records(request.asked, request.bytesMax);
    case 'edge-rows':
      return edgeRows(request, store);
    case 'records-after':
      return store.recordsAfter(request.objectType, request.after, request);
    case 'holders':
      return Promise.all(
        request.asked.map(({ edgeId, target, after, until, most }) =>
          store.holdersAfter(edgeId, target, after, until, most),
        ),
      );
    case 'few-holders':
      return store.fewHolders(request.asked, request.most);
    case 'fanouts':
      return store.fanouts(request.from, request.most);
    case 'first-due':
      return store.firstDue(request.most);
    case 'expired-tombstones':
      return store.expiredTombstones(request.untilMs, request.most);
    case 'walk-timers':
      return store.walkTimers(request.cursor, request.most);
    case 'walk-neighbour-targets':
      return store.walkNeighbourTargets(request.edgeId, request.cursor, request.most);
    case 'some-neighbour-targets':
      return store.someNeighbourTargets(request.edgeId, request.most);
    case 'all-neighbour-targets':
      return store.allNeighbourTargets(request.edgeId);
    case 'all-related-targets':
      return store.allRelatedTargets(request.edgeId);
    case 'all-value-counts':
      return store.allValueCounts(request.predicateId);
    case 'all-value-sources':
      return store.allValueSources(request.predicateId);
    case 'related':
      return store.related(request.edgeId, request.targets);
    case 'are-confirmed':
      return store.areConfirmed(request.source, request.members);
    case 'are-members':
      return store.areMembers(request.predicateId, request.ids);
    case 'walk-strays':
      return store.walkStrays(request);
    case 'last-entries':
      return store.lastEntries();
    case 'channels':
      return Promise.all(
        request.targets.map((target) => channelEnds(store, stores[target]!, partition, target)),
      );
    case 'begin-epochs':
      return Promise.all(
        request.begins.map(({ target, ...begin }) =>
          stores[target]!.beginEpoch({ ...begin, source: partition }),
        ),
      );
    case 'outbox':
      return store.outbox(request.target);
    case 'note-trial':
      return store.noteTrial(token, request.note);
    default:
      return unreachable(request);
  }
}

/** Whether a request is for the driver itself. */
export function isForDriver(request: Request): request is DriverRequest {
  switch (request.kind) {
    case 'renew':
    case 'commit':
    case 'catalog':
    case 'slice':
    case 'gather':
    case 'solo-over':
    case 'solo-begin':
      return true;
    default:
      return false;
  }
}

async function edgeRows(
  {
    neighbours,
    related,
    extremes,
    valueCounts,
    valueSources,
    valueTotals,
  }: Extract<StoreRequest, { kind: 'edge-rows' }>,
  store: PartitionStore,
): Promise<EdgeRows> {
  const answered = await Promise.all([
    Promise.all(neighbours.map(({ edgeId, targets }) => store.neighbours(edgeId, targets))),
    Promise.all(related.map(({ edgeId, targets }) => store.related(edgeId, targets))),
    Promise.all(
      extremes.map(({ predicateId, target, most }) => store.extremes(predicateId, target, most)),
    ),
    Promise.all(
      valueCounts.map(({ predicateId, values }) => store.valueCounts(predicateId, values)),
    ),
    Promise.all(
      valueSources.map(({ predicateId, values }) => store.valueSources(predicateId, values)),
    ),
    Promise.all(
      valueTotals.map(({ predicateId, targets }) => store.valueTotals(predicateId, targets)),
    ),
  ]);
  return {
    neighbours: answered[0],
    related: answered[1],
    extremes: answered[2],
    valueCounts: answered[3],
    valueSources: answered[4],
    valueTotals: answered[5],
  };
}

async function channelEnds(
  own: PartitionStore,
  atTarget: PartitionStore,
  source: number,
  target: number,
): Promise<ChannelEnds> {
  const [stored, [first]] = await Promise.all([atTarget.channel(source), own.outbox(target, 1)]);
  return { stored, outboxFirst: first?.sequence };
}

/** The channel positions that are stored of a source, by target. */
export function storedPositions(
  { partition, stores }: Pick<Asker, 'partition' | 'stores'>,
  targets: readonly number[],
): Promise<ChannelPosition[]> {
  return Promise.all(
    targets.map(async (target) => (await stores[target]!.channel(partition)).position),
  );
}

/** A row is read that was not asked for. @throws Error always */
export function notLoaded(what: string, of: string | number, id: string): never {
  throw new Error(`${what} of ${of} ${id} is read, and was not loaded`);
}

/**
 * partition-builds.ts – The builds of one partition: predicate ids that it has built, is building,
 * and has still to build.
 *
 * Keeps true: a partition answers for a predicate id (it is `complete`, its field in `counts`
 * exists) only once it is built. Built means two things: a backfill has visited every record of the
 * type that was there when the predicate id came, and every change since went through a network
 * that held it. New predicate ids of a type that come while a backfill runs wait for the next one,
 * which they share. One that has failed here (query/failure.ts, key `failed`)
 * is neither complete nor built, until the catalog has taken it out.
 */
import type { Failure } from '../query/failure.ts';
import type { BackfillChunk } from './batch.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import type { Networks } from './networks.ts';
import type { BatchDraft, Participant, Turn } from './participant.ts';
import type { PartitionMeta, RecordChunk } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { ReadRows } from './row-cache.ts';
import { EFFECTS_MAX, type Step } from './step.ts';

/**
 * How far a backfill has come: all ids up to `cursor` were visited for all of its predicate ids.
 */
interface Backfill {
  readonly predicateIds: readonly number[];
  readonly cursor: string;
  /** Records visited. */
  readonly visited: number;
}

/**
 * The meta field `backfill:<type>`: the backfill that runs, and the predicate ids that wait for the
 * next one.
 */
export interface TypeBuild {
  readonly backfill?: Backfill;
  readonly waiting: readonly number[];
}

/** What one commit changes here. */
export interface BuildProgress {
  readonly adopted: number;
  /** Predicate ids that the catalog has given up: their counts and sets go. */
  readonly dropped: readonly number[];
  /** Predicate ids whose backfill ends with this commit. */
  readonly completed: readonly number[];
  /** Predicate ids that failed with this commit: their counts go. */
  readonly failed: ReadonlyMap<number, Failure>;
  /** Of the dropped ones, those that had failed. */
  readonly healed: readonly number[];
  /** The new build of each type whose build changed; undefined: nothing is left to build. */
  readonly builds: ReadonlyMap<string, TypeBuild | undefined>;
}

/** A piece of a backfill that a batch may take along. */
export interface BackfillRequest {
  readonly objectType: string;
  readonly backfill: Backfill;
}

/** The next ids of a backfill, and whether they are the last ones. */
export interface BackfillTaken {
  readonly request: BackfillRequest;
  readonly ids: readonly string[];
  readonly isLast: boolean;
  readonly rows: RecordChunk['rows'];
}

const NO_IDS: readonly number[] = [];

export class PartitionBuilds implements Participant {
  readonly #limits: CoreLimits;
  readonly #complete = new Set<number>();
  readonly #builds = new Map<string, TypeBuild>();
  readonly #failed = new Map<number, Failure>();
  /** A version that no partition was ever at: what the catalog holds is looked at once more. */
  #adopted = -1;
  #taken: BackfillTaken | undefined;
  #planned: BuildProgress | undefined;
  #isNews = false;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({
    complete,
    backfills,
    failed,
  }: Pick<PartitionMeta, 'complete' | 'backfills' | 'failed'>) {
    for (const predicateId of complete) this.#complete.add(predicateId);
    for (const [objectType, build] of backfills) this.#builds.set(objectType, build);
    for (const [predicateId, failure] of failed) this.#failed.set(predicateId, failure);
  }

  begin(): void {
    this.#taken = undefined;
    this.#planned = undefined;
  }

  hasWork({ isHeldBack, isBuilding }: Turn): boolean {
    return !isHeldBack && isBuilding;
  }

  *work(batch: BatchDraft, { recordsMax }: Turn): Asking<boolean> {
    const taken = yield* this.take(recordsMax);
    if (taken && taken.ids.length > 0) batch.backfills = [chunkOf(taken)];
    return true;
  }

  /**
   * The next records of a backfill: few when many predicates are evaluated for each, so that a
   * commit stays within EFFECTS_MAX, and no more of them than may be held at once.
   */
  *take(recordsMax: number): Asking<BackfillTaken | undefined> {
    const request = this.nextBackfill();
    if (!request) return undefined;
    const { objectType, backfill } = request;
    const most = Math.min(recordsMax, this.#idsMax(request));
    const bytesMax = this.#limits.kindBytesMax;
    const after = backfill.cursor;
    const chunk = yield* ask({ kind: 'records-after', objectType, after, most, bytesMax });
    const { rows, isEnd } = chunk;
    this.#taken = { request, ids: [...rows.keys()], isLast: isEnd, rows };
    return this.#taken;
  }

  /** The rows that were read with the ids of this turn: nothing is committed in between. */
  get read(): ReadRows | undefined {
    return this.#taken && { objectType: this.#taken.request.objectType, rows: this.#taken.rows };
  }

  #idsMax({ backfill }: BackfillRequest): number {
    const { backfillRecordsMin, backfillRecordsMax } = this.#limits;
    const rows = Math.floor(EFFECTS_MAX / backfill.predicateIds.length);
    return Math.max(backfillRecordsMin, Math.min(backfillRecordsMax, rows));
  }

  /** Nothing of it is part of this turn after all. */
  putBack(): void {
    this.#taken = undefined;
  }

  plan(writes: CommitDraft, { backfilled, failures }: Step, { networks }: Turn): void {
    const taken = this.#taken;
    const visited = taken?.ids.slice(0, backfilled) ?? [];
    const isDone = taken?.isLast === true && visited.length === taken.ids.length;
    const planned = this.progress(networks, taken?.request, visited, isDone, failures);
    this.#planned = planned;
    writes.catalogVersion = planned.adopted;
    writes.dropped = planned.dropped;
    writes.failed = planned.failed;
    writes.healed = planned.healed;
    writes.backfills = planned.builds;
  }

  /** Predicate ids that this partition answers for from the planned commit on. */
  get completing(): readonly number[] {
    return this.#planned?.completed ?? NO_IDS;
  }

  committed(): void {
    this.#isNews = this.#planned !== undefined && this.apply(this.#planned);
  }

  /** Whether the last commit is news for those who wait for builds. */
  get isNews(): boolean {
    return this.#isNews;
  }

  /** The predicate ids that have failed here. */
  get failed(): ReadonlyMap<number, Failure> {
    return this.#failed;
  }

  isComplete(predicateId: number): boolean {
    return this.#complete.has(predicateId);
  }

  /** Whether the catalog has moved on since the last commit, or something is left to build. */
  isBuilding(version: number): boolean {
    return version !== this.#adopted || this.#builds.size > 0;
  }

  /** The backfill that goes on with the next batch, if there is one. */
  nextBackfill(): BackfillRequest | undefined {
    for (const [objectType, { backfill, waiting }] of this.#builds) {
      if (backfill) return { objectType, backfill };
      if (waiting.length > 0)
        return { objectType, backfill: { predicateIds: waiting, cursor: '', visited: 0 } };
    }
    return undefined;
  }

  /**
   * What a commit at the networks' version makes of this. `visited` are the ids that the step
   * scanned for `request`, and whether they were the last ones; `failed` are the predicate ids that
   * failed in it. Caller: in the same turn of the event loop as the step.
   */
  progress(
    networks: Networks,
    request?: BackfillRequest,
    visited: readonly string[] = [],
    isLast = false,
    failed: BuildProgress['failed'] = NOTHING_FAILED,
  ): BuildProgress {
    const builds = new Map<string, TypeBuild | undefined>();
    // Only a new version drops predicate ids; to look at 10,000 of them in every commit costs about
    // a millisecond.
    const isNew = networks.version !== this.#adopted;
    const dropped = isNew
      ? [...this.#predicateIds()].filter((predicateId) => !networks.has(predicateId))
      : [];
    const completed: number[] = [];
    if (request) {
      const { objectType, backfill } = request;
      const predicateIds = backfill.predicateIds.filter(
        (predicateId) => networks.has(predicateId) && !failed.has(predicateId),
      );
      const waiting = (this.#builds.get(objectType)?.waiting ?? []).filter(
        (predicateId) => !backfill.predicateIds.includes(predicateId),
      );
      if (isLast) completed.push(...predicateIds);
      const next = {
        predicateIds,
        cursor: visited.at(-1) ?? backfill.cursor,
        visited: backfill.visited + visited.length,
      };
      builds.set(objectType, isLast ? { waiting } : { backfill: next, waiting });
    }
    if (isNew) this.#takeUpNew(networks, builds);
    if (failed.size > 0)
      for (const [name, build] of this.#builds) if (!builds.has(name)) builds.set(name, build);
    const exists = (predicateId: number) => networks.has(predicateId) && !failed.has(predicateId);
    for (const [objectType, build] of builds) builds.set(objectType, withoutNothing(build, exists));
    const healed = dropped.filter((predicateId) => this.#failed.has(predicateId));
    return { adopted: networks.version, dropped, completed, failed, healed, builds };
  }

  /** @returns whether that is news for those who wait for builds */
  apply({ adopted, dropped, completed, failed, healed, builds }: BuildProgress): boolean {
    const isNews = adopted !== this.#adopted || dropped.length + completed.length + failed.size > 0;
    this.#adopted = adopted;
    for (const predicateId of completed) this.#complete.add(predicateId);
    for (const [predicateId, failure] of failed) this.#failed.set(predicateId, failure);
    for (const predicateId of [...dropped, ...failed.keys()]) this.#complete.delete(predicateId);
    for (const predicateId of healed) this.#failed.delete(predicateId);
    for (const [objectType, build] of builds) {
      if (build) this.#builds.set(objectType, build);
      else this.#builds.delete(objectType);
    }
    return isNews;
  }

  /**
   * Queues what the networks hold and this partition knows nothing of, and forgets what they no
   * longer hold.
   */
  #takeUpNew(networks: Networks, builds: Map<string, TypeBuild | undefined>): void {
    const known = new Set(this.#predicateIds());
    for (const [objectType, build] of this.#builds)
      if (!builds.has(objectType)) builds.set(objectType, build);
    for (const predicateId of networks.predicateIds()) {
      if (known.has(predicateId)) continue;
      const objectType = networks.typeOf(predicateId)!;
      const build = builds.get(objectType) ?? { waiting: [] };
      builds.set(objectType, { ...build, waiting: [...build.waiting, predicateId] });
    }
  }

  *#predicateIds(): Iterable<number> {
    yield* this.#complete;
    yield* this.#failed.keys();
    for (const { backfill, waiting } of this.#builds.values()) {
      yield* backfill?.predicateIds ?? [];
      yield* waiting;
    }
  }
}

const NOTHING_FAILED: BuildProgress['failed'] = new Map();

/** A build without the predicate ids that are gone; undefined if nothing is left of it. */
function withoutNothing(
  build: TypeBuild | undefined,
  exists: (predicateId: number) => boolean,
): TypeBuild | undefined {
  const waiting = (build?.waiting ?? []).filter(exists);
  const predicateIds = (build?.backfill?.predicateIds ?? []).filter(exists);
  if (build?.backfill && predicateIds.length > 0)
    return { backfill: { ...build.backfill, predicateIds }, waiting };
  return waiting.length > 0 ? { waiting } : undefined;
}

/** What a batch takes along of it. */
export function chunkOf({
  request: { objectType, backfill },
  ids,
}: Pick<BackfillTaken, 'request' | 'ids'>): BackfillChunk {
  return { objectType, predicateIds: backfill.predicateIds, ids };
}

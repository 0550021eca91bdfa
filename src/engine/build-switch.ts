/**
 * build-switch.ts – Switches segments to their new predicate ids once every partition has built
 * them, and retires old predicate ids once every partition has moved on.
 *
 * Keeps true: the slugs that an edit moved switch in one write of the catalog, after every
 * partition has built each of their predicate ids. A predicate id that was in use is maintained
 * until no partition is below the version that retired it. Every process may do this: a write that
 * another process made first changes nothing. What has failed in one partition is marked failed in
 * the catalog, with all that reads it. A switch does not wait for it: a segment whose newest query
 * has failed reports that, and its older query answers no more.
 */
import type { Logger } from 'pino';
import type { Catalog, CatalogChange, StoredFilter } from '../catalog/catalog.ts';
import { CatalogDraft } from '../catalog/catalog-draft.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { mayMove, pendingGroups, switched } from '../catalog/segments.ts';
import {
  allStatuses,
  failuresIn,
  lossOf,
  partitionsOf,
  type StatusStore,
} from '../membership/partition-status.ts';
import { roundsOver, type Watch, waitForWatermark } from '../membership/watermark.ts';
import type { Failure } from '../query/failure.ts';

/** How long to wait after a fault, or for another process's partitions. */
const RECHECK_MS = 500;
const BARRIER_TIMEOUT_MS = 30_000;

export class BuildSwitch {
  readonly #partitions: StatusStore;
  readonly #watch: Watch;
  readonly #store: CatalogStore;
  readonly #logger: Logger;
  #isRunning = false;
  #isAsked = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(partitions: StatusStore, watch: Watch, store: CatalogStore, logger: Logger) {
    this.#partitions = partitions;
    this.#watch = watch;
    this.#store = store;
    this.#logger = logger;
  }

  /**
   * Something may have been built. Calls that come while it is being looked at are one more look.
   */
  check(): void {
    this.#isAsked = true;
    if (!this.#isRunning && !this.#isStopped) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#isAsked && !this.#isStopped) {
        this.#isAsked = false;
        await this.#look();
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'builds could not be looked at; they are looked at again');
      this.#checkLater();
    }
    this.#isRunning = false;
    if (hasUnsettled(this.#store.catalog)) this.#checkLater();
  }

  #checkLater(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.check(), RECHECK_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const building = [...this.#store.catalog.predicateIds]
      .filter(([, { status }]) => status === 'building')
      .map(([predicateId]) => predicateId);
    const status = await this.#readPartitions(building);
    // A failure is reported at once: it waits for nothing that has been sent.
    const failed = { ...status, built: new Set<number>() };
    if (status.failed.size > 0) await this.#store.write((catalog) => settle(catalog, failed));
    if (!hasUnsettled(this.#store.catalog)) return;
    const rounds = roundsOver(this.#store.catalog.deepestOf(status.built));
    if (rounds > 0 && !(await this.#barrier(rounds))) return this.#checkLater();
    await this.#store.write((catalog) => settle(catalog, status));
  }

  /**
   * The effects that the backfills have sent to neighbours must have come through before a reader
   * uses the new predicate ids.
   */
  async #barrier(rounds: number): Promise<boolean> {
    const waits = { timeoutMs: BARRIER_TIMEOUT_MS, rounds };
    const partitions = partitionsOf(this.#partitions);
    const statuses = await waitForWatermark(this.#watch, partitions, [], waits);
    return statuses !== undefined && lossOf(statuses) === undefined;
  }

  /**
   * Which of the predicate ids every partition answers for, and the lowest catalog version that a
   * partition is at.
   */
  async #readPartitions(building: readonly number[]): Promise<Built> {
    const statuses = await allStatuses(this.#partitions, building);
    const built = building.filter((_, at) => statuses.every(({ counts }) => counts[at] !== null));
    const adopted = Math.min(...statuses.map(({ catalogVersion }) => catalogVersion));
    const telling = Math.min(...statuses.map((each) => each.telling ?? Number.POSITIVE_INFINITY));
    return { built: new Set(built), adopted, failed: failuresIn(statuses), telling };
  }
}

/**
 * The predicate ids that every partition answers for, and the lowest catalog version that a
 * partition is at.
 */
export interface Built {
  readonly built: ReadonlySet<number>;
  readonly adopted: number;
  /** Predicate ids that have failed in some partition, and why. */
  readonly failed: ReadonlyMap<number, Failure>;
  /** The lowest version of a switch of which some partition is telling; Infinity: none is. */
  readonly telling: number;
}

function hasUnsettled(catalog: Catalog): boolean {
  for (const { pending, telling } of catalog.filters())
    if (telling !== undefined || pending !== null) return true;
  for (const { status } of catalog.predicateIds.values())
    if (status === 'building' || status === 'retiring') return true;
  return false;
}

/**
 * Predicate ids that have failed in the catalog or in partitions, with all that read them; a
 * predicate id reads only lower ones.
 */
function failuresOf(catalog: Catalog, failed: Built['failed']): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  for (const [predicateId, { failure, reads = [] }] of [...catalog.predicateIds].sort(
    ([a], [b]) => a - b,
  )) {
    const read = reads.find((each) => failures.has(each));
    const why =
      failure ?? failed.get(predicateId) ?? (read === undefined ? undefined : failures.get(read));
    if (why) failures.set(predicateId, why);
  }
  return failures;
}

/** The next version of the catalog, if what was built allows for one. */
export function settle(
  catalog: Catalog,
  { built, adopted, failed, telling }: Built,
): CatalogChange | undefined {
  const draft = new CatalogDraft(catalog);
  const failures = failuresOf(catalog, failed);
  const told = new Map(
    [...catalog.filters()].map((filter) => [filter, withoutTold(filter, adopted, telling)]),
  );
  const held = heldIn(catalog, told.values());
  const isBuilt = (predicateId: number): boolean => {
    const stored = catalog.predicateIds.get(predicateId);
    if (
      !stored ||
      failures.has(predicateId) ||
      !(built.has(predicateId) || stored.status === 'ready')
    )
      return false;
    const { reads = [], shared } = stored;
    return (
      reads.every(isBuilt) && (!shared || shared.edgeId === predicateId || isBuilt(shared.edgeId))
    );
  };
  for (const [predicateId, stored] of catalog.predicateIds) {
    const failure = failures.get(predicateId);
    const isNews = failure && (stored.status === 'building' || stored.status === 'ready');
    if (isNews) draft.setPredicate(predicateId, { ...stored, status: 'failed', failure });
    if (stored.status === 'building' && isBuilt(predicateId))
      draft.setPredicate(predicateId, { ...stored, status: 'ready' });
    if (stored.status === 'retiring' && stored.since <= adopted && !held.has(predicateId))
      draft.setPredicate(predicateId, null);
  }
  for (const [before, filter] of told) if (before !== filter) draft.setFilter(filter);
  for (const group of pendingGroups(catalog)) {
    const settled = group.map((filter) => told.get(filter)!);
    const isDone = settled.every(
      (filter) => (isBuilt(filter.pending!) && mayMove(filter)) || failures.has(filter.pending!),
    );
    if (!isDone) continue;
    for (const filter of settled) {
      const { telling: _, ...after } = switched(filter, draft.version);
      // Of what has failed nothing is told.
      draft.setFilter(failures.has(filter.pending!) ? after : switched(filter, draft.version));
    }
  }
  const change = draft.finish();
  return change.writes.length > 0 ? change : undefined;
}

/** Every partition has passed the version of the switch, and tells no differences any more. */
function withoutTold(filter: StoredFilter, adopted: number, telling: number): StoredFilter {
  const { telling: told, ...without } = filter;
  if (!told || filter.predicateId === null) return filter;
  return told.since <= adopted && told.since < telling ? without : filter;
}

/** The predicates of which feeds may still be telling, and all that these read. */
function heldIn(catalog: Catalog, filters: Iterable<StoredFilter>): ReadonlySet<number> {
  const told = [...filters].flatMap(({ telling }) => (telling ? [telling.predicateId] : []));
  const held = new Set(catalog.withReads(told));
  for (const predicateId of [...held]) {
    const { shared } = catalog.predicateIds.get(predicateId) ?? {};
    if (shared) held.add(shared.edgeId);
  }
  return held;
}

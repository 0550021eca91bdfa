/**
 * build-switch.ts – Switches segments to their new ordinals once every partition has built them, and gives up old ordinals once
 * every partition has moved on.
 *
 * Keeps true: the slugs that an edit moved switch in one write of the catalog, only after each partition answers for each of
 * their ordinals; an ordinal that was answered for is maintained until no partition is below the version that retired it.
 * Every process may do this: a write that somebody else was faster with changes nothing. What has
 * failed in one partition is failed in the catalog with all that reads it, and what was waited for
 * is switched to: a segment whose newest query has failed says so, and its older query answers no
 * more.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Catalog, CatalogChange, StoredFilter } from '../catalog/catalog.ts';
import { CatalogDraft } from '../catalog/catalog-draft.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { pendingGroups } from '../catalog/segments.ts';
import { caughtUp, failuresIn, lossOf, readStanding, roundsOver } from '../membership/standing.ts';
import type { Failure } from '../query/failure.ts';
import type { Keys } from '../redis/keys.ts';

/** How long to wait after a fault, or for another process's partitions. */
const RECHECK_MS = 500;
const BARRIER_TIMEOUT_MS = 30_000;

export class BuildSwitch {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: CatalogStore;
  readonly #logger: Logger;
  #isRunning = false;
  #isAsked = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(redis: Redis, keys: Keys, store: CatalogStore, logger: Logger) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
    this.#logger = logger;
  }

  /** Something may have been built. Calls that come while it is being looked at are one more look. */
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
    const building = [...this.#store.catalog.ordinals]
      .filter(([, { status }]) => status === 'building')
      .map(([ordinal]) => ordinal);
    const standing = await this.#readPartitions(building);
    // What has failed is told at once: it waits for nothing that has been sent.
    const failed = { ...standing, built: new Set<number>() };
    if (standing.failed.size > 0) await this.#store.write((catalog) => settle(catalog, failed));
    if (!hasUnsettled(this.#store.catalog)) return;
    const rounds = roundsOver(this.#store.catalog.deepestOf(standing.built));
    if (rounds > 0 && !(await this.#barrier(rounds))) return this.#checkLater();
    await this.#store.write((catalog) => settle(catalog, standing));
  }

  /** What the scans have sent to neighbours must have come through before anybody reads the new ordinals. */
  async #barrier(rounds: number): Promise<boolean> {
    const waits = { timeoutMs: BARRIER_TIMEOUT_MS, rounds };
    const standings = await caughtUp(this.#redis, this.#keys.partitions, [], waits);
    return standings !== undefined && lossOf(standings) === undefined;
  }

  /** Which of the ordinals every partition answers for, and the lowest catalog version that a partition is at. */
  async #readPartitions(building: readonly number[]): Promise<Built> {
    const standings = await Promise.all(this.#keys.partitions.map((keys) => readStanding(this.#redis, keys, building)));
    const built = building.filter((_, at) => standings.every(({ counts }) => counts[at] !== null));
    const adopted = Math.min(...standings.map(({ catalogVersion }) => catalogVersion));
    return { built: new Set(built), adopted, failed: failuresIn(standings) };
  }
}

/** The ordinals that every partition answers for, and the lowest catalog version that a partition is at. */
export interface Built {
  readonly built: ReadonlySet<number>;
  readonly adopted: number;
  /** What has failed in some partition, and why. */
  readonly failed: ReadonlyMap<number, Failure>;
}

function hasUnsettled(catalog: Catalog): boolean {
  for (const { status } of catalog.ordinals.values()) if (status === 'building' || status === 'retiring') return true;
  return false;
}

/**
 * What has failed in the catalog and in partitions, with all that reads it; an ordinal reads only
 * lower ones.
 */
function failuresOf(catalog: Catalog, failed: Built['failed']): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  for (const [ordinal, { failure, reads = [] }] of [...catalog.ordinals].sort(([a], [b]) => a - b)) {
    const read = reads.find((each) => failures.has(each));
    const why = failure ?? failed.get(ordinal) ?? (read === undefined ? undefined : failures.get(read));
    if (why) failures.set(ordinal, why);
  }
  return failures;
}

/** The next version of the catalog, if what was built allows for one. */
export function settle(catalog: Catalog, { built, adopted, failed }: Built): CatalogChange | undefined {
  const draft = new CatalogDraft(catalog);
  const failures = failuresOf(catalog, failed);
  const isBuilt = (ordinal: number): boolean => {
    const stored = catalog.ordinals.get(ordinal);
    if (!stored || failures.has(ordinal) || !(built.has(ordinal) || stored.status === 'ready')) return false;
    const { reads = [], exported } = stored;
    return reads.every(isBuilt) && (!exported || exported.anchor === ordinal || isBuilt(exported.anchor));
  };
  for (const [ordinal, stored] of catalog.ordinals) {
    const failure = failures.get(ordinal);
    const isNews = failure && (stored.status === 'building' || stored.status === 'ready');
    if (isNews) draft.setOrdinal(ordinal, { ...stored, status: 'failed', failure });
    if (stored.status === 'building' && isBuilt(ordinal)) draft.setOrdinal(ordinal, { ...stored, status: 'ready' });
    if (stored.status === 'retiring' && stored.since <= adopted) draft.setOrdinal(ordinal, null);
  }
  for (const group of pendingGroups(catalog)) {
    if (group.every(({ pending }) => isBuilt(pending!) || failures.has(pending!)))
      for (const filter of group) draft.setFilter(switched(filter));
  }
  const change = draft.finish();
  return change.writes.length > 0 ? change : undefined;
}

function switched(filter: StoredFilter): StoredFilter {
  return { ...filter, ordinal: filter.pending, pending: null, ready_revision: filter.revision };
}

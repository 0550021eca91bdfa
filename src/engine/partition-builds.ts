/**
 * partition-builds.ts – Which ordinals one partition has built, is building, and has still to build.
 *
 * Keeps true: a partition answers for an ordinal (it is `complete`, its field in `counts` exists) only after a scan has visited
 * every record of the type that was there when the ordinal came, and every change since went through a network that held it.
 * New ordinals of a type that come while a scan runs wait for the next one, which they share. One
 * that has failed here (query/failure.ts, meta field `failed:<ordinal>`) is neither complete nor
 * built, until the catalog has taken it out.
 */
import type { Failure } from '../query/failure.ts';
import type { Networks } from './networks.ts';

/** How far a scan has come: all ids up to `cursor` were visited for all of its ordinals. */
interface Scan {
  readonly ordinals: readonly number[];
  readonly cursor: string;
  /** Records visited. */
  readonly visited: number;
}

/** The meta field `scan:<type>`: the scan that runs, and the ordinals that wait for the next one. */
export interface TypeBuild {
  readonly scan?: Scan;
  readonly waiting: readonly number[];
}

/** What one commit changes here. */
export interface BuildProgress {
  readonly adopted: number;
  /** Ordinals that the catalog has given up: their counts and sets go. */
  readonly dropped: readonly number[];
  /** Ordinals whose scan ends with this commit. */
  readonly completed: readonly number[];
  /** Ordinals that failed with this commit: their counts go. */
  readonly failed: ReadonlyMap<number, Failure>;
  /** Of the dropped ones, those that had failed. */
  readonly healed: readonly number[];
  /** The new build of each type whose build changed; undefined: nothing is left to build. */
  readonly builds: ReadonlyMap<string, TypeBuild | undefined>;
}

/** A piece of a scan that a batch may take along. */
export interface ScanRequest {
  readonly objectType: string;
  readonly scan: Scan;
}

export class PartitionBuilds {
  readonly #complete: Set<number>;
  readonly #builds: Map<string, TypeBuild>;
  readonly #failed: Map<number, Failure>;
  #adopted: number;

  constructor(
    adopted: number,
    complete: Iterable<number>,
    builds: Iterable<readonly [string, TypeBuild]>,
    failed: Iterable<readonly [number, Failure]> = [],
  ) {
    this.#adopted = adopted;
    this.#complete = new Set(complete);
    this.#builds = new Map(builds);
    this.#failed = new Map(failed);
  }

  /** The ordinals that have failed here. */
  get failed(): ReadonlyMap<number, Failure> {
    return this.#failed;
  }

  isComplete(ordinal: number): boolean {
    return this.#complete.has(ordinal);
  }

  /** Whether the catalog has moved on since the last commit, or something is left to build. */
  hasWork(version: number): boolean {
    return version !== this.#adopted || this.#builds.size > 0;
  }

  /** The scan that goes on with the next batch, if there is one. */
  nextScan(): ScanRequest | undefined {
    for (const [objectType, { scan, waiting }] of this.#builds) {
      if (scan) return { objectType, scan };
      if (waiting.length > 0) return { objectType, scan: { ordinals: waiting, cursor: '', visited: 0 } };
    }
    return undefined;
  }

  /**
   * What a commit at the networks' version makes of this. `visited` are the ids that the step
   * scanned for `request`, and whether they were the last ones; `failed` are the ordinals that
   * failed in it. Caller: in the same turn of the event loop as the step.
   */
  progress(
    networks: Networks,
    request?: ScanRequest,
    visited: readonly string[] = [],
    isLast = false,
    failed: BuildProgress['failed'] = NOTHING_FAILED,
  ): BuildProgress {
    const builds = new Map<string, TypeBuild | undefined>();
    // Only a new version drops ordinals; to look at 10,000 of them in every commit costs about a millisecond.
    const isNew = networks.version !== this.#adopted;
    const dropped = isNew ? [...this.#ordinals()].filter((ordinal) => !networks.has(ordinal)) : [];
    const completed: number[] = [];
    if (request) {
      const { objectType, scan } = request;
      const ordinals = scan.ordinals.filter((ordinal) => networks.has(ordinal) && !failed.has(ordinal));
      const waiting = (this.#builds.get(objectType)?.waiting ?? []).filter(
        (ordinal) => !scan.ordinals.includes(ordinal),
      );
      if (isLast) completed.push(...ordinals);
      const next = { ordinals, cursor: visited.at(-1) ?? scan.cursor, visited: scan.visited + visited.length };
      builds.set(objectType, isLast ? { waiting } : { scan: next, waiting });
    }
    if (isNew) this.#takeUpNew(networks, builds);
    if (failed.size > 0) for (const [name, build] of this.#builds) if (!builds.has(name)) builds.set(name, build);
    const exists = (ordinal: number) => networks.has(ordinal) && !failed.has(ordinal);
    for (const [objectType, build] of builds) builds.set(objectType, withoutNothing(build, exists));
    const healed = dropped.filter((ordinal) => this.#failed.has(ordinal));
    return { adopted: networks.version, dropped, completed, failed, healed, builds };
  }

  /** The commit took place. @returns whether that is news for those who wait for builds. */
  committed({ adopted, dropped, completed, failed, healed, builds }: BuildProgress): boolean {
    const isNews = adopted !== this.#adopted || dropped.length + completed.length + failed.size > 0;
    this.#adopted = adopted;
    for (const ordinal of completed) this.#complete.add(ordinal);
    for (const [ordinal, failure] of failed) this.#failed.set(ordinal, failure);
    for (const ordinal of [...dropped, ...failed.keys()]) this.#complete.delete(ordinal);
    for (const ordinal of healed) this.#failed.delete(ordinal);
    for (const [objectType, build] of builds) {
      if (build) this.#builds.set(objectType, build);
      else this.#builds.delete(objectType);
    }
    return isNews;
  }

  /** Queues what the networks hold and this partition knows nothing of, and forgets what they no longer hold. */
  #takeUpNew(networks: Networks, builds: Map<string, TypeBuild | undefined>): void {
    const known = new Set(this.#ordinals());
    for (const [objectType, build] of this.#builds) if (!builds.has(objectType)) builds.set(objectType, build);
    for (const ordinal of networks.ordinals()) {
      if (known.has(ordinal)) continue;
      const objectType = networks.typeOf(ordinal)!;
      const build = builds.get(objectType) ?? { waiting: [] };
      builds.set(objectType, { ...build, waiting: [...build.waiting, ordinal] });
    }
  }

  *#ordinals(): Iterable<number> {
    yield* this.#complete;
    yield* this.#failed.keys();
    for (const { scan, waiting } of this.#builds.values()) {
      yield* scan?.ordinals ?? [];
      yield* waiting;
    }
  }
}

const NOTHING_FAILED: BuildProgress['failed'] = new Map();

/** A build without the ordinals that are gone; undefined if nothing is left of it. */
function withoutNothing(build: TypeBuild | undefined, exists: (ordinal: number) => boolean): TypeBuild | undefined {
  const waiting = (build?.waiting ?? []).filter(exists);
  const ordinals = (build?.scan?.ordinals ?? []).filter(exists);
  if (build?.scan && ordinals.length > 0) return { scan: { ...build.scan, ordinals }, waiting };
  return waiting.length > 0 ? { waiting } : undefined;
}

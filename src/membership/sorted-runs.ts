/**
 * sorted-runs.ts – Who shares which order of a sorted view, and how many orders there are.
 *
 * Keeps true: first pages of one view at one position share a run; of a view one run is built at a
 * time in a process, and all who came meanwhile share the next; all runs of a deployment, those
 * that are being built included, have a bounded number and weight, for which the oldest give way. A
 * run that gave way is gone: who reads on in it is told so.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { CatalogKeys } from '../redis/keys.ts';
import { SortedRun } from './sorted-run.ts';

/** Runs that one process builds at once: each reads every row of its view. */
const BUILDS_AT_ONCE = 2;
/** A run that grew by so much asks for room again. */
const ROOM_BYTES = 1024 * 1024;

/** What is to be put in order. */
export interface RunOrder {
  readonly slug: string;
  /**
   * Names what the run would hold: runs under one label are alike. Read anew when a build begins.
   */
  readonly label: () => Promise<string>;
  readonly members: () => AsyncIterable<readonly Buffer[]>;
}

/** The registry's hash field `name`. */
interface Registered {
  readonly label: string;
  readonly slug: string;
  readonly bytes: number;
  /** When it was begun, or last begun to be read. */
  readonly at: number;
  /** How many rows, once it is whole. */
  readonly rows: number | null;
}

interface Building {
  readonly label: Promise<string>;
  readonly run: Promise<SortedRun>;
}

export class SortedRuns {
  readonly #redis: Redis;
  readonly #keys: CatalogKeys;
  readonly #limits: Pick<Limits, 'sortedRuns' | 'sortedRunsBytes'>;
  /** By slug. */
  readonly #building = new Map<string, Building>();
  readonly #next = new Map<string, Building>();
  readonly #waiting: (() => void)[] = [];
  #builds = 0;

  constructor(
    redis: Redis,
    keys: CatalogKeys,
    limits: Pick<Limits, 'sortedRuns' | 'sortedRunsBytes'>,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  /** A run for the first page, and those after it. @throws Problem view_too_large */
  async first(order: RunOrder): Promise<SortedRun> {
    const label = await order.label();
    const known = await this.find(order.slug, label);
    if (known) return known;
    const { slug } = order;
    const building = this.#building.get(slug);
    if (!building) return this.#begin(order).run;
    if ((await building.label) === label) return building.run;
    // Begun before this caller came, it may lack something; the next one lacks nothing for all who
    // wait for it.
    let next = this.#next.get(slug);
    if (!next) {
      const begun = building.run.catch(() => undefined).then(() => this.#begin(order));
      next = { label: begun.then((each) => each.label), run: begun.then((each) => each.run) };
      this.#next.set(slug, next);
    }
    return next.run;
  }

  /** A run of nobody else. Caller: removes it. @throws Problem view_too_large */
  own({ slug, members }: RunOrder): Promise<SortedRun> {
    return this.#build(slug, '', members);
  }

  /** The run of this label, if there is one. */
  async find(slug: string, label: string): Promise<SortedRun | undefined> {
    const found = (await this.#all()).find(
      ([, run]) => run.slug === slug && run.label === label && run.rows !== null,
    );
    if (!found) return undefined;
    const [name, { rows }] = found;
    const run = new SortedRun(this.#redis, this.#keys, slug, name, rows!);
    if (!(await run.keep())) return undefined;
    await this.#note(name, { ...found[1], at: Date.now() });
    return run;
  }

  async remove(run: SortedRun): Promise<void> {
    await run.remove();
    await this.#redis.hdel(this.#keys.sortedRuns, run.name);
  }

  #begin(order: RunOrder): Building {
    const { slug } = order;
    this.#next.delete(slug);
    const label = order.label();
    const run = label
      .then((text) => this.#build(slug, text, order.members))
      .finally(() => {
        if (this.#building.get(slug) === building) this.#building.delete(slug);
      });
    const building: Building = { label, run };
    this.#building.set(slug, building);
    return building;
  }

  async #build(slug: string, label: string, members: RunOrder['members']): Promise<SortedRun> {
    await this.#turn();
    const run = new SortedRun(this.#redis, this.#keys, slug, randomUUID(), 0);
    try {
      return await this.#fill(run, slug, label, members);
    } catch (error) {
      await this.remove(run).catch(() => {}); // it ends by itself
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#builds -= 1;
    }
  }

  async #fill(
    run: SortedRun,
    slug: string,
    label: string,
    members: RunOrder['members'],
  ): Promise<SortedRun> {
    const at = Date.now();
    let asked = 0;
    for await (const some of members()) {
      await run.add(some);
      if (run.bytes - asked < ROOM_BYTES) continue;
      asked = run.bytes;
      await this.#makeRoom(run, { label, slug, bytes: run.bytes, at, rows: null });
    }
    await this.#makeRoom(run, { label, slug, bytes: run.bytes, at, rows: run.rows });
    return run;
  }

  async #turn(): Promise<void> {
    if (this.#builds < BUILDS_AT_ONCE) this.#builds += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Registers a run as it is now; the oldest others give way. @throws Problem view_too_large */
  async #makeRoom({ name }: SortedRun, own: Registered): Promise<void> {
    const { sortedRuns: most, sortedRunsBytes: bytesMax } = this.#limits;
    if (own.bytes > bytesMax) throw tooLarge(own.slug, bytesMax);
    await this.#note(name, own);
    const others = (await this.#all())
      .filter(([other]) => other !== name)
      .sort(([, a], [, b]) => b.at - a.at);
    let [count, bytes] = [1, own.bytes];
    for (const [other, run] of others) {
      count += 1;
      bytes += run.bytes;
      if (count > most || bytes > bytesMax) await this.#drop(run.slug, other);
    }
  }

  async #drop(slug: string, name: string): Promise<void> {
    await this.#redis
      .multi()
      .unlink(this.#keys.sortedRun(slug, name))
      .hdel(this.#keys.sortedRuns, name)
      .exec();
  }

  async #note(name: string, run: Registered): Promise<void> {
    await this.#redis.hset(this.#keys.sortedRuns, name, JSON.stringify(run));
  }

  /**
   * All that are there still; those that ended by themselves are forgotten. Bounded by their
   * number.
   */
  async #all(): Promise<[name: string, run: Registered][]> {
    const stored = Object.entries(await this.#redis.hgetall(this.#keys.sortedRuns));
    const runs = stored.map(([name, text]): [string, Registered] => [
      name,
      JSON.parse(text) as Registered,
    ]);
    const isThere = await Promise.all(
      runs.map(([name, { slug }]) => this.#redis.exists(this.#keys.sortedRun(slug, name))),
    );
    // One without rows has no key, and is kept as long as it would be.
    const isLive = ([, run]: [string, Registered], at: number) =>
      isThere[at] === 1 || run.rows === 0;
    const gone = runs.filter((run, at) => !isLive(run, at)).map(([name]) => name);
    if (gone.length > 0) await this.#redis.hdel(this.#keys.sortedRuns, ...gone);
    return runs.filter(isLive);
  }
}

function tooLarge(slug: string, bytesMax: number): Problem {
  const detail = `the order of '${slug}' takes more than ${bytesMax} bytes: sort by less, show fewer records, or raise ROLLCALL_SORTED_RUNS_BYTES`;
  return new Problem('view_too_large', detail, [], { slug });
}

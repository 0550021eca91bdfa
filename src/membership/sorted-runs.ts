/**
 * sorted-runs.ts – Shares the orders of sorted views among their readers, and bounds how many there
 * are.
 *
 * Keeps true: first pages of one view at one position share a run. A process builds one run of a
 * view at a time, and all who came meanwhile share the next. The runs of a deployment, those under
 * way included, have a bounded number and weight: the oldest give way, and their readers get
 * `cursor_expired`.
 */
import { randomUUID } from 'node:crypto';
import { Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { SortedRun } from './sorted-run.ts';
import type { RunEntry, SortedRunStore } from './sorted-run-store.ts';

/** Runs that one process builds at once: each reads every row of its view. */
const BUILDS_AT_ONCE = 2;
/** A run that grew by so much asks for room again. */
const ROOM_BYTES = 1024 * 1024;

/** What is to be put in order. */
export interface RunOrder {
  readonly slug: string;
  /**
   * Names what the run would hold: runs under one label are alike. Read again when a build begins.
   */
  readonly label: () => Promise<string>;
  readonly members: () => AsyncIterable<readonly Buffer[]>;
}

interface Building {
  readonly label: Promise<string>;
  readonly run: Promise<SortedRun>;
}

export class SortedRuns {
  readonly #store: SortedRunStore;
  readonly #limits: Pick<Limits, 'sortedRuns' | 'sortedRunsBytes'>;
  /** By slug. */
  readonly #building = new Map<string, Building>();
  readonly #next = new Map<string, Building>();
  readonly #waiting: (() => void)[] = [];
  #builds = 0;

  constructor(store: SortedRunStore, limits: Pick<Limits, 'sortedRuns' | 'sortedRunsBytes'>) {
    this.#store = store;
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

  /** A run that is not shared. Caller: removes it. @throws Problem view_too_large */
  own({ slug, members }: RunOrder): Promise<SortedRun> {
    return this.#build(slug, '', members);
  }

  /** The run of this label, if there is one. */
  async find(slug: string, label: string): Promise<SortedRun | undefined> {
    const found = (await this.#store.entries()).find(
      (run) => run.slug === slug && run.label === label && run.rows !== null,
    );
    if (!found) return undefined;
    const run = new SortedRun(this.#store, slug, found.name, found.rows!);
    if (!(await run.keep())) return undefined;
    await this.#store.register({ ...found, at: Date.now() });
    return run;
  }

  remove(run: SortedRun): Promise<void> {
    return this.#store.remove(run);
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
    const run = new SortedRun(this.#store, slug, randomUUID(), 0);
    try {
      return await this.#fill(run, label, members);
    } catch (error) {
      await this.remove(run).catch(() => {}); // it ends by itself
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#builds -= 1;
    }
  }

  async #fill(run: SortedRun, label: string, members: RunOrder['members']): Promise<SortedRun> {
    const { slug, name } = run;
    const begun = { slug, name, label, at: Date.now() };
    let asked = 0;
    for await (const some of members()) {
      await run.add(some);
      if (run.bytes - asked < ROOM_BYTES) continue;
      asked = run.bytes;
      await this.#makeRoom({ ...begun, bytes: run.bytes, rows: null });
    }
    await this.#makeRoom({ ...begun, bytes: run.bytes, rows: run.rows });
    return run;
  }

  async #turn(): Promise<void> {
    if (this.#builds < BUILDS_AT_ONCE) this.#builds += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Registers a run as it is now; the oldest others give way. @throws Problem view_too_large */
  async #makeRoom(own: RunEntry): Promise<void> {
    const { sortedRuns: most, sortedRunsBytes: bytesMax } = this.#limits;
    if (own.bytes > bytesMax) throw tooLarge(own.slug, bytesMax);
    await this.#store.register(own);
    const all = await this.#store.entries();
    const others = all.filter(({ name }) => name !== own.name).sort((a, b) => b.at - a.at);
    let [count, bytes] = [1, own.bytes];
    for (const run of others) {
      count += 1;
      bytes += run.bytes;
      if (count > most || bytes > bytesMax) await this.#store.remove(run);
    }
  }
}

function tooLarge(slug: string, bytesMax: number): Problem {
  const detail =
    `the order of '${slug}' takes more than ${bytesMax} bytes: sort by less, ` +
    'show fewer records, or raise ROLLCALL_SORTED_RUNS_BYTES';
  return new Problem('view_too_large', detail, [], { slug });
}

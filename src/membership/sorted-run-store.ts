/**
 * sorted-run-store.ts – The port behind which sorted runs are kept, with the register of all of
 * them.
 *
 * The store keeps true: a run's members are in the order of their bytes (sort-key.ts), each once. A
 * run goes away by itself when it was neither added to nor kept for its time, and its entry with
 * it.
 */

/** Names a run: the view that it is of, and a name of its own. */
export interface RunName {
  readonly slug: string;
  readonly name: string;
}

/** The entry of a run in the register. */
export interface RunEntry extends RunName {
  /** What it was put together from: runs under one label are alike. */
  readonly label: string;
  readonly bytes: number;
  /** When it was begun, or last begun to be read; in ms. */
  readonly at: number;
  /** How many rows, once it is whole. */
  readonly rows: number | null;
}

export interface SortedRunStore {
  /** Adds members: all or none. The run is kept for `ttlS` from now on. */
  add(run: RunName, members: readonly Buffer[], ttlS: number): Promise<AddedRows>;

  /** The members from a rank on, at most `count`; none of a run that is gone. */
  read(run: RunName, from: number, count: number): Promise<Buffer[]>;

  /** Keeps a run for `ttlS` from now on. @returns whether it is there */
  keep(run: RunName, ttlS: number): Promise<boolean>;

  /** Removes a run and its entry. */
  remove(run: RunName): Promise<void>;

  /** Writes the entry of a run. */
  register(entry: RunEntry): Promise<void>;

  /** The entries of all runs that are there. Bounded by their number. */
  entries(): Promise<RunEntry[]>;
}

/** The rows that were not there yet, and about the bytes that they take. */
export interface AddedRows {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * job-store.ts – The port that keeps what a job has beside its place in the queue: input, state,
 * output, errors.
 *
 * Keeps true: a step and all that it brought are kept together or not at all. A run that another
 * one has followed can keep nothing any more. Everything ends by itself after the time that was
 * named.
 */

/** One fault of what was sent, as it is listed for download. */
export interface JobError {
  readonly line?: number;
  readonly code: string;
  readonly detail: string;
  readonly path?: string;
}

/** How far a job is. What else a kind of job needs to go on is its `checkpoint`. */
export interface JobState {
  readonly done: number;
  readonly total?: number;
  readonly checkpoint?: unknown;
  readonly result?: unknown;
  /** Why it failed. */
  readonly problem?: { readonly code: string; readonly detail: string };
}

/** The results of one step. */
export interface JobStep {
  readonly state: JobState;
  /** Pieces of the input that will not be needed again. */
  readonly inputDone: number;
  readonly output: readonly string[];
  readonly errors: readonly JobError[];
}

/** A run of a job, and how many steps were done before its next one. */
export interface RunPosition {
  readonly run: string;
  readonly steps: number;
}

export interface JobStore {
  /** Keeps a piece of the input after those before it. An upload that broke off ends by itself. */
  pushInput(id: string, piece: unknown): Promise<void>;

  /** The input is whole: it and the state are kept for `ttlMs`. */
  begin(id: string, state: JobState, ttlMs: number): Promise<void>;

  /** Forgets everything of a job. */
  drop(id: string): Promise<void>;

  /** Undefined: nothing is kept of this job. */
  state(id: string): Promise<JobState | undefined>;

  /** Begins a run, which ends the one before it. @returns where that one stood */
  beginRun(id: string, run: string): Promise<{ readonly steps: number; readonly state: JobState }>;

  /** Keeps a step. `fenced`: another run has begun, or has kept this step; nothing was written. */
  advance(id: string, at: RunPosition, step: JobStep, ttlMs: number): Promise<'ok' | 'fenced'>;

  /** A piece of what is left of the input, from 0; undefined beyond its end. */
  input(id: string, at: number): Promise<unknown>;

  errorCount(id: string): Promise<number>;
  firstErrors(id: string, most: number): Promise<JobError[]>;
  /** All errors as lines of JSON. */
  errorLines(id: string): AsyncGenerator<string>;
  hasOutput(id: string): Promise<boolean>;
  /** The output, piece by piece. */
  output(id: string): AsyncGenerator<Buffer>;
}

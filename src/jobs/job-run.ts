/**
 * job-run.ts – One run of a job, from the step at which the run before it ended.
 *
 * Keeps true: a job that is taken up again goes on after its last step, having lost and doubled
 * nothing. A run that was given up for dead and wakes up late is refused with its next step.
 */
import { randomUUID } from 'node:crypto';
import type { JobState, JobStep, JobStore } from './job-store.ts';

/** How long the output and the errors of a finished job can be fetched. */
export const RESULT_TTL_MS = 24 * 60 * 60 * 1000;
/** How long a job may wait, or be without a process that works on it. */
export const JOB_TTL_MS = 7 * 24 * 60 * 60 * 1000;

/** Another process has taken the job over. */
export class FencedError extends Error {}

/** A step as its handler reports it; what it leaves out did not happen. */
export type StepDone = Partial<JobStep> & { readonly state: JobState; readonly isLast?: boolean };

/** Called with the state after each step. */
export type StepListener = (state: JobState) => Promise<void>;

export class JobRun {
  readonly #store: JobStore;
  readonly #id: string;
  readonly #run: string;
  readonly #onStep: StepListener;
  #steps: number;
  #state: JobState;

  private constructor(
    store: JobStore,
    { id, run, steps, state }: { id: string; run: string; steps: number; state: JobState },
    onStep: StepListener,
  ) {
    this.#store = store;
    this.#id = id;
    this.#run = run;
    this.#steps = steps;
    this.#state = state;
    this.#onStep = onStep;
  }

  /** Begins a run; the one before it can keep nothing any more. */
  static async begin(store: JobStore, id: string, onStep: StepListener): Promise<JobRun> {
    const run = randomUUID();
    return new JobRun(store, { id, run, ...(await store.beginRun(id, run)) }, onStep);
  }

  get id(): string {
    return this.#id;
  }

  get state(): JobState {
    return this.#state;
  }

  /** A piece of what is left of the input, from 0; undefined beyond its end. */
  input(at: number): Promise<unknown> {
    return this.#store.input(this.#id, at);
  }

  /** Keeps a step. @throws FencedError if this run is not the last one any more */
  async advance({
    state,
    inputDone = 0,
    output = [],
    errors = [],
    isLast,
  }: StepDone): Promise<void> {
    const at = { run: this.#run, steps: this.#steps };
    const step = { state, inputDone, output, errors };
    const ttlMs = isLast ? RESULT_TTL_MS : JOB_TTL_MS;
    if ((await this.#store.advance(this.#id, at, step, ttlMs)) !== 'ok')
      throw new FencedError('another process has taken the job over');
    this.#steps++;
    this.#state = state;
    await this.#onStep(state);
  }
}

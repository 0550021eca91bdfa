/**
 * job-store.ts – What is kept of a job beside its place in the queue: its input, how far it is, its
 * output and its errors.
 *
 * Keeps true: a step and all that it brought (what is done of the input, pieces of output, errors,
 * the state that the next step starts from) are noted in one script, so that a job which is taken
 * up again goes on after the last step, having lost and doubled nothing; a run that was given up
 * for dead and wakes up late notes nothing any more. All of it ends by itself.
 */
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Redis } from 'ioredis';
import type { JobKeys, Keys } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';

/** How long the output and the errors of a finished job can be fetched. */
export const RESULT_TTL_MS = 24 * 60 * 60 * 1000;
/** How long a job may wait, or be without a process that works on it. */
const JOB_TTL_MS = 7 * 24 * 60 * 60 * 1000;
/** An upload that broke off leaves its pieces for so long. */
const UPLOAD_TTL_MS = 60 * 60 * 1000;
/** Errors that are read at once. */
const ERRORS_A_READ = 1000;

const pack = promisify(deflateRaw);
const unpack = promisify(inflateRaw);

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

/** What one step brought. */
export interface Step {
  readonly state: JobState;
  /** Pieces of the input that will not be needed again. */
  readonly inputDone?: number;
  readonly output?: readonly string[];
  readonly errors?: readonly JobError[];
  readonly isLast?: boolean;
}

/** Another process has taken the job over. */
export class FencedError extends Error {}

export class JobStore {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Keeps a piece of a job's input, after those that were kept before. */
  async pushInput(id: string, piece: unknown): Promise<void> {
    const { input } = this.#keys.job(id);
    await this.#redis.rpush(input, await pack(JSON.stringify(piece)));
    await this.#redis.pexpire(input, UPLOAD_TTL_MS);
  }

  /** The input is whole. */
  async begin(id: string, state: JobState): Promise<void> {
    const keys = this.#keys.job(id);
    await this.#redis.hset(keys.state, 'state', JSON.stringify(state));
    for (const key of [keys.state, keys.input]) await this.#redis.pexpire(key, JOB_TTL_MS);
  }

  async drop(id: string): Promise<void> {
    const { state, input, output, errors } = this.#keys.job(id);
    await this.#redis.unlink(state, input, output, errors);
  }

  async state(id: string): Promise<JobState | undefined> {
    const stored = await this.#redis.hget(this.#keys.job(id).state, 'state');
    return stored === null ? undefined : (JSON.parse(stored) as JobState);
  }

  /** Begins a run; the one before it can note nothing any more. */
  async run(id: string, onStep: (state: JobState) => Promise<void>): Promise<JobRun> {
    const keys = this.#keys.job(id);
    const token = randomUUID();
    await this.#redis.hset(keys.state, 'run', token);
    const [steps, state] = await this.#redis.hmget(keys.state, 'steps', 'state');
    const begun = JSON.parse(state ?? '{"done":0}') as JobState;
    return new JobRun(this.#redis, keys, {
      token,
      steps: Number(steps ?? 0),
      state: begun,
      onStep,
    });
  }

  async errorCount(id: string): Promise<number> {
    return this.#redis.llen(this.#keys.job(id).errors);
  }

  async firstErrors(id: string, most: number): Promise<JobError[]> {
    const lines = await this.#redis.lrange(this.#keys.job(id).errors, 0, most - 1);
    return lines.map((line) => JSON.parse(line) as JobError);
  }

  /** All errors as lines of JSON. */
  async *errorLines(id: string): AsyncGenerator<string> {
    const { errors } = this.#keys.job(id);
    for (let from = 0; ; from += ERRORS_A_READ) {
      const lines = await this.#redis.lrange(errors, from, from + ERRORS_A_READ - 1);
      if (lines.length > 0) yield `${lines.join('\n')}\n`;
      if (lines.length < ERRORS_A_READ) return;
    }
  }

  async hasOutput(id: string): Promise<boolean> {
    return (await this.#redis.exists(this.#keys.job(id).output)) === 1;
  }

  /** The output, piece by piece. */
  async *output(id: string): AsyncGenerator<Buffer> {
    const { output } = this.#keys.job(id);
    for (let at = 0; ; at++) {
      const piece = await this.#redis.lindexBuffer(output, at);
      if (!piece) return;
      yield await unpack(piece);
    }
  }
}

interface Begun {
  readonly token: string;
  readonly steps: number;
  readonly state: JobState;
  readonly onStep: (state: JobState) => Promise<void>;
}

/** One run of a job, from the step at which the one before it ended. */
export class JobRun {
  readonly #redis: Redis;
  readonly #keys: JobKeys;
  readonly #token: string;
  readonly #onStep: (state: JobState) => Promise<void>;
  #steps: number;
  #state: JobState;

  constructor(redis: Redis, keys: JobKeys, { token, steps, state, onStep }: Begun) {
    this.#redis = redis;
    this.#keys = keys;
    this.#token = token;
    this.#onStep = onStep;
    this.#steps = steps;
    this.#state = state;
  }

  get state(): JobState {
    return this.#state;
  }

  /** A piece of what is left of the input, from 0; undefined beyond its end. */
  async input(at: number): Promise<unknown> {
    const piece = await this.#redis.lindexBuffer(this.#keys.input, at);
    return piece ? JSON.parse((await unpack(piece)).toString()) : undefined;
  }

  /** @throws FencedError if this run is not the last one any more */
  async advance({
    state,
    inputDone = 0,
    output = [],
    errors = [],
    isLast = false,
  }: Step): Promise<void> {
    const { state: stateKey, input, output: outputKey, errors: errorsKey } = this.#keys;
    const pieces = await Promise.all(output.map((text) => pack(text)));
    const arguments_ = [
      this.#token,
      this.#steps,
      JSON.stringify(state),
      inputDone,
      isLast ? RESULT_TTL_MS : JOB_TTL_MS,
      pieces.length,
      ...pieces,
      ...errors.map((error) => JSON.stringify(error)),
    ];
    const keys = [stateKey, input, outputKey, errorsKey];
    const [answer] = await runScript<[string]>(this.#redis, 'advanceJob', keys, arguments_);
    if (answer !== 'ok') throw new FencedError('another process has taken the job over');
    this.#steps++;
    this.#state = state;
    await this.#onStep(state);
  }
}

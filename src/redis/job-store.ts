/**
 * job-store.ts – Jobs in Redis: a hash for the state, lists for input, output and errors.
 *
 * Keeps true: all keys of a job share a hash tag, so that advance-job.lua keeps a step as a whole.
 * Pieces of input and output are deflated, errors are lines of JSON.
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Redis } from 'ioredis';
import type { JobError, JobState, JobStep, JobStore, RunPosition } from '../jobs/job-store.ts';
import type { Keys } from './keys.ts';
import { runScript } from './scripts.ts';

/** An upload that broke off leaves its pieces for so long. */
const UPLOAD_TTL_MS = 60 * 60 * 1000;
/** Errors that are read at once. */
const ERRORS_A_READ = 1000;

const pack = promisify(deflateRaw);
const unpack = promisify(inflateRaw);

export class RedisJobStore implements JobStore {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async pushInput(id: string, piece: unknown): Promise<void> {
    const { input } = this.#keys.job(id);
    await this.#redis.rpush(input, await pack(JSON.stringify(piece)));
    await this.#redis.pexpire(input, UPLOAD_TTL_MS);
  }

  async begin(id: string, begun: JobState, ttlMs: number): Promise<void> {
    const { state, input } = this.#keys.job(id);
    await this.#redis.hset(state, 'state', JSON.stringify(begun));
    for (const key of [state, input]) await this.#redis.pexpire(key, ttlMs);
  }

  async drop(id: string): Promise<void> {
    const { state, input, output, errors } = this.#keys.job(id);
    await this.#redis.unlink(state, input, output, errors);
  }

  async state(id: string): Promise<JobState | undefined> {
    const stored = await this.#redis.hget(this.#keys.job(id).state, 'state');
    return stored === null ? undefined : (JSON.parse(stored) as JobState);
  }

  async beginRun(id: string, run: string): Promise<{ steps: number; state: JobState }> {
    const key = this.#keys.job(id).state;
    await this.#redis.hset(key, 'run', run);
    const [steps, state] = await this.#redis.hmget(key, 'steps', 'state');
    return { steps: Number(steps ?? 0), state: JSON.parse(state ?? '{"done":0}') as JobState };
  }

  async advance(
    id: string,
    { run, steps }: RunPosition,
    { state, inputDone, output, errors }: JobStep,
    ttlMs: number,
  ): Promise<'ok' | 'fenced'> {
    const keys = this.#keys.job(id);
    const pieces = await Promise.all(output.map((text) => pack(text)));
    const job = JSON.stringify(state);
    const brought = [...pieces, ...errors.map((error) => JSON.stringify(error))];
    return runScript(
      this.#redis,
      'advanceJob',
      keys,
      { run, steps, job, inputDone, keptMs: ttlMs, outputs: pieces.length },
      { arguments: brought },
    );
  }

  async input(id: string, at: number): Promise<unknown> {
    const piece = await this.#redis.lindexBuffer(this.#keys.job(id).input, at);
    return piece ? JSON.parse((await unpack(piece)).toString()) : undefined;
  }

  async errorCount(id: string): Promise<number> {
    return this.#redis.llen(this.#keys.job(id).errors);
  }

  async firstErrors(id: string, most: number): Promise<JobError[]> {
    const lines = await this.#redis.lrange(this.#keys.job(id).errors, 0, most - 1);
    return lines.map((line) => JSON.parse(line) as JobError);
  }

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

  async *output(id: string): AsyncGenerator<Buffer> {
    const { output } = this.#keys.job(id);
    for (let at = 0; ; at++) {
      const piece = await this.#redis.lindexBuffer(output, at);
      if (!piece) return;
      yield await unpack(piece);
    }
  }
}

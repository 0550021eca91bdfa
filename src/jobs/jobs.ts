/**
 * jobs.ts – Long work as jobs of a BullMQ queue. A request gets an id, a worker does the job, and
 * any client can ask how far it is.
 *
 * Keeps true: the queue holds what a job is to do, never its data (job-store.ts). If a process
 * dies, another one resumes the job after its last step. A process that closes puts its jobs back
 * after the step under way. A failure that may pass is tried again; any other fails the job once,
 * with a coded reason.
 */
import { randomUUID } from 'node:crypto';
import { type Job, Queue, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { assert, Problem } from '../errors.ts';
import { isUnanswered } from '../redis/failures.ts';
import type { Stores } from '../redis/open.ts';
import { isPassing } from './apply-changes.ts';
import { CHANGES_QUEUE } from './changes-queue.ts';
import type { JobKind } from './job-kinds.ts';
import { FencedError, JOB_TTL_MS, JobRun, RESULT_TTL_MS } from './job-run.ts';
import type { JobError, JobState, JobStore } from './job-store.ts';

const JOBS_QUEUE = 'jobs';

/**
 * Steps are short, so a lock can be: the jobs of a process that was killed are taken up after at
 * most both of these.
 */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** A job that has lost so many processes is likely what killed them. */
const STALLED_MAX = 20;
/** A passing failure is waited out for five minutes. */
const ATTEMPTS_MAX = 300;
const RETRY_MS = 1_000;
/** An import or an audit that takes an hour should not keep exports waiting. */
const AT_ONCE = 3;
const KEPT_COMPLETED = { age: RESULT_TTL_MS / 1000, count: 1000 };
const KEPT_FAILED = { age: RESULT_TTL_MS / 1000, count: 1000 };
const LISTED_MAX = 2_000 + 1_000;
/** Errors that a status shows; all of them can be downloaded. */
const SHOWN_ERRORS = 10;
const UNFINISHED = ['active', 'waiting', 'delayed', 'prioritized'] as const;
const FINISHED = ['completed', 'failed'] as const;

export const JOB_STATUSES = ['waiting', 'running', 'completed', 'failed'] as const;

export interface JobStatus {
  readonly id: string;
  readonly kind: JobKind;
  /** The parameters of the job. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly status: (typeof JOB_STATUSES)[number];
  readonly progress: { readonly done: number; readonly total?: number };
  readonly result?: unknown;
  readonly problem?: { readonly code: string; readonly detail: string };
  readonly errors: readonly JobError[];
  readonly errorsTotal: number;
  readonly hasOutput: boolean;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
}

/** Only ours begin so: a job that is added by hand at the board has a number. */
const ID_PREFIX = 'job-';
const JOB_ID = new RegExp(`^${ID_PREFIX}[0-9a-f-]+$`);

/** Data of a job in the queue. */
interface JobData {
  readonly asked: Readonly<Record<string, unknown>>;
}

/**
 * The context that a handler works with. Handler: notes each step; between steps it asks `pause`.
 */
export interface JobContext {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly run: JobRun;
  /** @throws Interruption when this process closes */
  pause(): void;
}
export type JobHandler = (context: JobContext) => Promise<void>;

/** Not a failure: the process closes, and the job goes back to the queue. */
class JobInterruption extends Error {}

/** The way in, and how jobs stand. */
export class Jobs {
  readonly store: JobStore;
  readonly #queue: Queue<JobData>;
  /** All queues of the deployment, to be looked at. */
  readonly queues: readonly Queue[];

  constructor({ stores, logger }: JobsOptions) {
    this.store = stores.jobs;
    // A request does not wait for Redis to come back.
    const { atOnce } = stores.queues;
    const defaultJobOptions = {
      attempts: ATTEMPTS_MAX,
      backoff: { type: 'fixed', delay: RETRY_MS },
      removeOnComplete: KEPT_COMPLETED,
      removeOnFail: KEPT_FAILED,
    };
    this.#queue = new Queue(JOBS_QUEUE, { ...atOnce, defaultJobOptions });
    this.queues = [this.#queue, new Queue(CHANGES_QUEUE, atOnce)];
    for (const queue of this.queues) {
      queue.on('error', (error) => logger.warn({ err: error }, `the queue ${queue.name}`));
    }
  }

  /** An id under which input may be kept before the job is added. */
  newId(): string {
    return `${ID_PREFIX}${randomUUID()}`;
  }

  /**
   * `known` is what is known of it before it begins. Of those that are `alone` under one name there
   * is one at a time: what is answered then is the one before.
   */
  async add(
    id: string,
    kind: JobKind,
    asked: Readonly<Record<string, unknown>>,
    { alone, ...known }: Pick<JobState, 'total' | 'result'> & { readonly alone?: string } = {},
  ): Promise<JobStatus> {
    await this.store.begin(id, { done: 0, ...known }, JOB_TTL_MS);
    const single = alone === undefined ? {} : { deduplication: { id: alone } };
    const job = await this.#queue.add(kind, { asked }, { jobId: id, ...single });
    if (job.id === id) return this.#statusOf(job);
    await this.store.drop(id);
    return this.status(job.id!);
  }

  /** @throws Problem job_unknown */
  async status(id: string): Promise<JobStatus> {
    // BullMQ keeps what is the queue's own under names beside those of jobs, and would read it as
    // one.
    const job = JOB_ID.test(id) ? await this.#queue.getJob(id) : undefined;
    if (!job)
      throw new Problem('job_unknown', `there is no job '${id}', or it ended more than a day ago`);
    return this.#statusOf(job);
  }

  /** The newest first. Bounded by what is kept of finished jobs. */
  async list(offset: number, limit: number): Promise<JobStatus[]> {
    const jobs = await this.#queue.getJobs([...UNFINISHED, ...FINISHED], 0, LISTED_MAX);
    const known = jobs
      .filter((job) => JOB_ID.test(job?.id ?? ''))
      .sort((a, b) => b.timestamp - a.timestamp);
    return Promise.all(known.slice(offset, offset + limit).map((job) => this.#statusOf(job)));
  }

  /** Those of a kind that wait or run. */
  async unfinished(kind: JobKind): Promise<JobStatus[]> {
    const jobs = await this.#queue.getJobs([...UNFINISHED], 0, LISTED_MAX);
    const found = jobs.filter((job) => job?.name === kind && JOB_ID.test(job.id ?? ''));
    return Promise.all(found.map((job) => this.#statusOf(job)));
  }

  async close(): Promise<void> {
    // A connection that is not there can't be ended politely.
    await Promise.all(this.queues.map((queue) => queue.close().catch(() => queue.disconnect())));
  }

  async #statusOf(job: Job<JobData>): Promise<JobStatus> {
    const id = job.id!;
    const [status, state, errors, errorsTotal, hasOutput] = await Promise.all([
      job.getState().then(statusWord),
      this.store.state(id),
      this.store.firstErrors(id, SHOWN_ERRORS),
      this.store.errorCount(id),
      this.store.hasOutput(id),
    ]);
    const { done = 0, total, result, problem }: Partial<JobState> = state ?? {};
    const why = problem ?? { code: 'internal', detail: job.failedReason };
    return {
      id,
      kind: job.name as JobKind,
      asked: job.data.asked,
      status,
      progress: total === undefined ? { done } : { done, total },
      ...(result === undefined ? {} : { result }),
      ...(status === 'failed' ? { problem: why } : {}),
      errors,
      errorsTotal,
      hasOutput,
      createdAt: job.timestamp,
      finishedAt: status === 'completed' || status === 'failed' ? job.finishedOn : undefined,
    };
  }
}

export interface JobsOptions {
  readonly stores: Pick<Stores, 'jobs' | 'queues'>;
  readonly logger: Logger;
}

function statusWord(state: string): JobStatus['status'] {
  switch (state) {
    case 'completed':
    case 'failed':
      return state;
    case 'active':
      return 'running';
    default:
      return 'waiting';
  }
}

export interface JobWorker {
  close(): Promise<void>;
}

/** Works jobs off in this process, as many at once as AT_ONCE. */
export function startJobWorker(
  { stores, logger }: JobsOptions,
  handlers: Readonly<Record<JobKind, JobHandler>>,
): JobWorker {
  let isClosing = false;
  const pause = () => {
    if (isClosing) throw new JobInterruption();
  };
  const work = async (job: Job<JobData>, token: string | undefined): Promise<void> => {
    const handler = handlers[job.name as JobKind];
    assert(handler, `there is a handler for jobs of the kind ${job.name}`);
    // Each step is shown on the board of queues too.
    const run = await JobRun.begin(stores.jobs, job.id!, ({ done, total }) =>
      job.updateProgress(total ? Math.floor((100 * done) / total) : { done }),
    );
    try {
      await handler({ asked: job.data.asked, run, pause });
    } catch (error) {
      if (error instanceof JobInterruption) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      throw await settled(error, run);
    }
  };
  const worker = new Worker<JobData>(JOBS_QUEUE, work, {
    ...stores.queues.waiting,
    concurrency: AT_ONCE,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: STALLED_MAX,
  });
  worker.on('error', (error) => logger.warn({ err: error }, 'the worker of jobs'));
  worker.on('failed', (job, error) => logger.warn({ job: job?.id, err: error }, 'a job failed'));
  return {
    close: async () => {
      isClosing = true;
      await worker.close();
    },
  };
}

/** The error that is thrown to the queue: to be tried again, or not. */
async function settled(error: unknown, run: JobRun): Promise<unknown> {
  const mayPass = error instanceof Problem ? isPassing(error.code) : isUnanswered(error);
  if (mayPass || error instanceof FencedError) return error;
  const isOurs = !(error instanceof Problem);
  const problem = isOurs
    ? { code: 'internal', detail: 'the fault is logged under the id of the job' }
    : { code: error.code, detail: error.message };
  const errors = isOurs
    ? []
    : error.errors.map(({ path, detail }) => ({ code: error.code, path, detail }));
  await run.advance({ state: { ...run.state, problem }, errors, isLast: true });
  const told = new UnrecoverableError(`${problem.code}: ${problem.detail}`);
  told.cause = error;
  return told;
}

/**
 * audits.ts – The way to audits: asked for, by the schedule, one at a time; and what came of them.
 *
 * Keeps true: however many ask at once, in whichever process, one audit runs. An audit whose job is
 * gone is shown as failed, never as running.
 */
import { type Job, Queue, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { Deployment } from '../engine/deployment.ts';
import { Problem } from '../errors.ts';
import { type AuditEntry, type AuditHistory, newAudit } from '../membership/audit-history.ts';
import type { AuditWish } from './audit-job.ts';
import { type JobStatus, Jobs } from './jobs.ts';

const ALONE = 'audit';
const SCHEDULE_QUEUE = 'audit-schedule';

export interface ShownAudit extends AuditEntry {
  /** Of one that has not ended. */
  readonly progress?: JobStatus['progress'];
}

export class Audits {
  readonly #history: AuditHistory;
  readonly #jobs: Jobs;

  constructor(history: AuditHistory, jobs: Jobs) {
    this.#history = history;
    this.#jobs = jobs;
  }

  /**
   * Begins an audit; one that runs already and does as much is answered instead.
   * @throws Problem audit_running if that one repairs nothing, and this one should
   */
  async begin(wish: AuditWish): Promise<ShownAudit> {
    const job = await this.#jobs.add(this.#jobs.newId(), 'audit', { ...wish }, { alone: ALONE });
    const { repair } = job.asked as unknown as AuditWish;
    if (wish.repair && !repair)
      throw new Problem('audit_running', `the audit '${job.id}' runs, and repairs nothing`, [], {
        audit: job.id,
      });
    const { cause } = job.asked as unknown as AuditWish;
    const known = await this.#history.get(job.id);
    // Its worker writes the same, and more, when it begins.
    const entry = known ?? newAudit({ id: job.id, cause, repair, status: 'waiting' });
    return { ...entry, progress: job.progress };
  }

  /** The newest first. */
  async list(): Promise<ShownAudit[]> {
    const entries = await this.#history.list();
    const known = new Set(entries.map(({ id }) => id));
    const waiting = (await this.#jobs.unfinished('audit')).filter(({ id }) => !known.has(id));
    return Promise.all([...waiting.map(asWaiting), ...entries.map((each) => this.#shown(each))]);
  }

  /** @throws Problem audit_unknown */
  async find(id: string): Promise<ShownAudit> {
    const entry = await this.#history.get(id);
    if (entry) return this.#shown(entry);
    const waiting = (await this.#jobs.unfinished('audit')).find((job) => job.id === id);
    if (!waiting)
      throw new Problem('audit_unknown', `there is no audit '${id}', or it is not kept any more`);
    return asWaiting(waiting);
  }

  async #shown(entry: AuditEntry): Promise<ShownAudit> {
    if (entry.status !== 'running' && entry.status !== 'waiting') return entry;
    const job = await this.#jobs.status(entry.id).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'job_unknown') return undefined;
      throw error;
    });
    if (job && job.status !== 'failed') return { ...entry, progress: job.progress };
    const reason = job?.problem?.detail ?? 'its job is gone';
    return { ...entry, status: 'failed', finishedAt: job?.finishedAt ?? null, reason };
  }
}

function asWaiting({ id, asked, createdAt, progress }: JobStatus): ShownAudit {
  const { cause, repair } = asked as unknown as AuditWish;
  const entry = newAudit({ id, cause, repair, status: 'waiting' });
  return { ...entry, startedAt: createdAt, progress };
}

export interface AuditScheduleOptions {
  readonly deployment: Deployment;
  /** Cron; undefined: audits are made when somebody asks. */
  readonly schedule: string | undefined;
  readonly timeZone: string;
  readonly logger: Logger;
}

/** Begins an audit whenever the schedule says so, once in all processes. */
export async function followAuditSchedule({
  deployment,
  schedule,
  timeZone,
  logger,
}: AuditScheduleOptions): Promise<{ close(): Promise<void> }> {
  const { stores } = deployment;
  const { atOnce, waiting } = stores.queues;
  const jobs = new Jobs({ stores, logger });
  const audits = new Audits(stores.auditHistory, jobs);
  const queue = new Queue(SCHEDULE_QUEUE, atOnce);
  const begin = async (_: Job): Promise<void> => {
    await audits.begin({ repair: false, cause: 'schedule' });
  };
  const worker = new Worker(SCHEDULE_QUEUE, begin, waiting);
  const onError = (error: Error) => logger.warn({ err: error }, 'the schedule of audits');
  queue.on('error', onError);
  worker.on('error', onError);
  const opts = { removeOnComplete: true, removeOnFail: { count: 10 } };
  if (schedule === undefined) await queue.removeJobScheduler(ALONE);
  else
    await queue.upsertJobScheduler(
      ALONE,
      { pattern: schedule, tz: timeZone },
      { name: ALONE, opts },
    );
  return {
    close: async () => {
      await worker.close();
      await queue.close().catch(() => queue.disconnect());
      await jobs.close();
    },
  };
}

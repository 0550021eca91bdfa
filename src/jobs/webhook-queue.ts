/**
 * webhook-queue.ts – The BullMQ queues of webhooks: a job for each lane that holds something, and
 * one for each sync.
 *
 * Keeps true: a job's id is its lane's name, so a lane has one job at a time. The events themselves
 * are in the lanes. A job that is lost, or was never added, costs only time: lanes without one are
 * looked for regularly (webhook-worker.ts).
 */
import { type JobsOptions, Queue } from 'bullmq';
import type { QueueConnection } from './queue-connections.ts';
import type { LaneName } from './webhook-lanes.ts';

export const WEBHOOK_QUEUE = 'webhooks';
export const SYNC_QUEUE = 'webhook-syncs';

export interface SyncJob {
  readonly activation: string;
  readonly sync: string;
}

/**
 * An event's attempts are counted in its lane: a job is tried for as long as there is something in
 * it.
 */
const JOB_OPTIONS: JobsOptions = {
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 0,
};

export class WebhookQueues {
  readonly #lanes: Queue<LaneName>;
  readonly #syncs: Queue<SyncJob>;
  /** To be looked at. */
  readonly all: readonly Queue[];

  constructor(connection: QueueConnection, onError: (error: Error) => void) {
    const options = { ...connection, defaultJobOptions: JOB_OPTIONS };
    this.#lanes = new Queue(WEBHOOK_QUEUE, options);
    this.#syncs = new Queue(SYNC_QUEUE, options);
    this.all = [this.#lanes, this.#syncs];
    for (const queue of this.all) queue.on('error', onError);
  }

  /** Sees to it that lanes have their jobs; those that have one keep it. */
  async wake(lanes: readonly LaneName[]): Promise<void> {
    if (lanes.length === 0) return;
    await this.#lanes.addBulk(
      lanes.map((lane) => ({ name: 'deliver', data: lane, opts: { jobId: jobOf(lane) } })),
    );
  }

  /**
   * As `wake`, and those that wait for their next attempt wait no longer. Bounded by the lanes of
   * an activation.
   */
  async wakeNow(lanes: readonly LaneName[]): Promise<void> {
    await this.wake(lanes);
    for (const lane of lanes) {
      const job = await this.#lanes.getJob(jobOf(lane));
      await job?.promote().catch(() => {}); // it does not wait
    }
  }

  async sync(job: SyncJob): Promise<void> {
    await this.#syncs.add('sync', job, { jobId: job.sync });
  }

  async close(): Promise<void> {
    await Promise.all([this.#lanes.close(), this.#syncs.close()]);
  }
}

function jobOf({ activation, lane }: LaneName): string {
  return `${activation}-${lane}`;
}

/**
 * changes-queue.ts – Takes changes from a BullMQ queue, for producers that already speak it.
 *
 * Keeps true: a job is completed only when all that was accepted of it is applied; jobs are worked off one after the other, so
 * that changes keep the order in which they were queued; what was refused for what it is comes back in the job's result, and
 * what was refused because Redis or the logs could not take it makes the job fail, to be tried again as its producer said.
 */
import { type Job, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { Ingest } from '../engine/ingest.ts';
import { queuePrefix } from '../redis/keys.ts';
import { applyChanges } from './apply-changes.ts';

export const CHANGES_QUEUE = 'changes';
/** Jobs that are kept when they are done, unless their producer says otherwise. */
const KEPT_COMPLETED = { count: 1000 };
const KEPT_FAILED = { count: 10_000 };

export interface ChangesQueue {
  close(): Promise<void>;
}

/** Data of a job: one change, or a list of them, as `POST /v1/changes` takes them. Its result is what that answers. */
export function openChangesQueue(redisUrl: string, prefix: string, ingest: Ingest, logger: Logger): ChangesQueue {
  const worker = new Worker(CHANGES_QUEUE, (job: Job<unknown>) => takeIn(job, ingest), {
    connection: { url: redisUrl, maxRetriesPerRequest: null },
    prefix: queuePrefix(prefix),
    concurrency: 1,
    removeOnComplete: KEPT_COMPLETED,
    removeOnFail: KEPT_FAILED,
  });
  worker.on('error', (error) => logger.warn({ err: error }, 'the changes queue'));
  worker.on('failed', (job, error) => logger.warn({ job: job?.id, err: error }, 'a job of the changes queue failed'));
  return { close: () => worker.close() };
}

function takeIn({ data }: Job<unknown>, ingest: Ingest): Promise<unknown> {
  const changes: readonly unknown[] = Array.isArray(data) ? data : [data];
  return applyChanges(ingest, async (session) => {
    for (const [index, change] of changes.entries()) await session.addParsed(index + 1, change);
  });
}

/**
 * changes-queue.ts – Takes changes from a BullMQ queue, for producers that already use one.
 *
 * Keeps true: a job is completed only when what was accepted of it is applied. Jobs run one after
 * the other, so changes keep the order of the queue. Changes that are refused for what they are
 * come back in the job's result. If Redis or the logs can't take them, the job fails and is tried
 * again as its producer asked. BullMQ parses numbers, so the job's text is read once more: no
 * number is altered.
 */
import { type Job, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { inexactItems, isSuspect } from '../change/exact-json.ts';
import type { Ingest } from '../engine/ingest.ts';
import { applyChanges } from './apply-changes.ts';
import type { QueueConnections } from './queue-connections.ts';

export const CHANGES_QUEUE = 'changes';
/** Jobs that are kept when they are done, unless their producer sets another number. */
const KEPT_COMPLETED = { count: 1000 };
const KEPT_FAILED = { count: 10_000 };

export interface ChangesQueue {
  close(): Promise<void>;
}

/**
 * Data of a job: one change, or a list of them, as `POST /v1/changes` takes them. Its result is
 * what that answers.
 */
export function openChangesQueue(
  queues: QueueConnections,
  ingest: Ingest,
  logger: Logger,
): ChangesQueue {
  const textOf = async ({ id }: Job): Promise<string | undefined> =>
    id === undefined ? undefined : (await worker.getBackend().getJobData(id))?.data;
  const worker = new Worker(
    CHANGES_QUEUE,
    async (job: Job<unknown>) => takeIn(job, await textOf(job), ingest),
    {
      ...queues.waiting,
      concurrency: 1,
      removeOnComplete: KEPT_COMPLETED,
      removeOnFail: KEPT_FAILED,
    },
  );
  worker.on('error', (error) => logger.warn({ err: error }, 'the changes queue'));
  worker.on('failed', (job, error) =>
    logger.warn({ job: job?.id, err: error }, 'a job of the changes queue failed'),
  );
  return { close: () => worker.close() };
}

/** `text` is the data as it is stored; undefined: the job was removed meanwhile. */
function takeIn(
  { data }: Job<unknown>,
  text: string | undefined,
  ingest: Ingest,
): Promise<unknown> {
  const changes: readonly unknown[] = Array.isArray(data) ? data : [data];
  const list =
    text !== undefined && isSuspect(text) ? (Array.isArray(data) ? text : `[${text}]`) : undefined;
  return applyChanges(ingest, async (session) => {
    const inexactAt = inexactItems(list);
    for (const [index, change] of changes.entries()) {
      const inexact = inexactAt(index);
      if (inexact) session.reject(index + 1, inexact);
      else await session.addParsed(index + 1, change);
    }
  });
}

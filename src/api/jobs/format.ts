/**
 * format.ts – Jobs as they are answered.
 */
import type { JobStatus } from '../../jobs/jobs.ts';
import { isoTime } from '../times.ts';

export function formatJob(job: JobStatus): Record<string, unknown> {
  const {
    id,
    kind,
    asked,
    status,
    progress,
    result,
    problem,
    errors,
    errorsTotal,
    createdAt,
    finishedAt,
  } = job;
  return {
    id,
    kind,
    asked,
    status,
    progress,
    ...(result === undefined ? {} : { result }),
    ...(problem === undefined ? {} : { problem }),
    errors,
    errors_total: errorsTotal,
    created_at: isoTime(createdAt),
    finished_at: finishedAt === undefined ? null : isoTime(finishedAt),
  };
}

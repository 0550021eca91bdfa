/**
 * format.ts – Jobs as they are answered.
 */
import type { FastifyReply } from 'fastify';
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

/** Answers that the job is under way, and where it is. */
export function sendAccepted(reply: FastifyReply, job: JobStatus): FastifyReply {
  return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(formatJob(job));
}

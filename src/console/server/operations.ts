/**
 * operations.ts – What pages of operations read, by name: dead letters, jobs, audits.
 */
import { queryOptions } from '@tanstack/react-query';
import type { AuditShown } from './answers.ts';
import { ask } from './ask.ts';
import type { JobShown, LetterShown } from './operations-answers.ts';

const LOOK_MS = 30_000;
/** The newest of what could not be applied; only who may change the catalog may read it. */
export const lettersQuery = queryOptions({
  queryKey: ['letters'],
  queryFn: ({ signal }) =>
    ask<{ data: LetterShown[]; next_cursor: string | null }>('/v1/dead-letters?limit=50', {
      signal,
    }),
  refetchInterval: LOOK_MS,
});

const JOB_LOOK_MS = 1000;
const JOBS_MS = 15_000;

/** Looked at more often while one of them is under way. */
export const jobsQuery = queryOptions({
  queryKey: ['jobs'],
  queryFn: async ({ signal }) =>
    (await ask<{ data: JobShown[] }>('/v1/jobs?limit=50', { signal })).data,
  refetchInterval: ({ state: { data } }) =>
    data?.some(({ status }) => status === 'waiting' || status === 'running')
      ? JOB_LOOK_MS
      : JOBS_MS,
});

/** The newest audit, whatever became of it: looked at often while it runs. */
export const newestAuditQuery = queryOptions({
  queryKey: ['audits', 'newest'],
  queryFn: async ({ signal }) =>
    (await ask<{ data: AuditShown[] }>('/v1/audits?limit=1', { signal })).data[0] ?? null,
  refetchInterval: ({ state: { data } }) =>
    data?.status === 'waiting' || data?.status === 'running' ? JOB_LOOK_MS : LOOK_MS,
});

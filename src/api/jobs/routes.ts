/**
 * routes.ts – `/v1/jobs`: how long work stands, and what came of it.
 */

import { Readable } from 'node:stream';
import Type from 'typebox';
import { asOffset, packCursor, readCursor } from '../../cursor.ts';
import { Problem } from '../../errors.ts';
import { JOB_KINDS } from '../../jobs/job-kinds.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import { route } from '../route.ts';
import { formatJob } from './format.ts';

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;

const listJobs = route({
  method: 'GET',
  path: '/v1/jobs',
  need: 'read',
  summary: 'List jobs, the newest first',
  description: 'Finished ones for a day.',
  query: Type.Object(pageParameters),
  answers: { 200: pageOf(named('Job')) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { deployment: { limits }, held, jobs }, reply) => {
    const { limit = LIMIT_DEFAULT, cursor } = request.query;
    const offset = readOffset(cursor);
    return held.send(request, reply, async () => {
      const found = await jobs.list(offset, limit + 1);
      const text = new PageText(limits.pageBytes);
      const shown = found.slice(0, limit).findIndex((job) => !text.add(formatJob(job)));
      const taken = shown < 0 ? Math.min(found.length, limit) : shown;
      const isMore = found.length > taken;
      return text.end(isMore ? packCursor(offset + taken) : null);
    });
  },
});

const getJob = route({
  method: 'GET',
  path: '/v1/jobs/:id',
  need: 'read',
  summary: 'How a job stands',
  answers: { 200: named('Job') },
  refusals: ['job_unknown'],
  handler: async ({ params: { id } }, { jobs }) => formatJob(await jobs.status(id)),
});

const getJobResult = route({
  method: 'GET',
  path: '/v1/jobs/:id/result',
  need: 'read',
  summary: 'Download what an export wrote',
  description: 'Streamed, as NDJSON or CSV as was asked. Kept for a day after the end of the job.',
  answers: {
    200: Type.Unsafe<unknown>({
      description: 'The records.',
      content: {
        'application/x-ndjson': { schema: Type.String() },
        'text/csv': { schema: Type.String() },
      },
    }),
  },
  refusals: ['job_unknown', 'job_result_missing'],
  handler: async (request, { held, jobs }, reply) => {
    const { id } = request.params;
    const { kind, status, asked, hasOutput } = await jobs.status(id);
    // A job that somebody added at the board may have another kind.
    if (!JOB_KINDS[kind]?.makesFile)
      throw noResult(`the ${kind} '${id}' has no file; its result is in GET /v1/jobs/${id}`);
    if (status !== 'completed') throw noResult(`the job '${id}' is ${status}`);
    if (!hasOutput && resultRecords(await jobs.status(id)) > 0)
      throw noResult('the result was kept for a day');
    const format = asked['format'] === 'csv' ? 'csv' : 'ndjson';
    const name = `${String(asked['object_type'])}.${format}`;
    return held.stream(request, reply, async () =>
      reply
        .type(MEDIA_TYPES[format])
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Readable.from(jobs.store.output(id))),
    );
  },
});

const getJobErrors = route({
  method: 'GET',
  path: '/v1/jobs/:id/errors',
  need: 'read',
  summary: 'Download what a job refused, line by line',
  description:
    'NDJSON: { "line", "code", "detail", "path"? } of each. Kept for a day after the end of ' +
    'the job.',
  answers: {
    200: Type.Unsafe<unknown>({
      description: 'The errors.',
      content: { 'application/x-ndjson': { schema: Type.String() } },
    }),
  },
  refusals: ['job_unknown'],
  handler: async (request, { held, jobs }, reply) => {
    const { id } = request.params;
    await jobs.status(id);
    return held.stream(request, reply, async () =>
      reply.type(MEDIA_TYPES.ndjson).send(Readable.from(jobs.store.errorLines(id))),
    );
  },
});

export const JOB_ROUTES = { listJobs, getJob, getJobResult, getJobErrors };

function resultRecords({ result }: { readonly result?: unknown }): number {
  return (result as { records?: number } | undefined)?.records ?? 0;
}

function noResult(detail: string): Problem {
  return new Problem('job_result_missing', detail);
}

/** @throws Problem cursor_invalid */
function readOffset(cursor: string | undefined): number {
  return cursor === undefined || cursor === '' ? 0 : readCursor(cursor, asOffset);
}

/**
 * routes.ts – `/v1/jobs`: how long work stands, and what came of it.
 */
import { Readable } from 'node:stream';
import Type from 'typebox';
import { asOffset, packCursor, readCursor } from '../../cursor.ts';
import { Problem } from '../../errors.ts';
import { answers } from '../answers.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { formatJob } from './format.ts';

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;

export const jobRoutes: Routes = async (app, { deployment: { limits }, held, jobs }) => {
  app.get(
    '/v1/jobs',
    {
      schema: {
        summary: 'List jobs, the newest first',
        description: 'Finished ones for a day.',
        operationId: 'listJobs',
        querystring: Type.Object(pageParameters),
        response: answers({ 200: pageOf(named('Job')) }, 'parameter_invalid', 'cursor_invalid'),
      },
    },
    async (request, reply) => {
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
  );

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        summary: 'How a job stands',
        operationId: 'getJob',
        params: path('id'),
        response: answers({ 200: named('Job') }, 'job_unknown'),
      },
    },
    async ({ params: { id } }) => formatJob(await jobs.status(id)),
  );

  app.get(
    '/v1/jobs/:id/result',
    {
      schema: {
        summary: 'Download what an export wrote',
        description:
          'Streamed, as NDJSON or CSV as was asked. Kept for a day after the end of the job.',
        operationId: 'getJobResult',
        params: path('id'),
        response: answers(
          {
            200: Type.Unsafe<unknown>({
              description: 'The records.',
              content: {
                'application/x-ndjson': { schema: Type.String() },
                'text/csv': { schema: Type.String() },
              },
            }),
          },
          'job_unknown',
          'job_result_missing',
        ),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { kind, status, asked, hasOutput } = await jobs.status(id);
      if (kind !== 'export')
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
  );

  app.get(
    '/v1/jobs/:id/errors',
    {
      schema: {
        summary: 'Download what a job refused, line by line',
        description:
          'NDJSON: { "line", "code", "detail", "path"? } of each. Kept for a day after the end of the job.',
        operationId: 'getJobErrors',
        params: path('id'),
        response: answers(
          {
            200: Type.Unsafe<unknown>({
              description: 'The errors.',
              content: { 'application/x-ndjson': { schema: Type.String() } },
            }),
          },
          'job_unknown',
        ),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await jobs.status(id);
      return held.stream(request, reply, async () =>
        reply.type(MEDIA_TYPES.ndjson).send(Readable.from(jobs.store.errorLines(id))),
      );
    },
  );
};

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

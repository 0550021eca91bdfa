/**
 * schemas.ts – A job as it is answered.
 */

import Type, { type TSchema } from 'typebox';
import { JOB_KIND_NAMES } from '../../jobs/job-kinds.ts';
import { JOB_STATUSES } from '../../jobs/jobs.ts';
import { time } from '../times.ts';

export const jobForm = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum([...JOB_KIND_NAMES]),
    asked: Type.Record(Type.String(), Type.Unknown(), { description: 'What the job is to do.' }),
    status: Type.Enum([...JOB_STATUSES]),
    progress: Type.Object({
      done: Type.Integer({ description: 'Rows or records so far.' }),
      total: Type.Optional(Type.Integer({ description: 'All of them, where that is known.' })),
    }),
    result: Type.Optional(Type.Unknown({ description: 'What came of it, as far as it is.' })),
    problem: Type.Optional(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { description: 'Why it failed.' },
      ),
    ),
    errors: Type.Array(
      Type.Object({
        line: Type.Optional(Type.Integer()),
        code: Type.String(),
        detail: Type.String(),
        path: Type.Optional(Type.String()),
      }),
      { description: 'The first of them; all are at /v1/jobs/:id/errors.' },
    ),
    errors_total: Type.Integer(),
    created_at: time('When it was asked for.'),
    finished_at: Type.Union([time('When it ended.'), Type.Null()]),
  },
  {
    $id: 'Job',
    examples: [
      {
        id: 'job-5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
        kind: 'import',
        asked: {
          object_type: 'contacts',
          format: 'csv',
          op: 'put',
          id_column: 0,
          columns: [null, 'age'],
        },
        status: 'completed',
        progress: { done: 1000, total: 1000 },
        result: { accepted: 999, rejected: 1, skipped: 0, unknown_columns: [] },
        errors: [
          {
            line: 17,
            code: 'attribute_invalid',
            detail: "'age' must be a number, not 'old'",
            path: '/data/age',
          },
        ],
        errors_total: 1,
        created_at: '2026-01-30T08:00:00.000Z',
        finished_at: '2026-01-30T08:00:02.000Z',
      },
    ],
  },
);

export const JOB_SCHEMAS: readonly TSchema[] = [jobForm];

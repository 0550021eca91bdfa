/**
 * schemas.ts – Audits, as they are asked for and answered.
 */
import Type, { type TSchema } from 'typebox';
import { AUDIT_STATUSES } from '../../membership/audit-history.ts';
import { time } from '../times.ts';

export const auditBody = Type.Object(
  {
    repair: Type.Optional(
      Type.Boolean({ description: 'Repair what is found, and compare again. False if absent.' }),
    ),
  },
  { additionalProperties: false, examples: [{ repair: false }] },
);

const content = Type.Union([Type.String(), Type.Integer(), Type.Null()]);

export const auditForm = Type.Object(
  {
    id: Type.String({ description: 'Of its job too, where it is one.' }),
    cause: Type.Enum(['request', 'schedule', 'command']),
    repair: Type.Boolean({ description: 'Whether what is found is to be repaired.' }),
    status: Type.Enum([...AUDIT_STATUSES]),
    reason: Type.Optional(
      Type.String({ description: 'Why it has no result, or what it could not do.' }),
    ),
    progress: Type.Optional(
      Type.Object(
        { done: Type.Integer(), total: Type.Optional(Type.Integer()) },
        { description: 'Records so far, while it runs.' },
      ),
    ),
    started_at: time('When it began; of one that waits, when it was asked for.'),
    finished_at: Type.Union([time('When it ended.'), Type.Null()]),
    compared: Type.Object({
      segments: Type.Integer({ description: 'Segments, and views with a query of their own.' }),
      records: Type.Integer(),
      evaluations: Type.Integer({
        description: 'Pairs of record and segment that JsonLogic was asked about.',
      }),
    }),
    differences: Type.Integer({ description: 'As they were found, before a repair.' }),
    samples: Type.Array(
      Type.Object({
        kind: Type.String({ description: 'What is kept otherwise: member, state, count, …' }),
        at: Type.String({ description: 'Where: segment and record, type and record, key, …' }),
        expected: content,
        found: content,
      }),
      { description: 'Some of the differences. What names a record goes with it.' },
    ),
    repaired: Type.Boolean({ description: 'Whether all that was found was made good.' }),
  },
  {
    $id: 'Audit',
    examples: [
      {
        id: 'job-5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
        cause: 'schedule',
        repair: false,
        status: 'completed',
        started_at: '2026-01-30T03:00:00.000Z',
        finished_at: '2026-01-30T03:04:10.000Z',
        compared: { segments: 40, records: 100_000, evaluations: 4_000_000 },
        differences: 1,
        samples: [{ kind: 'member', at: 'big-spenders/c-17', expected: 'present', found: null }],
        repaired: false,
      },
    ],
  },
);

export const AUDIT_SCHEMAS: readonly TSchema[] = [auditForm];

/**
 * schemas.ts – Previews, as they are asked for and answered.
 */
import Type, { type TSchema } from 'typebox';
import { PREVIEW_STATUSES } from '../../preview/preview.ts';
import { queryExample } from '../examples.ts';
import { named, recordId, typeName } from '../fields.ts';
import { timeout } from '../read-options.ts';
import { time } from '../times.ts';

export const SAMPLE_DEFAULT = 10;
const SAMPLE_MAX = 100;
export const PREVIEW_TIMEOUT_MS = 10_000;

export const previewBody = Type.Object(
  {
    object_type: typeName,
    query: Type.Unsafe<unknown>({ description: 'A query, as a segment has one (Query).' }),
    compare_to: Type.Optional(
      Type.String({ description: 'Slug of a segment whose members are compared.' }),
    ),
    sample: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: SAMPLE_MAX,
        default: SAMPLE_DEFAULT,
        description: 'How many records to name.',
      }),
    ),
    breakdown: Type.Optional(
      Type.Boolean({ default: false, description: 'Count each group and rule alone.' }),
    ),
    at: Type.Optional(
      Type.String({
        description: 'A moment, now or later: what will hold then if no record changes until then.',
        examples: ['2026-12-07T09:00:00Z'],
      }),
    ),
    timeout_ms: Type.Optional(
      timeout('How long the answer may take, in milliseconds.', PREVIEW_TIMEOUT_MS),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ object_type: 'contacts', query: queryExample, breakdown: true }],
  },
);

const numberOrNull = (description: string) =>
  Type.Union([Type.Integer(), Type.Null()], { description });

const sample = Type.Array(
  Type.Object({ id: recordId, title: Type.String({ description: 'What the record is called.' }) }),
  { description: 'The first of them, by partition and id.' },
);

const compared = (description: string) =>
  Type.Optional(
    Type.Object({ count: numberOrNull('Null: it was not done.'), sample }, { description }),
  );

export const PREVIEW_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      status: Type.Enum([...PREVIEW_STATUSES], {
        description: 'timeout: it was not done in its time, and each number is null.',
      }),
      count: numberOrNull('Records that satisfy the query. A number exactly when it is ready.'),
      of: numberOrNull('Live records of the type.'),
      sample,
      added: compared('In the preview and not in the segment that it is compared with.'),
      removed: compared('In that segment and not in the preview.'),
      breakdown: Type.Optional(
        Type.Array(
          Type.Object({
            path: Type.String({ description: 'JSON pointer into the query.' }),
            count: numberOrNull('Records that satisfy this part alone; null: it was not done.'),
          }),
          { description: 'Each group and rule that /rules/… leads to; of rule groups alone.' },
        ),
      ),
      as_of: Type.String({
        description: 'Names the commit at which each partition was read.',
      }),
      as_of_time: time('The moment that the answer is of: now, or the one that was asked for.'),
    },
    {
      $id: 'Preview',
      examples: [
        {
          status: 'ready',
          count: 1204,
          of: 9873,
          sample: [{ id: 'c-17', title: 'ada@example.com' }],
          breakdown: [
            { path: '/rules/0', count: 4011 },
            { path: '/rules/1', count: 3920 },
          ],
          as_of: 'W1sxMiwiYSJdXQ',
          as_of_time: '2026-01-31T09:30:00.000Z',
        },
      ],
    },
  ),
];

export const previewForm = named('Preview');

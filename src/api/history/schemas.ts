/**
 * schemas.ts – The history of segments, as it is asked for and answered.
 */
import Type, { type TSchema } from 'typebox';
import { HISTORY_STEPS } from '../../history/history-bucket.ts';
import { time } from '../times.ts';

const HISTORY_SLUGS_MAX = 20;

export const historyBody = Type.Object(
  {
    slugs: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: HISTORY_SLUGS_MAX,
      uniqueItems: true,
      description: 'Segments, of any object types.',
    }),
    from: Type.String({
      description: 'The first point is the one in which this moment lies: a date or a datetime.',
    }),
    to: Type.String({ description: 'The last point begins before this moment.' }),
    step: Type.Enum([...HISTORY_STEPS], {
      description: 'Hours are kept for 90 days. Both are those of the deployment’s time zone.',
    }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        slugs: ['big-spenders'],
        from: '2026-01-01',
        to: '2026-01-31T10:00:00.000Z',
        step: 'day',
      },
    ],
  },
);

const numberOrNull = (description: string) =>
  Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], { description });

export const HISTORY_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      history: Type.Record(
        Type.String(),
        Type.Array(
          Type.Object({
            at: time('When the hour or day begins.'),
            count: numberOrNull('Members at its end; of the running one, by now.'),
            entered: numberOrNull('How often a record entered in it.'),
            left: numberOrNull('How often a record left in it.'),
          }),
          { description: 'Without a gap. Null where nothing is known, or the segment was not.' },
        ),
        { description: 'By slug.' },
      ),
    },
    {
      $id: 'History',
      examples: [
        {
          history: {
            'big-spenders': [{ at: '2026-01-31T00:00:00.000Z', count: 1204, entered: 7, left: 2 }],
          },
        },
      ],
    },
  ),
];

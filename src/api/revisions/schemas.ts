/**
 * schemas.ts – Revisions as they are answered, and the names of a duplicate.
 */
import Type, { type TSchema } from 'typebox';
import { queryExample } from '../examples.ts';
import { named } from '../fields.ts';
import { segmentMembers } from '../segments/schemas.ts';
import { time } from '../times.ts';

const { title, description, slug } = segmentMembers;

export const REVISION_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      revision: Type.Integer({ minimum: 1 }),
      at: time('When it was made.'),
      by: Type.Union([Type.String(), Type.Null()], {
        description: 'The name of the key that made it, or its fingerprint; null: not known.',
      }),
      title,
      description,
      query: named('Query'),
    },
    {
      $id: 'Revision',
      examples: [
        {
          revision: 3,
          at: '2026-01-30T08:00:00.000Z',
          by: 'marketing',
          title: 'Big spenders',
          query: queryExample,
        },
      ],
    },
  ),
  Type.Object(
    { slug: Type.Optional(slug), title: Type.Optional(title) },
    {
      $id: 'SegmentDuplicate',
      additionalProperties: false,
      examples: [{ slug: 'big-spenders-2', title: 'Bigger spenders' }],
    },
  ),
];

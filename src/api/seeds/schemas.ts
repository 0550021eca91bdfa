/**
 * schemas.ts – Seeds, and the report on what one would change or has changed.
 */
import Type, { type TSchema } from 'typebox';
import { definitionExample, segmentExample } from '../examples.ts';
import { named } from '../fields.ts';

export const seedEntryForm = Type.Object(
  {
    object_type: Type.String(),
    name: Type.Optional(Type.String()),
    slug: Type.Optional(Type.String()),
    id: Type.Optional(Type.String()),
    changed: Type.Optional(
      Type.Array(Type.String(), { description: 'The members that become others.' }),
    ),
  },
  {
    $id: 'SeedEntry',
    examples: [{ object_type: 'segments', slug: 'big-spenders', changed: ['query'] }],
  },
);

export const SEED_SCHEMAS: readonly TSchema[] = [
  Type.Array(
    Type.Union([
      Type.Object({
        object_type: Type.String({
          description: 'object_types, segments, views, or a declared object type: a record of it.',
        }),
        id: Type.Optional(
          Type.String({ description: 'Of a record whose attributes hold an id themselves.' }),
        ),
        data: Type.Record(Type.String(), Type.Unknown(), {
          description:
            'What a client says of the definition; of a record its id and its attributes, ' +
            'where {{getRecordAttribute(object_type, field, value)}} stands for an id, and ' +
            'after a backslash for itself.',
        }),
      }),
      named('SegmentInput'),
    ]),
    {
      $id: 'Seed',
      examples: [
        [
          { object_type: 'object_types', data: { name: 'contacts', ...definitionExample } },
          { object_type: 'segments', data: segmentExample },
          { object_type: 'contacts', data: { id: 'c-16', email: 'grace@example.com' } },
          {
            object_type: 'contacts',
            data: {
              id: 'c-17',
              manager_id: '{{getRecordAttribute(contacts, email, "grace@example.com")}}',
            },
          },
        ],
      ],
    },
  ),
  Type.Object(
    {
      create: Type.Array(named('SeedEntry')),
      update: Type.Array(named('SeedEntry')),
      unchanged: Type.Array(named('SeedEntry')),
      errors: Type.Array(Type.Unknown(), {
        description: 'Of a dry run: each item that would be refused, and why.',
      }),
      totals: Type.Object({
        create: Type.Integer(),
        update: Type.Integer(),
        unchanged: Type.Integer(),
      }),
    },
    {
      $id: 'SeedReport',
      examples: [
        {
          create: [{ object_type: 'segments', slug: 'big-spenders' }],
          update: [{ object_type: 'contacts', id: 'c-17', changed: ['age'] }],
          unchanged: [{ object_type: 'object_types', name: 'contacts' }],
          errors: [],
          totals: { create: 1, update: 1, unchanged: 1 },
        },
      ],
    },
  ),
  seedEntryForm,
];

/**
 * schemas.ts – Views and their rows as they are sent and answered.
 */

import Type, { type Static, type TSchema } from 'typebox';
import { FILTER_STATUSES } from '../../catalog/catalog.ts';
import { CHOSEN_MAX } from '../../membership/segment-choice.ts';
import { SORT_DIRECTIONS } from '../../query/dialects/view-columns.ts';
import { AGGREGATE_NAMES } from '../../query/predicate/measures.ts';
import { rowExample, viewExample } from '../examples.ts';
import { failureReason, named, slug, typeName } from '../fields.ts';
import { optionalPageParameters, pageOf } from '../page.ts';
import { readParameters } from '../read-options.ts';
import { segmentMembers } from '../segments/schemas.ts';
import { time } from '../times.ts';
import { DELIMITERS } from './csv.ts';

const viewColumn = Type.Object(
  {
    path: Type.String({
      description:
        'An own attribute (email), a way of to-one relationships to one ' +
        '(organization.parent.name), id, created_at, updated_at or version; with an aggregate ' +
        'a to-many relationship (orders) or a number of its records (orders.total).',
    }),
    label: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Unique; default: the path.' }),
    ),
    aggregate: Type.Optional(Type.Enum([...AGGREGATE_NAMES])),
    where: Type.Optional(named('RuleGroup')),
  },
  { additionalProperties: false },
);

const viewMembers = {
  title: segmentMembers.title,
  slug,
  description: segmentMembers.description,
  object_type: typeName,
  segment: Type.Optional(
    Type.String({ description: 'Slug of the segment whose members are shown; or a query.' }),
  ),
  query: Type.Optional(named('Query')),
  columns: Type.Array(viewColumn, { minItems: 1, maxItems: 200 }),
  relationships: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: 20,
      description: 'Whose records are given along in JSON and NDJSON.',
    }),
  ),
  sort: Type.Optional(
    Type.Array(
      Type.Object(
        {
          path: Type.String({
            description: 'An own attribute, id, created_at, updated_at or version.',
          }),
          direction: Type.Enum([...SORT_DIRECTIONS]),
        },
        { additionalProperties: false },
      ),
      {
        maxItems: 5,
        description: 'Missing values come last, equal ones in the order of their ids.',
      },
    ),
  ),
};

export const rowsQuery = Type.Object({
  ...optionalPageParameters,
  ...readParameters,
  segment: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: CHOSEN_MAX,
      description: 'Only rows of records in this segment; in each of several.',
      examples: [['big-spenders']],
    }),
  ),
  not_segment: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: CHOSEN_MAX,
      description: 'Only rows of records that are not in it; in none of several.',
    }),
  ),
  bom: Type.Optional(
    Type.Boolean({
      description: 'CSV: begin with a byte order mark, as Excel likes; without one if absent.',
    }),
  ),
  delimiter: Type.Optional(
    Type.Enum([...DELIMITERS], {
      description:
        'CSV: what stands between cells: a comma (if absent), a semicolon, a tab (%09) or |.',
      examples: [';'],
    }),
  ),
});

export type RowsQuery = Static<typeof rowsQuery>;

/** The three forms of the rows of a view. */
export const rowsAnswer = Type.Unsafe<unknown>({
  content: {
    'application/json': { schema: pageOf(named('Row')) },
    'application/x-ndjson': {
      schema: Type.String({ description: 'A row in each line; all of them.' }),
    },
    'text/csv': {
      schema: Type.String({ description: 'RFC 4180: a header of labels, then all rows.' }),
    },
  },
});

export const viewForm = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    ...viewMembers,
    json_logic: Type.Optional(Type.Unknown({ description: 'Its own query as JsonLogic.' })),
    status: Type.Optional(Type.Enum([...FILTER_STATUSES], { description: 'Of its own query.' })),
    reason: Type.Optional(failureReason),
    progress: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'Of its own query.' }),
    ),
    revision: Type.Integer({ minimum: 1, description: 'Counts edits.' }),
    created_at: time('When it was created.'),
    updated_at: time('When it was last edited.'),
  },
  {
    $id: 'View',
    examples: [
      {
        id: '0d6f4b0c-8a1e-4b9a-9c55-6f0d6a3c7a10',
        ...viewExample,
        revision: 1,
        created_at: '2026-01-30T08:00:00.000Z',
        updated_at: '2026-01-30T08:00:00.000Z',
      },
    ],
  },
);

export const VIEW_SCHEMAS: readonly TSchema[] = [
  Type.Object(viewMembers, {
    $id: 'ViewInput',
    additionalProperties: false,
    description: 'Exactly one of segment and query.',
    examples: [viewExample],
  }),
  Type.Partial(Type.Object(viewMembers), {
    $id: 'ViewPatch',
    description:
      'null removes what is optional; a segment takes the place of the query, and the other ' +
      'way round.',
    examples: [{ title: 'Bigger spenders' }],
  }),
  viewForm,
  Type.Unsafe({
    $id: 'Row',
    type: 'object',
    additionalProperties: true,
    description:
      'The id and one field per column: its path, or of an aggregate its label; null where ' +
      'there is no value. `relationships` holds those that the view names: a record or null, ' +
      'of many a page of the first ones.',
    examples: [rowExample],
  }),
];

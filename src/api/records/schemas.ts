/**
 * schemas.ts – Records as they are sent and answered.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { CHOSEN_MAX } from '../../membership/segment-choice.ts';
import { dataExample, queryExample, recordExample } from '../examples.ts';
import { named, recordId, typeName } from '../fields.ts';
import { LIMIT_DEFAULT, LIMIT_MAX, optionalPageParameters, pageOf } from '../page.ts';
import { timeout } from '../read-options.ts';
import { time } from '../times.ts';
import { sourceVersion, waitParameters } from '../write-options.ts';

/** What else a read of one record answers. */
export const includeParameters = {
  include: Type.Optional(
    Type.String({
      description:
        'Names of relationships, separated by commas: the records at their other ends are ' +
        'answered as well.',
      examples: ['manager,reports'],
    }),
  ),
  include_limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      default: LIMIT_DEFAULT,
      description: 'Records on a page of a to-many relationship.',
    }),
  ),
  include_cursor: Type.Optional(
    Type.String({
      description:
        "The next_cursor of an included page; then `include` names that page's relationship alone.",
    }),
  ),
};

/** How long a write of one record waits to be applied, unless it says otherwise. */
export const WRITE_WAIT_MS = 5000;

export const writeQuery = Type.Object({
  source_version: sourceVersion,
  ...waitParameters(WRITE_WAIT_MS),
});

/** How long a page of a query may take, unless it says otherwise. */
export const QUERY_TIMEOUT_MS = 2000;
const chosen = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { maxItems: CHOSEN_MAX, description }));

export const recordsQueryBody = Type.Object(
  {
    query: Type.Optional(Type.Unknown({ description: 'A query, as a segment has one (Query).' })),
    in: chosen('Slugs of segments of this type: only records that are in each of them.'),
    not_in: chosen('Only records that are in none of them.'),
    ...optionalPageParameters,
    timeout_ms: Type.Optional(
      timeout('How long a page may take, in milliseconds.', QUERY_TIMEOUT_MS),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ query: queryExample, in: ['big-spenders'], not_in: [], limit: 50 }],
  },
);

const includeQuery = Type.Object(includeParameters);

export type IncludeQuery = Static<typeof includeQuery>;

export const RECORD_SCHEMAS: readonly TSchema[] = [
  Type.Record(Type.String(), Type.Unknown(), {
    $id: 'Attributes',
    description:
      'Values by attribute. Declared ones are checked strictly ("7" is no number); others are ' +
      'stored and can not be filtered on. null is no value: in a patch it removes the ' +
      'attribute.',
    examples: [dataExample],
  }),
  Type.Object(
    {
      object_type: typeName,
      id: recordId,
      data: named('Attributes'),
      version: Type.Integer({ description: 'Counts the revisions of the record.' }),
      source_version: Type.Optional(
        Type.Integer({ description: 'The highest that the source gave.' }),
      ),
      created_at: time('When it was first put.'),
      updated_at: time('When it was last changed.'),
      archived_at: Type.Union([time('Since when it is in no segment.'), Type.Null()]),
    },
    { $id: 'Record', examples: [recordExample] },
  ),
  Type.Intersect(
    [
      named('Record'),
      Type.Object({
        included: Type.Optional(
          Type.Record(
            Type.String(),
            Type.Union([named('Record'), Type.Null(), pageOf(named('Record'))], {
              description:
                'A to-one relationship: the record, or null if there is no live one. A to-many ' +
                'one: a page.',
            }),
            {
              description:
                'By name, the relationships that `include` names; archived records are left out.',
            },
          ),
        ),
      }),
    ],
    {
      $id: 'RecordWithIncluded',
      examples: [
        {
          ...recordExample,
          included: {
            manager: { ...recordExample, id: 'c-16', data: { email: 'grace@example.com' } },
            reports: { data: [], next_cursor: null },
          },
        },
      ],
    },
  ),
  Type.Object(
    {
      object_type: typeName,
      id: recordId,
      status: Type.Enum(['accepted', 'ignored'], {
        description:
          'accepted: in the log, and will be applied. ignored: a newer change had deleted the ' +
          'record, so there is none to show.',
      }),
    },
    { $id: 'Receipt', examples: [{ object_type: 'contacts', id: 'c-17', status: 'accepted' }] },
  ),
];

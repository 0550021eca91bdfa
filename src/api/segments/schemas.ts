/**
 * schemas.ts – Segments, their queries, counts and members, as they are sent and answered.
 *
 * Keeps true: queries are only described here; the engine reads them and names their faults.
 */

import Type, { type TSchema } from 'typebox';
import { FILTER_STATUSES } from '../../catalog/catalog.ts';
import { OVERLAP_SLUGS_MAX, OVERLAP_SLUGS_MIN } from '../../membership/overlaps.ts';
import { COUNT_STATUSES } from '../../membership/segment-counts.ts';
import { FILTER_SCHEMAS } from '../../query/dialects/filter-schema.ts';
import {
  jsonLogicExample,
  queryExample,
  segmentExample,
  segmentWordsExample,
} from '../examples.ts';
import { failureReason, named, recordId, slug, typeName, usedBy } from '../fields.ts';
import { pageOf } from '../page.ts';
import { readParameters } from '../read-options.ts';
import { time } from '../times.ts';

export const SLUGS_MAX = 1000;

export const countsBody = Type.Object(
  {
    slugs: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: SLUGS_MAX,
        description: 'Whose members to count; absent: all segments.',
      }),
    ),
    ...readParameters,
  },
  { additionalProperties: false, examples: [{ slugs: ['big-spenders'] }] },
);

export const overlapBody = Type.Object(
  {
    slugs: Type.Array(Type.String(), {
      minItems: OVERLAP_SLUGS_MIN,
      maxItems: OVERLAP_SLUGS_MAX,
      uniqueItems: true,
      description: 'Segments of one object type.',
    }),
    ...readParameters,
  },
  { additionalProperties: false, examples: [{ slugs: ['big-spenders', 'newsletter-readers'] }] },
);

export const segmentMembers = {
  title: Type.String({ minLength: 1, maxLength: 200 }),
  slug,
  description: Type.Optional(Type.String({ maxLength: 4000 })),
  object_type: typeName,
  query: named('Query'),
};

const freshness = Type.Object(
  {
    as_of_time: time('All that was acknowledged until then is in the members.'),
    lag_entries: Type.Integer({
      minimum: 0,
      description: 'What waits to be applied, as an upper bound: 0 exactly if nothing does.',
    }),
    lag_ms: Type.Number({ minimum: 0, description: 'How long the oldest of it has waited.' }),
  },
  { description: 'How up to date the members are, over all partitions.' },
);

export const segmentForm = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    ...segmentMembers,
    words: Type.String({ description: 'The query as a sentence.' }),
    json_logic: named('JsonLogic'),
    status: Type.Enum([...FILTER_STATUSES]),
    reason: Type.Optional(failureReason),
    progress: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'The share of records that were looked at so far.',
    }),
    freshness,
    revision: Type.Integer({ minimum: 1, description: 'Counts edits.' }),
    used_by: usedBy,
    created_at: time('When it was created.'),
    updated_at: time('When it was last edited.'),
  },
  {
    $id: 'Segment',
    examples: [
      {
        id: '5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
        ...segmentExample,
        words: segmentWordsExample,
        json_logic: jsonLogicExample,
        status: 'ready',
        progress: 1,
        freshness: { as_of_time: '2026-01-31T09:30:00.000Z', lag_entries: 0, lag_ms: 0 },
        revision: 1,
        used_by: [],
        created_at: '2026-01-30T08:00:00.000Z',
        updated_at: '2026-01-30T08:00:00.000Z',
      },
    ],
  },
);

const countsMembers = {
  counts: Type.Array(
    Type.Object({
      slug,
      count: Type.Union([Type.Integer(), Type.Null()], {
        description: 'A number exactly when status is ready.',
      }),
      status: Type.Enum([...COUNT_STATUSES]),
      revision: Type.Union([Type.Integer(), Type.Null()], {
        description:
          'The revision of the segment that the number is of; while an edit is built, the ' +
          'one before.',
      }),
    }),
  ),
  as_of: Type.String({
    description: 'Names the instant of the numbers: where each partition stood.',
  }),
};

const countExample = { slug: 'big-spenders', count: 1204, status: 'ready', revision: 1 } as const;
const asOfExample = 'W1sxMiwiMTcwMC0wIl1d';

const { properties: page } = pageOf(named('Member'));

export const membersPage = Type.Object({
  ...page,
  changes_cursor: Type.Optional(
    Type.String({ description: 'On the first page: the cursor of the feed that goes with it.' }),
  ),
});

export const SEGMENT_SCHEMAS: readonly TSchema[] = [
  ...FILTER_SCHEMAS.map((schema) =>
    Type.Unsafe(
      schema['$id'] === 'Query'
        ? { ...schema, examples: [queryExample, jsonLogicExample] }
        : schema,
    ),
  ),
  Type.Object(segmentMembers, {
    $id: 'SegmentInput',
    additionalProperties: false,
    examples: [segmentExample],
  }),
  Type.Object(
    {
      title: Type.Optional(segmentMembers.title),
      description: Type.Optional(Type.Union([Type.String({ maxLength: 4000 }), Type.Null()])),
      query: Type.Optional(segmentMembers.query),
    },
    { $id: 'SegmentPatch', additionalProperties: false, examples: [{ title: 'Bigger spenders' }] },
  ),
  segmentForm,
  Type.Object(countsMembers, {
    $id: 'Counts',
    examples: [{ counts: [countExample], as_of: asOfExample }],
  }),
  Type.Object(
    {
      counts: countsMembers.counts,
      overlaps: Type.Array(
        Type.Object({
          a: slug,
          b: slug,
          count: Type.Union([Type.Integer(), Type.Null()], {
            description: 'Members of both; null if one of the two has no number.',
          }),
        }),
        { description: 'Each pair once, in the order asked.' },
      ),
      as_of: countsMembers.as_of,
    },
    {
      $id: 'Overlaps',
      examples: [
        {
          counts: [countExample, { ...countExample, slug: 'newsletter-readers', count: 310 }],
          overlaps: [{ a: 'big-spenders', b: 'newsletter-readers', count: 120 }],
          as_of: asOfExample,
        },
      ],
    },
  ),
  Type.Object(
    { id: recordId, record: Type.Optional(named('Record')) },
    { $id: 'Member', examples: [{ id: 'c-17' }] },
  ),
];

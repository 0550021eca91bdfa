/**
 * schemas.ts – Explanations as they are asked for and answered.
 */
import Type, { type TSchema } from 'typebox';
import { RULE_KINDS } from '../../query/dialects/filter-tree.ts';
import { queryExample } from '../examples.ts';
import { named, recordId, typeName } from '../fields.ts';
import { readParameters } from '../read-options.ts';
import { time, timeOrNull } from '../times.ts';

const moment = Type.String({
  description:
    'Explain as of this later moment, as if no record changed until then: RFC 3339. Absent: now.',
  examples: ['2027-01-04T09:00:00Z'],
});

export const explainParameters = { at: Type.Optional(moment), ...readParameters };

export const explainBody = Type.Object(
  {
    object_type: typeName,
    query: Type.Unsafe<unknown>({ description: 'A query, as a segment has one (Query).' }),
    id: recordId,
    ...explainParameters,
  },
  {
    additionalProperties: false,
    examples: [{ object_type: 'contacts', query: queryExample, id: 'c-17' }],
  },
);

const value = (description: string) => Type.Unsafe<unknown>({ description });

const explainedPart = {
  path: Type.String({ description: 'JSON pointer into the query.', examples: ['/rules/0'] }),
  kind: Type.Enum(['group', ...RULE_KINDS, 'json_logic']),
  words: Type.String({ description: 'What it says, in English.' }),
  passed: Type.Boolean(),
  combinator: Type.Optional(Type.Enum(['and', 'or', 'mixed'])),
  not: Type.Optional(Type.Boolean()),
  seen: Type.Optional(value('The value that was looked at; null: there is none.')),
  expected: Type.Optional(
    value(
      'What it was compared with. Of a window its ends: `after`, `from` (included), `until` ' +
        '(included), `before`.',
    ),
  ),
  seen_words: Type.Optional(Type.String({ description: 'What was seen, in English.' })),
  matching: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], {
      description: 'Related records that satisfy it; null: there are too many to tell.',
    }),
  ),
  of: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], { description: 'Related records in all.' }),
  ),
  value: Type.Optional(
    value(
      'The number that an aggregate is; of a match, how many satisfy it, or their share where ' +
        'its threshold is one; null: there is none.',
    ),
  ),
  related: Type.Optional(
    Type.Array(
      Type.Object({
        object_type: Type.String(),
        id: Type.String(),
        title: Type.String(),
        passed: Type.Boolean(),
        seen: Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          additionalProperties: true,
          description: 'The attributes that the condition looks at.',
        }),
        flips_at: timeOrNull('When the clock alone changes it.'),
      }),
      { maxItems: 20, description: 'Those that decide it come first.' },
    ),
  ),
  flips_at: Type.Optional(
    timeOrNull('Of what moves with time: when the clock alone changes it; null: not foreseen.'),
  ),
  children: Type.Optional(
    Type.Array(Type.Unsafe<unknown>({ $ref: 'ExplainedPart#' }), {
      description: 'Its parts, in the order of the query.',
    }),
  ),
};

export const EXPLAIN_SCHEMAS: readonly TSchema[] = [
  Type.Object(explainedPart, {
    $id: 'ExplainedPart',
    examples: [
      {
        path: '/rules/1',
        kind: 'rule',
        words: 'Age is at least 18',
        passed: true,
        seen: 36,
        expected: 18,
        seen_words: '36',
      },
    ],
  }),
  Type.Object(
    {
      member: Type.Boolean({ description: 'Whether the record is in the segment, or would be.' }),
      stored: Type.Union([Type.Boolean(), Type.Null()], {
        description: 'Whether it is stored as a member; null of a query that is not saved.',
      }),
      agrees: Type.Boolean({
        description: 'Whether what is stored is what the rows say; if not, run an audit.',
      }),
      id: recordId,
      title: Type.String(),
      exists: Type.Boolean(),
      archived: Type.Boolean(),
      revision: Type.Union([Type.Integer(), Type.Null()], {
        description: 'The revision of the segment that answers.',
      }),
      as_of_time: time('The moment that the answer is of: now, or the one that was asked for.'),
      at: Type.Optional(time('The later moment that was asked for.')),
      since: timeOrNull('Since when it is so; null if the feed does not know.'),
      next: Type.Union([
        Type.Object({
          at: timeOrNull('When the clock alone changes the verdict.'),
          member: Type.Optional(Type.Boolean({ description: 'The verdict from then on.' })),
          searched_until: Type.Optional(
            time('Where the search was ended: up to then nothing changes.'),
          ),
        }),
        Type.Null({ description: 'The clock alone never changes it.' }),
      ]),
      words: Type.String({ description: 'The whole filter, in English.' }),
      tree: named('ExplainedPart'),
    },
    {
      $id: 'Explanation',
      examples: [
        {
          member: true,
          stored: true,
          agrees: true,
          id: 'c-17',
          title: 'ada@example.com',
          exists: true,
          archived: false,
          revision: 1,
          as_of_time: '2026-01-31T09:30:00.000Z',
          since: '2026-01-30T08:00:00.000Z',
          next: null,
          words: 'Contacts whose country is one of US or CA and whose age is at least 18',
          tree: {
            path: '',
            kind: 'group',
            words: 'All of these hold',
            passed: true,
            combinator: 'and',
            not: false,
            children: [],
          },
        },
      ],
    },
  ),
];

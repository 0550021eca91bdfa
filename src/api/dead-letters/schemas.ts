/**
 * schemas.ts – Dead letters, and what comes of one that is tried again.
 */
import Type, { type TSchema } from 'typebox';
import { LETTER_KINDS } from '../../engine/dead-letter-store.ts';
import { recordId, typeName } from '../fields.ts';
import { time } from '../times.ts';

const head = {
  id: Type.String({ description: 'Names the letter: its partition, and its place there.' }),
  kind: Type.Enum([...LETTER_KINDS], {
    description:
      'change: of a record; entry: changes that nobody can read; message: from another ' +
      'partition; work: of a build, a fan-out or a timer.',
  }),
  code: Type.String({ description: 'Why it could not be applied.' }),
  detail: Type.String({ description: 'The same in words.' }),
  at: time('When it was given up.'),
  partition: Type.Integer(),
  entry: Type.Optional(
    Type.String({ description: 'Where it came in: the entry of the log or the inbox.' }),
  ),
  index: Type.Optional(Type.Integer({ description: 'Its place in that entry, from 0.' })),
  object_type: Type.Optional(typeName),
  record_id: Type.Optional(recordId),
  size: Type.Integer({ description: 'Characters of the letter.' }),
};

const headExample = {
  id: '3-1769760000000-0',
  kind: 'change',
  code: 'change_failed',
  detail: 'the record would have 2200000 characters, more than 2097152',
  at: '2026-01-30T08:00:00.000Z',
  partition: 3,
  entry: '1769760000000-0',
  index: 0,
  object_type: 'contacts',
  record_id: 'c-17',
  size: 87,
};

export const letterForm = Type.Object(head, {
  $id: 'ChangeDeadLetter',
  examples: [headExample],
});

export const retriedForm = Type.Object(
  {
    kind: head.kind,
    outcome: Type.String({
      description:
        'Of a change: created, updated, unchanged, deleted, stale (a newer one is known), ' +
        'unknown or absent (no such record), dead (it failed again, and is a new dead letter), ' +
        'accepted (not known in time). Else: resending (the partition it came from sends its ' +
        'state again), rebuilding (segments are built anew), settled (nothing needs it).',
    }),
    segments: Type.Optional(
      Type.Array(Type.String(), { description: 'What is built anew: segments and views.' }),
    ),
  },
  { $id: 'RetriedLetter', examples: [{ kind: 'change', outcome: 'updated' }] },
);

export const DEAD_LETTER_SCHEMAS: readonly TSchema[] = [
  letterForm,
  Type.Object(
    {
      ...head,
      letter: Type.Unknown({
        description: 'The change, or whatever else it was; a text if it is no JSON.',
      }),
    },
    {
      $id: 'WholeDeadLetter',
      examples: [
        {
          ...headExample,
          letter: { op: 'patch', object_type: 'contacts', id: 'c-17', data: { age: 33 } },
        },
      ],
    },
  ),
  retriedForm,
];

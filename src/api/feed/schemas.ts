/**
 * schemas.ts – Who entered and left segments, as it is asked for and answered.
 */
import Type, { type TSchema } from 'typebox';
import { CAUSE_NAMES, FEED_NEWS_NAMES } from '../../change/cause.ts';
import { recordId, slug, typeName } from '../fields.ts';
import { pageParameters } from '../page.ts';
import { SLUGS_MAX } from '../segments/schemas.ts';
import { time } from '../times.ts';

export const feedParameters = {
  limit: pageParameters.limit,
  cursor: Type.Optional(
    Type.String({
      description:
        'The next_cursor of a page, or the cursor of an event: what comes after it; or ' +
        '`oldest` (what is kept, as if absent) or `now` (what comes from now on).',
    }),
  ),
};

export const membershipFeedQuery = Type.Object({
  segment: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: SLUGS_MAX,
      description: 'Slugs: only events of these segments. May be given more than once.',
    }),
  ),
  object_type: Type.Optional(Type.String({ description: 'Only events of this object type.' })),
  id: Type.Optional(Type.String({ description: 'Only events of records with this id.' })),
  ...feedParameters,
});

const cursor = Type.String({ description: 'Give it as cursor to go on after this event.' });
const at = time('The clock of the commit in which it happened.');

const MEMBERSHIP_EVENT = {
  event: 'entered',
  segment: 'big-spenders',
  object_type: 'contacts',
  id: 'c-17',
  at: '2026-01-31T09:30:00.000Z',
  cause: 'record_changed',
  cursor: 'AfK4w4i-NBgABQAc6cVn',
};

export const changeEvent = Type.Union(
  [
    Type.Object({
      event: Type.Enum(['entered', 'left']),
      segment: slug,
      object_type: typeName,
      id: recordId,
      at,
      cause: Type.Enum([...CAUSE_NAMES]),
      cursor,
    }),
    Type.Object({
      event: Type.Enum([...FEED_NEWS_NAMES], {
        description:
          'Of the segment itself, once for each partition. After segment_ready its members are ' +
          'to be read anew.',
      }),
      segment: slug,
      object_type: typeName,
      at,
      cursor,
    }),
  ],
  { $id: 'MembershipEvent', examples: [MEMBERSHIP_EVENT] },
);

const changesPage = Type.Object({
  data: Type.Array(Type.Unsafe<unknown>({ $ref: 'MembershipEvent#' })),
  next_cursor: Type.String({
    description: 'Where the next page begins; never null. A page may be empty and not the last.',
  }),
});

/** By Accept: a page, or events as long as the client wants. */
export const changesAnswer = Type.Unsafe({
  content: {
    'application/json': { schema: changesPage },
    'text/event-stream': {
      schema: Type.String({
        description: "`data` is an event's JSON, `id` its cursor.",
        examples: [`data: ${JSON.stringify(MEMBERSHIP_EVENT)}\nid: ${MEMBERSHIP_EVENT.cursor}\n\n`],
      }),
    },
  },
});

export const FEED_SCHEMAS: readonly TSchema[] = [changeEvent];

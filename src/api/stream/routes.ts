/**
 * routes.ts – One stream for all that a page shows and that moves.
 */
import Type from 'typebox';
import { findSegments } from '../../catalog/entries.ts';
import { EVENT_STREAM } from '../event-streams.ts';
import { route } from '../route.ts';
import { streamTexts } from './texts.ts';
import { readTopics } from './topics.ts';

const TOPICS_MAX = 221;

const openStream = route({
  method: 'GET',
  path: '/v1/stream',
  need: 'read',
  summary: 'Counts, who enters and leaves, and the pulse, as they change',
  description:
    'Server-Sent Events, at most four times a second. `counts` has those that have changed, ' +
    '`changes` who entered and left, `pulse` how the deployment is doing; `stale` says that ' +
    'Redis does not answer, `fresh` that it does again. The id of `changes` is a cursor of the ' +
    'feed: with Last-Event-ID a stream goes on from there.',
  query: Type.Object({
    topic: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
      minItems: 1,
      maxItems: TOPICS_MAX,
      description: '`counts:SLUG`, `segment:SLUG` or `pulse`, each as often as is wanted.',
      examples: [['counts:big-spenders', 'segment:big-spenders', 'pulse']],
    }),
  }),
  answers: {
    200: Type.Unsafe<string>({
      description: 'Events',
      content: { [EVENT_STREAM]: { schema: Type.String() } },
    }),
  },
  refusals: [
    'parameter_invalid',
    'segment_unknown',
    'cursor_invalid',
    'cursor_expired',
    'overloaded',
  ],
  handler: async (request, { deployment, pulse, streams }, reply) => {
    const topics = readTopics(request.query.topic);
    await findSegments(deployment.store, [...topics.counted, ...topics.followed]);
    const last = request.headers['last-event-id'];
    const from = typeof last === 'string' && last !== '' ? last : undefined;
    const context = { deployment, pulse };
    return streams.send(request, reply, (signal) => streamTexts(topics, context, from, signal));
  },
});

export const STREAM_ROUTES = { openStream };

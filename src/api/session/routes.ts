/**
 * routes.ts – Signing in from a browser, and out again.
 *
 * Keeps true: the key is sent once; the browser keeps a session that scripts can't read.
 */
import Type from 'typebox';
import { named } from '../fields.ts';
import type { Caller } from '../known-keys.ts';
import { ROLE_CAPABILITIES } from '../roles.ts';
import { route } from '../route.ts';

const KEY_LENGTH_MAX = 4096;

const beginSession = route({
  method: 'POST',
  path: '/v1/session',
  need: 'nothing',
  summary: 'Sign in: begin a session of a browser',
  description:
    'From a page of this server only. The cookie that is set takes the place of the key; a key ' +
    'that is sent wins over it. A session ends when it was not used for 12 hours, after 7 days, ' +
    'or with its key.',
  body: Type.Object(
    { key: Type.String({ minLength: 1, maxLength: KEY_LENGTH_MAX }) },
    { additionalProperties: false, examples: [{ key: 'the-key-that-you-were-given' }] },
  ),
  answers: { 200: named('Session') },
  refusals: ['key_missing', 'origin_refused', 'body_invalid', 'overloaded', 'redis_unavailable'],
  handler: async (request, _, reply) => {
    const { caller, cookie } = await request.server.sessions.begin(request, request.body.key);
    reply.header('set-cookie', cookie).header('cache-control', 'no-store');
    return signedIn(caller);
  },
});

const getSession = route({
  method: 'GET',
  path: '/v1/session',
  need: 'key',
  summary: 'Who is asking, and what they may do',
  answers: { 200: named('Session') },
  handler: async ({ caller }, _, reply) => {
    reply.header('cache-control', 'no-store');
    return signedIn(caller!);
  },
});

const endSession = route({
  method: 'DELETE',
  path: '/v1/session',
  need: 'key',
  summary: 'Sign out: end this session, or all of its key',
  description: 'Streams that are open end within a minute.',
  query: Type.Object({
    everywhere: Type.Optional(
      Type.Boolean({ default: false, description: 'All sessions of this key.' }),
    ),
  }),
  answers: { 204: Type.Null({ description: 'It has ended.' }) },
  handler: async ({ caller, query, server }, _, reply) => {
    const cookie = await server.sessions.end(caller!, query.everywhere ?? false);
    return reply.code(204).header('set-cookie', cookie).send();
  },
});

function signedIn({ role, by }: Caller) {
  return { role, name: by, capabilities: [...ROLE_CAPABILITIES[role]] };
}

export const SESSION_ROUTES = { beginSession, getSession, endSession };

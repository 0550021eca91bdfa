/**
 * cors.ts – Which pages of other sites may ask: those of ROLLCALL_CORS_ORIGINS, and none if that is
 * not set.
 *
 * Keeps true: an origin is compared as a whole; a browser is never told that it may send along what
 * it keeps (cookies, or a key that it knows as a password); a preflight needs no key, for a browser
 * sends none, and what is refused later can be read, too.
 */
import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** What a page may read besides the body. */
const EXPOSED = ['etag', 'idempotency-replayed', 'link', 'location', 'retry-after', 'x-request-id'];
/** A browser asks again after so long; most of them allow no more than two hours. */
const PREFLIGHT_S = 600;

type Decide = (error: null, options: FastifyCorsOptions) => void;

/** Caller: registers it before whatever may refuse a request. */
export const cors = fp(
  async (app: FastifyInstance, { origins }: { origins: readonly string[] }) => {
    if (origins.length === 0) return;
    const shared = {
      credentials: false,
      methods: METHODS,
      exposedHeaders: EXPOSED,
      maxAge: PREFLIGHT_S,
    };
    await app.register(fastifyCors, {
      delegator: ({ headers }: FastifyRequest, decide: Decide) => {
        const { origin } = headers;
        const isKnown = origin !== undefined && origins.includes(origin);
        // An OPTIONS that asks for no method is no preflight: it is answered as where no origin is
        // named.
        const preflight = headers['access-control-request-method'] !== undefined;
        decide(null, { ...shared, origin: isKnown ? origin : false, preflight });
      },
    });
  },
  { name: 'cors' },
);

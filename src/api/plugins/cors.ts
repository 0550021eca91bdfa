/**
 * cors.ts – Which pages of other sites may ask: those of ROLLCALL_CORS_ORIGINS, by default none.
 *
 * Keeps true: an origin is compared as a whole. No browser is allowed to send along what it keeps
 * (cookies, or a key that it knows as a password). A preflight needs no key, for a browser sends
 * none; a page can read refusals, too.
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

/** Caller: registers it before any plugin that may refuse a request. */
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
        // An OPTIONS that asks for no method is no preflight: it is answered as if no origin were
        // named.
        const preflight = headers['access-control-request-method'] !== undefined;
        decide(null, { ...shared, origin: isKnown ? origin : false, preflight });
      },
    });
  },
  { name: 'cors' },
);

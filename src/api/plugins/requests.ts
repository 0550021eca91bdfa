/**
 * requests.ts – What is recorded of every request: an id, one log line, one observation of its
 * time; and the refusal of requests that come while the server is closing.
 *
 * Keeps true: neither keys nor ids nor bodies nor query strings reach the log: a line names the
 * route's pattern. So does the metric, and so the number of its rows is bounded.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../../errors.ts';
import type { Metrics } from '../../metrics.ts';
import { EVENT_STREAM } from '../event-streams.ts';

/** An id that a client or a proxy gave is kept if it is harmless in a log. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

export const requests = fp(
  async (app: FastifyInstance, { metrics }: { metrics: Metrics }) => {
    let isClosing = false;
    app.addHook('preClose', async () => {
      isClosing = true;
    });
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-request-id', request.id);
      if (isClosing)
        throw new Problem('shutting_down', 'the server is shutting down; another one may answer');
    });
    // What was under way when the closing began would else keep its connection, and the closing
    // would wait for it.
    app.addHook('onSend', async (_, reply) => {
      if (isClosing) reply.header('connection', 'close');
    });
    app.addHook('onResponse', async (request, reply) => {
      const { method } = request;
      const route = request.routeOptions.url ?? 'unknown';
      const { statusCode: status } = reply;
      // How long a stream goes on is up to its client.
      if (!isStream(reply))
        metrics.requestSeconds.observe({ method, route, status }, reply.elapsedTime / 1000);
      const ms = Math.round(reply.elapsedTime * 10) / 10;
      request.log.info({ method, route, status, ms }, 'request');
    });
  },
  { name: 'requests' },
);

function isStream(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type') ?? '').startsWith(EVENT_STREAM);
}

/**
 * preconditions.ts – What holds of preconditions for every request.
 *
 * Keeps true: they are obeyed or refused. They are read before the body, so that a list of tags
 * that can't be read spares sending it. What a client has already is answered with 304.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { checkPreconditions, isKnown, refusePreconditions } from '../preconditions.ts';
import { isWrite, needOf } from '../roles.ts';

export const preconditions = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', async (request) => {
      const { url, config } = request.routeOptions;
      if (config.route?.isConditional) checkPreconditions(request);
      else if (url !== undefined && isWrite(needOf(request.routeOptions)))
        refusePreconditions(request);
    });

    app.addHook('onSend', async (request, reply, payload) => {
      if (!request.routeOptions.config.route?.isConditional || reply.statusCode !== 200)
        return payload;
      if (!isKnown(request, reply.getHeader('etag'))) return payload;
      reply.code(304).removeHeader('content-type');
      // Of a HEAD the length is still told, and what has it is left out after this.
      return request.method === 'HEAD' ? payload : null;
    });
  },
  { name: 'preconditions', dependencies: ['auth'] },
);

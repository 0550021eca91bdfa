/**
 * rate-limit.ts – How many requests one API key may make in a window, if the operator sets a limit.
 *
 * Keeps true: it counts by key, in the memory of one process, and only requests with a valid key.
 * Probes of health and readiness are never refused; a refusal says when to come again.
 */
import rateLimiter from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { RateLimit } from '../../config.ts';
import { Problem } from '../../errors.ts';

/**
 * Keys that are counted at a time: room for more than are ever configured. Strangers share the
 * rest.
 */
const COUNTED_MAX = 10_000;

export const rateLimit = fp(
  async (app: FastifyInstance, { limit }: { limit: RateLimit | undefined }) => {
    if (!limit) return;
    await app.register(rateLimiter, {
      max: limit.requests,
      timeWindow: limit.windowMs,
      cache: COUNTED_MAX,
      keyGenerator: ({ caller, ip }) => caller?.holder ?? `ip ${ip}`,
      allowList: ({ routeOptions }) => routeOptions.config?.route?.isNeverLimited ?? false,
      errorResponseBuilder: (_, { max, ttl }) => {
        const detail = `a key may make ${max} requests in ${limit.windowMs / 1000} s here`;
        return new Problem('overloaded', detail, [], {
          retry_after_s: Math.max(1, Math.ceil(ttl / 1000)),
        });
      },
    });
  },
  { name: 'rate-limit', dependencies: ['auth'] },
);

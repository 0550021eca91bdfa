/**
 * deadlines.ts – No request waits for a Redis that hangs: once it has fallen silent, a request is
 * answered when its time is over.
 *
 * Keeps true: a request that takes long while Redis answers is never cut off. Work that was under
 * way goes on, and its outcome is lost: a client that gets `redis_unavailable` does not know
 * whether its change was applied, and may send it again.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../../errors.ts';
import { type RedisHealth, SILENT_MS } from '../../redis/health.ts';
import { sendProblem } from './problems.ts';

/** Of requests that have no `timeout_ms`. */
const TIMEOUT_MS_DEFAULT = 5000;
const LOOK_MS = 100;

interface Open {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly sinceMs: number;
  isOverdue?: boolean;
}

export const deadlines = fp(
  async (app: FastifyInstance, { health }: { health: RedisHealth }) => {
    const open = new Map<FastifyRequest, Open>();
    const look = setInterval(() => {
      if (health.silentMs >= SILENT_MS) for (const each of open.values()) endOverdue(each, health);
    }, LOOK_MS).unref();
    app.addHook('onClose', async () => clearInterval(look));
    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config?.route?.answersWithoutRedis) return;
      open.set(request, { request, reply, sinceMs: performance.now() });
    });
    app.addHook('onResponse', async (request) => {
      // Its late outcome is no failure, and not logged as one.
      if (open.get(request)?.isOverdue) request.log.level = 'silent';
      open.delete(request);
    });
    app.addHook('onRequestAbort', async (request) => void open.delete(request));
  },
  { name: 'deadlines', dependencies: ['problems'] },
);

function endOverdue(each: Open, { silentMs }: RedisHealth): void {
  const { request, reply, sinceMs } = each;
  if (reply.sent || performance.now() - sinceMs < timeoutOf(request)) return;
  each.isOverdue = true;
  // The rest of an unread body would pass for the next request.
  if (!request.raw.complete) reply.header('connection', 'close');
  const silence = `Redis has not answered for ${(silentMs / 1000).toFixed(1)} s`;
  const detail = `${silence}; nobody knows whether this was carried out`;
  void sendProblem(reply, new Problem('redis_unavailable', detail, [], { retry_after_s: 1 }));
}

/** Read each time: it is known only when the request was read as a whole. */
function timeoutOf({ body, query }: FastifyRequest): number {
  for (const given of [body, query]) {
    const timeoutMs = (given as { timeout_ms?: unknown } | null | undefined)?.timeout_ms;
    if (timeoutMs !== undefined && Number(timeoutMs) >= 0) return Number(timeoutMs);
  }
  return TIMEOUT_MS_DEFAULT;
}

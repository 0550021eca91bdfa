/**
 * app.ts – The API as a Fastify plugin: what holds for every request, then the routes.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { KeyEntry, RateLimit } from '../config.ts';
import { Audits } from '../jobs/audits.ts';
import { EventStreams } from './event-streams.ts';
import { HeldAnswers } from './held-answers.ts';
import { KnownKeys } from './known-keys.ts';
import { auth } from './plugins/auth.ts';
import { bodies } from './plugins/bodies.ts';
import { webConsole } from './plugins/console.ts';
import { cors } from './plugins/cors.ts';
import { deadlines } from './plugins/deadlines.ts';
import { idempotency } from './plugins/idempotency.ts';
import { openapi } from './plugins/openapi.ts';
import { preconditions } from './plugins/preconditions.ts';
import { problems } from './plugins/problems.ts';
import { queueBoard } from './plugins/queue-board.ts';
import { queuedAnswers } from './plugins/queued-answers.ts';
import { rateLimit } from './plugins/rate-limit.ts';
import { refusedBodies } from './plugins/refused-bodies.ts';
import { requests } from './plugins/requests.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { addRoute, type RouteContext } from './route.ts';
import { ROUTES } from './routes.ts';
import { Pulse } from './stream/pulse.ts';

export interface AppOptions extends Omit<RouteContext, 'held' | 'streams' | 'audits' | 'pulse'> {
  readonly keys: readonly KeyEntry[];
  readonly rateLimit: RateLimit | undefined;
  /** Origins of other sites whose pages may ask. */
  readonly corsOrigins: readonly string[];
  /** Where browsers reach this server, if that is known. */
  readonly publicUrl: string | undefined;
  /** Where the built console is, if it was built. */
  readonly consoleFolder: string;
}

/** Plugins are in the order in which a request meets them. */
export const app = fp(
  async (server: FastifyInstance, options: AppOptions) => {
    const { deployment, jobs, webhooks, corsOrigins, publicUrl } = options;
    const keys = new KnownKeys(options.keys, deployment.founding.secret);
    const { limits } = deployment;
    await server.register(queuedAnswers);
    await server.register(requests, { metrics: deployment.metrics });
    await server.register(problems);
    await server.register(refusedBodies, { bytesMax: limits.refusedBodyBytes });
    await server.register(deadlines, { health: deployment.health });
    await server.register(securityHeaders);
    await server.register(cors, { origins: corsOrigins });
    await server.register(auth, { keys, sessions: deployment.stores.sessions, publicUrl });
    await server.register(rateLimit, { limit: options.rateLimit });
    await server.register(webConsole, { folder: options.consoleFolder });
    await server.register(bodies, { seconds: limits.requestSeconds });
    await server.register(idempotency, {
      answers: deployment.stores.answers,
      bytesMax: limits.idempotencyBytes,
    });
    await server.register(preconditions);
    await server.register(openapi);
    await server.register(queueBoard, { queues: [...jobs.queues, ...webhooks.queues.all] });
    const held = new HeldAnswers(limits.heldBytes);
    const streams = new EventStreams(limits);
    server.addHook('preClose', async () => streams.close());
    const { lagEntriesMax, waitingChangesMax } = options;
    const audits = new Audits(deployment.stores.auditHistory, jobs);
    const pulse = new Pulse(deployment);
    const own = { deployment, jobs, audits, webhooks, held, streams, pulse };
    const context = { ...own, lagEntriesMax, waitingChangesMax };
    for (const route of ROUTES) await addRoute(server, route, context);
  },
  { name: 'app' },
);

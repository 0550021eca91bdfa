/**
 * server.ts – The HTTP server over a deployment.
 *
 * Keeps true: the deployment stays the caller's to close. Closing the server waits for the requests
 * that are under way; new ones on open connections are answered with 503.
 */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { KeyEntry, RateLimit } from '../config.ts';
import type { Deployment } from '../engine/deployment.ts';
import { Jobs } from '../jobs/jobs.ts';
import { Webhooks } from '../jobs/webhooks.ts';
import { app } from './app.ts';
import { CONSOLE_FOLDER } from './plugins/console.ts';
import { onClientError, onFrameworkError } from './plugins/problems.ts';
import { requestId } from './plugins/requests.ts';

export interface ServerOptions {
  readonly keys: readonly KeyEntry[];
  readonly logger: Logger;
  /** Origins of other sites whose pages may ask; none if absent. */
  readonly corsOrigins?: readonly string[];
  /** Where browsers reach this server, if that is known. */
  readonly publicUrl?: string | undefined;
  /** Where the console was built; beside this code if absent. */
  readonly consoleFolder?: string;
  /** Those of the process, if it delivers any; else the server makes its own. */
  readonly webhooks?: Webhooks;
  /** Entries of all logs that may wait before `/readyz` says that this server is behind. */
  readonly lagEntriesMax?: number;
  /** Changes that may wait in this process before `POST /v1/changes` refuses more. */
  readonly waitingChangesMax?: number;
  /** Unset: keys may make any number of requests. */
  readonly rateLimit?: RateLimit | undefined;
  /** How long the head of a request may take. */
  readonly headersTimeoutMs?: number;
}

const LAG_ENTRIES_MAX = 10_000;
/** A session holds up to about 8,000 changes under way: this is room for six that are held up. */
const WAITING_CHANGES_MAX = 50_000;
const BODY_BYTES_MAX = 1024 * 1024;
/** A connection on which no whole head of a request comes for so long is closed. */
const HEADERS_TIMEOUT_MS = 20_000;
const CONNECTIONS_CHECK_MS = 2000;
/**
 * A connection on which nothing moves for so long is dead; the longest wait that a request may ask
 * for is a minute.
 */
const IDLE_CONNECTION_MS = 120_000;
/**
 * Longer than any id can be when percent-encoded, so that an id that is too long gets a 422 and not
 * a 404.
 */
const PATH_PARAMETER_LENGTH_MAX = 16_384;

/** Caller: listens, and closes the server before the deployment. */
export async function buildServer(
  deployment: Deployment,
  options: ServerOptions,
): Promise<FastifyInstance> {
  const {
    keys,
    logger,
    lagEntriesMax = LAG_ENTRIES_MAX,
    waitingChangesMax = WAITING_CHANGES_MAX,
  } = options;
  const server: FastifyInstance = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // Each request is logged once, by plugins/requests.ts.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: BODY_BYTES_MAX,
    connectionTimeout: IDLE_CONNECTION_MS,
    http: {
      headersTimeout: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(
        CONNECTIONS_CHECK_MS,
        options.headersTimeoutMs ?? CONNECTIONS_CHECK_MS,
      ),
    },
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    return503OnClosing: false, // plugins/requests.ts does it, with a problem document
    frameworkErrors: onFrameworkError,
    clientErrorHandler: onClientError,
  });
  server.server.maxConnections = deployment.limits.connections;
  const jobs = new Jobs({ stores: deployment.stores, logger });
  server.addHook('onClose', () => jobs.close());
  const webhooks = options.webhooks ?? new Webhooks({ deployment, logger });
  if (!options.webhooks) server.addHook('onClose', () => webhooks.close());
  const { corsOrigins = [], rateLimit, publicUrl, consoleFolder = CONSOLE_FOLDER } = options;
  await server.register(app, {
    ...{ deployment, jobs, webhooks, keys, corsOrigins, rateLimit, publicUrl },
    ...{ lagEntriesMax, waitingChangesMax, consoleFolder },
  });
  return server;
}

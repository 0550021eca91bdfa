/**
 * service.ts – What `rollcall serve` runs over its Redis: the engine, the jobs, the API.
 *
 * Keeps true: to load it takes most of the time of a start. So serve.ts, which says that a Redis
 * can't be used, loads it only then, or while a private one starts.
 */
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildServer } from '../api/server.ts';
import type { Config, KeyEntry } from '../config.ts';
import { type Deployment, openDeployment } from '../engine/deployment.ts';
import { LEASE_TTL_MS } from '../engine/processor.ts';
import { followAuditSchedule } from '../jobs/audits.ts';
import { openChangesQueue } from '../jobs/changes-queue.ts';
import { jobHandlers } from '../jobs/job-kinds.ts';
import { startJobWorker } from '../jobs/jobs.ts';
import { WebhookWorker } from '../jobs/webhook-worker.ts';
import { Webhooks } from '../jobs/webhooks.ts';
import type { RedisServer } from '../redis/server.ts';
import { RedisServerError } from '../redis/server-error.ts';
import { adviseOnSets } from '../redis/set-encoding.ts';
import { CommandError } from './failure.ts';
import { readOrMakeMasterKey } from './master-key.ts';
import type { Opened } from './opened.ts';

/** `docker stop` kills after 10 s: commits and Redis need the rest. */
const REQUESTS_TIMEOUT_MS = 7_000;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 20;
const WATCH_MS = 1_000;

/**
 * Returns when every partition has an owner, and has said so. What it opens is noted in `opened`,
 * also if it fails.
 */
export async function openService(
  config: Config,
  redis: RedisServer,
  opened: Opened,
  logger: Logger,
): Promise<void> {
  const keys = keysOf(config);
  const { prefix, partitions, timeZone, webhookAllow, limits } = config;
  const deployment = await openDeployment({
    redisUrl: redis.url,
    prefix,
    partitions,
    timeZone,
    webhookAllow,
    limits,
    logger,
    runsWorker: true,
  });
  opened.add(() => deployment.close());
  const changes = openChangesQueue(deployment.stores.queues, deployment.ingest, logger);
  opened.add(() => changes.close());
  const jobs = startJobWorker({ stores: deployment.stores, logger }, jobHandlers(deployment));
  opened.add(() => jobs.close());
  const audits = await followAuditSchedule({
    ...{ deployment, timeZone, logger },
    schedule: config.auditSchedule,
  });
  opened.add(() => audits.close());
  const webhooks = new Webhooks({ deployment, logger });
  opened.add(() => webhooks.close());
  const deliveries = new WebhookWorker({ deployment, webhooks, logger });
  opened.add(() => deliveries.close());
  deliveries.start();
  const { rateLimit, corsOrigins, publicUrl } = config;
  const server = await buildServer(deployment, {
    ...{ keys, logger, webhooks, rateLimit, corsOrigins, publicUrl },
  });
  opened.add(closerOf(server));
  await listen(server, config);
  await ready(deployment);
  watch(deployment, redis, logger);
  if (deployment.worker!.isStandby) standBy(deployment, logger);
  if (!redis.private) await adviseOnSets(redis.url, (line) => logger.info(line));
  console.log(`Rollcall is ready: ${urlOf(server, config)}`);
}

/** Those that were configured, else the one master key of the data folder. */
function keysOf(config: Config): readonly KeyEntry[] {
  if (config.keys.length > 0) return config.keys;
  const { key, file, isNew } = readOrMakeMasterKey(config.dataFolder);
  console.log(
    isNew
      ? `Master key, made now and kept in ${file}: ${key}`
      : `The master key is kept in ${file}.`,
  );
  return [{ role: 'master', key }];
}

async function listen(server: FastifyInstance, { host, port }: Config): Promise<void> {
  try {
    // The address is printed once, when the server is ready.
    await server.listen({ host, port, listenTextResolver: () => 'the API listens' });
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, host, port);
  }
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(
        `Port ${port} of ${host} is taken by another program. Choose another one with PORT.`,
      );
    case 'EACCES':
      return new CommandError(
        `Port ${port} may not be used without more rights. Choose one above 1023 with PORT.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CommandError(`HOST ${host} is no address of this machine.`);
    default:
      return error;
  }
}

function urlOf(server: FastifyInstance, { host }: Config): string {
  const { port } = server.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

// ── ready ──

/** Waits until every partition is worked off, here or by another process that outlives a lease. */
async function ready({ worker, progress }: Deployment): Promise<void> {
  const startedMs = Date.now();
  for (;;) {
    const [fatal] = worker!.fatal;
    if (fatal) throw new CommandError(`A partition can not be worked off: ${fatal.message}`);
    if (worker!.owned === worker!.partitions) return;
    const waitedMs = Date.now() - startedMs;
    if (waitedMs > 2 * LEASE_TTL_MS) {
      if ((await progress.unowned()).length === 0) return;
    }
    if (waitedMs > READY_TIMEOUT_MS) {
      throw new CommandError(
        `Only ${worker!.owned} of ${worker!.partitions} partitions were taken up in ` +
          `${READY_TIMEOUT_MS / 1000} s.`,
      );
    }
    await sleep(READY_POLL_MS);
  }
}

/** Reports that nothing is worked off here, and when that changes. */
function standBy({ worker }: Deployment, logger: Logger): void {
  const { partitions } = worker!;
  logger.warn(
    `Standing by: another process works off all ${partitions} partitions. This one ` +
      'answers requests, and takes over when that one ends.',
  );
  const timer = setInterval(() => {
    const { owned } = worker!;
    if (owned === 0) return;
    logger.warn(`Taken over: ${owned} of ${partitions} partitions are worked off here.`);
    if (owned === partitions) clearInterval(timer);
  }, WATCH_MS);
  timer.unref();
}

/** Looks after what the process can not mend by itself. */
function watch({ worker }: Deployment, redis: RedisServer, logger: Logger): void {
  let told = 0;
  const timer = setInterval(() => {
    // Thrown out of a timer it ends the process gracefully, with code 1: its service manager
    // restarts it, and it adopts the data.
    if (!redis.isRunning())
      throw new RedisServerError(
        'The private redis-server has ended by itself; see redis.log in the data folder.',
      );
    const { fatal, partitions } = worker!;
    if (fatal.length === told) return;
    told = fatal.length;
    const detail =
      `${told} of ${partitions} partitions have stopped for good: their changes are ` +
      'kept and not applied. Restart after the cause is mended.';
    logger.fatal({ causes: fatal.map(({ message }) => message) }, detail);
  }, WATCH_MS);
  timer.unref();
}

// ── end ──

/**
 * Answers what is under way, but does not wait for a client that has stopped sending or reading,
 * nor for one that has never sent anything. Browsers open such connections ahead, and Node does not
 * count them as idle.
 */
function closerOf(server: FastifyInstance): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return async () => {
    const late = setTimeout(() => server.server.closeAllConnections(), REQUESTS_TIMEOUT_MS);
    const closed = server.close();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    await closed.finally(() => clearTimeout(late));
  };
}

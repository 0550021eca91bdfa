/**
 * queue-connections.ts – How BullMQ's queues and workers reach Redis.
 *
 * Keeps true: all queues of a deployment share one hash tag, as BullMQ needs it on a cluster. What
 * a request adds fails at once while Redis is gone; a worker waits until Redis is back.
 */
import type { ConnectionOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { queuePrefix } from './keys.ts';

const RECONNECT_DELAY_MAX_MS = 500;
/** As connection.ts: a command that Redis does not answer fails, and is not sent again. */
const AT_ONCE_OR_NOT = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 10_000,
} as const;

/** Opaque to its user: passed on to `new Queue` or `new Worker` as it stands. */
export interface QueueConnection {
  readonly connection: ConnectionOptions;
  readonly prefix: string;
}

export interface QueueConnections {
  /** A connection of its own, for what a request adds and asks. */
  readonly atOnce: QueueConnection;
  /** A connection of its own, for a worker: it waits for Redis. */
  readonly waiting: QueueConnection;
  /** The connection that the deployment's stores use: queues on it are closed before it. */
  readonly shared: QueueConnection;
}

export function queueConnections(redis: Redis, prefix: string): QueueConnections {
  const address = addressOf(redis);
  const given = { prefix: queuePrefix(prefix) };
  return {
    atOnce: { connection: { ...address, ...AT_ONCE_OR_NOT }, ...given },
    waiting: { connection: { ...address, maxRetriesPerRequest: null }, ...given },
    shared: { connection: redis, ...given },
  };
}

/** Where the Redis of a connection is. */
function addressOf({ options }: Redis) {
  const { host, port, path, db, username, password, tls } = options;
  const given = { host, port, path, db, username, password, tls };
  const known = Object.entries(given).filter(([, value]) => value !== undefined && value !== null);
  const retryStrategy = (attempts: number) => Math.min(attempts * 50, RECONNECT_DELAY_MAX_MS);
  return { ...Object.fromEntries(known), retryStrategy };
}

/**
 * queue-connections.ts – The connections of BullMQ's queues and workers to Redis.
 *
 * Keeps true: all queues of a deployment share one hash tag, as BullMQ needs it on a cluster. What
 * a request adds fails at once while Redis is gone; a worker waits until Redis is back.
 */
import type { Redis } from 'ioredis';
import type { QueueConnections } from '../jobs/queue-connections.ts';
import { queuePrefix } from './keys.ts';

const RECONNECT_DELAY_MAX_MS = 500;
/** As connection.ts: a command that Redis does not answer fails, and is not sent again. */
const AT_ONCE_OR_NOT = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 10_000,
} as const;

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

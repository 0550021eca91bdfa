/**
 * queue-connections.ts – The connections of this deployment's BullMQ queues and workers.
 *
 * Keeps true: what a request adds fails at once while Redis is gone; a worker waits until it is
 * back.
 */
import type { ConnectionOptions } from 'bullmq';

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

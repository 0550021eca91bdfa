/**
 * client.ts – The client of a deployment, for tests that look behind its
 * back: what it has stored, what it asks, what happens when the connection is lost.
 *
 * Keeps true: the sources hand their client to nobody. It is caught here while it connects.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Redis } from 'ioredis';
import {
  type Deployment,
  type DeploymentOptions,
  openDeployment,
} from '../../src/engine/deployment.ts';
import { Keys } from '../../src/redis/keys.ts';

export interface TestDeployment extends Deployment {
  /** The very client of its stores. */
  readonly redis: Redis;
  readonly keys: Keys;
}

const connecting = new AsyncLocalStorage<Redis[]>();
const connect = Redis.prototype.connect;
Redis.prototype.connect = function (this: Redis, ...given) {
  connecting.getStore()?.push(this);
  return connect.apply(this, given);
};

export async function openWithClient(options: DeploymentOptions): Promise<TestDeployment> {
  const clients: Redis[] = [];
  const deployment = await connecting.run(clients, () => openDeployment(options));
  // The first one that stays open; those after it follow streams and ask how Redis is.
  const redis = clients.find(({ status }) => status === 'ready');
  if (!redis) throw new Error('no client of the deployment was seen to connect');
  const keys = new Keys(options.prefix, deployment.founding.partitions);
  return { ...deployment, redis, keys };
}

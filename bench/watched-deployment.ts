/**
 * watched-deployment.ts – A deployment of Rollcall, and a client of the bench into its Redis.
 *
 * Keeps true: entries are written and rows are read without the deployment's own connections.
 */
import type { Redis } from 'ioredis';
import {
  type Deployment,
  type DeploymentOptions,
  openDeployment,
} from '../src/engine/deployment.ts';
import { openConnection } from '../src/redis/connection.ts';
import { Keys } from '../src/redis/keys.ts';

export interface WatchedDeployment extends Deployment {
  readonly redis: Redis;
  readonly keys: Keys;
}

/** What is returned closes both. */
export async function openWatched(options: DeploymentOptions): Promise<WatchedDeployment> {
  const deployment = await openDeployment(options);
  const redis = openConnection({ url: options.redisUrl });
  await redis.connect();
  const keys = new Keys(options.prefix, deployment.founding.partitions);
  const close = () => deployment.close().finally(() => redis.disconnect());
  return { ...deployment, redis, keys, close };
}

/**
 * deployment.ts – Opens all that one process needs of a deployment on one Redis, and closes it in
 * the right order.
 *
 * Keeps true: the catalog is loaded and followed before a change is taken in; on closing, what was
 * acknowledged is in a log, every batch under way is committed, and all leases are given up.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Activations } from '../catalog/activations.ts';
import { CatalogStore, type Founding, foundDeployment } from '../catalog/catalog-store.ts';
import { ObjectTypes } from '../catalog/object-types.ts';
import { Segments } from '../catalog/segments.ts';
import { Views } from '../catalog/views.ts';
import { AllowedTargets } from '../catalog/webhook-target.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import type { MembershipStore } from '../membership/membership-store.ts';
import { openReads, type Reads } from '../membership/reads.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import type { NetworkOptions } from '../query/network/network.ts';
import { checkRedisVersion } from '../redis/binary.ts';
import { openConnection } from '../redis/connection.ts';
import { evictionFault, RedisHealth } from '../redis/health.ts';
import { Keys } from '../redis/keys.ts';
import { RedisMembershipStore } from '../redis/membership-store.ts';
import { checkPermissions } from '../redis/permissions.ts';
import { reachRedis } from '../redis/reach.ts';
import { RedisServerError } from '../redis/server-error.ts';
import { RedisSortedRunStore } from '../redis/sorted-run-store.ts';
import { StreamTail } from '../redis/stream-tail.ts';
import type { ClockSource } from './clock.ts';
import { Delivery } from './delivery.ts';
import { Ingest } from './ingest.ts';
import { Worker } from './worker.ts';

export interface DeploymentOptions {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly partitions: number;
  readonly timeZone: string;
  readonly logger: Logger;
  /** Whether this process works partitions off; without, it only takes in and reads. */
  readonly runsWorker: boolean;
  /** Where webhooks may go besides public addresses: names, addresses, CIDRs. */
  readonly webhookAllow?: readonly string[];
  /** Bounds that are not those of limits.ts. */
  readonly limits?: Partial<Limits>;
  /** For tests of the tests only. */
  readonly networkOptions?: NetworkOptions;
  /** For tests only: clocks that jump. */
  readonly clockSource?: ClockSource;
}

export interface Deployment extends Reads {
  readonly redis: Redis;
  readonly health: RedisHealth;
  readonly keys: Keys;
  readonly founding: Founding;
  readonly store: CatalogStore;
  readonly objectTypes: ObjectTypes;
  readonly segments: Segments;
  readonly activations: Activations;
  readonly views: Views;
  readonly ingest: Ingest;
  readonly membershipStore: MembershipStore;
  readonly delivery: Delivery;
  readonly worker: Worker | undefined;
  readonly metrics: Metrics;
  readonly limits: Limits;
  close(): Promise<void>;
}

/**
 * @throws Error in words for a person if Redis can't be reached, is too old, or holds another
 * deployment.
 */
export async function openDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { redisUrl, prefix, partitions, timeZone, logger, networkOptions, clockSource } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  await reachRedis(redisUrl);
  let isClosing = false; // a connection that is closed while it opens says so as an error
  const onError = (error: Error) => isClosing || logger.warn({ err: error }, 'Redis');
  const redis = openConnection({ url: redisUrl, onError });
  const tail = new StreamTail(redisUrl, onError);
  try {
    await redis.connect();
    checkRedisVersion(await redis.info('server'));
    await checkPermissions(redis, prefix);
    await refuseEviction(redis);
    const founding = await foundDeployment(redis, prefix, { partitions, timeZone });
    const keys = new Keys(prefix, founding.partitions);
    const store = new CatalogStore(redis, keys, limits);
    const delivery = new Delivery(redis, keys);
    const metrics = createMetrics();
    await store.follow(tail);
    if (options.runsWorker) await store.completeSlugs();
    await delivery.listen(tail);
    await delivery
      .forgetQuiet()
      .catch((error: unknown) => logger.warn({ err: error }, 'places of killed processes stay'));
    tail.start();
    const membershipStore = new RedisMembershipStore(redis, keys.partitions);
    const reads = openReads({
      store: membershipStore,
      runStore: new RedisSortedRunStore(redis, keys.catalog),
      catalogs: store,
      timeZone: founding.timeZone,
      limits,
    });
    const worker = options.runsWorker
      ? new Worker({
          redis,
          tail,
          keys,
          store,
          founding,
          logger,
          metrics,
          ...(networkOptions ? { networkOptions } : {}),
          ...(clockSource ? { clockSource } : {}),
        })
      : undefined;
    worker?.start();
    const health = new RedisHealth(redisUrl);
    return {
      redis,
      health,
      keys,
      founding,
      store,
      objectTypes: new ObjectTypes(store, timeZone, (name) => reads.records.hasAny(name)),
      segments: new Segments(store, timeZone),
      activations: new Activations(
        store,
        redis,
        keys.catalog,
        new AllowedTargets(options.webhookAllow),
      ),
      views: new Views(store, timeZone),
      ingest: new Ingest(
        store.catalog,
        () => store.refresh(),
        delivery,
        founding.partitions,
        timeZone,
        metrics,
      ),
      ...reads,
      membershipStore,
      delivery,
      worker,
      metrics,
      limits,
      close: async () => {
        isClosing = true;
        await worker?.stop();
        await delivery.retire().catch(() => {}); // Redis is gone: the source's row stays, which costs a few bytes
        await tail.stop();
        health.close();
        redis.disconnect();
      },
    };
  } catch (error) {
    await tail.stop();
    redis.disconnect();
    throw error;
  }
}

/** @throws RedisServerError */
async function refuseEviction(redis: Redis): Promise<void> {
  const fault = evictionFault(await redis.info('memory'));
  if (fault !== undefined) throw new RedisServerError(`${fault}.`);
}

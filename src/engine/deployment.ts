/**
 * deployment.ts – Opens all that one process needs of a deployment on one Redis, and closes it in
 * the right order.
 *
 * Keeps true: the catalog is loaded and followed before a change is taken in. On closing, what was
 * acknowledged is in a log, every batch under way is committed, and all leases are given up.
 */
import type { Logger } from 'pino';
import { Activations } from '../catalog/activations.ts';
import { CatalogStore } from '../catalog/catalog-store.ts';
import { type Founding, foundDeployment } from '../catalog/founding.ts';
import { ObjectTypes } from '../catalog/object-types.ts';
import { Rebuilds } from '../catalog/rebuilding.ts';
import { Revisions } from '../catalog/revisions.ts';
import { Segments } from '../catalog/segments.ts';
import { Views } from '../catalog/views.ts';
import { AllowedTargets } from '../catalog/webhook-target.ts';
import { Explain } from '../explain/explain.ts';
import { Feed } from '../feed/feed.ts';
import { HistoryFolder } from '../history/history-folder.ts';
import { HistoryLoop } from '../history/history-loop.ts';
import { SegmentHistory } from '../history/segment-history.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { CommitNews } from '../membership/commit-news.ts';
import { openReaders, type Readers } from '../membership/readers.ts';
import { openWatch } from '../membership/watermark.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { Previews } from '../preview/previews.ts';
import type { NetworkOptions } from '../query/network/network.ts';
import type { RedisHealth } from '../redis/health.ts';
import { openRedis, type Stores } from '../redis/open.ts';
import type { ClockSource } from './clock.ts';
import { DeadLetters } from './dead-letters.ts';
import { ChangeDelivery } from './delivery.ts';
import { Ingest } from './ingest.ts';
import { LostState } from './lost-state.ts';
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

export interface Deployment extends Readers {
  readonly health: RedisHealth;
  readonly founding: Founding;
  readonly stores: Stores;
  readonly store: CatalogStore;
  readonly objectTypes: ObjectTypes;
  readonly segments: Segments;
  readonly rebuilds: Rebuilds;
  readonly activations: Activations;
  readonly revisions: Revisions;
  readonly views: Views;
  readonly previews: Previews;
  readonly feed: Feed;
  readonly news: CommitNews;
  readonly ingest: Ingest;
  readonly deadLetters: DeadLetters;
  readonly lostState: LostState;
  readonly delivery: ChangeDelivery;
  readonly explain: Explain;
  readonly worker: Worker | undefined;
  readonly history: SegmentHistory;
  readonly historyFolder: HistoryFolder;
  readonly metrics: Metrics;
  readonly limits: Limits;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const UNREADABLE =
  'a row can not be read, and counts as none: rollcall audit --repair builds it anew';

/**
 * @throws Error in words for a person if Redis can't be reached, is too old, or holds another
 * deployment.
 */
export async function openDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { redisUrl, prefix, partitions, timeZone, logger, networkOptions, clockSource } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let isClosing = false; // a connection that is closed while it opens says so as an error
  const onError = (error: Error) => isClosing || logger.warn({ err: error }, 'Redis');
  const opened = await openRedis({ url: redisUrl, prefix, onError, limits });
  try {
    const founding = await foundDeployment(opened.catalog, prefix, { partitions, timeZone });
    const stores = opened.stores(founding.partitions);
    const store = new CatalogStore(opened.catalog, limits);
    const delivery = new ChangeDelivery(stores.changeLogs);
    const metrics = createMetrics();
    await store.follow();
    if (options.runsWorker) await store.completeSlugs();
    await delivery.listen();
    await delivery
      .forgetQuiet()
      .catch((error: unknown) => logger.warn({ err: error }, 'places of killed processes stay'));
    opened.follow();
    const channel = stores.commitChannel((partition) => news.tell(partition));
    // This process hears of its own commits without being told by Redis.
    const news = new CommitNews((partition) => {
      if (!worker?.owns(partition)) channel.follow(partition);
    });
    const watch = openWatch(stores.memberships, news);
    const reads = openReaders({
      store: stores.memberships,
      watch,
      runStore: stores.sortedRuns,
      catalogs: store,
      timeZone: founding.timeZone,
      limits,
    });
    const previews = new Previews({
      catalogs: store,
      reads: reads.reads,
      timeZone: founding.timeZone,
      limits,
      thread: { url: redisUrl, prefix, partitions: founding.partitions },
    });
    const worker = options.runsWorker
      ? new Worker({
          stores: stores.partitions((partition, key, field) =>
            logger.error({ partition, key, field }, UNREADABLE),
          ),
          tails: stores.partitionTails,
          statuses: stores.memberships,
          watch,
          store,
          kinds: stores.audits.keys,
          founding,
          logger,
          metrics,
          ...(networkOptions ? { networkOptions } : {}),
          ...(clockSource ? { clockSource } : {}),
        })
      : undefined;
    worker?.start();
    const historyFolder = new HistoryFolder({
      store: stores.history,
      timeZone: founding.timeZone,
      bytesMax: limits.segmentHistoryBytes,
      catalog: store.catalog,
      onLost: (partition) =>
        logger.error({ partition }, 'entries of the feed are lost that were not folded'),
    });
    const historyLoop = new HistoryLoop({
      folder: historyFolder,
      partitions: founding.partitions,
      owns: (partition) => worker?.owns(partition) === true,
      logger,
    });
    if (worker) historyLoop.start();
    const ingest = new Ingest(
      store.catalog,
      () => store.refresh(),
      delivery,
      founding.partitions,
      timeZone,
      metrics,
    );
    const rebuilds = new Rebuilds(store, timeZone);
    const lostState = new LostState(
      stores.partitions(() => {}), // no rows are read
      stores.audits.repairs,
    );
    const deadLetters = new DeadLetters({
      letters: stores.deadLetters,
      partitions: founding.partitions,
      ingest,
      delivery,
      rebuilds,
      lostState,
    });
    // Deleted segments that can't be restored any more, and old letters where no new ones come.
    const sweeping = options.runsWorker
      ? [
          hourly(() => store.sweepDeleted(), 'deleted segments stay until the next sweep', logger),
          hourly(() => stores.deadLetters.dropOld(), 'old dead letters stay', logger),
        ]
      : [];
    return {
      health: stores.health,
      founding,
      stores,
      store,
      objectTypes: new ObjectTypes(store, timeZone, (name) => reads.records.hasAny(name)),
      segments: new Segments(store, timeZone),
      rebuilds,
      activations: new Activations(
        store,
        stores.activations,
        new AllowedTargets(options.webhookAllow),
      ),
      revisions: new Revisions(store, opened.catalog, timeZone),
      views: new Views(store, timeZone),
      previews,
      feed: new Feed({
        store: stores.feeds,
        catalogs: store,
        news,
        install: founding.install,
        tailBytes: limits.feedTailBytes,
      }),
      ingest,
      deadLetters,
      lostState,
      news,
      ...reads,
      historyFolder,
      history: new SegmentHistory({
        store: stores.history,
        catalogs: store,
        folder: historyFolder,
        timeZone: founding.timeZone,
        pointsMax: limits.historyPoints,
      }),
      explain: new Explain({
        store: stores.memberships,
        explained: stores.explain,
        catalogs: store,
        ...reads,
        timeZone: founding.timeZone,
        limits,
        replaced: opened.catalog,
        onDifference: () => metrics.explainDifferences.inc(),
      }),
      delivery,
      worker,
      metrics,
      limits,
      close: async () => {
        isClosing = true;
        for (const timer of sweeping) clearInterval(timer);
        await previews.close();
        await historyLoop.stop();
        await worker?.stop();
        // Redis is gone: the source's row stays, which costs a few bytes
        await delivery.retire().catch(() => {});
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Does it now and each hour; a failure is logged, and the next hour tries again. */
function hourly(sweep: () => Promise<unknown>, failed: string, logger: Logger): NodeJS.Timeout {
  const run = () => sweep().catch((error: unknown) => logger.warn({ err: error }, failed));
  void run();
  return setInterval(run, HOUR_MS).unref();
}

/**
 * worker.ts – The partitions of one process: their processors, their leases, and the builds that
 * they take part in.
 */

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { Founding } from '../catalog/founding.ts';
import type { KeyAudits } from '../membership/audit-store.ts';
import type { StatusStore } from '../membership/partition-status.ts';
import type { Watch } from '../membership/watermark.ts';
import type { Metrics } from '../metrics.ts';
import type { NetworkOptions } from '../query/network/network.ts';
import { BuildSwitch } from './build-switch.ts';
import { Solo } from './care.ts';
import { type ClockSource, EngineClock } from './clock.ts';
import { CORE_LIMITS } from './core-limits.ts';
import { removeForeign } from './foreign-keys.ts';
import { Networks } from './networks.ts';
import type { PartitionStore, PartitionTail } from './partition-store.ts';
import { LEASE_TTL_MS, PartitionProcessor } from './processor.ts';
import { Slices } from './slices.ts';

export interface WorkerContext {
  /** By partition. */
  readonly stores: readonly PartitionStore[];
  readonly tails: readonly PartitionTail[];
  readonly statuses: StatusStore;
  readonly watch: Watch;
  readonly store: CatalogStore;
  readonly kinds: Pick<KeyAudits, 'wrongKinds'>;
  readonly founding: Founding;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For tests of the tests only. */
  readonly networkOptions?: NetworkOptions;
  readonly clockSource?: ClockSource;
}

export class Worker {
  readonly #processors: readonly PartitionProcessor[];
  readonly #builds: BuildSwitch;
  readonly #renewal: NodeJS.Timeout;
  readonly #logger: Logger;

  constructor({
    stores,
    tails,
    statuses,
    watch,
    store,
    kinds,
    founding,
    logger,
    metrics,
    networkOptions,
    clockSource,
  }: WorkerContext) {
    this.#logger = logger;
    const networks = new Networks(store.catalog, networkOptions);
    const clock = new EngineClock(logger, clockSource);
    const solo = new Solo();
    const slices = new Slices(() => performance.now());
    this.#builds = new BuildSwitch(statuses, watch, store, logger);
    this.#processors = tails.map(
      (tail, partition) =>
        new PartitionProcessor(partition, {
          stores,
          tail,
          networks,
          clock,
          logger,
          metrics,
          timeZone: founding.timeZone,
          install: founding.install,
          solo,
          slices,
          cachedRowsMax: Math.ceil(CORE_LIMITS.cachedRowsMax / stores.length),
          refreshCatalog: () => store.refresh(),
          removeForeign: (from) => removeForeign(kinds, from),
          onCommit: () => watch.news.tell(partition),
          onProgress: () => this.#builds.check(),
        }),
    );
    store.catalog.onChange(() => {
      for (const processor of this.#processors) processor.nudge();
      this.#builds.check();
    });
    this.#renewal = setInterval(() => this.#renew(), LEASE_TTL_MS / 3);
  }

  start(): void {
    for (const processor of this.#processors) processor.start();
    this.#builds.check();
  }

  owns(partition: number): boolean {
    return this.#processors[partition]?.isOwned ?? false;
  }

  /** How many partitions' leases are held. */
  get owned(): number {
    return this.#processors.filter(({ isOwned }) => isOwned).length;
  }

  /**
   * Whether all partitions are held by other processes, as far as this one knows: it waits to take
   * over.
   */
  get isStandby(): boolean {
    return this.owned === 0 && this.fatal.length === 0;
  }

  get partitions(): number {
    return this.#processors.length;
  }

  /** Why partitions have stopped for good; none if all is well. */
  get fatal(): readonly Error[] {
    return this.#processors.flatMap(({ fatal }) => (fatal ? [fatal] : []));
  }

  /** Finishes what is under way and gives up all leases. */
  async stop(): Promise<void> {
    clearInterval(this.#renewal);
    this.#builds.stop();
    await Promise.all(this.#processors.map((processor) => processor.stop()));
  }

  /**
   * Bounded by the number of partitions; a lease that could not be renewed is lost by itself when
   * it ends.
   */
  #renew(): void {
    for (const processor of this.#processors) {
      processor
        .renew()
        .catch((error: unknown) =>
          this.#logger.debug({ err: error }, 'a lease could not be renewed'),
        );
    }
  }
}

/**
 * webhook-emitter.ts – Moves the events of commits for activations into the lanes of their
 * webhooks.
 *
 * Keeps true: an entry stays in its partition's feed until all of its events are in their lanes.
 * After a crash the next emitter reads it again, and the lanes skip what they hold already. The
 * owner of a partition emits for it. That only saves work: two emitters at once make no event
 * twice. While the lanes can't be written, entries wait in the feed, bounded only by Redis' memory;
 * `rollcall_webhook_backlog_entries` counts them.
 */
import type { Logger } from 'pino';
import { Alarm } from '../alarm.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { Deployment } from '../engine/deployment.ts';
import { pushTo } from '../multimap.ts';
import { isUnanswered } from '../redis/failures.ts';
import type { ActivationEntry, ActivationFeed } from './activation-feed.ts';
import type { LaneName, WebhookLanes } from './webhook-lanes.ts';
import type { FedFlip, WebhookPayloads } from './webhook-payload.ts';

export interface EmitterContext {
  readonly deployment: Deployment;
  readonly feed: ActivationFeed;
  readonly lanes: WebhookLanes;
  readonly payloads: WebhookPayloads;
  /** Called with the lanes that were empty. */
  readonly wake: (lanes: readonly LaneName[]) => Promise<void>;
  readonly logger: Logger;
}

/** Events that are made together, at the entry that passes it: their columns are read in one go. */
const EVENTS_A_TURN = 500;
/** Entries that are read ahead. */
const QUEUED_ENTRIES_MAX = 500;
/** How soon a partition that was taken over is looked at. */
const OWNED_POLL_MS = 500;
const RETRY_MS = 500;

export class WebhookEmitter {
  readonly #partitions: readonly PartitionEmitter[];

  constructor(context: EmitterContext) {
    const { partitions } = context.deployment.founding;
    this.#partitions = Array.from(
      { length: partitions },
      (_, at) => new PartitionEmitter(at, context),
    );
  }

  start(): void {
    for (const partition of this.#partitions) partition.start();
  }

  /** Finishes what is under way. */
  async stop(): Promise<void> {
    await Promise.all(this.#partitions.map((partition) => partition.stop()));
  }
}

class PartitionEmitter {
  readonly #context: EmitterContext;
  readonly #store: CatalogStore;
  readonly #partition: number;
  readonly #alarm = new Alarm();
  #queue: ActivationEntry[] = [];
  #isFollowing = false;
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(partition: number, context: EmitterContext) {
    this.#context = context;
    this.#store = context.deployment.store;
    this.#partition = partition;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#alarm.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (!this.#context.deployment.worker?.owns(this.#partition)) this.#leave();
      else if (!this.#isFollowing) this.#follow();
      if (this.#queue.length === 0) await this.#alarm.sleep(OWNED_POLL_MS);
      else await this.#turn();
    }
    this.#leave();
  }

  /** All that the stream holds is still to be brought on: what was is trimmed. */
  #follow(): void {
    this.#isFollowing = true;
    this.#context.feed.follow(this.#partition, (entries) => {
      this.#queue.push(...entries);
      if (this.#queue.length > QUEUED_ENTRIES_MAX) this.#context.feed.pause(this.#partition);
      this.#alarm.ring();
    });
  }

  #leave(): void {
    if (this.#isFollowing) this.#context.feed.unfollow(this.#partition);
    this.#isFollowing = false;
    this.#queue = [];
  }

  async #turn(): Promise<void> {
    try {
      const entries = await this.#emit();
      this.#queue.splice(0, entries);
      if (this.#queue.length < QUEUED_ENTRIES_MAX / 2) this.#context.feed.resume(this.#partition);
    } catch (error) {
      const detail = { err: error, partition: this.#partition };
      if (isUnanswered(error))
        this.#context.logger.warn(detail, 'events for webhooks wait for Redis');
      else
        this.#context.logger.error(
          detail,
          'events for webhooks could not be queued; it is tried again',
        );
      await this.#alarm.sleep(RETRY_MS);
    }
  }

  /** @returns how many entries are done. */
  async #emit(): Promise<number> {
    const { feed, lanes, payloads, wake } = this.#context;
    const { flips, last, entries } = await this.#take();
    const { catalog } = this.#store;
    for (const [id, some] of byActivation(flips)) {
      const activation = catalog.activations.get(id);
      const view = activation && catalog.views.get(activation.view);
      if (!view) continue; // it was deleted meanwhile: nothing is to be sent any more
      const wanted = some.filter(({ entered }) =>
        activation.events.includes(entered ? 'entered' : 'left'),
      );
      for await (const messages of payloads.flips(activation, view, this.#partition, wanted))
        await wake(await lanes.push(id, this.#partition, messages.at(-1)!.entry, messages));
    }
    await feed.dropThrough(this.#partition, last);
    return entries;
  }

  /**
   * The next entries, up to the one that passes EVENTS_A_TURN; the catalog is as new as the commits
   * that made them.
   */
  async #take(): Promise<{ flips: FedFlip[]; last: string; entries: number }> {
    const flips: FedFlip[] = [];
    let entries = 0;
    let newest = 0;
    while (entries < this.#queue.length && flips.length < EVENTS_A_TURN) {
      const { id: entry, at, version, flips: some } = this.#queue[entries++]!;
      newest = Math.max(newest, version);
      for (const flip of some) flips.push({ ...flip, entry, at });
    }
    if (newest > this.#store.catalog.version) await this.#store.refresh();
    return { flips, last: this.#queue[entries - 1]!.id, entries };
  }
}

function byActivation(flips: readonly FedFlip[]): Map<string, FedFlip[]> {
  const grouped = new Map<string, FedFlip[]>();
  for (const flip of flips) {
    pushTo(grouped, flip.activation, flip);
  }
  return grouped;
}

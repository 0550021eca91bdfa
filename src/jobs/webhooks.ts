/**
 * webhooks.ts – The API's calls about webhooks: state, test, full sync, dead letters, enabling.
 *
 * Keeps true: it works in a process that delivers nothing itself. What it changes is stored before
 * a worker is woken.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import type { StoredActivation, StoredView } from '../catalog/catalog.ts';
import { unknownView } from '../catalog/views.ts';
import type { Deployment } from '../engine/deployment.ts';
import { Problem } from '../errors.ts';
import { openWebhookAgent, type Resolver } from './webhook-connect.ts';
import {
  type DeadPage,
  type DeliveryState,
  type SyncState,
  WEBHOOK_LIMITS,
  type WebhookLanes,
  type WebhookLimits,
} from './webhook-lanes.ts';
import { type ReadColumns, testMessage } from './webhook-payload.ts';
import { WebhookQueues } from './webhook-queue.ts';
import { type Attempt, WebhookSender } from './webhook-sender.ts';

export interface WebhookOptions {
  readonly deployment: Deployment;
  readonly logger: Logger;
  /** For tests. */
  readonly limits?: Partial<WebhookLimits>;
  readonly resolve?: Resolver;
}

/** How long a new activation waits until every partition knows of it. */
const ADOPTED_TIMEOUT_MS = 5000;
const ADOPTED_POLL_MS = 5;
/** How long what went may still be pushed to. */
const GONE_FOR_MS = 300_000;
/** Letters that one script moves. */
const REDELIVERED_A_CALL = 200;

export class Webhooks {
  readonly lanes: WebhookLanes;
  readonly limits: WebhookLimits;
  readonly sender: WebhookSender;
  readonly queues: WebhookQueues;
  readonly #agent: Dispatcher;
  readonly #deployment: Deployment;

  constructor({ deployment, logger, limits = {}, resolve }: WebhookOptions) {
    this.#deployment = deployment;
    const { stores, activations } = deployment;
    this.limits = { ...WEBHOOK_LIMITS, ...limits };
    this.lanes = stores.webhookLanes(this.limits);
    this.#agent = openWebhookAgent(activations.allowed, resolve);
    this.sender = new WebhookSender(this.#agent);
    this.queues = new WebhookQueues(stores.queues.shared, (error) =>
      logger.warn({ err: error }, 'webhook queues'),
    );
  }

  /** Caller: before the deployment is closed. */
  async close(): Promise<void> {
    await this.queues.close();
    await this.#agent.destroy();
  }

  state({ id }: StoredActivation): Promise<DeliveryState> {
    return this.lanes.state(id);
  }

  /**
   * Waits until every partition emits events to an activation that was just created; what is
   * acknowledged after that is sent. A partition without an owner is not waited for: its next owner
   * begins with the catalog that is stored.
   */
  async adopted(): Promise<void> {
    const { progress, store } = this.#deployment;
    const { version } = store.catalog;
    const deadlineMs = Date.now() + ADOPTED_TIMEOUT_MS;
    while (Date.now() < deadlineMs) {
      const unowned = await progress.unowned();
      const versions = await progress.catalogVersions();
      if (versions.every((each, partition) => each >= version || unowned.includes(partition)))
        return;
      await sleep(ADOPTED_POLL_MS);
    }
  }

  /** Sends one event of type `test`, and reports its outcome. It counts for nothing. */
  async test(activation: StoredActivation): Promise<Attempt> {
    const secret = (await this.#deployment.activations.secretOf(activation.id)) ?? '';
    const message = testMessage(`evt_test_${randomUUID()}`, this.#view(activation));
    return this.sender.send({ url: activation.url, secret }, message);
  }

  /** Delivers again, from what is pending on. */
  async enable({ id }: StoredActivation): Promise<void> {
    await this.lanes.enable(id);
    await this.retryNow(id);
  }

  /** Lanes that wait for their next attempt make it now. */
  async retryNow(id: string): Promise<void> {
    await this.queues.wakeNow(await this.lanes.waiting(id));
  }

  /**
   * Begins a full sync; one that runs already goes on. @throws Problem activation_disabled |
   * segment_building
   */
  async beginSync(activation: StoredActivation): Promise<SyncState> {
    const { id } = activation;
    if (await this.lanes.isDisabled(id)) {
      throw new Problem('activation_disabled', 'the activation is disabled; enable it first');
    }
    const running = await this.lanes.sync(id);
    if (running?.status === 'running') {
      await this.queues.sync({ activation: id, sync: running.id }); // it may never have been queued
      return running;
    }
    const sync = randomUUID();
    await this.lanes.beginSync(id, sync, await this.#deployment.viewMembers.size(activation.view));
    await this.queues.sync({ activation: id, sync });
    return (await this.lanes.sync(id))!;
  }

  sync({ id }: StoredActivation): Promise<SyncState | undefined> {
    return this.lanes.sync(id);
  }

  dead({ id }: StoredActivation, limit: number, after: number | undefined): Promise<DeadPage> {
    return this.lanes.dead(id, limit, after);
  }

  /** Puts dead letters back, all or those of some ids. @returns how many */
  async redeliver({ id }: StoredActivation, ids: readonly string[] | undefined): Promise<number> {
    const moved =
      ids === undefined ? await this.#redeliverAll(id) : await this.#redeliverSome(id, ids);
    await this.retryNow(id);
    return moved;
  }

  /** Removes what is pending of an activation that is no more. */
  async purge(id: string): Promise<void> {
    await this.lanes.purge(id);
  }

  /**
   * Removes what is left of activations that went, whatever took them along. An emitter that does
   * not know of it yet may still push something for a moment: each is looked at again until that is
   * over.
   */
  async purgeGone(): Promise<void> {
    const { activations } = this.#deployment;
    const beganMs = Date.now();
    for (const id of await activations.gone()) await this.purge(id);
    await activations.forget(beganMs - GONE_FOR_MS);
    await activations.forgetStraySecrets();
  }

  /** Part by part: what is held at once is bounded (view-rows.ts). */
  readonly readColumns: ReadColumns = (view, ids) =>
    this.#deployment.viewRows.viewRowsOf(view, ids);

  /** Bounded by how many there are when it begins: those that die again meanwhile come after. */
  async #redeliverAll(id: string): Promise<number> {
    let moved = 0;
    let left = (await this.lanes.state(id)).dead;
    while (left > 0) {
      const { letters } = await this.lanes.dead(id, Math.min(left, REDELIVERED_A_CALL));
      if (letters.length === 0) break;
      moved += await this.lanes.redeliver(id, letters);
      left -= letters.length;
    }
    return moved;
  }

  async #redeliverSome(id: string, ids: readonly string[]): Promise<number> {
    let moved = 0;
    for (let from = 0; from < ids.length; from += REDELIVERED_A_CALL) {
      const letters = await this.lanes.lettersOf(id, ids.slice(from, from + REDELIVERED_A_CALL));
      moved += await this.lanes.redeliver(id, letters);
    }
    return moved;
  }

  #view({ view }: StoredActivation): StoredView {
    const stored = this.#deployment.store.catalog.views.get(view);
    if (!stored) throw unknownView(view);
    return stored;
  }
}

/**
 * webhook-worker.ts – Delivers what is in the lanes, and carries out full syncs.
 *
 * Keeps true: only the first event of a lane is under way, until it is delivered or dead. Retries
 * wait for BullMQ's exponential back-off, and for a Retry-After (at most the longest delay). A lane
 * that holds something gets a job, at the latest from the regular search. A lane whose activation
 * has used its share (lane-shares.ts) waits without a job until some of that is free. Nothing is
 * sent for an activation that is disabled or gone. What a killed process had under way is resent
 * under the same id, when BullMQ finds its jobs stalled.
 */
import { DelayedError, type Job, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { StoredActivation, StoredView } from '../catalog/catalog.ts';
import type { Deployment } from '../engine/deployment.ts';
import { Problem } from '../errors.ts';
import type { Page } from '../membership/page.ts';
import type { ActivationFeed } from './activation-feed.ts';
import { LaneShares } from './lane-shares.ts';
import { WebhookEmitter } from './webhook-emitter.ts';
import type {
  LaneName,
  RecordMessage,
  Settled,
  SyncState,
  WebhookLanes,
  WebhookLimits,
} from './webhook-lanes.ts';
import { WebhookPayloads } from './webhook-payload.ts';
import { SYNC_QUEUE, type SyncJob, WEBHOOK_QUEUE } from './webhook-queue.ts';
import type { WebhookSender, WebhookTarget } from './webhook-sender.ts';
import type { Webhooks } from './webhooks.ts';

const SYNCS_AT_ONCE = 2;
/** A job gives way to those of other lanes after so many events, or so long. */
const EVENTS_A_JOB = 200;
const JOB_MS = 15_000;
const EVENTS_A_READ = 50;
/** After a failure that is none of the receiver's: Redis was gone. */
const FAULT_DELAY_MS = 1000;
/** Lanes that waited for one receiver do not come back to it at once. */
const HELD_SPREAD_MS = 500;
/** A job whose process was killed is taken up by another one after about this long. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5000;
/** How often lanes are looked for whose job was lost. */
const SWEEP_MS = 5000;
const SYNC_MEMBERS = 200;
/** A sync waits while more than this is pending, and while its activation is disabled. */
const SYNC_PENDING_MAX = 10_000;
const SYNC_WAIT_MS = 500;

/** The first event of a lane was not delivered, and is tried again. */
class DeliveryFailed extends Error {
  /** Which delay comes next, from 1. */
  readonly delay: number;

  constructor(error: string | null, delay: number) {
    super(error ?? 'not delivered');
    this.name = 'DeliveryFailed';
    this.delay = delay;
  }
}

/** The receiver named when it may be asked again (Retry-After): the lane waits until then. */
class HeldBack extends Error {
  readonly forMs: number;

  constructor(forMs: number) {
    super('the receiver asked to wait');
    this.name = 'HeldBack';
    this.forMs = forMs;
  }
}

export interface WebhookWorkerOptions {
  readonly deployment: Deployment;
  readonly webhooks: Webhooks;
  readonly logger: Logger;
}

export class WebhookWorker {
  readonly #deployment: Deployment;
  readonly #webhooks: Webhooks;
  readonly #lanes: WebhookLanes;
  readonly #limits: WebhookLimits;
  readonly #sender: WebhookSender;
  readonly #logger: Logger;
  readonly #payloads: WebhookPayloads;
  readonly #emitter: WebhookEmitter;
  readonly #feed: ActivationFeed;
  readonly #workers: readonly Worker[];
  readonly #shares: LaneShares;
  /** By activation the lanes that wait for its share. */
  readonly #aside = new Map<string, Set<number>>();
  readonly #stop = new AbortController();
  readonly #sweep: NodeJS.Timeout;

  constructor({ deployment, webhooks, logger }: WebhookWorkerOptions) {
    this.#deployment = deployment;
    this.#webhooks = webhooks;
    this.#lanes = webhooks.lanes;
    this.#limits = webhooks.limits;
    this.#sender = webhooks.sender;
    this.#logger = logger;
    const onError = (error: Error) =>
      void (this.#isStopping || logger.warn({ err: error }, 'webhooks'));
    const connection = {
      ...deployment.stores.queues.waiting,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      settings: {
        backoffStrategy: (_: number, __?: string, error?: Error) => delayAfter(error, this.#limits),
      },
    };
    const lanesAtOnce = deployment.limits.webhookLanes;
    this.#shares = new LaneShares(lanesAtOnce);
    const lanes = new Worker<LaneName>(WEBHOOK_QUEUE, (job) => this.#deliver(job.data), {
      ...connection,
      concurrency: lanesAtOnce,
    });
    // what came in while the job was ending found that the lane had a job
    lanes.on('completed', ({ data }) => void this.#lookAgain(data).catch(onError));
    const syncs = new Worker<SyncJob>(SYNC_QUEUE, (job, token) => this.#sync(job, token), {
      ...connection,
      concurrency: SYNCS_AT_ONCE,
    });
    this.#workers = [lanes, syncs];
    for (const worker of this.#workers) worker.on('error', onError);
    this.#feed = deployment.stores.openActivationFeed(onError);
    this.#payloads = new WebhookPayloads(webhooks.readColumns, logger);
    const wake = (names: readonly LaneName[]) => webhooks.queues.wake(names);
    this.#emitter = new WebhookEmitter({
      deployment,
      feed: this.#feed,
      lanes: this.#lanes,
      payloads: this.#payloads,
      wake,
      logger,
    });
    this.#sweep = setInterval(() => void this.#sweepLanes().catch(onError), SWEEP_MS);
  }

  start(): void {
    this.#feed.start();
    this.#emitter.start();
    this.#sweepLanes().catch(() => {}); // the next one comes by itself
  }

  /**
   * Ends what is under way; requests that are not answered yet are broken off, and sent again later
   * under the same id.
   */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stop.abort();
    await this.#emitter.stop();
    await this.#feed.stop();
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  // ── delivery ──

  /**
   * Delivers the first events of a lane, if it may now. @throws DeliveryFailed when the first one
   * is to be tried again later
   */
  async #deliver(name: LaneName): Promise<void> {
    const target = await this.#target(name.activation);
    if (!target) return;
    const leave = this.#shares.enter({
      activation: name.activation,
      host: new URL(target.url).host,
    });
    if (!leave) return this.#putAside(name);
    try {
      await this.#deliverTo(target, name);
    } finally {
      leave();
      this.#takeUp(name.activation);
    }
  }

  #putAside({ activation, lane }: LaneName): void {
    const lanes = this.#aside.get(activation) ?? new Set();
    this.#aside.set(activation, lanes.add(lane));
  }

  /**
   * After a lane became free: one of the same activation goes on, and one of another, which may
   * have waited for its host.
   */
  #takeUp(activation: string): void {
    const [other] = [...this.#aside.keys()].filter((id) => id !== activation);
    this.#wakeAside(other === undefined ? [activation] : [activation, other]);
  }

  #wakeAside(activations: readonly string[]): void {
    const names = activations.flatMap((activation) => {
      const lanes = this.#aside.get(activation);
      if (!lanes) return [];
      const [lane] = lanes;
      lanes.delete(lane!);
      this.#aside.delete(activation);
      // at the end: the next time it is another's turn
      if (lanes.size > 0) this.#aside.set(activation, lanes);
      return [{ activation, lane: lane! }];
    });
    if (!this.#isStopping) this.#webhooks.queues.wake(names).catch(() => {}); // they are looked for
  }

  async #deliverTo(target: WebhookTarget, name: LaneName): Promise<void> {
    const untilMs = Date.now() + JOB_MS;
    for (let settled = 0; settled < EVENTS_A_JOB; ) {
      const messages = await this.#lanes.first(name, EVENTS_A_READ);
      if (messages.length === 0) return;
      await this.#refuseHeld(name);
      for (const message of messages) {
        if (this.#isStopping || Date.now() > untilMs) return;
        const attempt = await this.#sender.send(target, message, this.#stop.signal);
        if (attempt.outcome === 'stopped') return;
        const isDelivered = attempt.outcome === 'delivered';
        this.#shares.note(name.activation, isDelivered, attempt.durationMs);
        if (isDelivered) this.#wakeAside([name.activation]); // its share grows
        this.#deployment.metrics.webhookAttempts.inc({ outcome: attempt.outcome });
        if (attempt.retryAfterMs !== undefined)
          await this.#lanes.hold(name.activation, attempt.retryAfterMs);
        const what = await this.#lanes.settle(name, message.id, attempt.outcome, attempt.error);
        if (!(await this.#goesOn(name, what, attempt.error))) return;
        if (what.next === 'moved') break;
        settled++;
      }
    }
  }

  /**
   * No lane of an activation sends while its receiver asks to be left alone; that is no attempt.
   * @throws HeldBack
   */
  async #refuseHeld({ activation }: LaneName): Promise<void> {
    const heldForMs = await this.#lanes.heldForMs(activation);
    if (heldForMs > 0) throw new HeldBack(heldForMs);
  }

  async #goesOn(
    { activation }: LaneName,
    { next, delay }: Settled,
    error: string | null,
  ): Promise<boolean> {
    switch (next) {
      case 'next':
      case 'moved':
        return true;
      case 'back':
        await this.#webhooks.retryNow(activation);
        return true;
      case 'dead':
        this.#deployment.metrics.webhookDeadLetters.inc();
        this.#logger.warn({ activation, error }, 'a webhook went to the dead letters');
        return true;
      case 'disabled':
        this.#logger.warn(
          { activation, error },
          'the activation is disabled; its events wait until it is enabled',
        );
        return false;
      case 'retry':
        throw new DeliveryFailed(error, delay);
    }
  }

  /**
   * Where to send; undefined if nothing is to be sent. What is left of an activation that is gone
   * is removed.
   */
  async #target(id: string): Promise<WebhookTarget | undefined> {
    const { activations } = this.#deployment;
    const activation = await this.#activation(id);
    const secret = activation && (await activations.secretOf(id));
    if (!activation || secret === undefined) {
      this.#shares.forget(id);
      this.#aside.delete(id);
      await this.#webhooks.purge(id);
      return undefined;
    }
    return (await this.#lanes.isDisabled(id)) ? undefined : { url: activation.url, secret };
  }

  async #activation(id: string): Promise<StoredActivation | undefined> {
    const { store } = this.#deployment;
    if (!store.catalog.activations.has(id)) await store.refresh();
    return store.catalog.activations.get(id);
  }

  async #lookAgain(name: LaneName): Promise<void> {
    if (this.#isStopping || this.#aside.get(name.activation)?.has(name.lane)) return;
    if (await this.#lanes.isDisabled(name.activation)) return;
    if ((await this.#lanes.first(name, 1)).length > 0) await this.#webhooks.queues.wake([name]);
  }

  /** Bounded by the lanes of all activations. */
  async #sweepLanes(): Promise<void> {
    await this.#countBacklog();
    await this.#webhooks.purgeGone();
    const waiting = await this.#lanes.waiting();
    const ids = [...new Set(waiting.map(({ activation }) => activation))];
    const disabled = await Promise.all(ids.map((id) => this.#lanes.isDisabled(id)));
    const active = new Set(ids.filter((_, at) => !disabled[at]));
    if (this.#isStopping) return;
    await this.#webhooks.queues.wake(waiting.filter(({ activation }) => active.has(activation)));
  }

  async #countBacklog(): Promise<void> {
    this.#deployment.metrics.webhookBacklog.set(await this.#feed.size());
  }

  // ── full sync ──

  /** Goes through the members page by page, as far as what is pending allows. */
  async #sync(job: Job<SyncJob>, token: string | undefined): Promise<void> {
    const { activation: id, sync } = job.data;
    for (;;) {
      const state = await this.#lanes.sync(id);
      if (state?.id !== sync || state.status !== 'running') return;
      const activation = await this.#activation(id);
      const view = activation && this.#deployment.store.catalog.views.get(activation.view);
      if (!view) return;
      const { status, pending } = await this.#lanes.state(id);
      if (this.#isStopping || status === 'disabled' || pending > SYNC_PENDING_MAX) {
        await job.moveToDelayed(Date.now() + SYNC_WAIT_MS, token);
        throw new DelayedError();
      }
      if (!(await this.#syncPage(id, view, state))) return;
    }
  }

  /**
   * @returns whether there is another page. @throws Error if Redis is gone, or the view is being
   * built: the page is tried again
   */
  async #syncPage(id: string, view: StoredView, state: SyncState): Promise<boolean> {
    let page: Page<{ id: string }>;
    try {
      page = await this.#deployment.viewMembers.page(view.slug, {
        limit: SYNC_MEMBERS,
        cursor: state.cursor || undefined,
      });
    } catch (error) {
      if (error instanceof Problem && error.status < 500)
        await this.#lanes.failSync(id, error.message);
      throw error;
    }
    const ids = page.data.map((member) => member.id);
    const end = page.next_cursor ?? undefined;
    if (ids.length === 0) return this.#pushSync(id, state, end, []);
    let at = state;
    let left = ids.length;
    for await (const messages of this.#payloads.members(state.id, view, ids)) {
      left -= messages.length;
      const next =
        left === 0 ? end : this.#deployment.viewMembers.cursorAfter(messages.at(-1)!.record);
      if (!(await this.#pushSync(id, at, next, messages, left === 0))) return false;
      at = { ...at, cursor: next ?? '' };
    }
    return end !== undefined;
  }

  /** @returns whether the sync goes on */
  async #pushSync(
    id: string,
    state: SyncState,
    next: string | undefined,
    messages: readonly RecordMessage[],
    isWhole = true,
  ): Promise<boolean> {
    const woken = await this.#lanes.pushSync(id, state, next, messages, isWhole);
    await this.#webhooks.queues.wake(woken ?? []);
    return woken !== undefined && next !== undefined;
  }
}

/**
 * Exponential, and up to half of it left to chance, so that lanes that failed together do not come
 * back together.
 */
function delayAfter(error: Error | undefined, { firstDelayMs, delayMaxMs }: WebhookLimits): number {
  if (error instanceof HeldBack) return Math.ceil(error.forMs + Math.random() * HELD_SPREAD_MS);
  if (!(error instanceof DeliveryFailed)) return FAULT_DELAY_MS;
  const delayMs = Math.min(delayMaxMs, firstDelayMs * 2 ** (error.delay - 1));
  return Math.round(delayMs * (1 - Math.random() / 2));
}

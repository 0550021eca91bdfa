/**
 * core-driver.ts – Carries out in a process the requests of a partition's core.
 *
 * Keeps true: the very same commit is sent until its outcome is known. What the core holds while it
 * asks is given back, whether it comes to an end or the store does not answer.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { isUnanswered } from '../redis/failures.ts';
import type { Solo } from './care.ts';
import type { OwnerLog } from './owner-log.ts';
import type { CommitAnswer, PreparedCommit, Renewal } from './partition-store.ts';
import { utilization } from './process-load.ts';
import {
  type Answers,
  type Asker,
  type Asking,
  answerOf,
  type DriverRequest,
  isForDriver,
} from './requests.ts';
import type { Seat, Slices } from './slices.ts';

/**
 * A small batch in a busy process waits this long for more: a commit costs the same for one change
 * and for thirty. Where changes come seldom nothing would join it, so a lone one does not wait.
 */
const SMALL_BATCH_ENTRIES = 32;
const GATHER_MS = 2;
const BUSY_UTILIZATION = 0.5;
/** They come often if the commit before was not longer ago than this. */
const OFTEN_MS = 8;
const RETRY_MS = 50;

export interface CoreDriverContext extends Asker {
  readonly metrics: Metrics;
  readonly log: OwnerLog;
  readonly solo: Solo;
  readonly slices: Slices;
  readonly seat: Seat;
  readonly refreshCatalog: () => Promise<unknown>;
  readonly renewLease: () => Promise<Renewal>;
  /** Ends early when there is news. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly isStopped: () => boolean;
}

export class CoreDriver {
  readonly #context: CoreDriverContext;
  #committedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CoreDriverContext) {
    this.#context = context;
  }

  /**
   * Carries out what is asked for until it comes to something.
   * Rejects with what `isUnanswered` knows if the store does not answer a read.
   */
  async drive<R>(asking: Asking<R>): Promise<R> {
    try {
      let next = asking.next();
      while (!next.done) {
        const request = next.value;
        const answer = isForDriver(request)
          ? await this.#answer(request)
          : await answerOf(request, this.#context);
        const startedMs = performance.now();
        next = asking.next(answer);
        // Between the last rows and the commit lies the step.
        if (!next.done && next.value.kind === 'commit')
          this.#context.metrics.stepSeconds.observe((performance.now() - startedMs) / 1000);
      }
      return next.value;
    } finally {
      asking.return(undefined as never);
      this.#context.slices.end(this.#context.seat);
    }
  }

  async #answer(request: DriverRequest): Promise<Answers[DriverRequest['kind']]> {
    const { solo, slices, seat, refreshCatalog, renewLease } = this.#context;
    switch (request.kind) {
      case 'renew':
        return renewLease();
      case 'commit':
        return this.#commit(request.prepared);
      case 'catalog':
        await refreshCatalog();
        return undefined;
      case 'slice':
        return slices.begin(seat, request);
      case 'gather':
        if (request.entries < SMALL_BATCH_ENTRIES && this.#isBusy) await sleep(GATHER_MS);
        return undefined;
      case 'solo-over':
        await solo.over;
        return undefined;
      case 'solo-begin':
        return solo.begin();
      default:
        return unreachable(request);
    }
  }

  get #isBusy(): boolean {
    const sinceMs = performance.now() - this.#committedAtMs;
    return sinceMs < OFTEN_MS && utilization() > BUSY_UTILIZATION;
  }

  async #commit(prepared: PreparedCommit): Promise<CommitAnswer | 'unknown'> {
    const { metrics, stores, partition, log, isStopped } = this.#context;
    const timer = metrics.commitSeconds.startTimer();
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await stores[partition]!.commit(prepared);
        timer();
        this.#committedAtMs = performance.now();
        return answer;
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        // This process will not ask again: the next owner reads what is stored.
        if (isStopped()) return 'unknown';
        log.unanswered(error, attempt);
        await this.#context.sleep(RETRY_MS);
      }
    }
  }
}

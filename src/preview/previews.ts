/**
 * previews.ts – Answers previews: waits for what was acknowledged before, plans, and has the plan
 * evaluated in the thread.
 *
 * Keeps true: nothing is written. A preview sees all that was acknowledged before it; it is
 * answered in its time or says `timeout`, with no number. Whoever asks for too many is refused.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { CLOCKS_APART_MS } from '../membership/read-options.ts';
import type { StrongReads } from '../membership/strong-reads.ts';
import { type PreviewPlan, planPreview } from './plan.ts';
import type { Preview, PreviewProgress, PreviewRequest } from './preview.ts';
import { PreviewThread } from './preview-thread.ts';
import { PreviewTurns } from './preview-turns.ts';
import type { ThreadData } from './thread-messages.ts';

interface PreviewsContext {
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly timeZone: string;
  readonly limits: Limits;
  readonly thread: ThreadData;
}

/** Who asks, and until when. */
export interface PreviewCaller {
  /** The connection, as whatever stands for it. */
  readonly connection: object;
  /** Comes when the client goes away. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: PreviewProgress) => void;
}

export class Previews {
  readonly #context: PreviewsContext;
  readonly #turns: PreviewTurns;
  readonly #thread: PreviewThread;

  constructor(context: PreviewsContext) {
    const { previews, previewsPerConnection, previewsWaiting } = context.limits;
    this.#context = context;
    this.#thread = new PreviewThread(context.thread);
    this.#turns = new PreviewTurns({
      atOnce: previews,
      perCaller: previewsPerConnection,
      waiting: previewsWaiting,
    });
  }

  /** How many run or wait, the thread's own work included. */
  get size(): number {
    return Math.max(this.#turns.size, this.#thread.size);
  }

  /**
   * @returns undefined if the client went away
   * @throws Problem object_type_unknown | segment_unknown | query_invalid | query_too_costly |
   *   body_invalid | overloaded
   */
  async preview(request: PreviewRequest, caller: PreviewCaller): Promise<Preview | undefined> {
    const { catalogs, timeZone, limits } = this.#context;
    const beganMs = Date.now();
    const late = AbortSignal.timeout(request.timeoutMs);
    const signal = AbortSignal.any([caller.signal, late]);
    const catalog = await catalogs.refresh();
    const plan = await planPreview(request, { catalog, timeZone });
    const preview = await this.#turns.inTurn(caller.connection, signal, async () => {
      const leftMs = Math.max(beganMs + request.timeoutMs - Date.now(), 0);
      const nowMs = await this.#caughtUp(leftMs);
      if (nowMs === undefined) return undefined;
      const atMs = momentOf(request.atMs, nowMs);
      const { sample, page } = request;
      const { previewBytes: bytesMax } = limits;
      const run = { plan, nowMs: atMs, sample, page, bytesMax, timeoutMs: leftMs };
      return this.#thread.run(run, signal, caller.onProgress ?? (() => {}));
    });
    if (caller.signal.aborted) return undefined;
    return preview ?? timedOut(plan, request.atMs ?? Date.now());
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  /**
   * Waits for what was acknowledged before.
   * @returns the time of the servers, in ms; undefined if it took too long
   */
  async #caughtUp(timeoutMs: number): Promise<number | undefined> {
    try {
      const { reads } = this.#context;
      const read = { consistency: 'strong', timeoutMs } as const;
      const statuses = await reads.waitForAll(read);
      return Math.max(...statuses.map(({ serverMs }) => serverMs));
    } catch (error) {
      if (error instanceof Problem && error.code === 'not_caught_up') return undefined;
      throw error;
    }
  }
}

/** @throws Problem body_invalid if the moment has passed */
function momentOf(atMs: number | undefined, nowMs: number): number {
  if (atMs === undefined) return nowMs;
  if (atMs < nowMs - CLOCKS_APART_MS) {
    const detail = 'at is now or later: what was is not kept';
    throw new Problem('body_invalid', detail, [{ path: '/at', detail }]);
  }
  return Math.max(atMs, nowMs);
}

/** It has all that a preview of this plan has, but no number. */
function timedOut({ compared, parts }: PreviewPlan, asOfMs: number): Preview {
  const none = { count: null, sample: [] };
  return {
    status: 'timeout',
    ...none,
    of: null,
    ...(compared === undefined ? {} : { added: none, removed: none }),
    ...(parts && { breakdown: parts.map(({ path }) => ({ path, count: null })) }),
    asOf: '',
    asOfMs,
  };
}

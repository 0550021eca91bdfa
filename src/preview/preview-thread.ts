/**
 * preview-thread.ts – The thread of previews, as its process sees it: begun when it is needed, and
 * again after it has died.
 *
 * Keeps true: a run ends with an answer, or with a Problem if its thread dies; one that does not
 * stop when it is told to ends with its thread. A thread that nothing was asked of for a while is
 * ended. It may have so much memory and no more.
 */
import { Worker } from 'node:worker_threads';
import { Problem, unreachable } from '../errors.ts';
import type { Preview, PreviewProgress } from './preview.ts';
import type { PreviewRun } from './run.ts';
import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread-messages.ts';

/** A run that was cancelled and goes on for so long is stuck. */
const STUCK_MS = 2000;
const IDLE_MS = 60_000;
/** Beside what a preview may hold: two partitions as they are read, and their answers. */
const HEAP_MB = 512;

/** The sources are run by tests alone; a thread runs what was built of them. */
const SCRIPT = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/preview/thread.js', import.meta.url)
  : new URL('./thread.js', import.meta.url);

interface OpenRun {
  readonly onProgress: (progress: PreviewProgress) => void;
  readonly resolve: (preview: Preview | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class PreviewThread {
  readonly #data: ThreadData;
  readonly #runs = new Map<number, OpenRun>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #runsBegun = 0;

  constructor(data: ThreadData) {
    this.#data = data;
  }

  /** How many runs are under way, in the thread. */
  get size(): number {
    return this.#runs.size;
  }

  /**
   * Runs a preview, until the signal says that nobody waits for it any more.
   * @returns undefined if it was cancelled
   * @throws Problem query_too_costly | redis_unavailable | overloaded
   */
  async run(
    run: PreviewRun,
    signal: AbortSignal,
    onProgress: (progress: PreviewProgress) => void,
  ): Promise<Preview | undefined> {
    if (signal.aborted) return undefined;
    clearTimeout(this.#idle);
    this.#worker ??= this.#begin();
    const worker = this.#worker;
    const id = ++this.#runsBegun;
    const send = (request: ThreadRequest) => worker.postMessage(request);
    let stuck: NodeJS.Timeout | undefined;
    const cancel = () => {
      send({ kind: 'cancel', id });
      stuck = setTimeout(() => void worker.terminate(), STUCK_MS);
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<Preview | undefined>((resolve, reject) => {
        this.#runs.set(id, { onProgress, resolve, reject });
        send({ kind: 'run', id, run });
      });
    } finally {
      clearTimeout(stuck);
      signal.removeEventListener('abort', cancel);
      this.#runs.delete(id);
      if (this.#runs.size === 0) this.#rest();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #begin(): Worker {
    const worker = new Worker(SCRIPT, {
      workerData: this.#data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.unref();
    worker.on('message', (answer: ThreadAnswer) => this.#onAnswer(answer));
    worker.on('error', (error) => this.#end(worker, error));
    worker.on('exit', () => this.#end(worker, undefined));
    return worker;
  }

  #rest(): void {
    this.#idle = setTimeout(() => void this.#worker?.terminate(), IDLE_MS).unref();
  }

  #onAnswer(answer: ThreadAnswer): void {
    const run = this.#runs.get(answer.id);
    switch (answer.kind) {
      case 'progress':
        run?.onProgress(answer.progress);
        return;
      case 'result':
        run?.resolve(answer.preview);
        return;
      case 'cancelled':
        run?.resolve(undefined);
        return;
      case 'refused':
        run?.reject(new Problem(answer.code, answer.detail, answer.faults));
        return;
      case 'failed':
        run?.reject(new Error(`in the thread of previews: ${answer.message}`));
        return;
      default:
        unreachable(answer);
    }
  }

  /** The thread has died: what it was asked is answered by this, and the next run begins anew. */
  #end(worker: Worker, error: (Error & { code?: string }) | undefined): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const isTooMuch = error?.code === 'ERR_WORKER_OUT_OF_MEMORY';
    const detail = isTooMuch
      ? 'the preview needs more memory than previews have'
      : 'the thread of previews has ended; ask again';
    const problem = isTooMuch
      ? new Problem('query_too_costly', detail, [{ path: '/query', detail }])
      : new Problem('overloaded', detail, [], { retry_after_s: 1 });
    for (const { reject } of this.#runs.values()) reject(problem);
  }
}

/**
 * history-loop.ts – Folds, in a process that works partitions off, the feeds of those that it owns.
 *
 * Keeps true: a fault is logged and tried again with the next round; two processes that fold one
 * feed do no harm. Nothing waits for it: reads fold what they need.
 */
import type { Logger } from 'pino';
import type { HistoryFolder } from './history-folder.ts';

const FOLD_EVERY_MS = 2000;
/** Rounds after which what is kept is brought within its bounds. */
const ROUNDS_A_CARE = 300;

export interface LoopContext {
  readonly folder: HistoryFolder;
  readonly partitions: number;
  readonly owns: (partition: number) => boolean;
  readonly logger: Logger;
}

export class HistoryLoop {
  readonly #context: LoopContext;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #round = 0;

  constructor(context: LoopContext) {
    this.#context = context;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#fold().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, FOLD_EVERY_MS);
    this.#timer.unref();
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One partition after the other, so that live changes wait for one portion at most. */
  async #fold(): Promise<void> {
    const { folder, partitions, owns, logger } = this.#context;
    const isCare = this.#round++ % ROUNDS_A_CARE === 0;
    for (let partition = 0; partition < partitions && !this.#isStopped; partition++) {
      if (!owns(partition)) continue;
      try {
        await folder.foldAll(partition);
        if (isCare) await folder.keepWithin(partition);
      } catch (error) {
        logger.warn({ err: error, partition }, 'the feed could not be folded; it is tried again');
      }
    }
  }
}

/**
 * commit-news.ts – News of commits, for those who wait for a partition to go on.
 *
 * Keeps true: whoever waits is woken by the next commit that this process hears of, and in any case
 * after a moment: news may be lost. A commit between a look and the wait for the next one is not
 * missed (`heard`).
 */

/** How long a wait lasts without news: what a lost one costs. */
const POLL_MS = 20;

/** Brings news of partitions that other processes own. */
export interface CommitChannel {
  /** Somebody waits for the partition: brings its news from soon on, for a while. */
  follow(partition: number): void;
}

export class CommitNews {
  readonly #heard: number[] = [];
  readonly #waiting = new Map<number, Set<() => void>>();
  readonly #listeners = new Set<(partition: number) => void>();
  readonly #onAwaited: (partition: number) => void;

  /** `onAwaited` is called when somebody waits for a partition, and may see to it that he hears. */
  constructor(onAwaited: (partition: number) => void = () => {}) {
    this.#onAwaited = onAwaited;
  }

  /** How many commits were heard of: names a moment for `next`. */
  heard(partition: number): number {
    return this.#heard[partition] ?? 0;
  }

  /** A partition has committed. */
  tell(partition: number): void {
    this.#heard[partition] = this.heard(partition) + 1;
    for (const listener of this.#listeners) listener(partition);
    const waiting = this.#waiting.get(partition);
    if (!waiting) return;
    this.#waiting.delete(partition);
    for (const wake of waiting) wake();
  }

  /** Calls `listener` at each commit that is heard of, until what it returns is called. */
  listen(listener: (partition: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Has the partition's commits heard of for a few seconds more. */
  follow(partition: number): void {
    this.#onAwaited(partition);
  }

  /** Resolves once a commit was heard of after the moment `since`, or after `ms` at the latest. */
  next(partition: number, since: number, ms: number): Promise<void> {
    if (this.heard(partition) !== since) return Promise.resolve();
    this.#onAwaited(partition);
    return new Promise((resolve) => {
      const waiting = this.#waitingFor(partition);
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(ms, POLL_MS));
      waiting.add(wake);
    });
  }

  #waitingFor(partition: number): Set<() => void> {
    let waiting = this.#waiting.get(partition);
    if (!waiting) this.#waiting.set(partition, (waiting = new Set()));
    return waiting;
  }
}

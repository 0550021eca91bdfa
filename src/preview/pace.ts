/**
 * pace.ts – How fast a preview may go: it gives way every few milliseconds, and rests while live
 * changes go on, so that these keep their share of the machine.
 *
 * Keeps true: a run stops soon after its signal. It rests only in the first half of its time.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

const SLICE_MS = 5;
/** After each slice while changes go on: half of a core is left to them. */
const REST_MS = 5;

export class RunPace {
  readonly #signal: AbortSignal;
  readonly #restsUntilMs: number;
  #sinceMs = performance.now();
  #isBesideChanges = false;

  /** `timeoutMs`: how long the run may take. */
  constructor(signal: AbortSignal, timeoutMs: number) {
    this.#signal = signal;
    this.#restsUntilMs = performance.now() + timeoutMs / 2;
  }

  /** Says that a commit came while the run went on. */
  noteChanges(): void {
    this.#isBesideChanges = true;
  }

  /** @returns undefined if the work may go on at once. @throws what aborts the signal */
  breath(): Promise<void> | undefined {
    return performance.now() - this.#sinceMs < SLICE_MS ? undefined : this.#breathe();
  }

  async #breathe(): Promise<void> {
    const rests = this.#isBesideChanges && performance.now() < this.#restsUntilMs;
    await (rests ? sleep(REST_MS) : turn());
    this.#signal.throwIfAborted();
    this.#sinceMs = performance.now();
  }
}

/**
 * opened.ts – What a command has opened, so that it ends with nothing left running.
 */

/** What was opened, in the order in which it was; closed the other way round. */
export class Opened {
  readonly #closings: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closings.push(close);
  }

  /** Closes all, also what comes after a failure, and throws the first one. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closings.splice(0).reverse())
      await close().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

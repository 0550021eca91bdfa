/**
 * signals.ts – What requests find out that concerns the whole page: the session has ended, or
 * nobody knows yet whether something was saved.
 */

type Listener = () => void;

/** A value that components watch with `useSyncExternalStore`. */
export class Watched<T> {
  #value: T;
  readonly #listeners = new Set<Listener>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly read = (): T => this.#value;

  readonly watch = (listener: Listener): Listener => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }
}

/** Whether a request was refused because the session has ended. */
export const sessionHasEnded = new Watched(false);

/** Writes that are sent again under the same Idempotency-Key, because no answer came. */
export const writesInDoubt = new Watched(0);

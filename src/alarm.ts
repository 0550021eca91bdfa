/**
 * alarm.ts – A sleep that another caller can end.
 *
 * Keeps true: there is one sleeper at a time. `ring` ends its sleep, and does nothing when there is
 * none. So the sleeper looks for work first, without awaiting in between.
 */
export class Alarm {
  #ring: (() => void) | undefined;

  /** Resolves after `ms`, or when it rings. */
  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#ring = undefined;
  }

  ring(): void {
    this.#ring?.();
  }
}

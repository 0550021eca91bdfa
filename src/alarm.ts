/**
 * alarm.ts – A sleep that another caller can end.
 *
 * Keeps true: there is one sleeper at a time. `ring` ends its sleep; if there is none it ends the
 * next one. So no ring is lost between the sleeper's look for work and its sleep, whatever it waits
 * for in between; a sleep that ends too early costs one look.
 */
export class Alarm {
  #ring: (() => void) | undefined;
  #isRung = false;

  /** Resolves after `ms`, or when it rings, or has rung since the sleep before. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#ring = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#ring = undefined;
    }
    this.#isRung = false;
  }

  ring(): void {
    this.#isRung = true;
    this.#ring?.();
  }
}

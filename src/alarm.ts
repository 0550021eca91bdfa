/**
 * alarm.ts – A sleep that somebody else can end.
 *
 * Keeps true: one sleeper at a time; `ring` ends the sleep that is under way and is forgotten when
 * there is none, so whoever sleeps looks for work first, without awaiting in between.
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

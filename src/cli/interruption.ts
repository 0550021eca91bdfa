/**
 * interruption.ts – Handles Ctrl-C, and a service manager's signal, for a command that reports
 * before it ends.
 *
 * Keeps true: after the first signal nothing new is begun, and what is under way has a few seconds
 * to end. The second signal breaks it off.
 */

export interface Interruption {
  /** Nothing new is to be begun. */
  readonly stop: AbortSignal;
  /** What is under way is to be broken off. */
  readonly abandon: AbortSignal;
  close(): void;
}

const PATIENCE_MS = 5000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `onFirst` is called at the first signal. Caller: closes it when the work is done. */
export function watchInterruption(onFirst: () => void): Interruption {
  const [stop, abandon] = [new AbortController(), new AbortController()];
  let timer: NodeJS.Timeout | undefined;
  const hear = () => {
    if (stop.signal.aborted) return abandon.abort();
    timer = setTimeout(() => abandon.abort(), PATIENCE_MS);
    stop.abort();
    onFirst();
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    close: () => {
      clearTimeout(timer);
      for (const signal of SIGNALS) process.off(signal, hear);
    },
  };
}

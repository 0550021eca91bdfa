/**
 * later.ts – Parts of the page that are loaded when they are wanted.
 *
 * Keeps true: while the server is gone a part is waited for and asked for again; what is open stays
 * as it is. One that does not come for `TRIES` times is a fault: the page is older than the server.
 */
import { type ComponentType, lazy } from 'react';

const RETRY_MS = 1000;
const TRIES = 60;

type PartModule<Part> = Promise<{ readonly default: Part }>;

/** A component that is loaded when it is drawn for the first time. */
// biome-ignore lint/suspicious/noExplicitAny: of whatever properties, as React has it
export function later<Part extends ComponentType<any>>(load: () => PartModule<Part>) {
  return lazy(() => untilLoaded(load));
}

/** @throws what the last try has thrown */
export async function untilLoaded<Part>(
  load: () => PartModule<Part>,
  retryMs = RETRY_MS,
): PartModule<Part> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await load();
    } catch (error) {
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

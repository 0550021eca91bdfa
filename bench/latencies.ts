/**
 * latencies.ts – How long single requests took, and a flow of changes beside them.
 */
import { performance } from 'node:perf_hooks';
import type { Change } from '../src/change/change.ts';
import type { Ingest } from '../src/engine/ingest.ts';
import { assert } from '../src/errors.ts';

export class Latencies {
  readonly #ms: number[] = [];

  add(ms: number): void {
    this.#ms.push(ms);
  }

  /** 0.5: the median; 0.99: one in a hundred took longer. */
  at(share: number): number {
    const sorted = [...this.#ms].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }
}

export interface Flow {
  /** Changes that were sent so far. */
  readonly sent: number;
  /** Resolves when all that was sent is applied. */
  stop(): Promise<void>;
}

const TICK_MS = 10;

/** Sends changes one by one, evenly, each waited for until it is applied. */
export function openFlow(ingest: Ingest, changes: readonly Change[], aSecond: number): Flow {
  const startedMs = performance.now();
  const underWay = new Set<Promise<unknown>>();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * aSecond;
    for (; sent < due; sent++) {
      const change = changes[sent];
      assert(change, 'the history is long enough');
      const applied = ingest.one(change, { wait: 'applied', timeoutMs: 30_000 }).then((outcome) => {
        underWay.delete(applied);
        assert(outcome === 'updated', `a change is applied, not ${outcome}`);
      });
      underWay.add(applied);
    }
  }, TICK_MS);
  return {
    get sent() {
      return sent;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

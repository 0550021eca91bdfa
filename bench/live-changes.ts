/**
 * live-changes.ts – Changes that come at a steady rate while something else is measured, and how
 * long each takes until it is applied.
 *
 * Keeps true: a change is sent when its time has come, whether or not those before it were
 * answered, and its time counts from that moment. So a process that stands still is charged for
 * all that would have come meanwhile.
 */
import { performance } from 'node:perf_hooks';
import { assert } from '../src/errors.ts';
import { PEOPLE } from './data.ts';
import { Random } from './random.ts';
import type { WatchedDeployment } from './watched-deployment.ts';

/** A moderate rate: writers that wait for each of their changes. */
export const LIVE_A_SECOND = 200;
const TIMEOUT_MS = 60_000;
const TICK_MS = 1;

export class LiveChanges {
  readonly #deployment: WatchedDeployment;
  readonly #objectType: string;
  readonly #records: number;
  readonly #random: Random;
  /** Of all rounds. */
  readonly #tookMs: number[] = [];

  /** Over `p1` to `p<records>`. */
  constructor(deployment: WatchedDeployment, records: number, seed: number, objectType = PEOPLE) {
    this.#deployment = deployment;
    this.#objectType = objectType;
    this.#records = records;
    this.#random = new Random(seed);
  }

  /** Sends changes until `work` is done. @returns what it comes to */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const pending: Promise<void>[] = [];
    const startedMs = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const dueMs = () => startedMs + (sent * 1000) / LIVE_A_SECOND;
      for (; dueMs() <= performance.now(); sent++) pending.push(this.#send(dueMs()));
    }, TICK_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await Promise.all(pending);
    }
  }

  /** What is printed beside the figures. */
  figures(): Record<string, number> {
    const sorted = [...this.#tookMs].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return {
      'live changes meanwhile': sorted.length,
      'their p50, ms': at(0.5),
      'p99, ms': at(0.99),
      'longest, ms': at(1),
    };
  }

  async #send(dueMs: number): Promise<void> {
    const id = `p${1 + this.#random.below(this.#records)}`;
    const data = { score: Math.round(this.#random.unit() * 100_000) / 1000 };
    const change = { op: 'patch', object_type: this.#objectType, id, data };
    const wait = { wait: 'applied', timeoutMs: TIMEOUT_MS } as const;
    const outcome = await this.#deployment.ingest.one(change, wait);
    assert(outcome === 'updated' || outcome === 'unchanged', `a change is applied: ${outcome}`);
    this.#tookMs.push(performance.now() - dueMs);
  }
}

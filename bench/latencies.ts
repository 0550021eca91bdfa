/**
 * latencies.ts – How long single requests take, side by side, and a flow of changes beside them.
 */
import { performance } from 'node:perf_hooks';
import type { Change } from '../src/change/change.ts';
import type { Ingest } from '../src/engine/ingest.ts';
import { assert } from '../src/errors.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  type Progress,
  type Side,
  type Timed,
} from './harness.ts';

class Latencies {
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

export interface Asking {
  readonly name: string;
  /** `at` counts the requests. */
  readonly ask: (at: number) => Promise<unknown>;
}

export interface AskingSetting {
  readonly segments: number;
  readonly options: BenchOptions;
  readonly progress: Progress;
  /** Requests that are under way at a time; 1 if it does not say. */
  readonly atOnce?: number;
  /** Between requests. */
  readonly restMs?: number;
}

/** Compares requests: their rates, and how long one takes. */
export async function compareAsking(
  history: string,
  asking: readonly Asking[],
  { segments, options, progress, atOnce = 1, restMs = 0 }: AskingSetting,
): Promise<Case> {
  const sides = asking.map((each) => new Repeated(each, options.roundMs, atOnce, restMs));
  for (const side of sides) await side.warmUp();
  const figures = await compare(sides, options.rounds, progress);
  const work = Object.fromEntries(
    sides.flatMap(({ name, latencies }) => [
      [`${name} p50 ms`, latencies.at(0.5)],
      [`${name} p99 ms`, latencies.at(0.99)],
    ]),
  );
  return { history, segments, work, figures };
}

/** Requests before the clock starts; fewer before short rounds. */
const WARM_UP_MAX = 50;

/** Asks again and again for as long as a round takes. */
class Repeated implements Side {
  readonly name: string;
  latencies = new Latencies();
  readonly #asking: Asking;
  readonly #roundMs: number;
  readonly #atOnce: number;
  readonly #restMs: number;
  #asked = 0;

  constructor(asking: Asking, roundMs: number, atOnce: number, restMs: number) {
    this.name = asking.name;
    this.#asking = asking;
    this.#roundMs = roundMs;
    this.#atOnce = atOnce;
    this.#restMs = restMs;
  }

  async warmUp(): Promise<void> {
    const times = Math.min(WARM_UP_MAX, Math.ceil(this.#roundMs / 10));
    for (let at = 0; at < times; at++) await this.#ask();
    this.latencies = new Latencies();
  }

  async round(): Promise<Timed> {
    const [startedMs, before] = [performance.now(), this.#asked];
    const goOn = async () => {
      do {
        await this.#ask();
        if (this.#restMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#restMs));
      } while (performance.now() - startedMs < this.#roundMs);
    };
    await Promise.all(Array.from({ length: this.#atOnce }, goOn));
    return { changes: this.#asked - before, ms: performance.now() - startedMs };
  }

  async #ask(): Promise<void> {
    const startedMs = performance.now();
    await this.#asking.ask(this.#asked++);
    this.latencies.add(performance.now() - startedMs);
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
        const isApplied = outcome === 'updated' || outcome === 'unchanged';
        assert(isApplied, `a change is applied, not ${outcome}`);
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

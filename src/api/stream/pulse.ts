/**
 * pulse.ts – How the deployment is doing: what comes in, what flips, what waits, what is due.
 *
 * Keeps true: however many ask, Redis is looked at once a second, and for what is due once in ten.
 * Rates are of this process, and unknown in one that works no partition off.
 */
import type { Deployment } from '../../engine/deployment.ts';
import { isoTime } from '../times.ts';

const LOOK_MS = 1000;
const DUE_MS = 10_000;
const HOUR_MS = 3_600_000;
const DUE_HOURS = 24;

export interface PulseFigures {
  readonly at: string;
  readonly changes_per_s: number | null;
  readonly flips_per_s: number | null;
  /** Entries that wait, by partition. */
  readonly lag: readonly number[];
  /** Records that the clock alone moves, by hour from now on. */
  readonly due: readonly number[];
  readonly dead_letters: number;
}

interface Counted {
  readonly atMs: number;
  readonly changes: number;
  readonly flips: number;
}

export class Pulse {
  readonly #deployment: Deployment;
  #look: { readonly untilMs: number; readonly figures: Promise<PulseFigures> } | undefined;
  #due: { readonly untilMs: number; readonly hours: Promise<number[]> } | undefined;
  #counted: Counted | undefined;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** As of a second ago at most. */
  figures(): Promise<PulseFigures> {
    const nowMs = performance.now();
    if (!this.#look || nowMs >= this.#look.untilMs)
      this.#look = { untilMs: nowMs + LOOK_MS, figures: this.#read() };
    return this.#look.figures;
  }

  async #read(): Promise<PulseFigures> {
    const { deadLetters, progress } = this.#deployment;
    const [lag, due, rates, { kept }] = await Promise.all([
      progress.waiting(),
      this.#hours(),
      this.#rates(),
      deadLetters.numbers(),
    ]);
    return { at: isoTime(Date.now()), ...rates, lag, due, dead_letters: kept };
  }

  #hours(): Promise<number[]> {
    const nowMs = performance.now();
    if (!this.#due || nowMs >= this.#due.untilMs) {
      const hours = this.#deployment.progress.due(Date.now(), HOUR_MS, DUE_HOURS);
      this.#due = { untilMs: nowMs + DUE_MS, hours };
    }
    return this.#due.hours;
  }

  async #rates(): Promise<Pick<PulseFigures, 'changes_per_s' | 'flips_per_s'>> {
    const { metrics, worker } = this.#deployment;
    if (!worker) return { changes_per_s: null, flips_per_s: null };
    const [changes, flips] = await Promise.all([
      totalOf(metrics.changesApplied),
      totalOf(metrics.membershipsFlipped),
    ]);
    const before = this.#counted;
    const now = { atMs: performance.now(), changes, flips };
    this.#counted = now;
    if (!before) return { changes_per_s: 0, flips_per_s: 0 };
    const seconds = (now.atMs - before.atMs) / 1000;
    return {
      changes_per_s: Math.round((now.changes - before.changes) / seconds),
      flips_per_s: Math.round((now.flips - before.flips) / seconds),
    };
  }
}

async function totalOf(counter: Deployment['metrics']['changesApplied']): Promise<number> {
  return (await counter.get()).values.reduce((sum, { value }) => sum + value, 0);
}

/**
 * loop.ts – What every peer does with its evaluator: run all segments over the changed record,
 * compare with what held before.
 *
 * Keeps true: after `apply` the truth of the record is right for every segment. It is given the
 * truth at the start, so that a peer is not charged for what happened before.
 */
import type { Change } from '../../src/change/change.ts';
import { type Flip, flip } from '../../src/query/network/network.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';

export type Test = (data: Attributes) => boolean;

export interface StartingTruth {
  readonly data: (id: string) => Attributes;
  /** The segments, counted from 0, that hold of a person at the start. */
  readonly held: (id: string) => Iterable<number>;
}

interface Kept {
  data: Attributes;
  /** One byte a segment: faster to compare than bits. */
  readonly truth: Uint8Array;
}

export class LoopPeer {
  readonly #tests: readonly Test[];
  readonly #start: StartingTruth;
  readonly #kept = new Map<string, Kept>();

  constructor(tests: readonly Test[], start: StartingTruth) {
    this.#tests = tests;
    this.#start = start;
  }

  /** Reads the people in whom the changes are found, so that no time is taken by it later. */
  load(changes: readonly Change[]): void {
    for (const { id } of changes) this.#open(id);
  }

  /** @returns the memberships that flip. */
  apply({ id, data }: Change): Flip[] {
    const kept = this.#open(id);
    return this.#evaluate(kept, { ...kept.data, ...data });
  }

  /** @returns the memberships that flip when this is what the segments are asked of. */
  replace(id: string, data: Attributes): Flip[] {
    return this.#evaluate(this.#open(id), data);
  }

  #evaluate(kept: Kept, data: Attributes): Flip[] {
    const { truth } = kept;
    kept.data = data;
    const flips: Flip[] = [];
    for (let i = 0; i < this.#tests.length; i++) {
      const holds = this.#tests[i]!(kept.data) ? 1 : 0;
      if (holds === truth[i]) continue;
      truth[i] = holds;
      flips.push(flip(i, holds === 1));
    }
    return flips;
  }

  data(id: string): Attributes {
    return this.#open(id).data;
  }

  held(id: string): number[] {
    const held: number[] = [];
    this.#open(id).truth.forEach((holds, segment) => {
      if (holds) held.push(segment);
    });
    return held;
  }

  #open(id: string): Kept {
    const known = this.#kept.get(id);
    if (known) return known;
    const truth = new Uint8Array(this.#tests.length);
    for (const segment of this.#start.held(id)) truth[segment] = 1;
    const kept = { data: this.#start.data(id), truth };
    this.#kept.set(id, kept);
    return kept;
  }
}

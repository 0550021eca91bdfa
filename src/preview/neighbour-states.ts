/**
 * neighbour-states.ts – What records show to those at the other end of an edge, while a preview
 * runs: the truth of shared predicates, the values that travel along, and how many there are.
 *
 * Keeps true: what is read of it is what the engine's rows would say at rest. It holds only what
 * some predicate of the plan reads, and knows about how many bytes that is.
 */
import { blankValue, type DerivedRead } from '../membership/derived-value.ts';
import { measureRow } from '../query/predicate/measures.ts';
import { type PartialState, RunningTally } from '../query/predicate/tally.ts';

/** About the bytes of an entry beside its id. */
const ENTRY_BYTES = 56;
const TALLY_BYTES = 160;
/** Of one more different value. */
const VALUE_BYTES = 48;

/** A shared predicate, as it is read at the other end. */
export interface ShownPredicate {
  readonly keeps: PartialState | undefined;
  /** Whether some measure counts the neighbours too that the predicate does not hold of. */
  readonly countsAll: boolean;
}

/** Of holders, by the targets that they point at. */
export class HolderStates {
  readonly #shown: ShownPredicate;
  readonly #isPlain: boolean;
  readonly #counts = new Map<string, number>();
  readonly #tallies = new Map<string, RunningTally>();
  #bytes = 0;

  constructor(shown: ShownPredicate) {
    this.#shown = shown;
    this.#isPlain = shown.keeps === undefined && !shown.countsAll;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One more live holder of these targets. */
  add(targets: readonly string[], holds: boolean, value: unknown): void {
    if (!holds && !this.#shown.countsAll) return;
    for (const target of targets) {
      if (this.#isPlain) this.#count(target);
      else if (holds) this.#tally(target).add(value);
      else this.#tally(target).leaveOut();
    }
    if (holds && this.#shown.keeps === 'values') this.#bytes += VALUE_BYTES * targets.length;
  }

  /** The value of a target's derived attribute; undefined: it is missing. */
  read(read: DerivedRead, target: string): unknown {
    const { kind } = read.measure;
    if (this.#isPlain) {
      const count = this.#counts.get(target) ?? 0;
      if (count === 0) return blankValue(read, false);
      return isTruth(kind) ? true : count;
    }
    const tally = this.#tallies.get(target);
    if (!tally) return blankValue(read, false);
    return isTruth(kind) ? tally.count > 0 : measureRow(kind).readOff(tally);
  }

  #count(target: string): void {
    const before = this.#counts.get(target);
    if (before === undefined) this.#bytes += ENTRY_BYTES + target.length;
    this.#counts.set(target, (before ?? 0) + 1);
  }

  #tally(target: string): RunningTally {
    let tally = this.#tallies.get(target);
    if (!tally) {
      this.#tallies.set(target, (tally = new RunningTally(this.#shown.keeps)));
      this.#bytes += TALLY_BYTES + target.length;
    }
    return tally;
  }
}

/** Of targets, by their ids. */
export class TargetStates {
  readonly #shown: ShownPredicate;
  /** Those that the predicate holds of. */
  readonly #values = new Map<string, unknown>();
  readonly #live: ReadonlySet<string>;
  #bytes = 0;

  /** `live`: the live records of the type, all of them when it is read. */
  constructor(shown: ShownPredicate, live: ReadonlySet<string>) {
    this.#shown = shown;
    this.#live = live;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(id: string, holds: boolean, value: unknown): void {
    if (!holds) return;
    this.#values.set(id, value);
    this.#bytes += ENTRY_BYTES + (typeof value === 'string' ? value.length : 0);
  }

  /** The value of a holder's derived attribute; undefined: it is missing. */
  read(read: DerivedRead, targets: readonly string[]): unknown {
    const { kind } = read.measure;
    if (isTruth(kind)) {
      for (const target of targets) if (this.#live.has(target)) return this.#values.has(target);
      return blankValue(read, read.absentTruth);
    }
    const tally = new RunningTally(this.#shown.keeps);
    for (const target of targets) {
      if (this.#values.has(target)) tally.add(this.#values.get(target));
      else if (this.#live.has(target)) tally.leaveOut();
    }
    return measureRow(kind).readOff(tally);
  }
}

/** Whether it is asked of one neighbour. */
function isTruth(kind: DerivedRead['measure']['kind']): kind is 'truth' | 'exists' {
  return kind === 'truth' || kind === 'exists';
}

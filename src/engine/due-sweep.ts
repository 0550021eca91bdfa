/**
 * due-sweep.ts – Removes, piece by piece, the timers of types whose predicates no longer move with
 * time.
 *
 * Keeps true: `meta` lists each type that may have entries in `due`. The first commit at a catalog
 * version in which the type has timers adds it; the commit after which it has none removes it. A
 * new owner resumes from that list.
 */
import type { RecordKey } from './batch.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { CoreLimits } from './core-limits.ts';
import { firstWithin } from './lighter.ts';
import type { BatchDraft, Participant, Turn, Weigh } from './participant.ts';
import type { PartitionMeta } from './partition-store.ts';
import { type Asking, ask } from './requests.ts';
import type { Step, TypeContext } from './step.ts';

type Types = ReadonlyMap<string, Pick<TypeContext, 'network'>>;

/** The records whose timers the next commit removes. */
interface DueChunk {
  /** Types that have no timers any more; none: the pass starts again. */
  readonly types: readonly string[];
  /** Where the next chunk begins; undefined: this is the last one. */
  readonly cursor: string | undefined;
  readonly records: readonly RecordKey[];
}

const NONE: readonly string[] = [];

export class DueSweep implements Participant {
  readonly #limits: CoreLimits;
  readonly #timed = new Set<string>();
  #version: number | undefined;
  /**
   * How far the pass for these types has come; it starts again for other types, and after a
   * take-over.
   */
  #pass: { readonly types: string; readonly cursor: string | undefined } | undefined;
  #chunk: DueChunk | undefined;
  /**
   * Of the planned commit: types that may have timers from now on, and those that have none left.
   */
  #noted = NONE;
  #done = NONE;
  #plannedVersion: number | undefined;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  recover({ timedTypes }: Pick<PartitionMeta, 'timedTypes'>): void {
    for (const name of timedTypes) this.#timed.add(name);
  }

  begin(): void {
    this.#chunk = undefined;
  }

  hasWork({ isHeldBack, networks: { types } }: Turn): boolean {
    if (isHeldBack) return false;
    for (const name of this.#timed) if (isGiven(types, name)) return true;
    return false;
  }

  /** Reads the next timers. Those that stay while a pass runs are met by it. */
  *work(batch: BatchDraft, { networks, recordsMax }: Turn): Asking<boolean> {
    const types = [...this.#timed].filter((name) => isGiven(networks.types, name));
    const before = this.#pass?.types === types.join() ? this.#pass.cursor : undefined;
    const most = Math.min(recordsMax, this.#limits.sweptTimersMax);
    const { items, cursor } = yield* ask({ kind: 'walk-timers', cursor: before, most });
    const records = items.filter(({ objectType }) => types.includes(objectType));
    this.#chunk = { types, cursor, records };
    batch.untimed = records;
    return true;
  }

  /**
   * The pass starts again: it no longer meets what was removed, and does meet what was left out.
   */
  lighten(batch: BatchDraft, weigh: Weigh): void {
    const all = this.#chunk?.records ?? [];
    const records = firstWithin(all, this.#limits.kindBytesMax, ({ objectType, id }) =>
      weigh(objectType, id),
    );
    if (records.length === all.length) return;
    this.#chunk = { types: NONE, cursor: undefined, records };
    batch.untimed = records;
  }

  plan(writes: CommitDraft, _: Step, { networks: { types, version } }: Turn): void {
    const chunk = this.#chunk;
    // A type may have got timers since the chunk was read: they are not to be forgotten.
    this.#done =
      chunk && chunk.cursor === undefined
        ? chunk.types.filter((name) => isGiven(types, name))
        : NONE;
    this.#noted = version === this.#version ? NONE : this.#newlyTimed(types);
    this.#plannedVersion = version;
    writes.timedTypes = this.#noted;
    writes.timedTypesDone = this.#done;
  }

  #newlyTimed(types: Types): string[] {
    const timed = [...types].filter(([, { network }]) => network.hasTimers).map(([name]) => name);
    return timed.filter((name) => !this.#timed.has(name));
  }

  committed(): void {
    this.#version = this.#plannedVersion;
    for (const name of this.#noted) this.#timed.add(name);
    for (const name of this.#done) this.#timed.delete(name);
    if (this.#chunk) this.#pass = { types: this.#chunk.types.join(), cursor: this.#chunk.cursor };
  }
}

function isGiven(types: Types, name: string): boolean {
  return !types.get(name)?.network.hasTimers;
}

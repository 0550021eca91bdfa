/**
 * step.ts – The incremental step: a batch and the rows it touches become new rows, flipped memberships and outcomes.
 *
 * Keeps true: it is pure – no I/O, no clock, no randomness, and no row that it was given is edited – so the same batch over the
 * same rows makes the same commit, here and in a simulator. After it, the truth in each row it returns equals what the
 * predicates say of the row's record; flips are netted per record, so a record that enters and leaves within a batch does neither.
 */
import type { Change, Outcome } from '../change/change.ts';
import type { ObjectType } from '../change/object-type.ts';
import { applyChange, filterableData, isLive, type RecordRow } from '../change/record.ts';
import { applyFlips, hasOrdinal, NO_ORDINALS, type Ordinals, ordinals } from '../membership/ordinals.ts';
import type { Attributes } from '../query/atom.ts';
import { type Flip, flip, flippedOrdinal, type PredicateNetwork } from '../query/network.ts';
import type { Batch, LogEntry, LogPosition, RecordKey, ScanChunk } from './batch.ts';

/** All that is kept of one record: its row in `records` and its row in `state`. */
export interface Row {
  readonly record: RecordRow | undefined;
  readonly truth: Ordinals;
}

export const ABSENT: Row = { record: undefined, truth: NO_ORDINALS };

/** What the step knows of an object type. */
export interface TypeContext {
  readonly type: ObjectType;
  readonly network: PredicateNetwork;
}

export interface StepContext {
  readonly types: ReadonlyMap<string, TypeContext>;
  readonly timeZone: string;
  /** The partition's clock for this batch, in ms: never lower than that of the batch before. */
  readonly nowMs: number;
  /** Caller: holds every record that the batch touches; ABSENT for those that do not exist. */
  readonly row: (objectType: string, id: string) => Row;
}

/** A record whose row changed, or whose memberships did. */
export interface TouchedRecord extends RecordKey {
  readonly before: Row;
  readonly after: Row;
  /** Net flips of memberships, ascending by ordinal. */
  readonly flips: readonly Flip[];
  /** Those of them that a change made: what a scan finds out is no event. */
  readonly liveFlips: readonly Flip[];
}

/** The outcomes of the changes `from`… of one entry, for whoever waits for them. */
interface EntryOutcomes {
  readonly replyTo: string;
  readonly from: number;
  readonly total: number;
  readonly outcomes: readonly Outcome[];
}

interface DeadLetter {
  readonly entry: string;
  readonly index: number;
  readonly code: 'entry_malformed' | 'object_type_unknown' | 'change_failed';
  readonly detail: string;
  readonly letter: string;
}

export interface Step {
  readonly records: readonly TouchedRecord[];
  readonly outcomes: readonly EntryOutcomes[];
  readonly dead: readonly DeadLetter[];
  /** What of the batch's entries was applied; undefined: none. */
  readonly position: LogPosition | undefined;
  readonly applied: number;
  readonly effects: number;
}

/** Memberships that one commit may flip: it ends at the change that passes this, for a commit holds the shard meanwhile (about 6 ms). */
export const EFFECTS_MAX = 8000;

/** @returns what the batch made of the rows. Applies at least one change, and stops once EFFECTS_MAX is passed. */
export function step(batch: Batch, context: StepContext): Step {
  const run = new StepRun(context, batch);
  run.changes(batch.entries, batch.position);
  for (const chunk of batch.scans) run.scan(chunk);
  for (const { objectType, id } of batch.expired) run.expire(objectType, id);
  return run.finish();
}

/** A record while the batch runs over it. */
interface Working {
  readonly key: RecordKey;
  readonly before: Row;
  row: Row;
  live: Flip[];
  scanned: Flip[];
}

class StepRun {
  readonly #context: StepContext;
  readonly #poison: Batch['poison'];
  readonly #changesMax: number;
  readonly #working = new Map<string, Map<string, Working>>();
  readonly #outcomes: EntryOutcomes[] = [];
  readonly #dead: DeadLetter[] = [];
  #position: LogPosition | undefined;
  #applied = 0;
  #effects = 0;

  constructor(context: StepContext, { poison, changesMax }: Batch) {
    this.#context = context;
    this.#poison = poison;
    this.#changesMax = changesMax ?? Number.POSITIVE_INFINITY;
  }

  changes(entries: readonly LogEntry[], start: LogPosition): void {
    let { entry: last, offset } = start;
    for (const entry of entries) {
      const to = this.#entry(entry, offset);
      const isWhole = to >= entry.changes.length;
      if (isWhole) last = entry.id;
      offset = isWhole ? 0 : to;
      this.#position = { entry: last, offset };
      if (!isWhole || this.#isFull()) return;
    }
  }

  /** Evaluates predicates that the rows know nothing of yet, or not for sure. */
  scan({ objectType, ordinals: scanned, ids }: ScanChunk): void {
    const known = this.#context.types.get(objectType);
    if (!known) return;
    for (const id of ids) {
      const working = this.#open(objectType, id);
      const { record, truth } = working.row;
      const attributes = isLive(record) ? this.#filterable(record, known.type) : undefined;
      const flips: Flip[] = [];
      for (const ordinal of scanned) {
        const holds =
          attributes !== undefined && known.network.has(ordinal) && known.network.holds(ordinal, attributes);
        if (holds !== hasOrdinal(truth, ordinal)) flips.push(flip(ordinal, holds));
      }
      if (flips.length === 0) continue;
      working.row = { record, truth: applyFlips(truth, flips.sort(ascending)) };
      append(working.scanned, flips);
      this.#effects += flips.length;
    }
  }

  /** Forgets a tombstone; what this batch made of the record, a newer tombstone included, stays. */
  expire(objectType: string, id: string): void {
    const working = this.#open(objectType, id);
    if (working.row === working.before && working.row.record?.deletedAt !== undefined) working.row = ABSENT;
  }

  finish(): Step {
    const records: TouchedRecord[] = [];
    for (const rows of this.#working.values()) {
      for (const { key, before, row, live, scanned } of rows.values()) {
        if (row === before) continue;
        const liveFlips = netFlips(live);
        const flips = scanned.length === 0 ? liveFlips : netFlips([...live, ...scanned]);
        records.push({ objectType: key.objectType, id: key.id, before, after: row, flips, liveFlips });
      }
    }
    return {
      records,
      outcomes: this.#outcomes,
      dead: this.#dead,
      position: this.#position,
      applied: this.#applied,
      effects: this.#effects,
    };
  }

  /** @returns the index of the first change of the entry that was not applied. */
  #entry(entry: LogEntry, from: number): number {
    if (entry.malformed !== undefined) {
      this.#dead.push({
        entry: entry.id,
        index: 0,
        code: 'entry_malformed',
        detail: entry.malformed,
        letter: entry.payload,
      });
      this.#answer(entry, 0, []);
      return 0;
    }
    const outcomes: Outcome[] = [];
    let index = from;
    while (index < entry.changes.length && (index === from || !this.#isFull())) {
      outcomes.push(this.#change(entry, index++));
      this.#applied++;
    }
    this.#answer(entry, from, outcomes);
    return index;
  }

  #isFull(): boolean {
    return this.#effects > EFFECTS_MAX || this.#applied >= this.#changesMax;
  }

  #answer({ replyTo, changes }: LogEntry, from: number, outcomes: readonly Outcome[]): void {
    if (replyTo !== undefined) this.#outcomes.push({ replyTo, from, total: changes.length, outcomes });
  }

  #change(entry: LogEntry, index: number): Outcome {
    const change = entry.changes[index]!;
    const letter = (code: DeadLetter['code'], detail: string): Outcome => {
      this.#dead.push({ entry: entry.id, index, code, detail, letter: JSON.stringify(change) });
      return 'dead';
    };
    const poison = this.#poison;
    if (poison?.entry === entry.id && poison.index === index) return letter('change_failed', poison.detail);
    const known = this.#context.types.get(change.object_type);
    if (!known) return letter('object_type_unknown', `there is no object type '${change.object_type}'`);
    return this.#apply(change, known, entry.checkedAt);
  }

  #apply(change: Change, known: TypeContext, checkedAt: number): Outcome {
    const { nowMs, timeZone } = this.#context;
    const working = this.#open(change.object_type, change.id);
    const { record, truth } = working.row;
    const applied = applyChange(record, change, { nowMs, timeZone, type: known.type, checkedAt });
    if (applied.record === record) return applied.outcome;
    const flips = this.#flips(record, applied.record, truth, applied.names, known);
    const held = flips.length === 0 ? truth : applyFlips(truth, flips.sort(ascending));
    working.row = { record: applied.record, truth: held };
    append(working.live, flips);
    this.#effects += flips.length;
    return applied.outcome;
  }

  /** What flips when a record goes from `before` to `after`: each may be absent or archived, and then is in no segment. */
  #flips(
    before: RecordRow | undefined,
    after: RecordRow | undefined,
    truth: Ordinals,
    names: readonly string[] | undefined,
    { type, network }: TypeContext,
  ): Flip[] {
    if (!isLive(after)) return isLive(before) ? leaveAll(truth, network) : [];
    if (!isLive(before)) {
      return network.create(this.#filterable(after, type)).map((ordinal) => flip(ordinal, true));
    }
    if (names?.length === 0) return [];
    const held = (ordinal: number) => hasOrdinal(truth, ordinal);
    return network.update(this.#filterable(before, type), this.#filterable(after, type), names, held);
  }

  #filterable(record: RecordRow, type: ObjectType): Attributes {
    return filterableData(record, type, this.#context.timeZone);
  }

  #open(objectType: string, id: string): Working {
    let rows = this.#working.get(objectType);
    if (!rows) this.#working.set(objectType, (rows = new Map()));
    let working = rows.get(id);
    if (!working) {
      const row = this.#context.row(objectType, id);
      rows.set(id, (working = { key: { objectType, id }, before: row, row, live: [], scanned: [] }));
    }
    return working;
  }
}

/** Ordinals that were retired since have no member set any more, and nobody is told. */
function leaveAll(truth: Ordinals, network: PredicateNetwork): Flip[] {
  const flips: Flip[] = [];
  for (const ordinal of truth) if (network.has(ordinal)) flips.push(flip(ordinal, false));
  return flips;
}

/** The flips of one ordinal alternate: an even number of them is none, an odd number is the last. */
function netFlips(flips: readonly Flip[]): readonly Flip[] {
  if (flips.length < 2) return flips;
  const last = new Map<number, Flip>();
  for (const flip of flips) {
    const ordinal = flippedOrdinal(flip);
    if (last.has(ordinal)) last.delete(ordinal);
    else last.set(ordinal, flip);
  }
  return [...last.values()].sort(ascending);
}

function append(flips: Flip[], more: readonly Flip[]): void {
  for (const flip of more) flips.push(flip);
}

const ascending = (a: number, b: number) => a - b;

/** The truth of a record that no step has seen, from nothing: what a row must say. For audits and tests. */
export function truthOf(record: RecordRow | undefined, { type, network }: TypeContext, timeZone: string): Ordinals {
  return isLive(record) ? ordinals(network.create(filterableData(record, type, timeZone))) : NO_ORDINALS;
}

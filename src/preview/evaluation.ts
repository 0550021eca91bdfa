/**
 * evaluation.ts – Evaluates the plan of a preview over records: each predicate of each record once,
 * deepest first, so that what neighbours show is known where it is read.
 *
 * Keeps true: pure; the answer follows from the plan, the records and the moment. A record whose
 * type reads no neighbours is let go as soon as it was looked at. What is held of the others, and
 * of what neighbours show, weighs no more than `bytesMax`, or the preview is refused.
 */
import { targetsOf } from '../change/edge.ts';
import { compareIds } from '../change/id-order.ts';
import { Problem } from '../errors.ts';
import { AbsentTruth } from '../membership/absent-truth.ts';
import { type DerivedRead, derivedRead } from '../membership/derived-value.ts';
import { ProgramFailed } from '../query/failure.ts';
import { PredicateNetwork } from '../query/network/network.ts';
import { measureRow } from '../query/predicate/measures.ts';
import { HolderStates, TargetStates } from './neighbour-states.ts';
import type { PlannedPredicate, PlannedType, PreviewPlan } from './plan.ts';
import type { ScannedRow } from './row-scan.ts';

/** A record that was found, with its partition. */
export interface FoundRecord {
  readonly partition: number;
  readonly id: string;
}

/** How many were found, and the first of them by partition and id. */
export interface FoundRecords {
  readonly count: number;
  readonly first: readonly FoundRecord[];
}

export interface Evaluated {
  readonly of: number;
  readonly found: FoundRecords;
  readonly added: FoundRecords | undefined;
  readonly removed: FoundRecords | undefined;
  /** In the order of the plan's parts. */
  readonly parts: readonly number[] | undefined;
}

export interface EvaluationLimits {
  /** How many records of each kind are named. */
  readonly sample: number;
  readonly bytesMax: number;
}

/** Records between two looks at what is held. */
const WEIGHED_EACH = 256;
/** About the bytes of a record that is held, beside its values. */
const HELD_BYTES = 160;
/** Of an id that is known to be live. */
const LIVE_BYTES = 48;
const NO_TARGETS: readonly (readonly string[])[] = [];

/** A record that is looked at. Its id is made a text when it is asked for: few ids ever are. */
class LookedAt {
  readonly partition: number;
  readonly attributes: Record<string, unknown>;
  /** By edge of the type. */
  readonly targets: readonly (readonly string[])[];
  #id: string | Buffer;

  constructor(
    partition: number,
    id: string | Buffer,
    attributes: Record<string, unknown>,
    targets: readonly (readonly string[])[],
  ) {
    this.partition = partition;
    this.#id = id;
    this.attributes = attributes;
    this.targets = targets;
  }

  get id(): string {
    if (typeof this.#id !== 'string') this.#id = this.#id.toString();
    return this.#id;
  }
}

/** A derived attribute that a predicate reads. */
interface OwnRead {
  readonly read: DerivedRead;
  /** The edge of the type that leads to the neighbours; -1: they hold the key. */
  readonly edge: number;
}

interface OwnPredicate extends PlannedPredicate {
  readonly reads: readonly OwnRead[];
  /** Where its truth is noted for neighbours. */
  readonly shownBy:
    | { readonly states: HolderStates; readonly edge: number }
    | TargetStates
    | undefined;
  /** Of the root type: which counts it is for. */
  readonly parts: readonly number[];
}

interface OwnType {
  readonly planned: PlannedType;
  readonly network: PredicateNetwork;
  /** By level. */
  readonly levels: readonly (readonly OwnPredicate[])[];
  readonly live: Set<string> | undefined;
  readonly held: LookedAt[];
  readonly isRoot: boolean;
}

export class Evaluation {
  readonly #plan: PreviewPlan;
  readonly #nowMs: number;
  readonly #limits: EvaluationLimits;
  readonly #types = new Map<string, OwnType>();
  readonly #states = new Map<number, HolderStates | TargetStates>();
  /** The level at which the record is counted. */
  readonly #countedAt: number;
  readonly #found: FoundList;
  readonly #added: FoundList;
  readonly #removed: FoundList;
  readonly #parts: number[];
  readonly #levels: number;
  #of = 0;
  #heldBytes = 0;
  #untilWeighed = WEIGHED_EACH;

  constructor(plan: PreviewPlan, nowMs: number, limits: EvaluationLimits) {
    this.#plan = plan;
    this.#nowMs = nowMs;
    this.#limits = limits;
    this.#found = new FoundList(limits.sample);
    this.#added = new FoundList(limits.sample);
    this.#removed = new FoundList(limits.sample);
    this.#parts = (plan.parts ?? []).map(() => 0);
    const level = new Map(plan.predicates.map((each) => [each.predicateId, each.level]));
    this.#countedAt = Math.max(level.get(plan.root)!, level.get(plan.compared ?? plan.root)!);
    this.#levels = 1 + Math.max(...level.values());
    this.#openTypes();
  }

  /** Whether `add` must be told the ids of records of a type from now on. */
  needsIds(objectType: string): boolean {
    const { isRoot, live, levels } = this.#types.get(objectType)!;
    if (live !== undefined || levels.length > 1) return true;
    const isCompared = this.#plan.compared !== undefined;
    const lists = isCompared ? [this.#found, this.#added, this.#removed] : [this.#found];
    return isRoot && lists.some((list) => !list.isFull);
  }

  /**
   * One live record; the id may be empty if it is not needed (`needsIds`). Caller: gives each
   * record of the planned types once, those of one partition after those of lower ones.
   */
  add(objectType: string, partition: number, id: string | Buffer, row: ScannedRow): void {
    const own = this.#types.get(objectType)!;
    const { planned, live, isRoot } = own;
    if (isRoot) this.#of++;
    const targets =
      planned.edges.length === 0
        ? NO_TARGETS
        : planned.edges.map((edge) => targetsOf(edge, row.keys));
    const record = new LookedAt(partition, id, row.attributes, targets);
    if (live) {
      live.add(record.id);
      this.#heldBytes += record.id.length + LIVE_BYTES;
    }
    this.#evaluate(own, record, 0);
    if (own.levels.length > 1) this.#hold(own, record);
    if (--this.#untilWeighed === 0) this.#weigh();
  }

  /**
   * Caller: all records were added. Stops after some records each time, so that others have a turn.
   */
  *finish(): Generator<undefined, Evaluated> {
    for (let level = 1; level < this.#levels; level++) {
      for (const own of this.#types.values()) {
        if (level >= own.levels.length) continue;
        for (const [at, record] of own.held.entries()) {
          this.#evaluate(own, record, level);
          if (at % WEIGHED_EACH === 0) {
            this.#weigh();
            yield;
          }
        }
      }
    }
    const isCompared = this.#plan.compared !== undefined;
    return {
      of: this.#of,
      found: this.#found.all(),
      added: isCompared ? this.#added.all() : undefined,
      removed: isCompared ? this.#removed.all() : undefined,
      parts: this.#plan.parts && this.#parts,
    };
  }

  #openTypes(): void {
    const { types, predicates, objectType } = this.#plan;
    const networks = new Map(types.map(({ type }) => [type.name, new PredicateNetwork()]));
    const typeOf = new Map(predicates.map((each) => [each.predicateId, each.objectType]));
    for (const { objectType: of, predicateId, predicate } of predicates)
      networks.get(of)!.add(predicateId, predicate);
    const absent = new AbsentTruth((predicateId) => networks.get(typeOf.get(predicateId) ?? ''));
    const readsOf = ({ predicateId, objectType: of }: PlannedPredicate) =>
      networks
        .get(of)!
        .derivedOf(predicateId)
        .map((name) => derivedRead(name, (each) => absent.of(each))!);
    const reads = new Map(predicates.map((each) => [each.predicateId, readsOf(each)]));
    const counting = new Set(
      [...reads.values()].flat().flatMap(({ measure, predicateId }) => {
        const { kind } = measure;
        const isOfAll = kind !== 'truth' && kind !== 'exists' && measureRow(kind).ofAll === true;
        return isOfAll ? [predicateId] : [];
      }),
    );
    for (const planned of types) {
      const { name } = planned.type;
      const live = planned.isTarget ? new Set<string>() : undefined;
      const isRoot = name === objectType;
      const levels: OwnPredicate[][] = [];
      for (const each of predicates.filter(({ objectType: of }) => of === name)) {
        const shownBy = this.#shownBy(each, planned, live, counting);
        const parts = isRoot ? this.#partsOf(each.predicateId) : [];
        const own = {
          ...each,
          reads: ownReads(reads.get(each.predicateId)!, planned),
          shownBy,
          parts,
        };
        (levels[each.level] ??= []).push(own);
      }
      if (isRoot) levels[this.#countedAt] ??= [];
      const network = networks.get(name)!;
      const held: LookedAt[] = [];
      const all = Array.from(levels, (level) => level ?? []);
      this.#types.set(name, { planned, network, levels: all, live, held, isRoot });
    }
  }

  #shownBy(
    { predicateId, shared }: PlannedPredicate,
    { edges }: PlannedType,
    live: ReadonlySet<string> | undefined,
    counting: ReadonlySet<number>,
  ): OwnPredicate['shownBy'] {
    if (!shared) return undefined;
    const shown = { keeps: shared.keeps, countsAll: counting.has(predicateId) };
    if (shared.direction === 'out') {
      const states = new TargetStates(shown, live ?? new Set());
      this.#states.set(predicateId, states);
      return states;
    }
    const states = new HolderStates(shown);
    this.#states.set(predicateId, states);
    return { states, edge: edges.findIndex(({ name }) => name === shared.edge) };
  }

  #partsOf(predicateId: number): number[] {
    const parts = this.#plan.parts ?? [];
    return parts.flatMap((part, at) => (part.predicateId === predicateId ? [at] : []));
  }

  /** Evaluates a record's predicates of one level, and counts it if it is the level for that. */
  #evaluate(own: OwnType, record: LookedAt, level: number): void {
    const { root, compared } = this.#plan;
    let is: boolean | undefined;
    let was: boolean | undefined;
    for (const each of own.levels[level] ?? []) {
      const { predicateId, reads, shownBy, parts, shared } = each;
      for (const one of reads) this.#derive(record, one);
      const holds = this.#holds(predicateId, own, record);
      if (predicateId === root) is = holds;
      if (predicateId === compared) was = holds;
      if (holds) for (const part of parts) this.#parts[part]!++;
      if (!shownBy) continue;
      const value = shared?.attribute && record.attributes[shared.attribute];
      if (shownBy instanceof TargetStates) shownBy.add(record.id, holds, value);
      else shownBy.states.add(record.targets[shownBy.edge]!, holds, value);
    }
    if (!own.isRoot || level !== this.#countedAt) return;
    // One that is of another level has read all that it reads by now.
    is ??= this.#holds(root, own, record);
    if (is) this.#found.add(record);
    if (compared === undefined) return;
    was ??= this.#holds(compared, own, record);
    if (is && !was) this.#added.add(record);
    else if (was && !is) this.#removed.add(record);
  }

  /** @throws Problem query_too_costly */
  #holds(predicateId: number, { network, planned }: OwnType, record: LookedAt): boolean {
    try {
      return network.holds(predicateId, record.attributes, this.#nowMs);
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      const { name } = planned.type;
      const of = record.id === '' ? `a record of ${name}` : `the record '${record.id}' of ${name}`;
      const { root, compared } = this.#plan;
      const isQuery = predicateId === root || predicateId !== compared;
      const path = isQuery ? '/query' : '/compare_to';
      throw refused(`its JsonLogic took more than ${error.passed} for ${of}`, path);
    }
  }

  #derive(record: LookedAt, { read, edge }: OwnRead): void {
    const states = this.#states.get(read.predicateId)!;
    const value =
      states instanceof TargetStates
        ? states.read(read, record.targets[edge]!)
        : states.read(read, record.id);
    if (value !== undefined) record.attributes[read.name] = value;
  }

  #hold(own: OwnType, record: LookedAt): void {
    own.held.push(record);
    let bytes = HELD_BYTES + record.id.length;
    for (const name in record.attributes) bytes += bytesOf(record.attributes[name]);
    for (const targets of record.targets) for (const target of targets) bytes += 24 + target.length;
    this.#heldBytes += bytes;
  }

  /** @throws Problem query_too_costly */
  #weigh(): void {
    this.#untilWeighed = WEIGHED_EACH;
    let bytes = this.#heldBytes;
    for (const states of this.#states.values()) bytes += states.bytes;
    const { bytesMax } = this.#limits;
    if (bytes <= bytesMax) return;
    const most = `${Math.round(bytesMax / 1024 / 1024)} MB`;
    throw refused(`what records show to each other is more than ${most}, too much for a preview`);
  }
}

function ownReads(reads: readonly DerivedRead[], { edges }: PlannedType): OwnRead[] {
  return reads.map((read) => ({
    read,
    edge: edges.findIndex(({ name }) => name === read.edge && read.direction === 'out'),
  }));
}

function refused(detail: string, path = '/query'): Problem {
  return new Problem('query_too_costly', detail, [{ path, detail }]);
}

/** About the bytes that a value takes in memory. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return 24 + value.length;
  return typeof value === 'object' ? 24 + JSON.stringify(value).length : 8;
}

/** The first ids are kept as they come, by partition and id; each is bounded. */
class FoundList {
  readonly #most: number;
  readonly #first: FoundRecord[] = [];
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether no record of a higher partition is kept. */
  get isFull(): boolean {
    return this.#first.length === this.#most;
  }

  add(record: FoundRecord): void {
    this.#count++;
    if (this.#most === 0) return;
    const first = this.#first;
    if (this.isFull) {
      if (record.partition > first.at(-1)!.partition || !isBefore(record, first.at(-1)!)) return;
      first.pop();
    }
    const { partition, id } = record;
    let at = first.length;
    while (at > 0 && isBefore({ partition, id }, first[at - 1]!)) at--;
    first.splice(at, 0, { partition, id });
  }

  all(): FoundRecords {
    return { count: this.#count, first: this.#first };
  }
}

function isBefore(a: FoundRecord, b: FoundRecord): boolean {
  return a.partition < b.partition || (a.partition === b.partition && compareIds(a.id, b.id) < 0);
}

/**
 * evaluation.ts – Evaluates the plan of a preview over records: each predicate of each record once,
 * deepest first, so that what neighbours show is known where it is read.
 *
 * Keeps true: the answer follows from the plan, the records and the moment. A table whose type
 * reads no neighbours is let go as soon as it was looked at. What is held of the others, and of
 * what neighbours show, weighs no more than `bytesMax`, or the preview is refused.
 */
import { type EdgeDefinition, targetsOf } from '../change/edge.ts';
import { compareIds } from '../change/id-order.ts';
import { Problem } from '../errors.ts';
import { AbsentTruth } from '../membership/absent-truth.ts';
import { type DerivedRead, derivedRead } from '../membership/derived-value.ts';
import type { PagePosition } from '../membership/page.ts';
import { ProgramFailed } from '../query/failure.ts';
import { PredicateNetwork } from '../query/network/network.ts';
import { canFail } from '../query/predicate/atom.ts';
import { measureRow } from '../query/predicate/measures.ts';
import { atomOf, leavesOf } from '../query/predicate/walk.ts';
import { HolderStates, TargetStates } from './neighbour-states.ts';
import type { PlannedPredicate, PlannedType, PreviewPlan } from './plan.ts';
import { RecordTable } from './record-table.ts';
import type { ScannedRow } from './row-scan.ts';
import { type RowTruth, rowTruth, type SeenRecord } from './row-truth.ts';

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
  /** Those that are found are named only after this place. */
  readonly page?: PagePosition | undefined;
  readonly bytesMax: number;
}

/** Records between two looks at what is held. */
const WEIGHED_EACH = 256;
/** Of an id that is known to be live. */
const LIVE_BYTES = 48;
const NO_ROW: ScannedRow = { attributes: {}, keys: {} };

/**
 * The record that is looked at, by its place in a table: one of these for each type, which moves
 * from record to record. A hundred thousand of them would cost more than all else.
 */
class LookedAt implements SeenRecord {
  readonly #edges: readonly EdgeDefinition[];
  partition = 0;
  table = RecordTable.NONE;
  place = 0;
  row: ScannedRow = NO_ROW;

  constructor(edges: readonly EdgeDefinition[]) {
    this.#edges = edges;
  }

  get attributes(): ScannedRow['attributes'] {
    return this.row.attributes;
  }

  get id(): string {
    return this.table.idAt(this.place);
  }

  /** Those that it points at over an edge of its type. */
  targets(edge: number): readonly string[] {
    return targetsOf(this.#edges[edge]!, this.row.keys);
  }
}

/** The records of a type in a partition, which are looked at again once more is known. */
interface HeldTable {
  readonly partition: number;
  readonly table: RecordTable;
}

/** A derived attribute that a predicate reads. */
interface OwnRead {
  readonly read: DerivedRead;
  /** The edge of the type that leads to the neighbours; -1: they hold the key. */
  readonly edge: number;
}

interface OwnPredicate extends PlannedPredicate {
  readonly holds: RowTruth<LookedAt>;
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
  /** By level. */
  readonly levels: readonly (readonly OwnPredicate[])[];
  readonly live: Set<string> | undefined;
  readonly held: HeldTable[];
  readonly lookedAt: LookedAt;
  readonly isRoot: boolean;
}

export class Evaluation {
  readonly #plan: PreviewPlan;
  readonly #nowMs: number;
  readonly #limits: EvaluationLimits;
  readonly #types = new Map<string, OwnType>();
  readonly #states = new Map<number, HolderStates | TargetStates>();
  /** The truth of the predicates of the root type. */
  readonly #holding = new Map<number, RowTruth<LookedAt>>();
  /** The level at which the record is counted. */
  readonly #countedAt: number;
  readonly #found: FoundList;
  readonly #added: FoundList;
  readonly #removed: FoundList;
  readonly #parts: number[];
  readonly #levels: number;
  #of = 0;
  #heldBytes = 0;

  constructor(plan: PreviewPlan, nowMs: number, limits: EvaluationLimits) {
    this.#plan = plan;
    this.#nowMs = nowMs;
    this.#limits = limits;
    this.#found = new FoundList(limits.sample, limits.page);
    this.#added = new FoundList(limits.sample);
    this.#removed = new FoundList(limits.sample);
    this.#parts = (plan.parts ?? []).map(() => 0);
    const level = new Map(plan.predicates.map((each) => [each.predicateId, each.level]));
    this.#countedAt = Math.max(level.get(plan.root)!, level.get(plan.compared ?? plan.root)!);
    this.#levels = 1 + Math.max(...level.values());
    this.#openTypes();
  }

  /** Whether as many are named as may be, all of partitions that were given. */
  get isFull(): boolean {
    return this.#found.isFull;
  }

  /**
   * The live records of a type in a partition. Caller: gives each partition of each planned type
   * once, in order. Stops after some records each time, so that others have a turn.
   * @throws Problem query_too_costly
   */
  *add(objectType: string, partition: number, table: RecordTable): Generator<undefined, void> {
    const own = this.#types.get(objectType)!;
    const { live, held, levels } = own;
    if (levels.length > 1) {
      held.push({ partition, table });
      this.#heldBytes += table.bytes;
      this.#weigh();
    }
    yield* this.#each(own, { partition, table }, (record) => {
      if (own.isRoot) this.#of++;
      if (live) {
        live.add(record.id);
        this.#heldBytes += record.id.length + LIVE_BYTES;
      }
      this.#evaluate(own, record, 0);
    });
  }

  /**
   * Caller: all records were added. Stops after some records each time, so that others have a turn.
   * @throws Problem query_too_costly
   */
  *finish(): Generator<undefined, Evaluated> {
    for (let level = 1; level < this.#levels; level++) {
      for (const own of this.#types.values()) {
        if (level >= own.levels.length) continue;
        for (const held of own.held)
          yield* this.#each(own, held, (record) => this.#evaluate(own, record, level));
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

  *#each(
    { lookedAt }: OwnType,
    { partition, table }: HeldTable,
    look: (record: LookedAt) => void,
  ): Generator<undefined, void> {
    const { rows } = table;
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place];
      if (row) {
        lookedAt.partition = partition;
        lookedAt.table = table;
        lookedAt.place = place;
        lookedAt.row = row;
        look(lookedAt);
      }
      if (place % WEIGHED_EACH === 0) {
        this.#weigh();
        yield;
      }
    }
    this.#weigh();
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
    const counting = new Set([...reads.values()].flat().flatMap(countedInAll));
    for (const planned of types) {
      const { name } = planned.type;
      const live = planned.isTarget ? new Set<string>() : undefined;
      const isRoot = name === objectType;
      const network = networks.get(name)!;
      const levels: OwnPredicate[][] = [];
      for (const each of predicates.filter(({ objectType: of }) => of === name)) {
        const own = {
          ...each,
          holds: this.#truthOf(each, ownReads(reads.get(each.predicateId)!, planned), network),
          shownBy: this.#shownBy(each, planned, live, counting),
          parts: isRoot ? this.#partsOf(each.predicateId) : [],
        };
        (levels[each.level] ??= []).push(own);
        if (isRoot) this.#holding.set(each.predicateId, own.holds);
      }
      if (isRoot) levels[this.#countedAt] ??= [];
      const lookedAt = new LookedAt(planned.edges);
      const all = Array.from(levels, (level) => level ?? []);
      this.#types.set(name, { planned, levels: all, live, held: [], lookedAt, isRoot });
    }
  }

  /** Programs have a budget, which the network keeps; they are evaluated as segments are. */
  #truthOf(
    planned: PlannedPredicate,
    reads: readonly OwnRead[],
    network: PredicateNetwork,
  ): RowTruth<LookedAt> {
    const { predicate } = planned;
    const derived = new Map(reads.map((each) => [each.read.name, this.#derivation(each)]));
    if (leavesOf(predicate).some((leaf) => canFail(atomOf(leaf)))) {
      return (record) => {
        const attributes = { ...record.attributes };
        for (const [name, derive] of derived) {
          const value = derive(record);
          if (value !== undefined) attributes[name] = value;
        }
        return this.#heldByNetwork(planned, network, record, attributes);
      };
    }
    return rowTruth(predicate, this.#nowMs, (name) => derived.get(name)!);
  }

  /** Of one derived attribute: its value for a record; undefined: it is missing. */
  #derivation({ read, edge }: OwnRead): (record: LookedAt) => unknown {
    let states: HolderStates | TargetStates | undefined;
    return (record) => {
      states ??= this.#states.get(read.predicateId)!;
      return states instanceof TargetStates
        ? states.read(read, record.targets(edge))
        : states.read(read, record.id);
    };
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
      const { predicateId, shownBy, parts, shared } = each;
      const holds = each.holds(record);
      if (predicateId === root) is = holds;
      if (predicateId === compared) was = holds;
      if (holds) for (const part of parts) this.#parts[part]!++;
      if (!shownBy) continue;
      const value = shared?.attribute && record.attributes[shared.attribute];
      if (shownBy instanceof TargetStates) shownBy.add(record.id, holds, value);
      else shownBy.states.add(record.targets(shownBy.edge), holds, value);
    }
    if (!own.isRoot || level !== this.#countedAt) return;
    // What is of another level finds all that it reads by now.
    is ??= this.#holding.get(root)!(record);
    if (is) this.#found.add(record);
    if (compared === undefined) return;
    was ??= this.#holding.get(compared)!(record);
    if (is && !was) this.#added.add(record);
    else if (was && !is) this.#removed.add(record);
  }

  /** @throws Problem query_too_costly */
  #heldByNetwork(
    { predicateId, objectType }: PlannedPredicate,
    network: PredicateNetwork,
    record: LookedAt,
    attributes: Readonly<Record<string, unknown>>,
  ): boolean {
    try {
      return network.holds(predicateId, attributes, this.#nowMs);
    } catch (error) {
      if (!(error instanceof ProgramFailed)) throw error;
      const of = `the record '${record.id}' of ${objectType}`;
      const { root, compared } = this.#plan;
      const isQuery = predicateId === root || predicateId !== compared;
      const path = isQuery ? '/query' : '/compare_to';
      throw refused(`its JsonLogic took more than ${error.passed} for ${of}`, path);
    }
  }

  /** @throws Problem query_too_costly */
  #weigh(): void {
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

/** The predicate of a measure that counts the neighbours too that it does not hold of. */
function countedInAll({ measure, predicateId }: DerivedRead): number[] {
  const { kind } = measure;
  const isOfAll = kind !== 'truth' && kind !== 'exists' && measureRow(kind).ofAll === true;
  return isOfAll ? [predicateId] : [];
}

/** The first ids are kept as they come, by partition and id; each is bounded. */
class FoundList {
  readonly #most: number;
  readonly #after: FoundRecord | undefined;
  readonly #first: FoundRecord[] = [];
  #count = 0;

  constructor(most: number, after?: PagePosition) {
    this.#most = most;
    this.#after = after && { partition: after.partition, id: after.after };
  }

  /** Whether no record of a higher partition is kept. */
  get isFull(): boolean {
    return this.#first.length === this.#most;
  }

  add(record: FoundRecord): void {
    this.#count++;
    if (this.#most === 0 || (this.#after && !isBefore(this.#after, record))) return;
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

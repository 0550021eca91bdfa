/**
 * step-neighbours.ts – The neighbourhood of the records that one step touches: what they see of it,
 * and what they add to it.
 *
 * Keeps true: what a holder adds at a target follows from its stored truth and values alone (before
 * the step and after it). So the local aggregate is always the sum over the holders' rows. A
 * message is made only of what differs in the end, or has other holders; every new subscriber is
 * answered, also with nothing.
 */
import { filterableData, isLive, type RecordRow } from '../change/record.ts';
import {
  type Addition,
  type Aggregate,
  addToAggregate,
  isNothing,
  type Kept,
  keptAggregate,
  keptNeighbour,
  keptRelated,
  keptShared,
  type NeighbourRow,
  NOT_RELATED,
  type RelatedRow,
  type Shared,
  sameAggregate,
  sameShared,
  UNKNOWN_NEIGHBOUR,
  withExtremes,
} from '../membership/neighbour-row.ts';
import { carriedValue, type ValueAt } from '../membership/value-key.ts';
import { pushTo } from '../multimap.ts';
import { hasPredicateId } from '../query/network/predicate-ids.ts';
import { toTrillionths } from '../query/predicate/exact-sum.ts';
import type { PartialState } from '../query/predicate/tally.ts';
import type { Attributes } from '../query/predicate/view.ts';
import { type Edge, targetsOver } from './edges.ts';
import type { Message } from './message.ts';
import { type KnownNeighbours, recordView } from './record-view.ts';
import type { Row, StepContext, TypeContext } from './step.ts';
import { NO_VALUES, StepValues, type ValueEffects } from './step-values.ts';

/**
 * The lowest and highest values over a target, as stored before the step: enough of them that those
 * untouched by it are among them.
 */
export interface Extremes {
  readonly lowest: readonly (readonly [id: string, value: number])[];
  readonly highest: readonly (readonly [id: string, value: number])[];
}

export const NO_EXTREMES: Extremes = { lowest: [], highest: [] };

/** The context of records that no relationship leads to or from. */
export const WITHOUT_EDGES: Pick<
  StepContext,
  'edges' | 'neighbour' | 'related' | 'extremes' | 'values' | 'partitionOf' | 'isReceiving'
> = {
  edges: new Map(),
  neighbour: () => UNKNOWN_NEIGHBOUR,
  related: () => NOT_RELATED,
  extremes: () => NO_EXTREMES,
  values: NO_VALUES,
  partitionOf: () => 0,
  isReceiving: () => false,
};

/** The changes of the step at the ends of edges. `null`: the row goes. */
export interface EdgeEffects extends ValueEffects {
  readonly neighbours: readonly {
    readonly edgeId: number;
    readonly target: string;
    readonly row: NeighbourRow | null;
  }[];
  readonly related: readonly {
    readonly edgeId: number;
    readonly target: string;
    readonly row: RelatedRow | null;
  }[];
  readonly holders: readonly {
    readonly edgeId: number;
    readonly target: string;
    readonly id: string;
    readonly holds: boolean;
  }[];
  readonly values: readonly {
    readonly predicateId: number;
    readonly target: string;
    readonly id: string;
    readonly value: number | undefined;
  }[];
  /** By partition, in their order. */
  readonly messages: ReadonlyMap<number, readonly Message[]>;
  /** Targets whose local holders are to be evaluated again. */
  readonly fanouts: readonly { readonly edgeId: number; readonly target: string }[];
}

interface WorkingRow<R> {
  readonly edgeId: number;
  readonly target: string;
  readonly before: R;
  row: R;
}

/** One holder's part in an aggregate. */
interface Part {
  readonly predicateId: number;
  readonly value: number | string | undefined;
  readonly keeps: PartialState | undefined;
}

export class StepNeighbours {
  readonly #context: StepContext;
  readonly #neighbours = new Map<string, WorkingRow<NeighbourRow>>();
  readonly #related = new Map<string, WorkingRow<RelatedRow>>();
  readonly #subscribed = new Map<
    string,
    { readonly edge: Edge; readonly target: string; readonly partitions: Set<number> }
  >();
  readonly #fanouts = new Map<string, { edgeId: number; target: string }>();
  readonly #holders: EdgeEffects['holders'][number][] = [];
  readonly #values: EdgeEffects['values'][number][] = [];
  readonly #different: StepValues;
  readonly #announced = new Set<string>();
  readonly #resent = new Set<string>();
  readonly #messages = new Map<number, Message[]>();
  readonly #neighbourhood: KnownNeighbours = {
    neighbourRow: (edgeId, target) => this.#neighbour(edgeId, target).row,
    relatedRow: (edgeId, target) => this.#relatedRow(edgeId, target).row,
    differentValues: (predicateId, target) => this.#different.total(predicateId, target),
  };

  constructor(context: StepContext) {
    this.#context = context;
    this.#different = new StepValues(context.values);
  }

  /** A record as filters see it: its own values and those derived of its neighbours. */
  view(known: TypeContext, id: string, record: RecordRow): Attributes {
    const own = filterableData(record, known.type, this.#context.timeZone);
    const readsNeighbours =
      known.out.some(({ outReads }) => outReads.length > 0) ||
      known.in.some(({ inReads }) => inReads.length > 0);
    return readsNeighbours ? recordView(known, id, record.data, own, this.#neighbourhood) : own;
  }

  /**
   * The derived attributes that are unknown: a target that the record points at has not answered.
   */
  open({ out }: TypeContext, record: RecordRow): ReadonlySet<string> {
    let open: Set<string> | undefined;
    for (const edge of out) {
      if (edge.outNames.length === 0) continue;
      const targets = targetsOver(edge, record.data);
      if (targets.every((target) => this.#neighbour(edge.edgeId, target).row.shared !== undefined))
        continue;
      open ??= new Set();
      for (const name of edge.outNames) open.add(name);
    }
    return open ?? NOTHING_OPEN;
  }

  /**
   * A new record's own neighbours have not answered yet. Until they do, keep the value that its
   * holders assumed while it was absent, so that they do not leave and re-enter.
   */
  heldOfNothing({ network, in: into }: TypeContext, open: ReadonlySet<string>): number[] {
    if (open.size === 0) return [];
    const held = into.flatMap(({ definition, outReads }) =>
      definition.cardinality === 'one'
        ? outReads.filter(({ measure, absentTruth }) => measure.kind === 'truth' && absentTruth)
        : [],
    );
    return [...new Set(held.map(({ predicateId }) => predicateId))].filter((predicateId) =>
      network.isOpen(predicateId, open),
    );
  }

  /** The derived attributes whose value a change of the record's keys may move. */
  movedBy({ out }: TypeContext, before: RecordRow, after: RecordRow): string[] {
    return out.flatMap((edge) => (sameTargets(edge, before, after) ? [] : edge.outNames));
  }

  /**
   * Sends the aggregate to a holder's targets even if it is unchanged. While they read nothing of
   * it, only the first and the last holder were reported, so a target's copy of the edge's count
   * may be stale.
   */
  announce(edge: Edge, record: RecordRow): void {
    for (const target of targetsOver(edge, record.data)) {
      this.#announced.add(rowKey(edge.edgeId, target));
      this.#neighbour(edge.edgeId, target);
    }
  }

  /**
   * `snapshot-begin` is sent before all else to that partition; `snapshot-end` after it (`finish`).
   */
  mark(partition: number, kind: 'snapshot-begin' | 'snapshot-end'): void {
    this.#send(partition, { kind });
  }

  /** Sends the state after this step again, whether it has changed or not. */
  resend(edge: Edge, direction: 'up' | 'down', target: string, partition: number): void {
    if (direction === 'down') this.#subscribe(edge, target, partition);
    else {
      this.#resent.add(rowKey(edge.edgeId, target));
      this.#neighbour(edge.edgeId, target);
    }
  }

  /**
   * Takes in what a partition's holders of a target add up to. `isAnew`: it is answered, whether it
   * was before or not.
   */
  hear(
    edge: Edge,
    target: string,
    from: number,
    aggregate: Aggregate | null,
    isAnew = false,
  ): void {
    const working = this.#relatedRow(edge.edgeId, target);
    if (aggregate === null && working.row[from] === undefined) return;
    const isNew = aggregate !== null && (isAnew || working.row[from] === undefined);
    const { [from]: _, ...others } = working.row;
    working.row = aggregate === null ? others : { ...others, [from]: aggregate };
    if (isNew) this.#subscribe(edge, target, from);
  }

  /** Takes in whether holders of another partition have a value at the target. */
  hearValue(at: ValueAt, from: number, isHeld: boolean): void {
    this.#different.hear(at, from, isHeld);
  }

  /** How many different values the holders of a target have, for a shared predicate of theirs. */
  differentValues(predicateId: number, target: string): number {
    return this.#different.total(predicateId, target);
  }

  /** Sends again whether local holders have a value. */
  resendValue(edge: Edge, at: ValueAt): void {
    this.#different.resend(edge.edgeId, at);
  }

  /**
   * Takes in what a target shows. Without local holders it is ignored, for they let it go
   * meanwhile.
   */
  learn(edge: Edge, target: string, shared: Shared | null): void {
    const working = this.#neighbour(edge.edgeId, target);
    if (isNothing(working.row.local, edge.edgeId)) return;
    if (sameShared(keptShared(working.row.shared, edge.shares), shared)) return;
    working.row = { ...working.row, shared };
    // A predicate that reads it from now on is built: its backfill sees what the row holds.
    if (edge.outNames.length === 0) return;
    this.#fanouts.set(rowKey(edge.edgeId, target), { edgeId: edge.edgeId, target });
  }

  /**
   * Whether a target has shown something new in this step. From now on that is the caller's: it
   * evaluates all of its holders, and no fan-out is begun.
   */
  takeNews(edgeId: number, target: string): boolean {
    return this.#fanouts.delete(rowKey(edgeId, target));
  }

  /**
   * Settles what a record adds to its targets and shows to its holders. Caller: once per record,
   * with its rows before and after the step.
   */
  settle(known: TypeContext, id: string, before: Row, after: Row): void {
    for (const edge of known.out) this.#settleParts(known, edge, id, before, after);
    for (const edge of known.in) {
      const old = this.#sharedOf(known, edge, before);
      const now = this.#sharedOf(known, edge, after);
      if (!sameShared(old, now)) this.#tellAll(edge, id, now);
    }
  }

  /**
   * Caller: after every record is settled. `rowOf` answers the row of a record after the step; each
   * partition of `ends` is sent a `snapshot-end`.
   */
  finish(rowOf: (objectType: string, id: string) => Row, ends: readonly number[]): EdgeEffects {
    for (const { edgeId, target, before, row } of this.#neighbours.values())
      this.#tellTarget(edgeId, target, before, row);
    for (const { edge, target, partitions } of this.#subscribed.values()) {
      const known = this.#context.types.get(edge.definition.target);
      const shared = known
        ? this.#sharedOf(known, edge, rowOf(edge.definition.target, target))
        : null;
      for (const partition of partitions)
        this.#send(partition, { kind: 'target-state', edge: edge.edgeId, target, shared });
    }
    for (const message of this.#different.messages())
      this.#send(this.#context.partitionOf(message.target), message);
    for (const partition of ends) this.mark(partition, 'snapshot-end');
    return {
      neighbours: this.#changed(this.#neighbours, keptNeighbour, (row, edgeId) =>
        isNothing(row.local, edgeId),
      ),
      related: this.#changed(this.#related, keptRelated, (row) => Object.keys(row).length === 0),
      holders: this.#holders,
      values: this.#values,
      ...this.#different.effects(),
      messages: this.#messages,
      fanouts: [...this.#fanouts.values()],
    };
  }

  #settleParts(known: TypeContext, edge: Edge, id: string, before: Row, after: Row): void {
    const old = this.#partsOf(known, edge, before);
    const now = this.#partsOf(known, edge, after);
    const from = old.length > 0 ? targetsOver(edge, before.record?.data) : [];
    const to = now.length > 0 ? targetsOver(edge, after.record?.data) : [];
    for (const target of from) {
      if (to.includes(target)) this.#replace(edge, target, id, old, now);
      else this.#replace(edge, target, id, old, []);
    }
    for (const target of to) if (!from.includes(target)) this.#replace(edge, target, id, [], now);
  }

  /**
   * What a holder adds up to: only once its edge id is known to hold, which is when it is
   * registered.
   */
  #partsOf({ type }: TypeContext, { edgeId, up }: Edge, { record, truth }: Row): Part[] {
    if (!isLive(record) || !hasPredicateId(truth, edgeId)) return [];
    let data: Attributes | undefined;
    return up.flatMap(({ predicateId, attribute, keeps }): Part[] => {
      if (!hasPredicateId(truth, predicateId)) return [];
      if (attribute === undefined) return [{ predicateId, value: undefined, keeps }];
      data ??= filterableData(record, type, this.#context.timeZone);
      return [{ predicateId, value: keeps && carriedValue(keeps, data[attribute]), keeps }];
    });
  }

  #replace(
    edge: Edge,
    target: string,
    id: string,
    old: readonly Part[],
    now: readonly Part[],
  ): void {
    if (sameParts(old, now)) return;
    const working = this.#neighbour(edge.edgeId, target);
    let { local } = working.row;
    const gone = without(old, now).map((part) => addition(part, -1));
    const came = without(now, old).map((part) => addition(part, 1));
    local = addToAggregate(local, [...gone, ...came]);
    for (const { predicateId, is } of moved('extremes', old, now)) {
      this.#values.push({ predicateId, target, id, value: is as number | undefined });
      local = this.#withExtremes(local, predicateId, target);
    }
    for (const { predicateId, was, is } of moved('values', old, now)) {
      const at = (value: unknown) => ({ predicateId, target, value: String(value) });
      if (was !== undefined) this.#different.count(edge.edgeId, at(was), -1);
      if (is !== undefined) this.#different.count(edge.edgeId, at(is), 1);
    }
    if (old.length === 0 || now.length === 0) {
      this.#holders.push({ edgeId: edge.edgeId, target, id, holds: now.length > 0 });
      // Where one goes and another comes, all may add up as before, while no backfill visits either
      // of them to announce it.
      this.#announced.add(rowKey(edge.edgeId, target));
    }
    // What the target showed stays with the row, also while one holder goes and another comes: it
    // would not be asked for again.
    working.row = { ...working.row, local };
  }

  /**
   * The extremes of what is stored without what this step has touched, and of what it has put
   * there.
   */
  #withExtremes(local: Aggregate, predicateId: number, target: string): Aggregate {
    const latest = new Map<string, number | undefined>();
    for (const written of this.#values) {
      if (written.predicateId === predicateId && written.target === target)
        latest.set(written.id, written.value);
    }
    const { lowest, highest } = this.#context.extremes(predicateId, target);
    const kept = [...lowest, ...highest]
      .filter(([id]) => !latest.has(id))
      .map(([, value]) => value);
    const values = [...kept, ...[...latest.values()].filter((value) => value !== undefined)];
    if (values.length === 0) return withExtremes(local, predicateId, undefined, undefined);
    return withExtremes(
      local,
      predicateId,
      values.reduce((a, b) => Math.min(a, b)),
      values.reduce((a, b) => Math.max(a, b)),
    );
  }

  #sharedOf({ type }: TypeContext, { down }: Edge, { record, truth }: Row): Shared | null {
    if (!isLive(record)) return null;
    const held = down.filter(({ predicateId }) => hasPredicateId(truth, predicateId));
    const values: Record<string, number | string> = {};
    let data: Attributes | undefined;
    for (const { predicateId, attribute, keeps } of held) {
      if (attribute === undefined || !keeps) continue;
      data ??= filterableData(record, type, this.#context.timeZone);
      const value = carriedValue(keeps, data[attribute]);
      if (value !== undefined) values[predicateId] = value;
    }
    return { truth: held.map(({ predicateId }) => predicateId), values };
  }

  /** New subscribers are answered at the end anyway. */
  #tellAll(edge: Edge, target: string, shared: Shared | null): void {
    const answered = this.#subscribed.get(rowKey(edge.edgeId, target))?.partitions;
    for (const partition of Object.keys(this.#relatedRow(edge.edgeId, target).row).map(Number)) {
      if (!answered?.has(partition))
        this.#send(partition, { kind: 'target-state', edge: edge.edgeId, target, shared });
    }
  }

  #tellTarget(edgeId: number, target: string, before: NeighbourRow, { local }: NeighbourRow): void {
    const isGone = isNothing(local, edgeId);
    const isResent = !isGone && this.#resent.has(rowKey(edgeId, target));
    const isAnnounced = !isGone && this.#announced.has(rowKey(edgeId, target));
    if (!isAnnounced && !isResent && sameAggregate(before.local, local)) return;
    const edge = this.#context.edges.get(edgeId);
    if (!edge) return;
    const [was, is] = [keptAggregate(before.local, edge.shares), keptAggregate(local, edge.shares)];
    if (!isAnnounced && !isResent && sameAggregate(was, is)) return;
    if (!(isResent || isAskedFor(edge, was, is))) return;
    const aggregate = isGone ? null : is;
    this.#send(this.#context.partitionOf(target), {
      kind: 'holder-aggregate',
      edge: edgeId,
      target,
      aggregate,
    });
  }

  #subscribe(edge: Edge, target: string, partition: number): void {
    const key = rowKey(edge.edgeId, target);
    const known = this.#subscribed.get(key);
    if (known) known.partitions.add(partition);
    else this.#subscribed.set(key, { edge, target, partitions: new Set([partition]) });
  }

  /** The rows that differ, without what is of shared predicates that were given up. */
  #changed<R>(
    all: ReadonlyMap<string, WorkingRow<R>>,
    keep: (row: R, kept: Kept) => R,
    isGone: (row: R, edgeId: number) => boolean,
  ): { edgeId: number; target: string; row: R | null }[] {
    const { edges } = this.#context;
    return [...all.values()]
      .filter(({ before, row }) => row !== before)
      .map(({ edgeId, target, row }) => {
        const edge = edges.get(edgeId);
        return {
          edgeId,
          target,
          row: isGone(row, edgeId) ? null : edge ? keep(row, edge.shares) : row,
        };
      });
  }

  #send(partition: number, message: Message): void {
    pushTo(this.#messages, partition, message);
  }

  #neighbour(edgeId: number, target: string): WorkingRow<NeighbourRow> {
    return open(this.#neighbours, edgeId, target, this.#context.neighbour);
  }

  #relatedRow(edgeId: number, target: string): WorkingRow<RelatedRow> {
    return open(this.#related, edgeId, target, this.#context.related);
  }
}

/** Of a record whose targets have all answered. */
export const NOTHING_OPEN: ReadonlySet<string> = new Set();

/**
 * Whether a difference concerns the target: the first and the last holder do, the rest only if it
 * reads what its holders add up to.
 */
function isAskedFor({ edgeId, inReads }: Edge, before: Aggregate, after: Aggregate): boolean {
  return inReads.length > 0 || isNothing(before, edgeId) !== isNothing(after, edgeId);
}

function rowKey(edgeId: number, target: string): string {
  return `${edgeId} ${target}`;
}

function open<R>(
  all: Map<string, WorkingRow<R>>,
  edgeId: number,
  target: string,
  read: (edgeId: number, target: string) => R,
): WorkingRow<R> {
  const key = rowKey(edgeId, target);
  let working = all.get(key);
  if (!working) {
    const row = read(edgeId, target);
    all.set(key, (working = { edgeId, target, before: row, row }));
  }
  return working;
}

function sameTargets(edge: Edge, before: RecordRow, after: RecordRow): boolean {
  const [a, b] = [targetsOver(edge, before.data), targetsOver(edge, after.data)];
  return a.length === b.length && a.every((target) => b.includes(target));
}

function sameParts(a: readonly Part[], b: readonly Part[]): boolean {
  return a.length === b.length && a.every((part, at) => isSamePart(part, b[at]!));
}

function isSamePart(a: Part, b: Part): boolean {
  return a.predicateId === b.predicateId && a.value === b.value;
}

/** The parts that are not among the others. Caller: both ascend by predicate id. */
function without(parts: readonly Part[], others: readonly Part[]): Part[] {
  let at = 0;
  return parts.filter((part) => {
    while (at < others.length && others[at]!.predicateId < part.predicateId) at++;
    return at === others.length || !isSamePart(part, others[at]!);
  });
}

/** The values of one kind of partial state that a record adds otherwise than before. */
function* moved(
  keeps: PartialState,
  old: readonly Part[],
  now: readonly Part[],
): Iterable<{ predicateId: number; was: Part['value']; is: Part['value'] }> {
  const kept = [...old, ...now].filter((part) => part.keeps === keeps);
  for (const predicateId of new Set(kept.map((part) => part.predicateId))) {
    const is = now.find((part) => part.predicateId === predicateId)?.value;
    const was = old.find((part) => part.predicateId === predicateId)?.value;
    if (is !== was) yield { predicateId, was, is };
  }
}

function addition({ predicateId, value, keeps }: Part, by: 1 | -1): Addition {
  const isSummed = keeps === 'sum' && typeof value === 'number';
  return { predicateId, by, trillionths: isSummed ? toTrillionths(value) : undefined };
}

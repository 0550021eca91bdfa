/**
 * edge-rows.ts – The rows of one relationship as texts: those that are stored, and those that its
 * records ask for.
 *
 * Keeps true: two texts are equal exactly if the rows agree on all that exists. What was added up
 * for predicates that were given up is left out, and counted. One text per row is held: of rows
 * that lie with holders those of one partition at a time.
 */
import { targetsOf } from '../change/edge.ts';
import { partitionOf } from '../change/partition.ts';
import { pushTo } from '../multimap.ts';
import type { AuditGraph, Vertex } from './audit-graph.ts';
import type { AuditRest } from './audit-pace.ts';
import type { EdgeAudits, Unreadable } from './audit-store.ts';
import {
  type AuditedEdge,
  aggregateOf,
  countedOf,
  type Holder,
  holderOf,
  orderedOf,
  shownBy,
} from './audited-edge.ts';
import type { RowPlace } from './edge-look.ts';
import { readRow } from './fault.ts';
import type { EdgeSets } from './key-faults.ts';
import {
  type Aggregate,
  keptAggregate,
  keptNeighbour,
  keptRelated,
  keptShared,
  type NeighbourRow,
  type RelatedRow,
  type Shared,
} from './neighbour-row.ts';
import { nameOf, type ValueAt } from './value-key.ts';

/** Where a row lies. */
export interface RowPosition {
  readonly target: string;
  readonly partition: number;
  /** Where it is about different values: of which predicate, and about which value. */
  readonly predicateId?: number;
  readonly value?: string;
}

/** Texts of rows, and where each one lies. */
class RowTexts {
  readonly #at = new Map<string, RowPosition>();

  /** `what`: the content of the row. */
  add(target: string, partition: number, what: string): void {
    this.addAt({ target, partition }, what);
  }

  addAt(at: RowPosition, what: string): void {
    this.#at.set(`${at.target}@${at.partition}=${what}`, at);
  }

  has(text: string): boolean {
    return this.#at.has(text);
  }

  keys(): Iterable<string> {
    return this.#at.keys();
  }

  at(text: string): RowPosition | undefined {
    return this.#at.get(text);
  }
}

export type RowsByPlace = Readonly<Record<RowPlace, RowTexts>>;

/** The shared predicates that hold of records by the reference. */
export type HeldTruths = ReadonlyMap<number, ReadonlySet<string>>;

/** Per partition, the holders of each target. */
export type HoldersByTarget = readonly ReadonlyMap<string, readonly Vertex[]>[];

export async function holdersByTarget(
  { definition }: AuditedEdge,
  graph: AuditGraph,
  partitions: number,
  rest: AuditRest,
): Promise<HoldersByTarget> {
  const byTarget = Array.from({ length: partitions }, () => new Map<string, Vertex[]>());
  for (const vertex of graph.of(definition.holder)) {
    const isTurn = rest();
    if (isTurn) await isTurn;
    const own = byTarget[vertex.partition]!;
    for (const target of targetsOf(definition, vertex.data)) {
      pushTo(own, target, vertex);
    }
  }
  return byTarget;
}

/** The rows that records ask for. */
export class ExpectedEdgeRows {
  readonly #edge: AuditedEdge;
  readonly #held: HeldTruths;
  readonly #holders: HoldersByTarget;
  readonly #rest: AuditRest;
  readonly #shown: ReadonlyMap<string, Shared>;
  readonly #related = new Map<string, Record<string, unknown>>();
  readonly #sources = new ExpectedSources();

  private constructor(
    edge: AuditedEdge,
    held: HeldTruths,
    holders: HoldersByTarget,
    rest: AuditRest,
    shown: ReadonlyMap<string, Shared>,
  ) {
    this.#edge = edge;
    this.#held = held;
    this.#holders = holders;
    this.#rest = rest;
    this.#shown = shown;
  }

  static async of(
    edge: AuditedEdge,
    graph: AuditGraph,
    held: HeldTruths,
    holders: HoldersByTarget,
    rest: AuditRest,
  ): Promise<ExpectedEdgeRows> {
    const shown = new Map<string, Shared>();
    for (const { id, data } of graph.of(edge.definition.target)) {
      const isTurn = rest();
      if (isTurn) await isTurn;
      shown.set(id, shownBy(edge.down, holdsOf(held, id), data));
    }
    return new ExpectedEdgeRows(edge, held, holders, rest, shown);
  }

  /** Those that lie in a partition with its holders. Caller: asks for each once, ascending. */
  async ofHolders(partition: number): Promise<RowsByPlace> {
    const expected = noRows();
    const [edge, held] = [this.#edge, this.#held];
    for (const [target, some] of this.#holders[partition]!) {
      const rest = this.#rest();
      if (rest) await rest;
      const all = some.map(({ id, data }) => holderOf(edge, id, holdsOf(held, id), data));
      const local = aggregateOf(edge, all);
      const text = neighbourText(edge, this.#shown.get(target) ?? null, local);
      expected.neighbours.add(target, partition, text);
      const part = edge.isRead ? local : true;
      this.#related.set(target, { ...this.#related.get(target), [partition]: part });
      for (const { id } of some) expected.holders.add(target, partition, id);
      for (const value of valueTexts(edge, all)) expected.values.add(target, partition, value);
      for (const [predicateId, counts] of valueCountsOf(edge, all))
        for (const [value, count] of counts) {
          const at = { predicateId, target, value };
          addCount(expected, partition, at, count);
          this.#sources.add(at, partition);
        }
    }
    return expected;
  }

  /** Those that lie with the targets. Caller: has asked for those of all holders. */
  ofTargets(): RowsByPlace {
    const expected = noRows();
    const partitions = this.#holders.length;
    this.#sources.addTo(expected, partitions);
    for (const [target, row] of this.#related)
      expected.related.add(target, partitionOf(target, partitions), JSON.stringify(row));
    return expected;
  }
}

/** The rows of an edge as they are stored. */
export class StoredEdgeRows {
  /** Those of the partition that was read last. */
  ofHolders: RowsByPlace = noRows();
  /** Those of all partitions that were read. */
  readonly ofTargets: RowsByPlace = noRows();
  /** Rows that still name predicates that were given up. */
  leftOver = 0;
  readonly #audits: EdgeAudits;
  readonly #edge: AuditedEdge;

  constructor(audits: EdgeAudits, edge: AuditedEdge) {
    this.#audits = audits;
    this.#edge = edge;
  }

  /**
   * Reads one partition. `sets` are the targets that had sets when the names were read, `pointed`
   * those that holders of now point at: their sets may have come since.
   */
  async read(
    partition: number,
    sets: EdgeSets | undefined,
    pointed: Iterable<string>,
  ): Promise<void> {
    const { edgeId } = this.#edge;
    this.ofHolders = noRows();
    const { neighbours, holders, values } = this.ofHolders;
    const { related } = this.ofTargets;
    for (const [target, row] of await this.#audits.neighbourRows(partition, edgeId))
      neighbours.add(target, partition, this.#neighbourText(row));
    for (const [target, row] of await this.#audits.relatedRows(partition, edgeId))
      related.add(target, partition, this.#relatedText(row));
    const targets = [...new Set([...(sets?.holders.get(edgeId) ?? []), ...pointed])];
    const held = await this.#audits.holders(partition, edgeId, targets);
    for (const [at, target] of targets.entries())
      for (const [id, score] of held[at]!)
        holders.add(target, partition, score === 0 ? id : `${id}(score=${score})`);
    for (const predicateId of orderedOf(this.#edge)) {
      const valued = [...new Set([...(sets?.values.get(predicateId) ?? []), ...targets])];
      const scored = await this.#audits.values(partition, predicateId, valued);
      for (const [at, target] of valued.entries())
        for (const [id, value] of scored[at]!)
          values.add(target, partition, valueText(predicateId, id, value));
    }
    for (const predicateId of countedOf(this.#edge))
      await this.#readDifferent(partition, predicateId);
  }

  async #readDifferent(partition: number, predicateId: number): Promise<void> {
    for (const { count, ...at } of await this.#audits.valueCounts(partition, predicateId))
      addCount(this.ofHolders, partition, { predicateId, ...at }, count);
    for (const { sources, ...at } of await this.#audits.valueSources(partition, predicateId))
      addSources(this.ofTargets, partition, { predicateId, ...at }, sources);
    for (const [target, total] of await this.#audits.valueTotals(partition, predicateId))
      addTotal(this.ofTargets, { predicateId, target, partition }, total);
  }

  #neighbourText(row: NeighbourRow | Unreadable): string {
    return this.#text(row, (read) => {
      if (keptNeighbour(read, this.#edge.shares) !== read) this.leftOver++;
      return neighbourText(this.#edge, read.shared, read.local);
    });
  }

  #relatedText(row: RelatedRow | Unreadable): string {
    return this.#text(row, (read) => {
      const { isRead, shares } = this.#edge;
      if (keptRelated(read, shares) !== read) this.leftOver++;
      const parts = Object.entries(read).map(([from, part]) => [
        from,
        isRead ? known(this.#edge, part) : true,
      ]);
      return JSON.stringify(Object.fromEntries(parts));
    });
  }

  #text<T>(row: T | Unreadable, tell: (row: T) => string): string {
    return row === 'unreadable' ? 'unreadable' : readRow(() => tell(row), 'unreadable');
  }
}

function noRows(): RowsByPlace {
  return {
    holders: new RowTexts(),
    values: new RowTexts(),
    'value-counts': new RowTexts(),
    'value-sources': new RowTexts(),
    neighbours: new RowTexts(),
    related: new RowTexts(),
  };
}

function holdsOf(held: HeldTruths, id: string): Holder['holds'] {
  return (predicateId) => held.get(predicateId)!.has(id);
}

function neighbourText(
  edge: AuditedEdge,
  shared: Shared | null | undefined,
  local: Aggregate,
): string {
  const shown = keptShared(shared, edge.shares);
  return JSON.stringify({
    shared: shown === undefined ? 'unanswered' : shown,
    local: known(edge, local),
  });
}

/** An aggregate reduced to predicates that exist, its parts in one order. */
function known({ shares }: AuditedEdge, aggregate: Aggregate): Aggregate {
  const { counts, sums, lows, highs } = keptAggregate(aggregate, shares);
  return { counts, sums, lows, highs };
}

/** The values of holders for the extremes that are asked for. */
function* valueTexts(edge: AuditedEdge, holders: readonly Holder[]): Iterable<string> {
  for (const predicateId of orderedOf(edge)) {
    for (const { id, valueFor } of holders) {
      const value = valueFor(predicateId);
      if (typeof value === 'number') yield valueText(predicateId, id, value);
    }
  }
}

function valueText(predicateId: number, id: string, value: number): string {
  return `${predicateId}:${id}=${value}`;
}

// ——— Different values ———

/** By shared predicate, how many of some holders have each value. */
function valueCountsOf(
  edge: AuditedEdge,
  holders: readonly Holder[],
): [predicateId: number, counts: Map<string, number>][] {
  return countedOf(edge).map((predicateId) => {
    const counts = new Map<string, number>();
    for (const { valueFor } of holders) {
      const value = valueFor(predicateId);
      if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [predicateId, counts];
  });
}

function addCount(
  rows: RowsByPlace,
  partition: number,
  { predicateId, target, value }: ValueAt,
  count: number,
): void {
  const at = { target, partition, predicateId, value };
  rows['value-counts'].addAt(at, `${predicateId}:${value}=${count}`);
}

function addSources(
  rows: RowsByPlace,
  partition: number,
  { predicateId, target, value }: ValueAt,
  sources: readonly number[],
): void {
  const at = { target, partition, predicateId, value };
  rows['value-sources'].addAt(at, `${predicateId}:${value}=${sources.join()}`);
}

function addTotal(rows: RowsByPlace, at: RowPosition, total: number): void {
  rows['value-sources'].addAt(at, `${at.predicateId}=${total}`);
}

/** The partitions of which holders have each value, and how many different ones there are. */
class ExpectedSources {
  readonly #byValue = new Map<string, { readonly at: ValueAt; readonly sources: number[] }>();

  /** Caller: partitions come in ascending order. */
  add(at: ValueAt, partition: number): void {
    const known = this.#byValue.get(nameOf(at));
    if (known) known.sources.push(partition);
    else this.#byValue.set(nameOf(at), { at, sources: [partition] });
  }

  addTo(rows: RowsByPlace, partitions: number): void {
    const totals = new Map<string, { readonly at: RowPosition; total: number }>();
    for (const { at, sources } of this.#byValue.values()) {
      const { predicateId, target } = at;
      const partition = partitionOf(target, partitions);
      addSources(rows, partition, at, sources);
      const name = `${predicateId} ${target}`;
      const known = totals.get(name);
      if (known) known.total++;
      else totals.set(name, { at: { predicateId, target, partition }, total: 1 });
    }
    for (const { at, total } of totals.values()) addTotal(rows, at, total);
  }
}

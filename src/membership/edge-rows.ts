/**
 * edge-rows.ts – The rows of one relationship as texts: those that are stored, and those that its
 * records ask for.
 *
 * Keeps true: two texts are equal exactly if the rows say the same of what there is; what was added
 * up for predicates that were given up is left out, and counted. One text per row is held.
 */
import { targetsOf } from '../change/edge.ts';
import { partitionOf } from '../change/partition.ts';
import { pushTo } from '../multimap.ts';
import type { AuditGraph, Vertex } from './audit-graph.ts';
import type { EdgeAudits, Unreadable } from './audit-store.ts';
import {
  type AuditedEdge,
  aggregateOf,
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

/** Where a row lies. */
export interface RowPosition {
  readonly target: string;
  readonly partition: number;
}

/** Texts of rows, and where each one lies. */
class RowTexts {
  readonly #at = new Map<string, RowPosition>();

  /** `what`: what the row says. */
  add(target: string, partition: number, what: string): void {
    this.#at.set(`${target}@${partition}=${what}`, { target, partition });
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

/** Of which shared predicates the reference says that they hold of which records. */
export type HeldTruths = ReadonlyMap<number, ReadonlySet<string>>;

/** Per partition, the holders of each target. */
export type HoldersByTarget = readonly ReadonlyMap<string, readonly Vertex[]>[];

export function holdersByTarget(
  { definition }: AuditedEdge,
  graph: AuditGraph,
  partitions: number,
): HoldersByTarget {
  const byTarget = Array.from({ length: partitions }, () => new Map<string, Vertex[]>());
  for (const vertex of graph.of(definition.holder)) {
    const own = byTarget[vertex.partition]!;
    for (const target of targetsOf(definition, vertex.data)) {
      pushTo(own, target, vertex);
    }
  }
  return byTarget;
}

/** The rows that records ask for. */
export function expectedRows(
  edge: AuditedEdge,
  graph: AuditGraph,
  held: HeldTruths,
  holders: HoldersByTarget,
): RowsByPlace {
  const shown = shownByTarget(edge, graph, held);
  const expected = noRows();
  const related = new Map<string, Record<string, unknown>>();
  for (const [partition, byTarget] of holders.entries()) {
    for (const [target, some] of byTarget) {
      const all = some.map(({ id, data }) => holderOf(edge, id, holdsOf(held, id), data));
      const local = aggregateOf(edge, all);
      const text = neighbourText(edge, shown.get(target) ?? null, local);
      expected.neighbours.add(target, partition, text);
      related.set(target, { ...related.get(target), [partition]: edge.isRead ? local : true });
      for (const { id } of some) expected.holders.add(target, partition, id);
      for (const value of valueTexts(edge, all)) expected.values.add(target, partition, value);
    }
  }
  for (const [target, row] of related)
    expected.related.add(target, partitionOf(target, holders.length), JSON.stringify(row));
  return expected;
}

/** The rows of an edge as they are stored. */
export class StoredEdgeRows {
  readonly rows: RowsByPlace = noRows();
  /** Rows that still say something of predicates that were given up. */
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
    const { neighbours, related, holders, values } = this.rows;
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
    neighbours: new RowTexts(),
    related: new RowTexts(),
  };
}

function holdsOf(held: HeldTruths, id: string): Holder['holds'] {
  return (predicateId) => held.get(predicateId)!.has(id);
}

function shownByTarget(
  { definition, down }: AuditedEdge,
  graph: AuditGraph,
  held: HeldTruths,
): Map<string, Shared> {
  const targets = graph.of(definition.target);
  return new Map(targets.map(({ id, data }) => [id, shownBy(down, holdsOf(held, id), data)]));
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

/** What an aggregate says of predicates that there are, in one order of its parts. */
function known({ shares }: AuditedEdge, aggregate: Aggregate): Aggregate {
  const { counts, sums, lows, highs } = keptAggregate(aggregate, shares);
  return { counts, sums, lows, highs };
}

/** The values of holders for the extremes that are asked for. */
function* valueTexts(edge: AuditedEdge, holders: readonly Holder[]): Iterable<string> {
  for (const predicateId of orderedOf(edge)) {
    for (const { id, numberFor } of holders) {
      const value = numberFor(predicateId);
      if (value !== undefined) yield valueText(predicateId, id, value);
    }
  }
}

function valueText(predicateId: number, id: string, value: number): string {
  return `${predicateId}:${id}=${value}`;
}

/**
 * audited-edge.ts – A relationship whose rows are compared, and the rows that its ends should have.
 *
 * Keeps true: what holders add up to and what targets show is computed here from records and truths
 * alone, holder by holder. The engine keeps the same by differences.
 */
import type { Catalog, StoredPredicate } from '../catalog/catalog.ts';
import { type EdgeDefinition, edgesOf } from '../change/edge.ts';
import { toTrillionths } from '../query/predicate/exact-sum.ts';
import {
  type Aggregate,
  addToAggregate,
  NO_AGGREGATE,
  type Shared,
  withExtremes,
} from './neighbour-row.ts';
import { carriedValue } from './value-key.ts';

/**
 * A relationship whose rows are compared; shared predicates ascending by id, the edge id among
 * those that go up.
 */
export interface AuditedEdge {
  readonly edgeId: number;
  readonly definition: EdgeDefinition;
  readonly up: readonly [predicateId: number, stored: StoredPredicate][];
  readonly down: readonly [predicateId: number, stored: StoredPredicate][];
  readonly shares: ReadonlySet<number>;
  /**
   * Whether a predicate of the target's type reads what holders add up to: else only who has any is
   * reported.
   */
  readonly isRead: boolean;
}

/** The edges that can be compared, and the names of those over which something is built. */
export function edgesToAudit(catalog: Catalog): { audited: AuditedEdge[]; building: string[] } {
  const audited: AuditedEdge[] = [];
  const building: string[] = [];
  const read = new Set([...catalog.predicateIds.values()].flatMap(({ reads = [] }) => reads));
  for (const definition of edgesOf(catalog.objectTypes.values()).values()) {
    const ofEdge = [...catalog.predicateIds].filter(
      ([, { shared, status }]) => shared?.edge === definition.name && status !== 'failed',
    );
    const edgeId = catalog.edgeIdOf(definition.name);
    // While it was declared otherwise before, and that is still answered for, there are two of that
    // name.
    if (
      edgeId === undefined ||
      ofEdge.some(([, { shared, status }]) => status !== 'ready' || shared!.edgeId !== edgeId)
    ) {
      building.push(definition.name);
      continue;
    }
    const shares = ofEdge.sort(([a], [b]) => a - b);
    const up = shares.filter(([, { shared }]) => shared!.direction === 'in');
    const down = shares.filter(([, { shared }]) => shared!.direction === 'out');
    const kept = new Set(shares.map(([predicateId]) => predicateId));
    audited.push({
      edgeId,
      definition,
      up,
      down,
      shares: kept,
      isRead: up.some(([predicateId]) => read.has(predicateId)),
    });
  }
  return { audited, building };
}

/** The shared predicates whose holders' values are kept in order. */
export function orderedOf({ up }: AuditedEdge): number[] {
  return up
    .filter(([, { shared }]) => shared?.keeps === 'extremes')
    .map(([predicateId]) => predicateId);
}

/** The shared predicates whose holders' different values are kept. */
export function countedOf({ up }: AuditedEdge): number[] {
  return up
    .filter(([, { shared }]) => shared?.keeps === 'values')
    .map(([predicateId]) => predicateId);
}

/** The part of a record's value that travels with a shared predicate. */
function valueIn(
  shared: StoredPredicate['shared'],
  data: Readonly<Record<string, unknown>>,
): number | string | undefined {
  if (shared?.attribute === undefined || !shared.keeps) return undefined;
  return carriedValue(shared.keeps, data[shared.attribute]);
}

/** A record as one that adds up to something at its targets. */
export interface Holder {
  readonly id: string;
  readonly holds: (predicateId: number) => boolean;
  /** The value, or its name, that it has for a shared predicate that holds of it. */
  readonly valueFor: (predicateId: number) => number | string | undefined;
}

export function holderOf(
  { up }: AuditedEdge,
  id: string,
  holds: Holder['holds'],
  data: Readonly<Record<string, unknown>>,
): Holder {
  const valueFor = (predicateId: number) => {
    const shared = up.find(([each]) => each === predicateId)?.[1].shared;
    return holds(predicateId) ? valueIn(shared, data) : undefined;
  };
  return { id, holds, valueFor };
}

/** The aggregate of some holders. */
export function aggregateOf({ up }: AuditedEdge, holders: readonly Holder[]): Aggregate {
  let sum = NO_AGGREGATE;
  for (const [predicateId, { shared }] of up) {
    const values = holders
      .filter(({ holds }) => holds(predicateId))
      .map(({ valueFor }) => valueFor(predicateId));
    const additions = values.map((value) => {
      const isSummed = shared?.keeps === 'sum' && typeof value === 'number';
      return {
        predicateId,
        by: 1,
        trillionths: isSummed ? toTrillionths(value) : undefined,
      } as const;
    });
    sum = addToAggregate(sum, additions);
    const numbers =
      shared?.keeps === 'extremes'
        ? values.filter((value) => typeof value === 'number').sort((a, b) => a - b)
        : [];
    if (numbers.length > 0) sum = withExtremes(sum, predicateId, numbers[0], numbers.at(-1));
  }
  return sum;
}

/** The state that a live record shows to its holders. */
export function shownBy(
  down: AuditedEdge['down'],
  holds: (predicateId: number) => boolean,
  data: Readonly<Record<string, unknown>>,
): Shared {
  const held = down.filter(([predicateId]) => holds(predicateId));
  const values = held.flatMap(([predicateId, { shared }]) => {
    const value = valueIn(shared, data);
    return value === undefined ? [] : [[predicateId, value] as const];
  });
  return { truth: held.map(([predicateId]) => predicateId), values: Object.fromEntries(values) };
}

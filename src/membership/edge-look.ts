/**
 * edge-look.ts – Looks at what is kept of one target over one relationship, again and again, until
 * it is seen to be right.
 *
 * Keeps true: what lies in one partition is read at one instant: holders, their values and their
 * sums then match the rows of the records exactly. What travels between partitions may lag for a
 * moment, so a difference is one that no look has failed to see. Whether those rows are true is
 * compared with the reference by audit-relationships.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { targetsOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { partitionOf } from '../change/partition.ts';
import { filterableData, isLive, type RecordRow } from '../change/record.ts';
import { hasPredicateId } from '../query/network/predicate-ids.ts';
import type { AuditStore, Scored, Surroundings, Unreadable } from './audit-store.ts';
import {
  type AuditedEdge,
  aggregateOf,
  type Holder,
  holderOf,
  orderedOf,
  shownBy,
} from './audited-edge.ts';
import { readRow } from './fault.ts';
import {
  type Aggregate,
  keptAggregate,
  keptShared,
  type NeighbourRow,
  type Shared,
  sameAggregate,
  sameShared,
} from './neighbour-row.ts';
import type { StateRow } from './state-row.ts';

/** Places whose rows lie with the holders: what is there follows from one partition alone. */
export const HOLDER_PLACES = ['holders', 'values', 'neighbours', 'value-counts'] as const;
/** Places whose rows lie with the target, and follow from the holders of all partitions. */
export const TARGET_PLACES = ['related', 'value-sources'] as const;
export type RowPlace = (typeof HOLDER_PLACES | typeof TARGET_PLACES)[number];

/** A row, or a set, that is looked at. */
export interface Spot {
  readonly edge: AuditedEdge;
  readonly place: RowPlace;
  readonly target: string;
  /** Where it lies. */
  readonly partition: number;
  /** Records of that partition that were seen to point at the target. */
  readonly holders: readonly string[];
  /** Where it is about different values: of which predicate, and about which value. */
  readonly predicateId?: number | undefined;
  readonly value?: string | undefined;
}

export interface LookContext {
  readonly audits: Pick<AuditStore, 'rows' | 'edges'>;
  readonly partitions: number;
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
}

const LOOKS_MAX = 25;
const LOOK_MS = 40;
/** Spots that are looked at together. */
const SPOTS_MAX = 50;
/** How often new holders may come while one look is made. */
const READS_MAX = 5;

/**
 * Those that no look has seen right.
 * @throws what the store failed with, which proves nothing about them
 */
export async function stayWrong<S extends Spot>(
  context: LookContext,
  spots: readonly S[],
): Promise<S[]> {
  const wrong: S[] = [];
  for (let from = 0; from < spots.length; from += SPOTS_MAX) {
    const some = spots.slice(from, from + SPOTS_MAX);
    const isWrong = await Promise.all(some.map((spot) => staysWrong(context, spot)));
    wrong.push(...some.filter((_, at) => isWrong[at]));
  }
  return wrong;
}

async function staysWrong(context: LookContext, spot: Spot): Promise<boolean> {
  /** Partitions whose part of a related row was seen right. */
  const proven = new Set<number>();
  for (let look = 1; look <= LOOKS_MAX; look++) {
    if (await isRight(context, spot, proven)) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/** A row that can't be read is not right. */
async function isRight(context: LookContext, spot: Spot, proven: Set<number>): Promise<boolean> {
  if (spot.place === 'related') return isRelatedRight(context, spot, proven);
  if (spot.place === 'value-sources') return areSourcesRight(context, spot, proven);
  const seen = await surroundingsOf(context, spot);
  if (seen === undefined || seen.around === 'unreadable') return false;
  const { ids, around } = seen;
  const shown = spot.place === 'neighbours' ? await sharedOf(context, spot) : null;
  if (shown === 'unreadable') return false;
  return readRow(() => isAsHeld(spot, around, heldIn(context, spot, ids, around), shown), false);
}

function isAsHeld(
  { edge, place, predicateId, value }: Spot,
  { row, isStored, holders, values, count }: Surroundings,
  held: readonly Holder[],
  shown: Shared | null,
): boolean {
  if (place === 'holders')
    return listed(held.map(({ id }) => `${id}=0`)) === listed(holders.map(asText));
  if (place === 'values')
    return listed(expectedValues(edge, held)) === listed(storedValues(edge, values));
  if (place === 'value-counts')
    return held.filter(({ valueFor }) => valueFor(predicateId!) === value).length === count;
  if (held.length === 0) return !isStored;
  return (
    sameAggregate(keptAggregate(row.local, edge.shares), aggregateOf(edge, held)) &&
    sameShared(keptShared(row.shared, edge.shares), shown)
  );
}

function expectedValues(edge: AuditedEdge, held: readonly Holder[]): string[] {
  return orderedOf(edge).flatMap((predicateId) =>
    held.flatMap(({ id, valueFor }) => {
      const value = valueFor(predicateId);
      return typeof value !== 'number' ? [] : [`${predicateId}:${asText([id, value])}`];
    }),
  );
}

function storedValues(edge: AuditedEdge, values: Surroundings['values']): string[] {
  return orderedOf(edge).flatMap((predicateId, at) =>
    values[at]!.map((scored) => `${predicateId}:${asText(scored)}`),
  );
}

/**
 * The rows around the target, and of which records they are. Undefined: new holders come too fast.
 */
async function surroundingsOf(
  { audits }: LookContext,
  { edge, target, partition, holders, predicateId, value }: Spot,
): Promise<{ ids: readonly string[]; around: Surroundings | Unreadable } | undefined> {
  const { edgeId, definition } = edge;
  const at = { partition, edgeId, target, holderType: definition.holder, ordered: orderedOf(edge) };
  const isCounted = predicateId !== undefined && value !== undefined;
  const of = isCounted ? { ...at, counted: { predicateId, value } } : at;
  const ids = new Set(holders);
  for (let read = 1; read <= READS_MAX; read++) {
    const known = [...ids];
    const around = await audits.edges.around(of, known);
    if (around === 'unreadable') return { ids: known, around };
    for (const [id] of [around.holders, ...around.values].flat()) ids.add(id);
    if (ids.size === known.length) return { ids: known, around };
  }
  return undefined;
}

/** The records among some that hold the target, by their own rows. */
function heldIn(
  context: LookContext,
  spot: Spot,
  ids: readonly string[],
  { records, states }: Surroundings,
): Holder[] {
  return ids.flatMap((id, at) => storedHolder(context, spot, id, records[at], states[at]!) ?? []);
}

/** Undefined if the record does not point at the target. */
function storedHolder(
  { types, timeZone }: LookContext,
  { edge, target }: Spot,
  id: string,
  record: RecordRow | undefined,
  { truth }: StateRow,
): Holder | undefined {
  const { edgeId, definition } = edge;
  if (!isLive(record) || !targetsOf(definition, record.data).includes(target)) return undefined;
  if (!hasPredicateId(truth, edgeId)) return undefined;
  const data = filterableData(record, types.get(definition.holder)!, timeZone);
  return holderOf(edge, id, (predicateId) => hasPredicateId(truth, predicateId), data);
}

/** The state that a target shows by its own rows. */
async function sharedOf(
  { audits, partitions, types, timeZone }: LookContext,
  { edge: { definition, down }, target }: Spot,
): Promise<Shared | null | Unreadable> {
  const partition = partitionOf(target, partitions);
  const [held] = await audits.rows.held(partition, definition.target, [target]);
  const { record, state } = held!;
  if (record === 'unreadable' || state === 'unreadable') return 'unreadable';
  if (!isLive(record)) return null;
  const data = filterableData(record, types.get(definition.target)!, timeZone);
  return shownBy(down, (predicateId) => hasPredicateId(state.truth, predicateId), data);
}

/** Part by part, for all of them are hardly ever up to date at once while changes come in. */
async function isRelatedRight(
  { audits, partitions }: LookContext,
  { edge, target, partition }: Spot,
  proven: Set<number>,
): Promise<boolean> {
  const all = Array.from({ length: partitions }, (_, from) => from);
  const read = (from: number) => audits.edges.neighbourRow(from, edge.edgeId, target);
  const rows = await Promise.all(all.map(read));
  const related = await audits.edges.relatedRow(partition, edge.edgeId, target);
  if (related === 'unreadable') return false;
  for (const [from, row] of rows.entries())
    if (readRow(() => isPartRight(edge, row, related[from]), false)) proven.add(from);
  const isMeant = Object.keys(related).every((from) => Number(from) < rows.length);
  return isMeant && proven.size === rows.length;
}

/** Of one value part by part, as above; or how many values there are. */
async function areSourcesRight(
  { audits: { edges }, partitions }: LookContext,
  { target, partition, predicateId = 0, value }: Spot,
  proven: Set<number>,
): Promise<boolean> {
  const all = await edges.valueSources(partition, predicateId);
  const own = all.filter((each) => each.target === target);
  if (value === undefined) {
    const totals = await edges.valueTotals(partition, predicateId);
    return (totals.get(target) ?? 0) === own.length;
  }
  const { sources = [] } = own.find((each) => each.value === value) ?? {};
  const parts = Array.from({ length: partitions }, (_, from) => from);
  const at = { predicateId, target, value };
  const counts = await Promise.all(parts.map((from) => edges.valueCount(from, at)));
  for (const [from, count] of counts.entries())
    if (count > 0 === sources.includes(from)) proven.add(from);
  return sources.every((from) => from < partitions) && proven.size === partitions;
}

function isPartRight(
  edge: AuditedEdge,
  row: NeighbourRow | undefined | Unreadable,
  part: Aggregate | undefined,
): boolean {
  if (row === 'unreadable') return false;
  if (row === undefined || part === undefined) return row === undefined && part === undefined;
  if (!edge.isRead) return true;
  return sameAggregate(keptAggregate(row.local, edge.shares), keptAggregate(part, edge.shares));
}

function asText([id, score]: Scored): string {
  return `${id}=${score}`;
}

function listed(texts: readonly string[]): string {
  return JSON.stringify([...texts].sort());
}

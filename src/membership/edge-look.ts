/**
 * edge-look.ts – Looks at what is kept of one target over one relationship, again and again, until
 * it is seen to be right.
 *
 * Keeps true: what lies in one partition is read at one instant: holders, their values and what
 * they add up to are then exactly what the rows of the records say. What travels between partitions
 * may lag for a moment, so a difference is one that no look has failed to see. Whether those rows
 * are true is compared with the reference by audit-relationships.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { StoredPredicate } from '../catalog/catalog.ts';
import { type EdgeDefinition, targetsOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { partitionOf } from '../change/partition.ts';
import { filterableData, isLive, unpackRecord } from '../change/record.ts';
import { toTrillionths } from '../query/predicate/exact-sum.ts';
import { isUnanswered } from '../redis/failures.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { unpackNeighbour, unpackRelated } from '../redis/rows/neighbour-row.ts';
import { unpackState } from '../redis/rows/state-row.ts';
import { carriedOut } from '../redis/transaction.ts';
import {
  type Aggregate,
  addToAggregate,
  keptAggregate,
  keptShared,
  type NeighbourRow,
  NO_AGGREGATE,
  type RelatedRow,
  type Shared,
  sameAggregate,
  sameShared,
  withExtremes,
} from './neighbour-row.ts';
import { hasPredicateId } from './predicate-ids.ts';

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
   * told.
   */
  readonly isRead: boolean;
}

export type RowPlace = 'holders' | 'values' | 'neighbours' | 'related';

export interface Spot {
  readonly edge: AuditedEdge;
  readonly place: RowPlace;
  readonly target: string;
  /** Where it lies. */
  readonly partition: number;
  /** Records of that partition that were seen to point at the target. */
  readonly holders: readonly string[];
}

export interface LookContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
}

const LOOKS_MAX = 25;
const LOOK_MS = 40;
/** Spots that are looked at together. */
const SPOTS_MAX = 50;
/** How often new holders may come while one look is made. */
const READS_MAX = 5;

/** Those that no look has seen right. */
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
    if (await isRight(context, spot, proven).catch(isReadable)) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/**
 * A row that nobody can read is not right. @throws what Redis has failed with: that says nothing of
 * the row
 */
function isReadable(error: unknown): false {
  if (isUnanswered(error) || (error as Error).name === 'ReplyError') throw error;
  return false;
}

async function isRight(context: LookContext, spot: Spot, proven: Set<number>): Promise<boolean> {
  if (spot.place === 'related') return isRelatedRight(context, spot, proven);
  const here = await readHere(context, spot);
  if (here === undefined) return false;
  if (spot.place === 'holders') return here.holders === here.expected.holders;
  if (spot.place === 'values') return here.values === here.expected.values;
  const { edge } = spot;
  if (!here.isHeld) return !here.isStored;
  const local = keptAggregate(here.row.local, edge.shares);
  const shown = keptShared(here.row.shared, edge.shares);
  return (
    sameAggregate(local, here.expected.local) && sameShared(shown, await sharedOf(context, spot))
  );
}

/**
 * What one partition keeps of the target, and what its records say that it should. Lists as sorted
 * texts.
 */
interface Here {
  readonly holders: string;
  readonly values: string;
  readonly row: NeighbourRow;
  readonly isStored: boolean;
  readonly isHeld: boolean;
  readonly expected: {
    readonly holders: string;
    readonly values: string;
    readonly local: Aggregate;
  };
}

/** Undefined: new holders come faster than they can be read. */
async function readHere(
  context: LookContext,
  { edge, target, partition, holders }: Spot,
): Promise<Here | undefined> {
  const keys = context.keys.partitions[partition]!;
  const ids = new Set(holders);
  for (let read = 1; read <= READS_MAX; read++) {
    const known = [...ids];
    const rows = await readRows(context, keys, edge, target, known);
    for (const id of rows.named) ids.add(id);
    if (ids.size === known.length) return hereOf(context, edge, target, known, rows);
  }
  return undefined;
}

interface Rows {
  readonly holders: readonly string[];
  /** By predicate id of an export that is ordered. */
  readonly values: readonly (readonly [predicateId: number, flat: readonly string[]])[];
  readonly row: string | null;
  readonly records: readonly (string | null)[];
  readonly states: readonly (string | null)[];
  readonly named: readonly string[];
}

async function readRows(
  { redis }: LookContext,
  keys: PartitionKeys,
  edge: AuditedEdge,
  target: string,
  ids: readonly string[],
): Promise<Rows> {
  const { edgeId, definition } = edge;
  const ordered = orderedOf(edge);
  const transaction = redis
    .multi()
    .hget(keys.neighbours(edgeId), target)
    .zrange(keys.holders(edgeId, target), '0', '-1', 'WITHSCORES')
    .hmget(keys.records(definition.holder), '', ...ids)
    .hmget(keys.state(definition.holder), '', ...ids);
  for (const predicateId of ordered)
    transaction.zrange(keys.values(predicateId, target), '0', '-1', 'WITHSCORES');
  const [row, holders, records, states, ...values] = (await carriedOut(transaction)) as [
    string | null,
    string[],
    (string | null)[],
    (string | null)[],
    ...string[][],
  ];
  const named = [holders, ...values].flatMap((flat) => flat.filter((_, at) => at % 2 === 0));
  const byPredicateId = ordered.map((predicateId, at) => [predicateId, values[at]!] as const);
  return {
    row,
    holders,
    records: records.slice(1),
    states: states.slice(1),
    values: byPredicateId,
    named,
  };
}

function hereOf(
  context: LookContext,
  edge: AuditedEdge,
  target: string,
  ids: readonly string[],
  rows: Rows,
): Here {
  const held = ids.flatMap((id, at) =>
    storedHolder(context, edge, target, id, rows.records[at], rows.states[at]),
  );
  const ordered = orderedOf(edge).flatMap((predicateId) =>
    held.flatMap(({ id, numberFor }) => {
      const value = numberFor(predicateId);
      return value === undefined ? [] : [`${predicateId}:${id}=${value}`];
    }),
  );
  const stored = rows.values.flatMap(([predicateId, flat]) =>
    scored(flat).map(([id, value]) => `${predicateId}:${id}=${value}`),
  );
  return {
    holders: listed(scored(rows.holders).map(([id, score]) => `${id}=${score}`)),
    values: listed(stored),
    row: unpackNeighbour(rows.row),
    isStored: rows.row !== null,
    isHeld: held.length > 0,
    expected: {
      holders: listed(held.map(({ id }) => `${id}=0`)),
      values: listed(ordered),
      local: aggregateOf(edge, held),
    },
  };
}

/** A record as one that adds up to something at its targets. */
export interface Holder {
  readonly id: string;
  readonly holds: (predicateId: number) => boolean;
  /** The number that it has for an export that holds of it. */
  readonly numberFor: (predicateId: number) => number | undefined;
}

export function holderOf(
  { up }: AuditedEdge,
  id: string,
  holds: Holder['holds'],
  data: Readonly<Record<string, unknown>>,
): Holder {
  const numberFor = (predicateId: number) => {
    const attribute = up.find(([each]) => each === predicateId)?.[1].shared?.attribute;
    const value = attribute === undefined || !holds(predicateId) ? undefined : data[attribute];
    return typeof value === 'number' ? value : undefined;
  };
  return { id, holds, numberFor };
}

/** As its own rows say; none if it does not point at the target. */
function storedHolder(
  { types, timeZone }: LookContext,
  edge: AuditedEdge,
  target: string,
  id: string,
  packed: string | null | undefined,
  state: string | null | undefined,
): Holder[] {
  const { edgeId, definition } = edge;
  const record = packed ? unpackRecord(packed) : undefined;
  if (!isLive(record) || !targetsOf(definition, record.data).includes(target)) return [];
  const { truth } = unpackState(state);
  if (!hasPredicateId(truth, edgeId)) return [];
  const data = filterableData(record, types.get(definition.holder)!, timeZone);
  return [holderOf(edge, id, (predicateId) => hasPredicateId(truth, predicateId), data)];
}

/** What holders add up to. */
export function aggregateOf({ up }: AuditedEdge, holders: readonly Holder[]): Aggregate {
  let sum = NO_AGGREGATE;
  for (const [predicateId, { shared }] of up) {
    const values = holders
      .filter(({ holds }) => holds(predicateId))
      .map(({ numberFor }) => numberFor(predicateId));
    for (const value of values)
      sum = addToAggregate(
        sum,
        predicateId,
        1,
        value === undefined || shared?.keeps !== 'sum' ? undefined : toTrillionths(value),
      );
    const numbers =
      shared?.keeps === 'extremes'
        ? values.filter((value) => value !== undefined).sort((a, b) => a - b)
        : [];
    if (numbers.length > 0) sum = withExtremes(sum, predicateId, numbers[0], numbers.at(-1));
  }
  return sum;
}

/** What a target shows, as its own rows say. */
async function sharedOf(
  { redis, keys, types, timeZone }: LookContext,
  { edge: { definition, down }, target }: Spot,
): Promise<Shared | null> {
  const own = keys.partitions[partitionOf(target, keys.partitions.length)]!;
  const read = redis
    .multi()
    .hget(own.records(definition.target), target)
    .hget(own.state(definition.target), target);
  const [packed, state] = (await carriedOut(read)) as (string | null)[];
  const record = packed ? unpackRecord(packed) : undefined;
  if (!isLive(record)) return null;
  const { truth } = unpackState(state);
  const data = filterableData(record, types.get(definition.target)!, timeZone);
  return shownBy(down, (predicateId) => hasPredicateId(truth, predicateId), data);
}

/** What a live record shows to its holders. */
export function shownBy(
  down: AuditedEdge['down'],
  holds: (predicateId: number) => boolean,
  data: Readonly<Record<string, unknown>>,
): Shared {
  const held = down.filter(([predicateId]) => holds(predicateId));
  const values = held.flatMap(([predicateId, { shared }]) => {
    const value = shared?.attribute === undefined ? undefined : data[shared.attribute];
    return typeof value === 'number' ? [[predicateId, value] as const] : [];
  });
  return { truth: held.map(([predicateId]) => predicateId), values: Object.fromEntries(values) };
}

/** Part by part, for all of them are hardly ever up to date at once while changes come in. */
async function isRelatedRight(
  context: LookContext,
  spot: Spot,
  proven: Set<number>,
): Promise<boolean> {
  const { redis, keys } = context;
  const { edge, target, partition } = spot;
  const rows = await Promise.all(
    keys.partitions.map((own) => redis.hget(own.neighbours(edge.edgeId), target)),
  );
  const related: RelatedRow = unpackRelated(
    await redis.hget(keys.partitions[partition]!.related(edge.edgeId), target),
  );
  for (const [from, packed] of rows.entries())
    if (isPartRight(edge, packed, related[from])) proven.add(from);
  const isMeant = Object.keys(related).every((from) => Number(from) < rows.length);
  return isMeant && proven.size === rows.length;
}

function isPartRight(
  edge: AuditedEdge,
  packed: string | null,
  part: Aggregate | undefined,
): boolean {
  if (packed === null || part === undefined) return packed === null && part === undefined;
  if (!edge.isRead) return true;
  const { local } = unpackNeighbour(packed);
  return sameAggregate(keptAggregate(local, edge.shares), keptAggregate(part, edge.shares));
}

function orderedOf({ up }: AuditedEdge): number[] {
  return up
    .filter(([, { shared }]) => shared?.keeps === 'extremes')
    .map(([predicateId]) => predicateId);
}

/** Members and scores alternate; scores are printed so that they read back as they were. */
export function scored(flat: readonly string[]): [id: string, value: number][] {
  const members: [string, number][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) members.push([flat[at]!, Number(flat[at + 1])]);
  return members;
}

function listed(texts: readonly string[]): string {
  return JSON.stringify([...texts].sort());
}

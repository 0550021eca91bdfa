/**
 * step-rows.ts – Loads all rows that one step may look at: records, and what lies at both ends of
 * their edges.
 *
 * Keeps true: for every record that a batch touches, the rows of the targets that it points at
 * before and after each of its changes are there; what is not there does not exist. Two round trips
 * at most: the keys of records lead to the rest.
 */
import type { Redis } from 'ioredis';
import { targetsOf } from '../change/edge.ts';
import type { RecordData } from '../change/record.ts';
import { NOT_RELATED, UNKNOWN_NEIGHBOUR } from '../membership/neighbour-row.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import { unpackNeighbour, unpackRelated } from '../redis/rows/neighbour-row.ts';
import type { Batch } from './batch.ts';
import { touchedRecords } from './batch.ts';
import type { Edge } from './edges.ts';
import type { Networks } from './networks.ts';
import { NO_RESYNC } from './resyncs.ts';
import type { HeavyRows, RowCache } from './row-cache.ts';
import type { Row, StepContext } from './step.ts';
import { type Extremes, NO_EXTREMES } from './step-neighbours.ts';

type Asked = [redis: Redis, keys: PartitionKeys, cache: RowCache, networks: Networks, batch: Batch];

export type StepRows = Pick<StepContext, 'row' | 'neighbour' | 'related' | 'extremes'>;

/**
 * Or what the records weigh, if they are heavier than `bytesMax` together.
 * Caller: holds the lease; `networks` do not change until the step is done, else the rows are
 * loaded again.
 */
export async function loadStepRows(...asked: Asked): Promise<StepRows>;
export async function loadStepRows(
  ...asked: [...Asked, bytesMax: number | undefined]
): Promise<StepRows | HeavyRows>;
export async function loadStepRows(
  redis: Redis,
  keys: PartitionKeys,
  cache: RowCache,
  networks: Networks,
  batch: Batch,
  bytesMax?: number,
): Promise<StepRows | HeavyRows> {
  const touched = touchedRecords(batch);
  for (const { messages } of batch.inbox ?? []) {
    for (const message of messages) {
      if (message.kind !== 'holder-aggregate') continue;
      const edge = networks.edges.get(message.edge);
      if (edge) touch(touched, edge.definition.target, message.target);
    }
  }
  for (const { edgeId, targets } of targetsOfOurs(batch)) {
    const edge = networks.edges.get(edgeId);
    if (edge) for (const target of targets) touch(touched, edge.definition.target, target);
  }
  for (const { edgeId, ids } of batch.fanouts ?? []) {
    const edge = networks.edges.get(edgeId);
    if (edge) for (const id of ids) touch(touched, edge.definition.holder, id);
  }
  const loaded = await cache.load(redis, keys, touched, bytesMax);
  if ('weigh' in loaded) return loaded;
  const { row } = loaded;
  if (networks.edges.size === 0)
    return {
      row,
      neighbour: () => UNKNOWN_NEIGHBOUR,
      related: () => NOT_RELATED,
      extremes: () => NO_EXTREMES,
    };
  const ends = endsOf(networks, batch, touched, row);
  const [neighbours, related, extremes] = await Promise.all([
    cache.loadEdgeRows(
      ends.neighbours,
      (edgeId) => keys.neighbours(edgeId),
      redis,
      unpackNeighbour,
    ),
    cache.loadEdgeRows(ends.related, (edgeId) => keys.related(edgeId), redis, unpackRelated),
    loadExtremes(redis, keys, ends.extremes),
  ]);
  return {
    row,
    neighbour: (edgeId, target) => neighbours.get(`${edgeId} ${target}`) ?? UNKNOWN_NEIGHBOUR,
    related: (edgeId, target) => related.get(`${edgeId} ${target}`) ?? NOT_RELATED,
    extremes: (predicateId, target) => extremes.get(`${predicateId} ${target}`) ?? NO_EXTREMES,
  };
}

function touch(touched: Map<string, Set<string>>, objectType: string, id: string): void {
  const ids = touched.get(objectType);
  if (ids) ids.add(id);
  else touched.set(objectType, new Set([id]));
}

/**
 * By edge id, the targets whose rows are looked at; for extremes how many holders of each may
 * change.
 */
interface Ends {
  readonly neighbours: Map<number, Set<string>>;
  readonly related: Map<number, Set<string>>;
  readonly extremes: Map<
    string,
    { readonly predicateId: number; readonly target: string; touched: number }
  >;
}

function endsOf(
  networks: Networks,
  batch: Batch,
  touched: ReadonlyMap<string, ReadonlySet<string>>,
  row: (objectType: string, id: string) => Row,
): Ends {
  const ends: Ends = { neighbours: new Map(), related: new Map(), extremes: new Map() };
  const changed = changedData(batch);
  for (const [objectType, ids] of touched) {
    const known = networks.types.get(objectType);
    if (!known || known.out.length + known.in.length === 0) continue;
    for (const id of ids) {
      for (const edge of known.in) add(ends.related, edge.edgeId, id);
      const datas = [row(objectType, id).record?.data, ...(changed.get(objectType)?.get(id) ?? [])];
      for (const edge of known.out) addTargets(ends, edge, datas);
    }
  }
  for (const { messages } of batch.inbox ?? []) {
    for (const message of messages) {
      if (message.kind === 'target-state') add(ends.neighbours, message.edge, message.target);
      if (message.kind === 'holder-aggregate') add(ends.related, message.edge, message.target);
    }
  }
  for (const { edgeId, targets } of targetsOfOurs(batch))
    for (const target of targets) add(ends.related, edgeId, target);
  for (const { direction, edgeId, targets } of batch.resync?.resends ?? []) {
    if (direction === 'up') for (const target of targets) add(ends.neighbours, edgeId, target);
  }
  return ends;
}

/** Targets in this partition that a resynchronization looks at. */
function targetsOfOurs({
  resync = NO_RESYNC,
}: Batch): { edgeId: number; targets: readonly string[] }[] {
  return [...resync.resends.filter(({ direction }) => direction === 'down'), ...resync.sweeps];
}

function addTargets(ends: Ends, edge: Edge, datas: readonly (RecordData | undefined)[]): void {
  const targets = new Set(datas.flatMap((data) => (data ? targetsOf(edge.definition, data) : [])));
  for (const target of targets) {
    add(ends.neighbours, edge.edgeId, target);
    for (const { predicateId, keeps } of edge.up) {
      if (keeps !== 'extremes') continue;
      const key = `${predicateId} ${target}`;
      const known = ends.extremes.get(key);
      if (known) known.touched++;
      else ends.extremes.set(key, { predicateId, target, touched: 1 });
    }
  }
}

/** The values that the batch's changes bring, by record. */
function changedData({ entries }: Batch): Map<string, Map<string, RecordData[]>> {
  const changed = new Map<string, Map<string, RecordData[]>>();
  for (const { changes } of entries) {
    for (const { object_type: objectType, id, data } of changes) {
      if (!data) continue;
      let ofType = changed.get(objectType);
      if (!ofType) changed.set(objectType, (ofType = new Map()));
      const datas = ofType.get(id);
      if (datas) datas.push(data);
      else ofType.set(id, [data]);
    }
  }
  return changed;
}

function add(ends: Map<number, Set<string>>, edgeId: number, target: string): void {
  const targets = ends.get(edgeId);
  if (targets) targets.add(target);
  else ends.set(edgeId, new Set([target]));
}

/**
 * One more than may be touched at each end: the lowest that is not touched is among them, or there
 * is none.
 */
async function loadExtremes(
  redis: Redis,
  keys: PartitionKeys,
  asked: Ends['extremes'],
): Promise<Map<string, Extremes>> {
  const found = new Map<string, Extremes>();
  await Promise.all(
    [...asked].map(async ([key, { predicateId, target, touched }]) => {
      const name = keys.values(predicateId, target);
      const [lowest, highest] = await Promise.all([
        redis.zrange(name, '0', String(touched), 'WITHSCORES'),
        redis.zrevrange(name, '0', String(touched), 'WITHSCORES'),
      ]);
      found.set(key, { lowest: scored(lowest), highest: scored(highest) });
    }),
  );
  return found;
}

/** Members and scores alternate; scores are printed so that they read back as they were. */
function scored(flat: readonly string[]): [id: string, value: number][] {
  const members: [string, number][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) members.push([flat[i]!, Number(flat[i + 1])]);
  return members;
}

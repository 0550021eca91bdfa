/**
 * step-rows.ts – Loads all rows that one step may look at: records, and what lies at both ends of
 * their edges.
 *
 * Keeps true: for every record that a batch touches, the rows of the targets that it points at
 * before and after each of its changes are there. Reading a row that was not loaded is a bug, never
 * "there is none". Two round trips at most: the keys of records lead to the rest.
 */
import { targetsOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import type { RecordData } from '../change/record.ts';
import { fitValue } from '../change/value.ts';
import { unreachable } from '../errors.ts';
import { carriedValue } from '../membership/value-key.ts';
import { addTo, pushTo } from '../multimap.ts';
import { type Batch, type RecordKey, touch, touchedRecords } from './batch.ts';
import type { Edge, EdgesById } from './edges.ts';
import type { Message } from './message.ts';
import type { Networks } from './networks.ts';
import { type Asking, type ExtremesOf, notLoaded } from './requests.ts';
import { NO_RESYNC, type Resend } from './resyncs.ts';
import type { HeavyRows, Loading, RowCache } from './row-cache.ts';
import type { Row, StepContext } from './step.ts';
import { AskedValues, NOT_LOADED } from './value-rows.ts';

export type StepRows = Pick<StepContext, 'row' | 'neighbour' | 'related' | 'extremes' | 'values'>;

const WITHOUT_EDGES: Omit<StepRows, 'row'> = {
  neighbour: (edgeId, target) => notLoaded('the neighbour row', edgeId, target),
  related: (edgeId, target) => notLoaded('the related row', edgeId, target),
  extremes: (predicateId, target) => notLoaded('the extremes', predicateId, target),
  values: NOT_LOADED,
};

/**
 * Or what the records weigh, if they are heavier than `loading.bytesMax` together.
 * Caller: holds the lease; `networks` do not change until the step is done, else the rows are
 * loaded again.
 */
export function* loadStepRows(
  cache: RowCache,
  networks: Networks,
  timeZone: string,
  batch: Batch,
  loading: Loading = {},
): Asking<StepRows | HeavyRows> {
  const { edges } = networks;
  const touched = touchedRecords(batch);
  touchNeighbours(touched, batch, edges);
  const loaded = yield* cache.load(touched, loading);
  if ('weigh' in loaded) return loaded;
  const { row } = loaded;
  // While rows were read the catalog may have got its first edges: then all is loaded again.
  if (edges.size === 0) return { row, ...WITHOUT_EDGES };
  const ends = endsOf(networks, timeZone, batch, touched, row);
  const { neighbours, related, extremes, values } = ends;
  const rows = yield* cache.loadEdgeRows(neighbours, related, [...extremes.values()], values);
  return { row, ...rows };
}

/** Records that are looked at because of what lies at the other end of an edge. */
function touchNeighbours(touched: Map<string, Set<string>>, batch: Batch, edges: EdgesById): void {
  for (const { messages } of batch.inbox ?? []) {
    for (const message of messages) {
      const record = recordOfMessage(message, edges);
      if (record) touch(touched, record.objectType, record.id);
    }
  }
  for (const { edgeId, targets } of targetsOfOurs(batch)) {
    const edge = edges.get(edgeId);
    if (edge) for (const target of targets) touch(touched, edge.definition.target, target);
  }
  for (const { edgeId, ids } of [...(batch.few ?? []), ...(batch.fanouts ?? [])]) {
    const edge = edges.get(edgeId);
    if (edge) for (const id of ids) touch(touched, edge.definition.holder, id);
  }
}

/** The record that a message makes a step look at; undefined: none, or its edge was given up. */
export function recordOfMessage(message: Message, edges: EdgesById): RecordKey | undefined {
  switch (message.kind) {
    case 'holder-aggregate':
    case 'holder-values': {
      const edge = edges.get(message.edge);
      return edge && { objectType: edge.definition.target, id: message.target };
    }
    // its holders are visited by a fan-out, later
    case 'target-state':
    case 'snapshot-begin':
    case 'snapshot-end':
      return undefined;
    default:
      return unreachable(message);
  }
}

/**
 * By edge id, the targets whose rows are looked at. For extremes also how many holders of each may
 * change, and one more: the lowest that is not touched is among so many, or there is none.
 */
interface Ends {
  readonly neighbours: Map<number, Set<string>>;
  readonly related: Map<number, Set<string>>;
  readonly extremes: Map<string, ExtremesOf & { most: number }>;
  readonly values: AskedValues;
}

function endsOf(
  networks: Networks,
  timeZone: string,
  batch: Batch,
  touched: ReadonlyMap<string, ReadonlySet<string>>,
  row: (objectType: string, id: string) => Row,
): Ends {
  const ends: Ends = {
    neighbours: new Map(),
    related: new Map(),
    extremes: new Map(),
    values: new AskedValues(),
  };
  const changed = changedData(batch);
  for (const [objectType, ids] of touched) {
    const known = networks.types.get(objectType);
    if (!known || known.out.length + known.in.length === 0) continue;
    for (const id of ids) {
      for (const edge of known.in) {
        addTo(ends.related, edge.edgeId, id);
        for (const predicateId of edge.valuesUp) ends.values.total(predicateId, id);
      }
      const datas = [row(objectType, id).record?.data, ...(changed.get(objectType)?.get(id) ?? [])];
      for (const edge of known.out) {
        addTargets(ends, edge, datas);
        if (edge.valuesUp.size > 0) addValues(ends.values, edge, known.type, timeZone, datas);
      }
    }
  }
  for (const { messages } of batch.inbox ?? [])
    for (const message of messages) addEndsOfMessage(ends, message);
  for (const { edgeId, targets } of targetsOfOurs(batch))
    for (const target of targets) addTo(ends.related, edgeId, target);
  for (const resend of batch.resync?.resends ?? []) addEndsOfResend(ends, resend);
  for (const sweep of batch.resync?.sweeps ?? []) {
    if (!('values' in sweep)) continue;
    const { predicateId, values } = sweep;
    for (const value of values) ends.values.sources({ predicateId, ...value });
  }
  return ends;
}

function addEndsOfResend(ends: Ends, resend: Resend): void {
  const { direction, edgeId } = resend;
  switch (direction) {
    case 'up':
      for (const target of resend.targets) addTo(ends.neighbours, edgeId, target);
      break;
    case 'values': {
      const { predicateId, values } = resend;
      for (const value of values) ends.values.count({ predicateId, ...value });
      break;
    }
    case 'down':
      break;
    default:
      unreachable(direction);
  }
}

function addEndsOfMessage(ends: Ends, message: Message): void {
  switch (message.kind) {
    case 'target-state':
      addTo(ends.neighbours, message.edge, message.target);
      break;
    case 'holder-aggregate':
      addTo(ends.related, message.edge, message.target);
      break;
    case 'holder-values': {
      const { predicateId, target, held, gone } = message;
      for (const value of [...held, ...gone]) ends.values.sources({ predicateId, target, value });
      break;
    }
    case 'snapshot-begin':
    case 'snapshot-end':
      break;
    default:
      unreachable(message);
  }
}

/** Targets in this partition that a resynchronization looks at. */
function targetsOfOurs({
  resync = NO_RESYNC,
}: Batch): { edgeId: number; targets: readonly string[] }[] {
  const sent = resync.resends.flatMap((resend) => (resend.direction === 'down' ? [resend] : []));
  const swept = resync.sweeps.map((sweep) =>
    'values' in sweep
      ? { edgeId: sweep.edgeId, targets: sweep.values.map(({ target }) => target) }
      : sweep,
  );
  return [...sent, ...swept];
}

/** The values of a holder that are counted at its targets, before and after each change. */
function addValues(
  values: AskedValues,
  edge: Edge,
  type: ObjectType,
  timeZone: string,
  datas: readonly (RecordData | undefined)[],
): void {
  const targets = new Set(datas.flatMap((data) => (data ? targetsOf(edge.definition, data) : [])));
  for (const { predicateId, attribute, keeps } of edge.up) {
    const declared = attribute === undefined ? undefined : type.attributes.get(attribute);
    if (keeps !== 'values' || !declared) continue;
    for (const data of datas) {
      const fitted = fitValue(declared, data?.[attribute!], timeZone);
      const value = carriedValue(keeps, fitted);
      if (value === undefined) continue;
      for (const target of targets) values.count({ predicateId, target, value: String(value) });
    }
  }
}

function addTargets(ends: Ends, edge: Edge, datas: readonly (RecordData | undefined)[]): void {
  const targets = new Set(datas.flatMap((data) => (data ? targetsOf(edge.definition, data) : [])));
  for (const target of targets) {
    addTo(ends.neighbours, edge.edgeId, target);
    for (const { predicateId, keeps } of edge.up) {
      if (keeps !== 'extremes') continue;
      const key = `${predicateId} ${target}`;
      const known = ends.extremes.get(key);
      if (known) known.most++;
      else ends.extremes.set(key, { predicateId, target, most: 2 });
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
      pushTo(ofType, id, data);
    }
  }
  return changed;
}

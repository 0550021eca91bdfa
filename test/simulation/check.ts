/**
 * check.ts – What has to be true of a deployment that is quiet.
 *
 * Keeps true: members are compared with the reference, which shares nothing with the engine; rows
 * with what is recomputed from nothing; what differs is told in one line.
 */
import type { StoredPredicate, StoredSegment } from '../../src/catalog/catalog.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import { unpackRecord } from '../../src/change/record.ts';
import type { Edge } from '../../src/engine/edges.ts';
import { Networks } from '../../src/engine/networks.ts';
import type { Aggregate, Shared } from '../../src/membership/neighbour-row.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { readRecordMember, recordMember } from '../../src/redis/keys.ts';
import { unpackNeighbour, unpackRelated } from '../../src/redis/rows/neighbour-row.ts';
import { unpackState } from '../../src/redis/rows/state-row.ts';
import { CheckFailure, type CheckName } from './check-failure.ts';
import type { Cluster, Meaning } from './cluster.ts';
import { fitting, type Model, text } from './model.ts';
import { Recomputed } from './recomputed.ts';

/** @throws what differs first. */
export function check(cluster: Cluster): void {
  checkRecords(cluster);
  checkSegments(cluster);
  checkCounts(cluster);
  const networks = new Networks(cluster.catalog.catalog);
  const recomputed = new Recomputed(
    cluster.model,
    networks,
    cluster.keys.partitions.length,
    cluster.nowMs,
  );
  checkTruths(cluster, networks, recomputed);
  checkTimers(cluster, recomputed);
  for (const edge of networks.edges.values()) checkEdge(cluster, edge, recomputed);
  checkGivenUp(cluster, networks);
  checkFailed(cluster);
}

/** Each change was applied, once, in its order. */
function checkRecords({ store, keys, model, catalog }: Cluster): void {
  // A put of the same values under another type writes down that they fit it, or do not: a revision
  // that the model does not count.
  const isRetyped = [...catalog.catalog.objectTypes.values()].some(({ revision }) => revision > 1);
  const counted = (version: number) => (isRetyped ? 0 : version);
  const expected = new Map(
    [...model.records].map(([key, { data, isArchived, version }]) => [
      key,
      `${counted(version)} ${isArchived} ${text(data)}`,
    ]),
  );
  const stored = new Map<string, string>();
  for (const partition of keys.partitions) {
    for (const name of catalog.catalog.objectTypes.keys()) {
      for (const [id, packed] of store.hash(partition.records(name))) {
        const { version, archivedAt, data } = unpackRecord(packed);
        stored.set(
          `${name}:${id}`,
          `${counted(version)} ${archivedAt !== undefined} ${text(data)}`,
        );
      }
    }
  }
  same('records', stored, expected);
}

function checkSegments(cluster: Cluster): void {
  for (const segment of cluster.catalog.catalog.segments.values()) {
    const { slug, predicateId, pending } = segment;
    if (predicateId === null || pending !== null)
      throw new CheckFailure('rest', `segment=${slug} is still being built`);
    if (cluster.failed().has(predicateId)) continue; // it says so, and gives no members
    checkSegment(cluster, segment);
  }
}

/** Until what a segment means now is built, it is answered for as it was declared before. */
export function checkOutgoing(cluster: Cluster): void {
  for (const { slug, predicateId, pending } of cluster.catalog.catalog.segments.values()) {
    const isAnswering =
      predicateId !== null && pending !== null && !cluster.failed().has(predicateId);
    const meaning = !isAnswering ? undefined : cluster.meanings.get(predicateId);
    if (meaning) compareMembers(cluster, slug, predicateId!, meaning);
  }
}

/**
 * @throws what the set behind a segment has more or less than the reference. Caller: it is not
 * being built.
 */
export function checkSegment(cluster: Cluster, segment: StoredSegment): void {
  const { slug, predicateId, json_logic: rule, object_type: objectType } = segment;
  compareMembers(cluster, slug, predicateId!, {
    objectType,
    rule,
    types: cluster.catalog.catalog.objectTypes,
  });
}

function compareMembers(
  { store, keys, model, nowMs }: Cluster,
  slug: string,
  predicateId: number,
  meaning: Meaning,
): void {
  const engine = new Set(
    keys.partitions.flatMap((partition) => [...store.set(partition.segment(predicateId))]),
  );
  const reference = membersOf(meaning, model, nowMs);
  const engineOnly = [...engine].filter((id) => !reference.has(id)).sort();
  const referenceOnly = [...reference].filter((id) => !engine.has(id)).sort();
  if (engineOnly.length + referenceOnly.length === 0) return;
  const differing = `segment=${slug} engine-only=[${engineOnly}] reference-only=[${referenceOnly}]`;
  throw new CheckFailure('members', `${differing} of ${JSON.stringify(meaning.rule)}`);
}

/** The records of which json-logic-js says that the segment's rule holds. */
export function referenceMembers(
  { model, catalog, nowMs }: Cluster,
  segment: StoredSegment,
): Set<string> {
  const { object_type: objectType, json_logic: rule } = segment;
  return membersOf({ objectType, rule, types: catalog.catalog.objectTypes }, model, nowMs);
}

function membersOf({ objectType, rule, types }: Meaning, model: Model, nowMs: number): Set<string> {
  const fitted = (type: ObjectType) =>
    model.live(type.name).map(({ id, data }) => ({ id, data: fitting(data, type) }));
  const live = new Map([...types].map(([name, type]) => [name, fitted(type)]));
  const graph = { types, records: (typeName: string) => live.get(typeName)! };
  const members = live
    .get(objectType)!
    .filter((record) => holds(rule, document(objectType, record, graph), nowMs));
  return new Set(members.map(({ id }) => id));
}

/**
 * Every predicate id of the catalog that has not failed is answered for, and no other; counts are
 * the sizes of the sets.
 */
function checkCounts({ store, keys, catalog }: Cluster): void {
  const { predicateIds } = catalog.catalog;
  keys.partitions.forEach((partition, at) => {
    const answering = [...predicateIds].filter(([, { status }]) => status !== 'failed');
    const expected = answering.map(
      ([predicateId]) =>
        [String(predicateId), store.set(partition.segment(predicateId)).size] as const,
    );
    same(`counts of partition ${at}`, store.hash(partition.counts), new Map(expected));
  });
}

/**
 * What has failed is failed in the catalog, with all that reads it, and nothing is left of it; what
 * has not failed could be told of every record, as far as it reads the record alone.
 */
function checkFailed({ store, keys, model, catalog: { catalog }, isTooCostly }: Cluster): void {
  for (const [predicateId, { status, reads = [] }] of catalog.predicateIds) {
    const failing = reads.find((read) => catalog.predicateIds.get(read)!.status === 'failed');
    if (failing !== undefined && status !== 'failed')
      throw new Error(`${predicateId} reads ${failing}, which has failed`);
  }
  for (const partition of keys.partitions) {
    const left = [...store.hash(partition.meta).keys()].filter((field) =>
      field.startsWith('failed:'),
    );
    if (left.length > 0) throw new Error(`${partition.base} still says ${left}`);
  }
  const hasProgram = ({ status, predicate }: StoredPredicate) =>
    status !== 'failed' && JSON.stringify(predicate).includes('"kind":"program"');
  for (const [predicateId, stored] of catalog.predicateIds) {
    const type = catalog.objectTypes.get(stored.object_type);
    if (!type || !hasProgram(stored)) continue;
    const costly = model.live(type.name).find(({ data }) => isTooCostly(fitting(data, type)));
    if (costly) throw new Error(`predicate id ${predicateId} should have failed at ${costly.id}`);
  }
}

function checkTruths(
  { store, keys, model, catalog }: Cluster,
  networks: Networks,
  recomputed: Recomputed,
): void {
  const expected = new Map(
    [...model.records].map(([key, record]) => [key, `${recomputed.truthOf(record)}`]),
  );
  const stored = new Map([...model.records.keys()].map((key) => [key, '']));
  for (const partition of keys.partitions) {
    for (const name of catalog.catalog.objectTypes.keys()) {
      for (const [id, packed] of store.hash(partition.state(name)))
        stored.set(
          `${name}:${id}`,
          `${[...unpackState(packed).truth].filter((predicateId) => networks.has(predicateId))}`,
        );
    }
  }
  same('truths', stored, expected);
}

/**
 * Each record is due once, as its state row says, and never later than the clock alone flips one of
 * its predicates: earlier, if the predicate that it was due for was given up since.
 */
function checkTimers(cluster: Cluster, recomputed: Recomputed): void {
  const { store, keys, model, catalog, nowMs } = cluster;
  const stored = new Map<string, number>();
  for (const partition of keys.partitions) {
    const due = new Map<string, number>();
    for (const name of catalog.catalog.objectTypes.keys()) {
      for (const [id, packed] of store.hash(partition.state(name))) {
        const { due: dueMs } = unpackState(packed);
        if (dueMs !== undefined) due.set(recordMember(name, id), dueMs);
      }
    }
    same('due', store.sorted(partition.due), due);
    for (const [member, dueMs] of due) stored.set(member, dueMs);
  }
  for (const [key, record] of model.records)
    checkTimer(key, stored.get(key), recomputed.dueOf(record), nowMs);
  const networks = new Networks(catalog.catalog);
  for (const [key, dueMs] of stored) {
    const { objectType } = readRecordMember(key);
    if (!networks.types.get(objectType)?.network.hasTimers)
      throw new CheckFailure(
        'due',
        `${key} is due at ${dueMs}, and nothing of its type moves with time`,
      );
    if (model.records.get(key)?.isArchived !== false)
      throw new CheckFailure('due', `${key} is due at ${dueMs}, and is not live`);
  }
}

function checkTimer(
  key: string,
  dueMs: number | undefined,
  flipMs: number | undefined,
  nowMs: number,
): void {
  if (dueMs !== undefined && dueMs <= nowMs)
    throw new CheckFailure('due', `${key} is due since ${dueMs}, it is ${nowMs}`);
  if (flipMs !== undefined && !(dueMs! <= flipMs))
    throw new CheckFailure(
      'due',
      `${key} is due at ${dueMs}, the clock flips something of it at ${flipMs}`,
    );
}

/** Nothing is left of relationships, and of values over them, that the catalog has given up. */
function checkGivenUp({ store, keys }: Cluster, { edges }: Networks): void {
  const valued = new Set(
    [...edges.values()].flatMap(({ up }) => up.map(({ predicateId }) => predicateId)),
  );
  const isKept = (kind: string, predicateId: number) =>
    kind === 'values'
      ? valued.has(predicateId)
      : edges.has(predicateId) || (kind === 'sets' && valued.has(predicateId));
  for (const partition of keys.partitions) {
    const named = store.keysOf(partition).map((key) => key.slice(partition.base.length));
    for (const name of [...named, ...store.hash(partition.meta).keys()]) {
      const [, kind, predicateId] =
        /^(holders|values|neighbours|related|sets):(\d+)/.exec(name) ?? [];
      if (kind !== undefined && !isKept(kind, Number(predicateId)))
        throw new CheckFailure(
          'given up',
          `${partition.base}${name} is of a relationship that was given up`,
        );
    }
  }
}

/**
 * Both ends of an edge: what partitions of holders know of its targets, and what the targets'
 * partitions know of holders.
 */
function checkEdge(cluster: Cluster, edge: Edge, recomputed: Recomputed): void {
  const { keys, store } = cluster;
  const { edgeId, definition } = edge;
  const related = new Map<string, string>();
  keys.partitions.forEach((partition, at) => {
    const here = `${definition.name} in partition ${at}`;
    const rows = new Map<string, string>();
    for (const [target, holders] of recomputed.holders(edge, at)) {
      const ids = holders.map(({ id }) => id).sort();
      same(
        `holders of ${target} over ${here}`,
        store.sorted(partition.holders(edgeId, target)),
        new Map(ids.map((id) => [id, 0])),
      );
      const local = recomputed.aggregate(edge, holders);
      rows.set(target, `${written(local, edge)} ${shown(recomputed.shared(edge, target), edge)}`);
      related.set(
        `${target} from ${at}`,
        edge.inReads.length > 0 ? written(local, edge) : 'subscribed',
      );
    }
    const stored = [...store.hash(partition.neighbours(edgeId))].map(
      ([target, packed]): [string, string] => {
        const { local, shared } = unpackNeighbour(packed);
        return [target, `${written(local, edge)} ${shown(shared, edge)}`];
      },
    );
    same(`neighbours over ${here}`, new Map(stored), rows);
  });
  same(`related over ${definition.name}`, relatedRows(cluster, edge), related);
}

function relatedRows({ keys, store }: Cluster, edge: Edge): Map<string, string> {
  const rows = new Map<string, string>();
  for (const partition of keys.partitions) {
    for (const [target, packed] of store.hash(partition.related(edge.edgeId))) {
      for (const [from, aggregate] of Object.entries(unpackRelated(packed)))
        rows.set(
          `${target} from ${from}`,
          edge.inReads.length > 0 ? written(aggregate, edge) : 'subscribed',
        );
    }
  }
  return rows;
}

/** Aggregates as texts, of the predicates that are still exported. */
function written(aggregate: Aggregate, { up }: Edge): string {
  const { counts, sums, lows, highs } = aggregate;
  const parts = up.map(({ predicateId }) => [
    predicateId,
    counts[predicateId],
    sums[predicateId],
    lows[predicateId],
    highs[predicateId],
  ]);
  return JSON.stringify(parts);
}

/** What a target shows, of the predicates that are still exported. */
function shown(shared: Shared | null | undefined, { down }: Edge): string {
  if (!shared) return String(shared);
  const held = down.filter(({ predicateId }) => shared.truth.includes(predicateId));
  return JSON.stringify(held.map(({ predicateId }) => [predicateId, shared.values[predicateId]]));
}

/** `what` begins with the name of the check. */
function same(
  what: `${CheckName}${'' | ` ${string}`}`,
  engine: ReadonlyMap<string, unknown>,
  reference: ReadonlyMap<string, unknown>,
): void {
  for (const key of new Set([...engine.keys(), ...reference.keys()])) {
    if (String(engine.get(key)) !== String(reference.get(key)))
      throw new CheckFailure(
        what.split(' ', 1)[0] as CheckName,
        `${what}: ${key} engine=${engine.get(key)} recomputed=${reference.get(key)}`,
      );
  }
}

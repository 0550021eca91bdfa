/**
 * check.ts – What has to be true of a deployment that is quiet.
 *
 * Keeps true: members are compared with the reference, which shares nothing with the engine; rows
 * with what is recomputed from nothing; what differs is told in one line.
 */
import type { StoredPredicate, StoredSegment } from '../../src/catalog/catalog.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import { exists } from '../../src/change/record.ts';
import type { Edge, Share } from '../../src/engine/edges.ts';
import { Networks } from '../../src/engine/networks.ts';
import type { Looks } from '../../src/membership/looks.ts';
import type {
  Aggregate,
  NeighbourRow,
  RelatedRow,
  Shared,
} from '../../src/membership/neighbour-row.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { document } from '../../src/query/json-logic/reference-document.ts';
import { CheckFailure, type CheckName } from './check-failure.ts';
import type { Cluster, Meaning } from './cluster.ts';
import { fitting, type Model, text } from './model.ts';
import { Recomputed } from './recomputed.ts';

/** @throws what differs first. */
export function check(cluster: Cluster): void {
  checkRecords(cluster);
  checkTombstones(cluster);
  checkDeadLetters(cluster);
  checkSegments(cluster);
  checkCounts(cluster);
  checkFeed(cluster);
  const networks = new Networks(cluster.catalog.catalog);
  const recomputed = new Recomputed(cluster.model, networks, cluster.stores.length, cluster.nowMs);
  checkTruths(cluster, networks, recomputed);
  checkTimers(cluster, recomputed);
  for (const edge of networks.edges.values()) checkEdge(cluster, edge, recomputed);
  checkGivenUp(cluster, networks);
  checkFailed(cluster);
}

/** Who goes by the feed of a partition has the members that it holds, of every segment. */
function checkFeed(cluster: Cluster): void {
  const { segments } = cluster.catalog.catalog;
  const failed = cluster.failed();
  for (const [at, { content }] of cluster.stores.entries()) {
    const here = `in partition ${at}`;
    if (content.feedRuns.size > 0) throw new CheckFailure('rest', `a run goes on ${here}`);
    const present = new Set([...segments.values()].map(({ feedId }) => feedId));
    const stale = [...content.told.keys()].filter((feedId) => !present.has(feedId));
    if (stale.length > 0)
      throw new CheckFailure('feed', `${stale} are not told to be gone ${here}`);
    for (const { slug, feedId, predicateId } of segments.values()) {
      if (failed.has(predicateId!)) continue;
      const members = [...(content.members.get(predicateId!) ?? [])].sort();
      const told = [...(content.told.get(feedId) ?? ['(nothing)'])].sort();
      if (`${told}` !== `${members}`)
        throw new CheckFailure(
          'feed',
          `segment=${slug} ${here} told=[${told}] members=[${members}]`,
        );
    }
  }
}

/** A reader that keeps counts from look to look has those that are stored, and what has failed. */
export async function checkLooks(cluster: Cluster, step: number): Promise<void> {
  for (const { looks, everySteps } of cluster.readers)
    if (step % everySteps === 0) await checkReader(cluster, looks);
}

async function checkReader({ stores, catalog }: Cluster, looks: Looks): Promise<void> {
  const counted = [...catalog.catalog.predicateIds.keys()];
  for (const [partition, { content }] of stores.entries()) {
    const { counts, failed } = await looks.look(partition, { channels: false, counted });
    const stored = counted.map((id) => content.counts.get(id) ?? null);
    const seen = JSON.stringify([counts, [...failed]]);
    const expected = JSON.stringify([stored, [...content.failed]]);
    if (seen !== expected)
      throw new CheckFailure('looks', `partition=${partition} ${seen}, not ${expected}`);
  }
}

/**
 * At every moment: what was applied last is in the inbox. What a fail-over has lost there is
 * unknown to its sender too if that has lost it as well: then nobody says it anew, nor takes it
 * back.
 */
export function checkApplied({ stores }: Cluster): void {
  for (const [partition, { content }] of stores.entries()) {
    const { inbox, inboxPosition } = content;
    const isThere = inbox.entries.some(({ id }) => id === inboxPosition);
    if (!isThere && inboxPosition !== '0-0')
      throw new CheckFailure('applied', `partition=${partition} ${inboxPosition} is not there`);
  }
}

/** Each change was applied, once, in its order. */
function checkRecords({ stores, model, catalog }: Cluster): void {
  // A put of the same values under another type writes down that they fit it, or do not: a revision
  // that the model does not count.
  const isRetyped = [...catalog.catalog.objectTypes.values()].some(({ revision }) => revision > 1);
  const expected = new Map(
    [...model.records].map(([key, { data, isArchived }]) => [key, `${isArchived} ${text(data)}`]),
  );
  const stored = new Map<string, string>();
  for (const [key, { record }] of rowsOf(stores, catalog.catalog.objectTypes.keys())) {
    if (!exists(record)) continue;
    stored.set(key, `${record.archivedAt !== undefined} ${text(record.data)}`);
    const versions = model.records.get(key)?.versions;
    if (versions && !isRetyped && !versions.includes(record.version))
      throw new CheckFailure('records', `${key} is at ${record.version}, not at ${versions}`);
  }
  same('records', stored, expected);
}

/** All rows of some types, by type and id. */
function* rowsOf(stores: Cluster['stores'], objectTypes: Iterable<string>) {
  for (const name of objectTypes)
    for (const store of stores)
      for (const [id, row] of store.rowsOf(name)) yield [`${name}:${id}`, row] as const;
}

/** What is remembered of deletions is listed, and forgotten in time. */
function checkTombstones({ stores, catalog, nowMs }: Cluster): void {
  for (const store of stores) {
    const listed = new Map(
      [...store.content.tombstones].map(([key, { expiresMs }]) => [key, expiresMs > nowMs]),
    );
    const stored = [...rowsOf([store], catalog.catalog.objectTypes.keys())].filter(
      ([, { record }]) => !exists(record),
    );
    same('tombstones', listed, new Map(stored.map(([key]) => [key, true])));
  }
}

/** What can't be applied is kept, once; nothing else is. What a fail-over has lost is lost. */
function checkDeadLetters({ stores, troubles, rolledBack }: Cluster): void {
  for (const [at, { content }] of stores.entries()) {
    if (rolledBack.has(at)) continue;
    const { poison, deadly } = troubles[at]!;
    const isSame = content.dead.length === poison + deadly;
    if (isSame && content.dead.every(({ code }) => code === 'change_failed')) continue;
    const codes = content.dead.map(({ code, detail }) => `${code} (${detail})`);
    throw new CheckFailure('dead letters', `${codes} instead of ${poison} + ${deadly} changes`);
  }
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
  { stores, model, nowMs }: Cluster,
  slug: string,
  predicateId: number,
  meaning: Meaning,
): void {
  const engine = new Set(
    stores.flatMap(({ content }) => [...(content.members.get(predicateId) ?? [])]),
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
function checkCounts({ stores, catalog }: Cluster): void {
  const { predicateIds } = catalog.catalog;
  for (const [at, { content }] of stores.entries()) {
    const answering = [...predicateIds].filter(([, { status }]) => status !== 'failed');
    const expected = answering.map(
      ([predicateId]) => [`${predicateId}`, content.members.get(predicateId)?.size ?? 0] as const,
    );
    const stored = [...content.counts].map(([id, count]) => [`${id}`, count] as const);
    same(`counts of partition ${at}`, new Map(stored), new Map(expected));
  }
}

/**
 * What has failed is failed in the catalog, with all that reads it, and nothing is left of it; what
 * has not failed could be told of every record, as far as it reads the record alone.
 */
function checkFailed({ stores, model, catalog: { catalog }, isTooCostly }: Cluster): void {
  for (const [predicateId, { status, reads = [] }] of catalog.predicateIds) {
    const failing = reads.find((read) => catalog.predicateIds.get(read)!.status === 'failed');
    if (failing !== undefined && status !== 'failed')
      throw new CheckFailure('failed', `${predicateId} reads ${failing}, which has failed`);
  }
  for (const [at, { content }] of stores.entries()) {
    const left = [...content.failed.keys()];
    if (left.length > 0)
      throw new CheckFailure('failed', `partition ${at} still says so of ${left}`);
  }
  const hasProgram = ({ status, predicate }: StoredPredicate) =>
    status !== 'failed' && JSON.stringify(predicate).includes('"kind":"program"');
  for (const [predicateId, stored] of catalog.predicateIds) {
    const type = catalog.objectTypes.get(stored.object_type);
    if (!type || !hasProgram(stored)) continue;
    const costly = model.live(type.name).find(({ data }) => isTooCostly(fitting(data, type)));
    if (costly)
      throw new CheckFailure('failed', `${predicateId} should have failed at ${costly.id}`);
  }
}

function checkTruths(
  { stores, model, catalog }: Cluster,
  networks: Networks,
  recomputed: Recomputed,
): void {
  const expected = new Map(
    [...model.records].map(([key, record]) => [key, `${recomputed.truthOf(record)}`]),
  );
  const stored = new Map([...model.records.keys()].map((key) => [key, '']));
  for (const [key, { truth }] of rowsOf(stores, catalog.catalog.objectTypes.keys())) {
    const held = [...truth].filter((predicateId) => networks.has(predicateId));
    if (held.length > 0 || stored.has(key)) stored.set(key, `${held}`);
  }
  same('truths', stored, expected);
}

/**
 * Each record is due once, as its state row says, and never later than the clock alone flips one of
 * its predicates: earlier, if the predicate that it was due for was given up since.
 */
function checkTimers(cluster: Cluster, recomputed: Recomputed): void {
  const { stores, model, catalog, nowMs } = cluster;
  const stored = new Map<string, number>();
  for (const store of stores) {
    const due = new Map<string, number>();
    for (const [key, row] of rowsOf([store], catalog.catalog.objectTypes.keys()))
      if (row.due !== undefined) due.set(key, row.due);
    const timers = [...store.content.timers].map(([key, { dueMs }]) => [key, dueMs] as const);
    same('due', new Map(timers), due);
    for (const [key, dueMs] of due) stored.set(key, dueMs);
  }
  for (const [key, record] of model.records)
    checkTimer(key, stored.get(key), recomputed.dueOf(record), nowMs);
  const networks = new Networks(catalog.catalog);
  for (const [key, dueMs] of stored) {
    const objectType = key.slice(0, key.indexOf(':'));
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

/**
 * Nothing is left of relationships, of values over them and of timers that the catalog has given
 * up.
 */
function checkGivenUp({ stores }: Cluster, { edges, types }: Networks): void {
  const valued = new Set(
    [...edges.values()].flatMap(({ up }) => up.map(({ predicateId }) => predicateId)),
  );
  const isEdge = (id: number) => edges.has(id);
  for (const { content } of stores) {
    const { holders, values, neighbours, related, edgeSets, timedTypes } = content;
    const { valueCounts, valueSources, valueTotals } = content;
    for (const byPredicate of [valueCounts, valueSources, valueTotals])
      for (const [id, { size }] of byPredicate)
        if (!valued.has(id) && size > 0)
          throw new CheckFailure('given up', `different values of ${id}`);
    checkKept('holders', holders, isEdge);
    checkKept('values', values, (id) => valued.has(id));
    checkKept('neighbours', neighbours, isEdge);
    checkKept('related', related, isEdge);
    const mayHaveSets = [...edgeSets.keys()].filter((id) => !isEdge(id) && !valued.has(id));
    if (mayHaveSets.length > 0) throw new CheckFailure('given up', `sets of ${mayHaveSets}`);
    const mayHaveTimers = [...timedTypes].filter((name) => !types.get(name)?.network.hasTimers);
    if (mayHaveTimers.length > 0) throw new CheckFailure('given up', `timers of ${mayHaveTimers}`);
  }
}

function checkKept(
  what: string,
  byId: ReadonlyMap<number, ReadonlyMap<string, string | { readonly size: number }>>,
  isKept: (id: number) => boolean,
): void {
  for (const [id, byTarget] of byId) {
    for (const [target, held] of byTarget) {
      if (isKept(id) || (typeof held === 'object' && held.size === 0)) continue;
      const given = `${what} of ${id} ${target}`;
      throw new CheckFailure('given up', `${given} are of a relationship that was given up`);
    }
  }
}

/**
 * Both ends of an edge: what partitions of holders know of its targets, and what the targets'
 * partitions know of holders.
 */
function checkEdge(cluster: Cluster, edge: Edge, recomputed: Recomputed): void {
  const { edgeId, definition } = edge;
  const related = new Map<string, string>();
  cluster.stores.forEach(({ content }, at) => {
    const here = `${definition.name} in partition ${at}`;
    const rows = new Map<string, string>();
    for (const [target, holders] of recomputed.holders(edge, at)) {
      const ids = holders.map(({ id }) => id).sort();
      same(
        `holders of ${target} over ${here}`,
        new Map([...(content.holders.get(edgeId)?.get(target) ?? [])].map((id) => [id, 0])),
        new Map(ids.map((id) => [id, 0])),
      );
      const local = recomputed.aggregate(edge, holders);
      rows.set(target, `${written(local, edge)} ${shown(recomputed.shared(edge, target), edge)}`);
      related.set(
        `${target} from ${at}`,
        edge.inReads.length > 0 ? written(local, edge) : 'subscribed',
      );
    }
    const stored = [...(content.neighbours.get(edgeId) ?? [])].map(
      ([target, packed]): [string, string] => {
        const { local, shared } = JSON.parse(packed) as NeighbourRow;
        return [target, `${written(local, edge)} ${shown(shared, edge)}`];
      },
    );
    same(`neighbours over ${here}`, new Map(stored), rows);
  });
  same(`related over ${definition.name}`, relatedRows(cluster, edge), related);
  for (const share of edge.up)
    if (share.keeps === 'values') checkDifferent(cluster, edge, share, recomputed);
}

/** What is kept of different values, with holders and at targets. */
function checkDifferent(
  { stores }: Cluster,
  edge: Edge,
  share: Share,
  recomputed: Recomputed,
): void {
  const { predicateId } = share;
  const over = `for ${predicateId} over ${edge.definition.name}`;
  const sources = new Map<string, number[]>();
  const totals = new Map<string, number>();
  for (const [at, { content }] of stores.entries()) {
    const counts = new Map<string, number>();
    for (const [target, holders] of recomputed.holders(edge, at)) {
      for (const [value, count] of recomputed.different(share, holders)) {
        const name = `${value}\n${target}`;
        counts.set(name, count);
        if (!sources.has(name)) totals.set(target, (totals.get(target) ?? 0) + 1);
        sources.set(name, [...(sources.get(name) ?? []), at]);
      }
    }
    const counted = [...(content.valueCounts.get(predicateId) ?? [])];
    const stored = new Map(counted.map(([name, { count }]) => [name, count]));
    same(`values ${over} in partition ${at}`, stored, counts);
  }
  const all = stores.map(({ content }) => content);
  const told = all.flatMap(({ valueSources }) => [...(valueSources.get(predicateId) ?? [])]);
  same(`values ${over}`, new Map(told.map(([name, each]) => [name, each.sources])), sources);
  const numbers = all.flatMap(({ valueTotals }) => [...(valueTotals.get(predicateId) ?? [])]);
  same(`values ${over} in all`, new Map(numbers), totals);
}

function relatedRows({ stores }: Cluster, edge: Edge): Map<string, string> {
  const rows = new Map<string, string>();
  for (const { content } of stores) {
    for (const [target, packed] of content.related.get(edge.edgeId) ?? []) {
      for (const [from, aggregate] of Object.entries(JSON.parse(packed) as RelatedRow))
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

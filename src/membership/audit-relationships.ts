/**
 * audit-relationships.ts – Compares what is stored across relationships with what JsonLogic says of
 * every record's nested document.
 *
 * Keeps true: the expectation comes from the records alone – truths from reference.ts over
 * reference-document.ts, shared predicates written out as JsonLogic for it – and not from the
 * engine. A graph of many partitions is not read at one instant: unless no partition moved while it
 * was read, what differs is looked at again. A truth has to differ each time; a row has to be wrong
 * at every one of many looks at it alone (edge-look.ts), for busy rows differ each time that all of
 * them are read.
 *
 * Compared are member sets and state rows of segments that look across relationships, and of every
 * relationship the state rows of its shared predicates, the sets of holders and of their values,
 * neighbour rows and related rows. Read in chunks, and held in memory: the declared values and keys
 * of all live records of types that relationships connect (about 1 kB a record), and one text per
 * row.
 */
import type { Redis } from 'ioredis';
import type { Catalog, StoredFilter, StoredPredicate } from '../catalog/catalog.ts';
import { edgesOf, targetsOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { partitionOf } from '../change/partition.ts';
import { filterableData, isLive, type RecordRow, unpackRecord } from '../change/record.ts';
import { predicateJsonLogic } from '../query/json-logic/json-logic.ts';
import { holds } from '../query/json-logic/reference.ts';
import { document, type Graph, type GraphRecord } from '../query/json-logic/reference-document.ts';
import { isDerivedName, readDerivedName } from '../query/network/derived-attribute.ts';
import { ALWAYS, type Atom, MEASURE, type Predicate } from '../query/predicate/predicate.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import { foldPredicate } from '../query/predicate/walk.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { RedisMembershipStore } from '../redis/membership-store.ts';
import { readPartitionStatus } from '../redis/partition-status.ts';
import { unpackNeighbour, unpackRelated } from '../redis/rows/neighbour-row.ts';
import { unpackState } from '../redis/rows/state-row.ts';
import { carriedOut } from '../redis/transaction.ts';
import {
  type AuditedEdge,
  aggregateOf,
  type Holder,
  holderOf,
  type RowPlace,
  type Spot,
  scored,
  shownBy,
  stayWrong,
} from './edge-look.ts';
import { readRow } from './fault.ts';
import type { EdgeSets } from './key-faults.ts';
import {
  type Aggregate,
  type Kept,
  keptAggregate,
  keptNeighbour,
  keptRelated,
  keptShared,
  type Shared,
} from './neighbour-row.ts';
import { partitionsOf, waitForWatermark } from './partition-status.ts';
import { hasPredicateId, NO_PREDICATE_IDS, type PredicateIds } from './predicate-ids.ts';

export interface RelationshipAuditContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly catalog: Catalog;
  readonly timeZone: string;
  readonly timeoutMs: number;
  /** How often effects must come through before anything is compared (partition-status.ts). */
  readonly rounds: number;
  /**
   * Whether all that is due is fired before anything is compared; something may be due that nobody
   * fires.
   */
  readonly isTimed: boolean;
  /** Per partition, the sets that there are of holders and their values. */
  readonly sets: readonly EdgeSets[];
}

/** What is compared, by the segment or the relationship that it belongs to. */
type Subject =
  | { readonly slug: string; readonly place: 'set' | 'state' }
  | { readonly edge: string; readonly place: 'state' | RowPlace };

/** Each side: what it has and the other has not, as it is told to people. */
interface SubjectDifference {
  readonly subject: Subject;
  readonly engineOnly: ReadonlySet<string>;
  readonly referenceOnly: ReadonlySet<string>;
}

export interface RelationshipAudit {
  /**
   * Relationships whose rows were compared, and those that were left out because something over
   * them is being built.
   */
  readonly edges: number;
  readonly building: readonly string[];
  readonly records: number;
  readonly evaluations: number;
  readonly memberships: number;
  readonly differences: readonly SubjectDifference[];
  /**
   * Rows that still hold something of shared predicates that were given up: it goes with the next
   * write of the row.
   */
  readonly leftOver: number;
}

const CHUNK_RECORDS = 500;
const SCAN_COUNT = 1000;
/** How often a difference must be seen while partitions move. */
const ATTEMPTS_MAX = 8;

/** Caller: the segments are answered for by their predicate ids, and look across relationships. */
export async function auditRelationships(
  context: RelationshipAuditContext,
  segments: readonly StoredFilter[],
): Promise<RelationshipAudit> {
  const first = await attempted(context, segments);
  if (first.isExact) return first.seen;
  const rows = await confirmed(context, first.attempt);
  let truths = first.seen.differences.filter(isOfTruth);
  let { seen } = first;
  for (let attempt = 2; truths.length > 0 && attempt <= ATTEMPTS_MAX; attempt++) {
    const { redis, keys, timeoutMs, rounds, isTimed } = context;
    await waitForWatermark(
      new RedisMembershipStore(redis, keys.partitions),
      partitionsOf({ partitions: keys.partitions.length }),
      [],
      { timeoutMs, rounds, isTimed },
    );
    const next = await attempted(context, segments);
    if (next.isExact) return next.seen;
    seen = next.seen;
    truths = inBoth(truths, seen.differences);
  }
  return { ...seen, differences: [...truths, ...rows] };
}

/**
 * Reads the whole graph, and says whether no partition has moved meanwhile: then what differs is a
 * difference.
 */
async function attempted(context: RelationshipAuditContext, segments: readonly StoredFilter[]) {
  const before = await numbers(context);
  const attempt = new Attempt(context, segments, before.serverMs);
  const seen = await attempt.run();
  return {
    attempt,
    seen,
    isExact: seen.differences.length === 0 || (await numbers(context)).text === before.text,
  };
}

function isOfTruth({ subject: { place } }: SubjectDifference): boolean {
  return place === 'set' || place === 'state';
}

/** Of the rows that differ, those that stay wrong however often they are looked at. */
async function confirmed(
  context: RelationshipAuditContext,
  attempt: Attempt,
): Promise<SubjectDifference[]> {
  const { redis, keys, catalog, timeZone } = context;
  const wrong = await stayWrong(
    { redis, keys, timeZone, types: catalog.objectTypes },
    attempt.spots(),
  );
  const still = wrong.filter(
    ({ edge: { edgeId, definition } }) => catalog.edgeIdOf(definition.name) === edgeId,
  );
  return attempt.differencesAt(new Set(still));
}

/** Names where all partitions stand, and since when at the least. */
async function numbers({
  redis,
  keys,
}: RelationshipAuditContext): Promise<{ text: string; serverMs: number }> {
  const statuses = await Promise.all(
    keys.partitions.map((partition) => readPartitionStatus(redis, partition, [])),
  );
  const serverMs = Math.min(...statuses.map((status) => status.serverMs));
  return { text: statuses.map(({ number }) => number).join(), serverMs };
}

function inBoth(
  first: readonly SubjectDifference[],
  second: readonly SubjectDifference[],
): SubjectDifference[] {
  const common = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
    new Set([...a].filter((one) => b.has(one)));
  return second.flatMap(({ subject, engineOnly, referenceOnly }) => {
    const before = first.find((each) => sameSubject(each.subject, subject));
    if (!before) return [];
    const both = {
      subject,
      engineOnly: common(before.engineOnly, engineOnly),
      referenceOnly: common(before.referenceOnly, referenceOnly),
    };
    return both.engineOnly.size + both.referenceOnly.size > 0 ? [both] : [];
  });
}

function sameSubject(a: Subject, b: Subject): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A live record as it was read. */
interface Vertex extends GraphRecord {
  readonly partition: number;
  /** What the engine holds of it. */
  readonly truth: PredicateIds;
}

/** Texts of rows, and where each one lies. */
class RowTexts {
  readonly #at = new Map<string, { readonly target: string; readonly partition: number }>();

  add(target: string, partition: number, what: string): void {
    this.#at.set(told(target, partition, what), { target, partition });
  }

  has(text: string): boolean {
    return this.#at.has(text);
  }

  keys(): Iterable<string> {
    return this.#at.keys();
  }

  at(text: string): { readonly target: string; readonly partition: number } | undefined {
    return this.#at.get(text);
  }
}

type RowsByPlace = Readonly<Record<RowPlace, RowTexts>>;

function noRows(): RowsByPlace {
  return {
    holders: new RowTexts(),
    values: new RowTexts(),
    neighbours: new RowTexts(),
    related: new RowTexts(),
  };
}

/** What is compared: the texts of one side. */
type Texts = Pick<ReadonlyMap<string, unknown>, 'has'> & { keys(): Iterable<string> };

/** One reading of the whole graph, and its comparison. */
class Attempt {
  readonly #context: RelationshipAuditContext;
  readonly #segments: readonly StoredFilter[];
  readonly #types: ReadonlyMap<string, ObjectType>;
  readonly #vertices = new Map<string, Vertex[]>();
  readonly #graph: Graph;
  readonly #edges: readonly AuditedEdge[];
  readonly #building: readonly string[];
  /** By shared predicate id, the ids of which the reference says that it holds. */
  readonly #held = new Map<number, ReadonlySet<string>>();
  readonly #differences: SubjectDifference[] = [];
  /** Of the rows that differ: by where they lie, and by what is told of them. */
  readonly #spots = new Map<string, Spot>();
  readonly #spotOf = new Map<string, Spot>();
  #leftOver = 0;
  /**
   * One moment for the whole graph: a record that becomes due while it is read moves a partition,
   * and it is read once more.
   */
  readonly #nowMs: number;
  #evaluations = 0;
  #memberships = 0;

  constructor(context: RelationshipAuditContext, segments: readonly StoredFilter[], nowMs: number) {
    this.#nowMs = nowMs;
    const { catalog } = context;
    this.#context = context;
    this.#segments = segments;
    this.#types = catalog.objectTypes;
    this.#graph = { types: this.#types, records: (typeName) => this.#vertices.get(typeName) ?? [] };
    const { audited, building } = edgesToAudit(catalog);
    this.#edges = audited;
    this.#building = building;
  }

  async run(): Promise<RelationshipAudit> {
    for (const type of connectedTypes(this.#types))
      this.#vertices.set(type.name, await this.#readType(type));
    for (const segment of this.#segments) await this.#compareSegment(segment);
    for (const edge of this.#edges) {
      for (const [predicateId, stored] of [...edge.up, ...edge.down])
        await this.#evaluateExport(edge, predicateId, stored);
    }
    for (const edge of this.#edges) await this.#compareEdge(edge);
    return {
      edges: this.#edges.length,
      building: this.#building,
      records: [...this.#vertices.values()].reduce((sum, { length }) => sum + length, 0),
      evaluations: this.#evaluations,
      memberships: this.#memberships,
      differences: this.#differences,
      leftOver: this.#leftOver,
    };
  }

  /** Where rows differ. */
  spots(): Spot[] {
    return [...this.#spots.values()];
  }

  /** What differs at some of them. */
  differencesAt(spots: ReadonlySet<Spot>): SubjectDifference[] {
    return this.#differences.flatMap(({ subject, engineOnly, referenceOnly }) => {
      if (!('edge' in subject)) return [];
      const isThere = (text: string) =>
        spots.has(this.#spotOf.get(`${subject.edge} ${subject.place} ${text}`)!);
      const some = (texts: ReadonlySet<string>) => new Set([...texts].filter(isThere));
      const differing = {
        subject,
        engineOnly: some(engineOnly),
        referenceOnly: some(referenceOnly),
      };
      return differing.engineOnly.size + differing.referenceOnly.size > 0 ? [differing] : [];
    });
  }

  // ── the graph ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #readType(type: ObjectType): Promise<Vertex[]> {
    const { redis, keys } = this.#context;
    const vertices: Vertex[] = [];
    for (const [partition, own] of keys.partitions.entries()) {
      for (let after = '-'; ; ) {
        const ids = await redis.zrangebylex(
          own.ids(type.name),
          after,
          '+',
          'LIMIT',
          0,
          CHUNK_RECORDS,
        );
        if (ids.length > 0) vertices.push(...(await this.#readChunk(type, own, partition, ids)));
        if (ids.length < CHUNK_RECORDS) break;
        after = `(${ids.at(-1)}`;
      }
    }
    return vertices;
  }

  async #readChunk(
    type: ObjectType,
    own: PartitionKeys,
    partition: number,
    ids: string[],
  ): Promise<Vertex[]> {
    const read = this.#context.redis
      .multi()
      .hmget(own.records(type.name), ...ids)
      .hmget(own.state(type.name), ...ids);
    const [rows, states] = (await carriedOut(read)) as (string | null)[][];
    return ids.flatMap((id, at): Vertex[] => {
      const row = rows![at];
      const record = row == null ? undefined : readRow(() => unpackRecord(row), undefined);
      if (!isLive(record)) return [];
      const truth = readRow(() => unpackState(states![at]).truth, NO_PREDICATE_IDS);
      return [{ ...graphRecordOf(id, record, type, this.#context.timeZone), partition, truth }];
    });
  }

  // ── truths ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #compareSegment({
    slug,
    object_type: objectType,
    json_logic: rule,
    predicateId,
  }: StoredFilter): Promise<void> {
    const expected = await this.#satisfying(objectType, rule);
    this.#memberships += expected.size;
    const stored = new Set<string>();
    for (const own of this.#context.keys.partitions) {
      for await (const ids of this.#context.redis.sscanStream(own.segment(predicateId!), {
        count: SCAN_COUNT,
      }))
        for (const id of ids as string[]) stored.add(id);
    }
    this.#compare({ slug, place: 'set' }, stored, expected);
    this.#compare({ slug, place: 'state' }, this.#storedTruth(objectType, predicateId!), expected);
  }

  async #evaluateExport(
    edge: AuditedEdge,
    predicateId: number,
    stored: StoredPredicate,
  ): Promise<void> {
    const { object_type: objectType } = stored;
    const predicate = withEdges(stored.predicate, this.#context.catalog);
    const engine = this.#storedTruth(objectType, predicateId);
    // What can't be written out as edges again is taken as it is stored.
    const expected = predicate
      ? await this.#satisfying(objectType, predicateJsonLogic(predicate, this.#types))
      : engine;
    this.#held.set(predicateId, expected);
    const named = (ids: ReadonlySet<string>) =>
      new Set([...ids].map((id) => `${id}(${predicateId})`));
    this.#compare({ edge: edge.definition.name, place: 'state' }, named(engine), named(expected));
  }

  #storedTruth(objectType: string, predicateId: number): Set<string> {
    const vertices = this.#vertices.get(objectType) ?? [];
    return new Set(
      vertices.filter(({ truth }) => hasPredicateId(truth, predicateId)).map(({ id }) => id),
    );
  }

  /** The ids of the records of which json-logic-js says that the rule holds. */
  async #satisfying(objectType: string, rule: unknown): Promise<Set<string>> {
    const satisfying = new Set<string>();
    for (const [at, vertex] of (this.#vertices.get(objectType) ?? []).entries()) {
      if (at % CHUNK_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve)); // a server may share this process
      this.#evaluations++;
      if (holds(rule, document(objectType, vertex, this.#graph), this.#nowMs))
        satisfying.add(vertex.id);
    }
    return satisfying;
  }

  // ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #compareEdge(edge: AuditedEdge): Promise<void> {
    const { keys } = this.#context;
    const holders = this.#holdersByTarget(edge);
    const shown = this.#shownByTarget(edge);
    const expected = noRows();
    const related = new Map<string, Record<string, unknown>>();
    for (const [partition, byTarget] of holders.entries()) {
      for (const [target, some] of byTarget) {
        const all = some.map((vertex) => this.#holder(edge, vertex));
        const local = aggregateOf(edge, all);
        expected.neighbours.add(
          target,
          partition,
          neighbourText(edge, shown.get(target) ?? null, local),
        );
        related.set(target, { ...related.get(target), [partition]: edge.isRead ? local : true });
        for (const { id } of some) expected.holders.add(target, partition, id);
        for (const [predicateId, id, value] of orderedValues(edge, all))
          expected.values.add(target, partition, valueText(predicateId, id, value));
      }
    }
    for (const [target, row] of related)
      expected.related.add(
        target,
        partitionOf(target, keys.partitions.length),
        JSON.stringify(row),
      );
    const stored = await this.#storedRows(edge);
    for (const place of ['holders', 'values', 'neighbours', 'related'] as const) {
      this.#compare({ edge: edge.definition.name, place }, stored[place], expected[place]);
      for (const [a, b] of [
        [stored[place], expected[place]],
        [expected[place], stored[place]],
      ] as const)
        for (const text of a.keys())
          if (!b.has(text)) this.#noteSpot(edge, place, a.at(text)!, text, holders);
    }
  }

  #noteSpot(
    edge: AuditedEdge,
    place: RowPlace,
    { target, partition }: { readonly target: string; readonly partition: number },
    text: string,
    holders: readonly ReadonlyMap<string, readonly Vertex[]>[],
  ): void {
    const key = `${edge.edgeId} ${place} ${partition} ${target}`;
    let spot = this.#spots.get(key);
    if (!spot) {
      const ids = (holders[partition]?.get(target) ?? []).map(({ id }) => id);
      this.#spots.set(key, (spot = { edge, place, target, partition, holders: ids }));
    }
    this.#spotOf.set(`${edge.definition.name} ${place} ${text}`, spot);
  }

  #holder(edge: AuditedEdge, { id, data }: Vertex): Holder {
    return holderOf(edge, id, (predicateId) => this.#held.get(predicateId)!.has(id), data);
  }

  #holdersByTarget({ definition }: AuditedEdge): Map<string, Vertex[]>[] {
    const byTarget = this.#context.keys.partitions.map(() => new Map<string, Vertex[]>());
    for (const vertex of this.#vertices.get(definition.holder) ?? []) {
      const own = byTarget[vertex.partition]!;
      for (const target of targetsOf(definition, vertex.data)) {
        const known = own.get(target);
        if (known) known.push(vertex);
        else own.set(target, [vertex]);
      }
    }
    return byTarget;
  }

  #shownByTarget({ definition, down }: AuditedEdge): Map<string, Shared> {
    const shown = new Map<string, Shared>();
    for (const { id, data } of this.#vertices.get(definition.target) ?? [])
      shown.set(
        id,
        shownBy(down, (predicateId) => this.#held.get(predicateId)!.has(id), data),
      );
    return shown;
  }

  async #storedRows(edge: AuditedEdge): Promise<RowsByPlace> {
    const { redis, keys, sets } = this.#context;
    const { edgeId } = edge;
    const stored = noRows();
    for (const [partition, own] of keys.partitions.entries()) {
      for (const [target, packed] of await allFields(redis, own.neighbours(edgeId)))
        stored.neighbours.add(target, partition, this.#neighbourText(edge, packed));
      for (const [target, packed] of await allFields(redis, own.related(edgeId)))
        stored.related.add(target, partition, this.#relatedText(edge, packed));
      await this.#storedSets(edge, own, partition, sets[partition], stored);
    }
    return stored;
  }

  /**
   * Of all targets that have a set, and of those whose set came since the names were read: holders
   * of now point at them.
   */
  async #storedSets(
    edge: AuditedEdge,
    own: PartitionKeys,
    partition: number,
    sets: EdgeSets | undefined,
    stored: RowsByPlace,
  ): Promise<void> {
    const pointed = this.#holdersByTarget(edge)[partition]!.keys();
    const { edgeId, up } = edge;
    const targets = [...new Set([...(sets?.holders.get(edgeId) ?? []), ...pointed])];
    for (const [target, members] of await this.#members(targets, (target) =>
      own.holders(edgeId, target),
    ))
      for (const [id, score] of members)
        stored.holders.add(target, partition, score === 0 ? id : `${id}(score=${score})`);
    for (const [predicateId, { shared }] of up) {
      if (shared?.keeps !== 'extremes') continue;
      const valued = [...new Set([...(sets?.values.get(predicateId) ?? []), ...targets])];
      for (const [target, members] of await this.#members(valued, (target) =>
        own.values(predicateId, target),
      ))
        for (const [id, value] of members)
          stored.values.add(target, partition, valueText(predicateId, id, value));
    }
  }

  #neighbourText(edge: AuditedEdge, packed: string): string {
    return readRow(() => {
      const row = unpackNeighbour(packed);
      if (keptNeighbour(row, edge.shares) !== row) this.#leftOver++;
      return neighbourText(edge, row.shared, row.local);
    }, 'unreadable');
  }

  #relatedText(edge: AuditedEdge, packed: string): string {
    return readRow(() => {
      const row = unpackRelated(packed);
      if (keptRelated(row, edge.shares) !== row) this.#leftOver++;
      const parts = Object.entries(row).map(([from, part]) => [
        from,
        edge.isRead ? known(edge, part) : true,
      ]);
      return JSON.stringify(Object.fromEntries(parts));
    }, 'unreadable');
  }

  async #members(
    targets: readonly string[],
    keyOf: (target: string) => string,
  ): Promise<[target: string, members: [id: string, score: number][]][]> {
    const found: [string, [string, number][]][] = [];
    for (let from = 0; from < targets.length; from += CHUNK_RECORDS) {
      const some = targets.slice(from, from + CHUNK_RECORDS);
      const read = (target: string) =>
        this.#context.redis.zrange(keyOf(target), '0', '-1', 'WITHSCORES');
      const members = await Promise.all(some.map(read));
      for (const [at, target] of some.entries()) found.push([target, scored(members[at]!)]);
    }
    return found;
  }

  #compare(subject: Subject, engine: Texts, reference: Texts): void {
    const engineOnly = new Set([...engine.keys()].filter((one) => !reference.has(one)));
    const referenceOnly = new Set([...reference.keys()].filter((one) => !engine.has(one)));
    if (engineOnly.size + referenceOnly.size === 0) return;
    const before = this.#differences.findIndex((each) => sameSubject(each.subject, subject));
    if (before < 0) this.#differences.push({ subject, engineOnly, referenceOnly });
    else {
      const old = this.#differences[before]!;
      this.#differences[before] = {
        subject,
        engineOnly: new Set([...old.engineOnly, ...engineOnly]),
        referenceOnly: new Set([...old.referenceOnly, ...referenceOnly]),
      };
    }
  }
}

/** What a record is in a graph: its declared values in normal form, and the keys that it holds. */
export function graphRecordOf(
  id: string,
  record: RecordRow,
  type: ObjectType,
  timeZone: string,
): GraphRecord {
  const values = filterableData(record, type, timeZone);
  const names = [...type.attributes.keys()].filter((name) => Object.hasOwn(values, name));
  const held = [...type.relationships.values()].map(({ key }) => [key, record.data[key]] as const);
  return {
    id,
    data: Object.fromEntries([...names.map((name) => [name, values[name]] as const), ...held]),
  };
}

/** The types at either end of a relationship. */
function connectedTypes(types: ReadonlyMap<string, ObjectType>): ObjectType[] {
  const names = new Set(
    [...edgesOf(types.values()).values()].flatMap(({ holder, target }) => [holder, target]),
  );
  return [...types.values()].filter(({ name }) => names.has(name));
}

function edgesToAudit(catalog: Catalog): { audited: AuditedEdge[]; building: string[] } {
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

/**
 * A predicate as it was before it was lowered (query/lower.ts): what it says of a derived attribute
 * is said over an edge again.
 * @returns undefined if a part of it reads derived attributes in a way that no edge says.
 */
function withEdges(predicate: Predicate, catalog: Catalog): Predicate | undefined {
  return foldPredicate<Predicate | undefined>(predicate, {
    group: (kind, children) =>
      children.every((child) => child !== undefined) ? { kind, children } : undefined,
    not: (child) => child && { kind: 'not', child },
    related: (condition) => condition,
    atom: (atom) => atomWithEdges(atom, catalog),
  });
}

function atomWithEdges(atom: Atom, catalog: Catalog): Predicate | undefined {
  const [name, ...others] = predicateAttributes(atom);
  if (![name, ...others].some((each) => each !== undefined && isDerivedName(each))) return atom;
  if (others.length > 0 || !('view' in atom || atom.kind === 'present')) return undefined;
  const { edge, direction, measure, predicateId } = readDerivedName(name!);
  const where = withEdges(catalog.predicateIds.get(predicateId)?.predicate ?? ALWAYS, catalog);
  if (!where) return undefined;
  const measured =
    atom.kind === 'present'
      ? { ...atom, attribute: MEASURE }
      : { ...atom, view: { ...atom.view, attribute: MEASURE } };
  return { kind: 'edge', edge, direction, measure, where, holds: measured };
}

/** How a row is told: where it lies, and what it says. */
function told(target: string, partition: number, what: string): string {
  return `${target}@${partition}=${what}`;
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

/**
 * What an aggregate says of predicate ids that there are: what was added up for others is left
 * behind and read by nobody.
 */
function known({ shares }: { readonly shares: Kept }, aggregate: Aggregate): Aggregate {
  const { counts, sums, lows, highs } = keptAggregate(aggregate, shares);
  return { counts, sums, lows, highs };
}

function valueText(predicateId: number, id: string, value: number): string {
  return `${predicateId}:${id}=${value}`;
}

/** The values of holders for the extremes that are asked for. */
function* orderedValues(
  { up }: AuditedEdge,
  holders: readonly Holder[],
): Iterable<[number, string, number]> {
  for (const [predicateId, { shared }] of up) {
    if (shared?.keeps !== 'extremes') continue;
    for (const { id, numberFor } of holders) {
      const value = numberFor(predicateId);
      if (value !== undefined) yield [predicateId, id, value];
    }
  }
}

async function allFields(redis: Redis, hash: string): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, reply] = await redis.hscan(hash, cursor, 'COUNT', SCAN_COUNT);
    for (let at = 0; at + 1 < reply.length; at += 2) all.set(reply[at]!, reply[at + 1]!);
    cursor = next;
  } while (cursor !== '0');
  return all;
}

/**
 * audit-relationships.ts – Compares what is stored across relationships with what JsonLogic says of every record's nested document.
 *
 * Keeps true: the expectation comes from the records alone – truths from reference.ts over reference-document.ts, exported
 * predicates written out as JsonLogic for it – and not from the engine. A graph of many partitions is not read at one instant:
 * what differs is looked at again after the partitions have caught up, and only what differs each time is a difference, unless
 * no partition moved while it was read.
 *
 * Compared are member sets and state rows of segments that look across relationships, and of every relationship the state rows
 * of its exported predicates, the holders sets, neighbour rows and related rows. Read in chunks, and held in memory: the
 * declared values and keys of all live records of types that relationships connect (about 1 kB a record), and one text per row.
 * A holders set of a target that no record points at and no row speaks of is not found.
 */
import type { Redis } from 'ioredis';
import type { Catalog, StoredFilter, StoredOrdinal } from '../catalog/catalog.ts';
import { type EdgeDefinition, edgesOf, targetsOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { partitionOf } from '../change/partition.ts';
import { filterableData, isLive, type RecordRow, unpackRecord } from '../change/record.ts';
import { predicateAttributes } from '../query/compile.ts';
import { isDerivedName, readDerivedName } from '../query/derived-attribute.ts';
import { toTrillionths } from '../query/exact-sum.ts';
import { predicateJsonLogic } from '../query/json-logic.ts';
import { ALWAYS, type Atom, MEASURE, type Predicate } from '../query/predicate.ts';
import { holds } from '../query/reference.ts';
import { document, type Graph, type GraphRecord } from '../query/reference-document.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { carriedOut } from './audit-transaction.ts';
import {
  type Aggregate,
  addToAggregate,
  type Exported,
  NO_AGGREGATE,
  unpackNeighbour,
  unpackRelated,
  withExtremes,
} from './neighbour-row.ts';
import { hasOrdinal, type Ordinals } from './ordinals.ts';
import { caughtUp, readStanding } from './standing.ts';
import { unpackState } from './state-row.ts';

export interface RelationshipAuditContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly catalog: Catalog;
  readonly timeZone: string;
  readonly timeoutMs: number;
  /** How often effects must come through before anything is compared (standing.ts). */
  readonly rounds: number;
}

/** What is compared, by the segment or the relationship that it belongs to. */
type Subject =
  | { readonly slug: string; readonly place: 'set' | 'state' }
  | { readonly edge: string; readonly place: 'state' | 'holders' | 'neighbours' | 'related' };

/** Each side: what it has and the other has not, as it is told to people. */
interface SubjectDifference {
  readonly subject: Subject;
  readonly engineOnly: ReadonlySet<string>;
  readonly referenceOnly: ReadonlySet<string>;
}

export interface RelationshipAudit {
  /** Relationships whose rows were compared, and those that were left out because something over them is being built. */
  readonly edges: number;
  readonly building: readonly string[];
  readonly records: number;
  readonly evaluations: number;
  readonly memberships: number;
  readonly differences: readonly SubjectDifference[];
}

const CHUNK_RECORDS = 500;
const SCAN_COUNT = 1000;
/** How often a difference must be seen while partitions move. */
const ATTEMPTS_MAX = 5;

/** Caller: the segments are answered for by their ordinals, and look across relationships. */
export async function auditRelationships(
  context: RelationshipAuditContext,
  segments: readonly StoredFilter[],
): Promise<RelationshipAudit> {
  let found: RelationshipAudit | undefined;
  for (let attempt = 1; ; attempt++) {
    const before = await numbers(context);
    const seen = await new Attempt(context, segments, before.serverMs).run();
    found = found ? { ...seen, differences: inBoth(found.differences, seen.differences) } : seen;
    if (found.differences.length === 0 || attempt === ATTEMPTS_MAX) return found;
    if ((await numbers(context)).text === before.text) return found;
    const { redis, keys, timeoutMs, rounds } = context;
    await caughtUp(redis, keys.partitions, [], { timeoutMs, rounds, isTimed: true });
  }
}

/** Names where all partitions stand, and since when at the least. */
async function numbers({ redis, keys }: RelationshipAuditContext): Promise<{ text: string; serverMs: number }> {
  const standings = await Promise.all(keys.partitions.map((partition) => readStanding(redis, partition, [])));
  const serverMs = Math.min(...standings.map((standing) => standing.serverMs));
  return { text: standings.map(({ number }) => number).join(), serverMs };
}

function inBoth(first: readonly SubjectDifference[], second: readonly SubjectDifference[]): SubjectDifference[] {
  const common = (a: ReadonlySet<string>, b: ReadonlySet<string>) => new Set([...a].filter((one) => b.has(one)));
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
  readonly truth: Ordinals;
}

/** A relationship whose rows are compared; exports ascending by ordinal, the anchor among those that go up. */
interface AuditedEdge {
  readonly anchor: number;
  readonly definition: EdgeDefinition;
  readonly up: readonly [ordinal: number, stored: StoredOrdinal][];
  readonly down: readonly [ordinal: number, stored: StoredOrdinal][];
  /** Whether a predicate of the target's type reads what holders add up to: else only who has any is told. */
  readonly isRead: boolean;
}

/** One reading of the whole graph, and its comparison. */
class Attempt {
  readonly #context: RelationshipAuditContext;
  readonly #segments: readonly StoredFilter[];
  readonly #types: ReadonlyMap<string, ObjectType>;
  readonly #vertices = new Map<string, Vertex[]>();
  readonly #graph: Graph;
  readonly #edges: readonly AuditedEdge[];
  readonly #building: readonly string[];
  /** By exported ordinal, the ids of which the reference says that it holds. */
  readonly #held = new Map<number, ReadonlySet<string>>();
  readonly #differences: SubjectDifference[] = [];
  /** One moment for the whole graph: a record that becomes due while it is read moves a partition, and it is read once more. */
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
    for (const type of connectedTypes(this.#types)) this.#vertices.set(type.name, await this.#readType(type));
    for (const segment of this.#segments) await this.#compareSegment(segment);
    for (const edge of this.#edges) {
      for (const [ordinal, stored] of [...edge.up, ...edge.down]) await this.#evaluateExport(edge, ordinal, stored);
    }
    for (const edge of this.#edges) await this.#compareEdge(edge);
    return {
      edges: this.#edges.length,
      building: this.#building,
      records: [...this.#vertices.values()].reduce((sum, { length }) => sum + length, 0),
      evaluations: this.#evaluations,
      memberships: this.#memberships,
      differences: this.#differences,
    };
  }

  // ── the graph ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #readType(type: ObjectType): Promise<Vertex[]> {
    const { redis, keys } = this.#context;
    const vertices: Vertex[] = [];
    for (const [partition, own] of keys.partitions.entries()) {
      for (let after = '-'; ; ) {
        const ids = await redis.zrangebylex(own.ids(type.name), after, '+', 'LIMIT', 0, CHUNK_RECORDS);
        if (ids.length > 0) vertices.push(...(await this.#readChunk(type, own, partition, ids)));
        if (ids.length < CHUNK_RECORDS) break;
        after = `(${ids.at(-1)}`;
      }
    }
    return vertices;
  }

  async #readChunk(type: ObjectType, own: PartitionKeys, partition: number, ids: string[]): Promise<Vertex[]> {
    const read = this.#context.redis
      .multi()
      .hmget(own.records(type.name), ...ids)
      .hmget(own.state(type.name), ...ids);
    const [rows, states] = (await carriedOut(read)) as (string | null)[][];
    return ids.flatMap((id, at): Vertex[] => {
      const row = rows![at];
      const record = row == null ? undefined : unpackRecord(row);
      if (!isLive(record)) return [];
      const { truth } = unpackState(states![at]);
      return [{ ...graphRecordOf(id, record, type, this.#context.timeZone), partition, truth }];
    });
  }

  // ── truths ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #compareSegment({ slug, object_type: objectType, json_logic: rule, ordinal }: StoredFilter): Promise<void> {
    const expected = await this.#satisfying(objectType, rule);
    this.#memberships += expected.size;
    const stored = new Set<string>();
    for (const own of this.#context.keys.partitions) {
      for await (const ids of this.#context.redis.sscanStream(own.segment(ordinal!), { count: SCAN_COUNT }))
        for (const id of ids as string[]) stored.add(id);
    }
    this.#compare({ slug, place: 'set' }, stored, expected);
    this.#compare({ slug, place: 'state' }, this.#storedTruth(objectType, ordinal!), expected);
  }

  async #evaluateExport(edge: AuditedEdge, ordinal: number, stored: StoredOrdinal): Promise<void> {
    const { object_type: objectType } = stored;
    const predicate = withEdges(stored.predicate, this.#context.catalog);
    const engine = this.#storedTruth(objectType, ordinal);
    // What can't be written out as edges again is taken as it is stored.
    const expected = predicate
      ? await this.#satisfying(objectType, predicateJsonLogic(predicate, this.#types))
      : engine;
    this.#held.set(ordinal, expected);
    const named = (ids: ReadonlySet<string>) => new Set([...ids].map((id) => `${id}(${ordinal})`));
    this.#compare({ edge: edge.definition.name, place: 'state' }, named(engine), named(expected));
  }

  #storedTruth(objectType: string, ordinal: number): Set<string> {
    const vertices = this.#vertices.get(objectType) ?? [];
    return new Set(vertices.filter(({ truth }) => hasOrdinal(truth, ordinal)).map(({ id }) => id));
  }

  /** The ids of the records of which json-logic-js says that the rule holds. */
  async #satisfying(objectType: string, rule: unknown): Promise<Set<string>> {
    const satisfying = new Set<string>();
    for (const [at, vertex] of (this.#vertices.get(objectType) ?? []).entries()) {
      if (at % CHUNK_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve)); // a server may share this process
      this.#evaluations++;
      if (holds(rule, document(objectType, vertex, this.#graph), this.#nowMs)) satisfying.add(vertex.id);
    }
    return satisfying;
  }

  // ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #compareEdge(edge: AuditedEdge): Promise<void> {
    const { keys } = this.#context;
    const holders = this.#holdersByTarget(edge);
    const shown = this.#shownByTarget(edge);
    const expected = { neighbours: new Set<string>(), related: new Set<string>(), holders: new Set<string>() };
    const related = new Map<string, Record<string, unknown>>();
    const targets = keys.partitions.map(() => new Set<string>());
    for (const [partition, byTarget] of holders.entries()) {
      for (const [target, some] of byTarget) {
        const local = this.#aggregate(edge, some);
        const exported = shown.get(target) ?? null;
        expected.neighbours.add(told(target, partition, neighbourText(edge, exported, local)));
        related.set(target, { ...related.get(target), [partition]: edge.isRead ? local : true });
        for (const { id } of some) expected.holders.add(told(target, partition, id));
        targets[partition]!.add(target);
      }
    }
    for (const [target, row] of related)
      expected.related.add(told(target, partitionOf(target, keys.partitions.length), JSON.stringify(row)));
    const stored = await this.#storedRows(edge, targets);
    for (const place of ['holders', 'neighbours', 'related'] as const)
      this.#compare({ edge: edge.definition.name, place }, stored[place], expected[place]);
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

  #shownByTarget({ definition, down }: AuditedEdge): Map<string, Exported> {
    const shown = new Map<string, Exported>();
    for (const { id, data } of this.#vertices.get(definition.target) ?? []) {
      const held = down.filter(([ordinal]) => this.#held.get(ordinal)!.has(id));
      const values = Object.fromEntries(
        held.flatMap(([ordinal, { exported }]) => {
          const value = exported?.attribute === undefined ? undefined : data[exported.attribute];
          return typeof value === 'number' ? [[ordinal, value] as const] : [];
        }),
      );
      shown.set(id, { truth: held.map(([ordinal]) => ordinal), values });
    }
    return shown;
  }

  #aggregate({ up }: AuditedEdge, holders: readonly Vertex[]): Aggregate {
    let sum = NO_AGGREGATE;
    for (const [ordinal, { exported }] of up) {
      const matching = holders.filter(({ id }) => this.#held.get(ordinal)!.has(id));
      const values = matching.map(({ data }) => {
        const value = exported?.attribute === undefined ? undefined : data[exported.attribute];
        return typeof value === 'number' ? value : undefined;
      });
      for (const value of values)
        sum = addToAggregate(
          sum,
          ordinal,
          1,
          value === undefined || exported?.ordered ? undefined : toTrillionths(value),
        );
      const numbersOf = exported?.ordered ? values.filter((value) => value !== undefined).sort((a, b) => a - b) : [];
      if (numbersOf.length > 0) sum = withExtremes(sum, ordinal, numbersOf[0], numbersOf.at(-1));
    }
    return sum;
  }

  async #storedRows(edge: AuditedEdge, expected: readonly ReadonlySet<string>[]) {
    const { redis, keys } = this.#context;
    const { anchor } = edge;
    const stored = { neighbours: new Set<string>(), related: new Set<string>(), holders: new Set<string>() };
    for (const [partition, own] of keys.partitions.entries()) {
      const targets = new Set(expected[partition]);
      for (const [target, packed] of await allFields(redis, own.neighbours(anchor))) {
        targets.add(target);
        const { exported, local } = unpackNeighbour(packed);
        stored.neighbours.add(told(target, partition, neighbourText(edge, exported, local)));
      }
      for (const [target, packed] of await allFields(redis, own.related(anchor))) {
        const row = Object.entries(unpackRelated(packed));
        const parts = row.map(([from, part]) => [from, edge.isRead ? known(edge, part) : true]);
        stored.related.add(told(target, partition, JSON.stringify(Object.fromEntries(parts))));
      }
      for (const [target, ids] of await this.#storedHolders(own, anchor, [...targets]))
        for (const id of ids) stored.holders.add(told(target, partition, id));
    }
    return stored;
  }

  async #storedHolders(own: PartitionKeys, anchor: number, targets: readonly string[]): Promise<[string, string[]][]> {
    const found: [string, string[]][] = [];
    for (let from = 0; from < targets.length; from += CHUNK_RECORDS) {
      const some = targets.slice(from, from + CHUNK_RECORDS);
      const ids = await Promise.all(
        some.map((target) => this.#context.redis.zrange(own.holders(anchor, target), '0', '-1')),
      );
      for (const [at, target] of some.entries()) found.push([target, ids[at]!]);
    }
    return found;
  }

  #compare(subject: Subject, engine: ReadonlySet<string>, reference: ReadonlySet<string>): void {
    const engineOnly = new Set([...engine].filter((one) => !reference.has(one)));
    const referenceOnly = new Set([...reference].filter((one) => !engine.has(one)));
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
export function graphRecordOf(id: string, record: RecordRow, type: ObjectType, timeZone: string): GraphRecord {
  const values = filterableData(record, type, timeZone);
  const names = [...type.attributes.keys()].filter((name) => Object.hasOwn(values, name));
  const held = [...type.relationships.values()].map(({ key }) => [key, record.data[key]] as const);
  return { id, data: Object.fromEntries([...names.map((name) => [name, values[name]] as const), ...held]) };
}

/** The types at either end of a relationship. */
function connectedTypes(types: ReadonlyMap<string, ObjectType>): ObjectType[] {
  const names = new Set([...edgesOf(types.values()).values()].flatMap(({ holder, target }) => [holder, target]));
  return [...types.values()].filter(({ name }) => names.has(name));
}

function edgesToAudit(catalog: Catalog): { audited: AuditedEdge[]; building: string[] } {
  const audited: AuditedEdge[] = [];
  const building: string[] = [];
  const read = new Set([...catalog.ordinals.values()].flatMap(({ reads = [] }) => reads));
  for (const definition of edgesOf(catalog.objectTypes.values()).values()) {
    const ofEdge = [...catalog.ordinals].filter(
      ([, { exported, status }]) => exported?.edge === definition.name && status !== 'failed',
    );
    const anchor = catalog.anchorOf(definition.name);
    // While it was declared otherwise before, and that is still answered for, there are two of that name.
    if (
      anchor === undefined ||
      ofEdge.some(([, { exported, status }]) => status !== 'ready' || exported!.anchor !== anchor)
    ) {
      building.push(definition.name);
      continue;
    }
    const exports = ofEdge.sort(([a], [b]) => a - b);
    const up = exports.filter(([, { exported }]) => exported!.direction === 'in');
    const down = exports.filter(([, { exported }]) => exported!.direction === 'out');
    audited.push({ anchor, definition, up, down, isRead: up.some(([ordinal]) => read.has(ordinal)) });
  }
  return { audited, building };
}

/**
 * A predicate as it was before it was lowered (query/lower.ts): what it says of a derived attribute is said over an edge again.
 * @returns undefined if a part of it reads derived attributes in a way that no edge says.
 */
function withEdges(predicate: Predicate, catalog: Catalog): Predicate | undefined {
  switch (predicate.kind) {
    case 'and':
    case 'or': {
      const children = predicate.children.map((child) => withEdges(child, catalog));
      return children.every((child) => child !== undefined) ? { kind: predicate.kind, children } : undefined;
    }
    case 'not': {
      const child = withEdges(predicate.child, catalog);
      return child && { kind: 'not', child };
    }
    case 'edge':
      return predicate;
    default:
      return atomWithEdges(predicate, catalog);
  }
}

function atomWithEdges(atom: Atom, catalog: Catalog): Predicate | undefined {
  const [name, ...others] = predicateAttributes(atom);
  if (![name, ...others].some((each) => each !== undefined && isDerivedName(each))) return atom;
  if (others.length > 0 || !('view' in atom || atom.kind === 'present')) return undefined;
  const { edge, direction, measure, ordinal } = readDerivedName(name!);
  const where = withEdges(catalog.ordinals.get(ordinal)?.predicate ?? ALWAYS, catalog);
  if (!where) return undefined;
  const measured =
    atom.kind === 'present' ? { ...atom, attribute: MEASURE } : { ...atom, view: { ...atom.view, attribute: MEASURE } };
  return { kind: 'edge', edge, direction, measure, where, holds: measured };
}

/** How a row is told: where it lies, and what it says. */
function told(target: string, partition: number, what: string): string {
  return `${target}@${partition}=${what}`;
}

function neighbourText(edge: AuditedEdge, exported: Exported | null | undefined, local: Aggregate): string {
  const kept = new Set(edge.down.map(([ordinal]) => ordinal));
  const shown = exported && {
    truth: exported.truth.filter((ordinal) => kept.has(ordinal)),
    values: only(exported.values, kept),
  };
  return JSON.stringify({ exported: shown === undefined ? 'unanswered' : shown, local: known(edge, local) });
}

/** What an aggregate says of ordinals that there are: what was added up for others is left behind and read by nobody. */
function known({ up }: AuditedEdge, { counts, sums, lows, highs }: Aggregate): Aggregate {
  const kept = new Set(up.map(([ordinal]) => ordinal));
  return { counts: only(counts, kept), sums: only(sums, kept), lows: only(lows, kept), highs: only(highs, kept) };
}

function only<T>(record: Readonly<Record<string, T>>, kept: ReadonlySet<number>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([ordinal]) => kept.has(Number(ordinal))));
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

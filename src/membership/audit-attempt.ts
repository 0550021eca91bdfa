/**
 * audit-attempt.ts – One reading of the whole graph, and its comparison with the reference.
 *
 * Keeps true: the expectation comes from the records alone: truths from reference.ts over
 * reference-document.ts, with shared predicates written out as JsonLogic. A difference is named by
 * the segment or the relationship that it belongs to, and by where it lies.
 */
import type { Catalog, StoredFilter, StoredPredicate } from '../catalog/catalog.ts';
import { predicateJsonLogic } from '../query/json-logic/json-logic.ts';
import { AuditGraph } from './audit-graph.ts';
import type { AuditRest } from './audit-pace.ts';
import type { AuditStore } from './audit-store.ts';
import { type AuditedEdge, edgesToAudit } from './audited-edge.ts';
import { ROW_PLACES, type RowPlace, type Spot } from './edge-look.ts';
import {
  expectedRows,
  type HoldersByTarget,
  holdersByTarget,
  type RowPosition,
  StoredEdgeRows,
} from './edge-rows.ts';
import type { EdgeSets } from './key-faults.ts';
import type { MembershipStore } from './membership-store.ts';
import { partitionsOf } from './partition-status.ts';
import { withEdges } from './unlowered.ts';

/** The subject of a comparison: the segment or the relationship that it belongs to. */
export type Subject =
  | { readonly slug: string; readonly place: 'set' | 'state' }
  | { readonly edge: string; readonly place: 'state' | RowPlace };

/** Each side: what it has and the other has not, as it is shown to people. */
export interface SubjectDifference {
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

export interface AttemptContext {
  readonly store: MembershipStore;
  readonly audits: AuditStore;
  readonly catalog: Catalog;
  readonly timeZone: string;
  readonly rest: AuditRest;
  /** Per partition, the sets that there are of holders and their values. */
  readonly sets: readonly EdgeSets[];
}

/** What is compared: the texts of one side. */
type Texts = Pick<ReadonlyMap<string, unknown>, 'has'> & { keys(): Iterable<string> };

export class AuditAttempt {
  readonly #context: AttemptContext;
  readonly #graph: AuditGraph;
  /** By shared predicate, the ids for which it holds by the reference. */
  readonly #held = new Map<number, ReadonlySet<string>>();
  readonly #differences: SubjectDifference[] = [];
  /** The rows that differ: by where they lie, and by their description. */
  readonly #spots = new Map<string, Spot>();
  readonly #spotOf = new Map<string, Spot>();
  #leftOver = 0;
  #memberships = 0;

  private constructor(context: AttemptContext, graph: AuditGraph) {
    this.#context = context;
    this.#graph = graph;
  }

  /** Reads the graph; it is evaluated at `nowMs`. */
  static async begin(context: AttemptContext, nowMs: number): Promise<AuditAttempt> {
    const { store, audits, catalog, timeZone, rest } = context;
    const types = catalog.objectTypes;
    const read = { store, rows: audits.rows, types, timeZone, rest };
    const graph = await AuditGraph.read(read, nowMs);
    return new AuditAttempt(context, graph);
  }

  async run(segments: readonly StoredFilter[]): Promise<RelationshipAudit> {
    const { audited: edges, building } = edgesToAudit(this.#context.catalog);
    for (const segment of segments) await this.#compareSegment(segment);
    for (const edge of edges) {
      for (const [predicateId, stored] of [...edge.up, ...edge.down])
        await this.#compareShared(edge, predicateId, stored);
    }
    for (const edge of edges) await this.#compareEdge(edge);
    return {
      edges: edges.length,
      building,
      records: this.#graph.records,
      evaluations: this.#graph.evaluations,
      memberships: this.#memberships,
      differences: this.#differences,
      leftOver: this.#leftOver,
    };
  }

  /** Where rows differ. */
  spots(): Spot[] {
    return [...this.#spots.values()];
  }

  /** The differences at some of them. */
  differencesAt(spots: ReadonlySet<Spot>): SubjectDifference[] {
    return this.#differences.flatMap(({ subject, engineOnly, referenceOnly }) => {
      if (!('edge' in subject)) return [];
      const isThere = (text: string) =>
        spots.has(this.#spotOf.get(`${subject.edge} ${subject.place} ${text}`)!);
      const some = (texts: ReadonlySet<string>) => new Set([...texts].filter(isThere));
      const [engine, reference] = [some(engineOnly), some(referenceOnly)];
      const isDifferent = engine.size + reference.size > 0;
      return isDifferent ? [{ subject, engineOnly: engine, referenceOnly: reference }] : [];
    });
  }

  async #compareSegment({
    slug,
    object_type: objectType,
    json_logic: rule,
    predicateId,
  }: StoredFilter): Promise<void> {
    const { store, audits } = this.#context;
    const expected = await this.#graph.satisfying(objectType, rule);
    this.#memberships += expected.size;
    const stored = new Set<string>();
    for (const partition of partitionsOf(store)) {
      for await (const ids of audits.rows.memberIds(partition, predicateId!))
        for (const id of ids) stored.add(id);
    }
    const truth = this.#graph.storedTruth(objectType, predicateId!);
    this.#compare({ slug, place: 'set' }, stored, expected);
    this.#compare({ slug, place: 'state' }, truth, expected);
  }

  async #compareShared(
    edge: AuditedEdge,
    predicateId: number,
    { object_type: objectType, predicate: lowered }: StoredPredicate,
  ): Promise<void> {
    const { catalog } = this.#context;
    const predicate = withEdges(lowered, catalog);
    const engine = this.#graph.storedTruth(objectType, predicateId);
    // A predicate that can't be written out as edges again is taken as it is stored.
    const rule = predicate && predicateJsonLogic(predicate, catalog.objectTypes);
    const expected = predicate ? await this.#graph.satisfying(objectType, rule) : engine;
    this.#held.set(predicateId, expected);
    const named = (ids: ReadonlySet<string>) =>
      new Set([...ids].map((id) => `${id}(${predicateId})`));
    this.#compare({ edge: edge.definition.name, place: 'state' }, named(engine), named(expected));
  }

  async #compareEdge(edge: AuditedEdge): Promise<void> {
    const { store, audits, sets } = this.#context;
    const holders = holdersByTarget(edge, this.#graph, store.partitions);
    const expected = expectedRows(edge, this.#graph, this.#held, holders);
    const stored = new StoredEdgeRows(audits.edges, edge);
    for (const partition of partitionsOf(store))
      await stored.read(partition, sets[partition], holders[partition]!.keys());
    this.#leftOver += stored.leftOver;
    for (const place of ROW_PLACES) {
      const [left, right] = [stored.rows[place], expected[place]];
      this.#compare({ edge: edge.definition.name, place }, left, right);
      for (const [one, other] of [[left, right] as const, [right, left] as const])
        for (const text of one.keys())
          if (!other.has(text)) this.#noteSpot(edge, place, one.at(text)!, text, holders);
    }
  }

  #noteSpot(
    edge: AuditedEdge,
    place: RowPlace,
    position: RowPosition,
    text: string,
    holders: HoldersByTarget,
  ): void {
    const { target, partition, predicateId = '', value = '' } = position;
    const key = `${edge.edgeId} ${place} ${partition} ${predicateId} ${value}\n${target}`;
    let spot = this.#spots.get(key);
    if (!spot) {
      const ids = (holders[partition]?.get(target) ?? []).map(({ id }) => id);
      this.#spots.set(key, (spot = { edge, place, ...position, holders: ids }));
    }
    this.#spotOf.set(`${edge.definition.name} ${place} ${text}`, spot);
  }

  #compare(subject: Subject, engine: Texts, reference: Texts): void {
    const engineOnly = [...engine.keys()].filter((one) => !reference.has(one));
    const referenceOnly = [...reference.keys()].filter((one) => !engine.has(one));
    if (engineOnly.length + referenceOnly.length === 0) return;
    const before = this.#differences.findIndex((each) => sameSubject(each.subject, subject));
    const old = this.#differences[before];
    const difference = {
      subject,
      engineOnly: new Set([...(old?.engineOnly ?? []), ...engineOnly]),
      referenceOnly: new Set([...(old?.referenceOnly ?? []), ...referenceOnly]),
    };
    if (old) this.#differences[before] = difference;
    else this.#differences.push(difference);
  }
}

export function sameSubject(a: Subject, b: Subject): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * audit-attempt.ts – One reading of the whole graph, and its comparison with the reference.
 *
 * Keeps true: the expectation comes from the records alone: truths from reference-program.ts over
 * reference-document.ts, with shared predicates written out as JsonLogic. A difference is named by
 * the segment or the relationship that it belongs to, and by where it lies.
 */
import type { Catalog, StoredFilter, StoredPredicate } from '../catalog/catalog.ts';
import { predicateJsonLogic } from '../query/json-logic/json-logic.ts';
import { AuditGraph, type GraphQuestion } from './audit-graph.ts';
import type { AuditRest } from './audit-pace.ts';
import type { AuditStore } from './audit-store.ts';
import { type AuditedEdge, edgesToAudit } from './audited-edge.ts';
import { HOLDER_PLACES, type RowPlace, type Spot, TARGET_PLACES } from './edge-look.ts';
import {
  ExpectedEdgeRows,
  type HoldersByTarget,
  holdersByTarget,
  type RowPosition,
  type RowsByPlace,
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
  readonly checks: number;
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

function without(some: Texts, others: Texts): string[] {
  const left: string[] = [];
  for (const one of some.keys()) if (!others.has(one)) left.push(one);
  return left;
}

interface AskedSegment {
  readonly slug: string;
  readonly question: GraphQuestion;
}

interface AskedShared {
  readonly edge: AuditedEdge;
  readonly stored: StoredPredicate;
  readonly question: GraphQuestion;
}

/** What is compared: segments, relationships, and the predicates that travel over these. */
interface AttemptQuestions {
  readonly segments: readonly AskedSegment[];
  readonly edges: readonly AuditedEdge[];
  readonly building: readonly string[];
  readonly shared: readonly AskedShared[];
}

/** Caller: predicates answer for the segments. */
function questionsOf(catalog: Catalog, segments: readonly StoredFilter[]): AttemptQuestions {
  const { audited: edges, building } = edgesToAudit(catalog);
  const askedShared = (edge: AuditedEdge) =>
    [...edge.up, ...edge.down].map(([predicateId, stored]): AskedShared => {
      const rule = sharedRule(stored, catalog);
      return { edge, stored, question: { objectType: stored.object_type, predicateId, rule } };
    });
  return {
    edges,
    building,
    shared: edges.flatMap(askedShared),
    segments: segments.map(({ slug, object_type: objectType, json_logic: rule, predicateId }) => ({
      slug,
      question: { objectType, predicateId: predicateId!, rule },
    })),
  };
}

/** Undefined: it can't be written out as edges again, and is taken as it is stored. */
function sharedRule({ predicate: lowered }: StoredPredicate, catalog: Catalog): unknown {
  const predicate = withEdges(lowered, catalog);
  return predicate && predicateJsonLogic(predicate, catalog.objectTypes);
}

export class AuditAttempt {
  readonly #context: AttemptContext;
  readonly #asked: AttemptQuestions;
  readonly #graph: AuditGraph;
  /** By shared predicate, the ids for which it holds by the reference. */
  readonly #held = new Map<number, ReadonlySet<string>>();
  readonly #differences: SubjectDifference[] = [];
  /** The rows that differ: by where they lie, and by their description. */
  readonly #spots = new Map<string, Spot>();
  readonly #spotOf = new Map<string, Spot>();
  #leftOver = 0;
  #memberships = 0;

  private constructor(context: AttemptContext, asked: AttemptQuestions, graph: AuditGraph) {
    this.#context = context;
    this.#asked = asked;
    this.#graph = graph;
  }

  /** Reads the graph; it is evaluated at `nowMs`. */
  static async begin(
    context: AttemptContext,
    segments: readonly StoredFilter[],
    nowMs: number,
  ): Promise<AuditAttempt> {
    const { store, audits, catalog, timeZone, rest } = context;
    const asked = questionsOf(catalog, segments);
    const questions = [...asked.segments, ...asked.shared].map(({ question }) => question);
    const shared = asked.shared.flatMap(({ stored }) => stored.shared?.attribute ?? []);
    const read = { store, rows: audits.rows, types: catalog.objectTypes, timeZone, rest };
    const graph = await AuditGraph.read({ ...read, questions, attributes: new Set(shared) }, nowMs);
    return new AuditAttempt(context, asked, graph);
  }

  async run(): Promise<RelationshipAudit> {
    const { edges, building, segments, shared } = this.#asked;
    for (const each of segments) await this.#compareSegment(each);
    for (const each of shared) this.#compareShared(each);
    for (const edge of edges) await this.#compareEdge(edge);
    return {
      edges: edges.length,
      building,
      records: this.#graph.records,
      evaluations: this.#graph.evaluations,
      checks: this.#graph.checks,
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

  async #compareSegment({ slug, question }: AskedSegment): Promise<void> {
    const { store, audits, rest } = this.#context;
    const { expected, stored } = this.#graph.answer(question);
    this.#memberships += expected.size;
    const members = new Set<string>();
    for (const partition of partitionsOf(store)) {
      for await (const ids of audits.rows.memberIds(partition, question.predicateId)) {
        await rest();
        for (const id of ids) members.add(id);
      }
    }
    this.#compare({ slug, place: 'set' }, members, expected);
    this.#compare({ slug, place: 'state' }, stored, expected);
  }

  #compareShared({ edge, question }: AskedShared): void {
    const { predicateId } = question;
    const { expected, stored } = this.#graph.answer(question);
    this.#held.set(predicateId, expected);
    const subject = { edge: edge.definition.name, place: 'state' } as const;
    this.#compare(subject, stored, expected, (id) => `${id}(${predicateId})`);
  }

  async #compareEdge(edge: AuditedEdge): Promise<void> {
    const { store, audits, sets, rest } = this.#context;
    const holders = await holdersByTarget(edge, this.#graph, store.partitions, rest);
    const expected = await ExpectedEdgeRows.of(edge, this.#graph, this.#held, holders, rest);
    const stored = new StoredEdgeRows(audits.edges, edge);
    for (const partition of partitionsOf(store)) {
      const rows = await expected.ofHolders(partition);
      await stored.read(partition, sets[partition], holders[partition]!.keys());
      for (const place of HOLDER_PLACES)
        this.#compareRows(edge, place, stored.ofHolders, rows, holders);
    }
    const rows = expected.ofTargets();
    for (const place of TARGET_PLACES)
      this.#compareRows(edge, place, stored.ofTargets, rows, holders);
    this.#leftOver += stored.leftOver;
  }

  #compareRows(
    edge: AuditedEdge,
    place: RowPlace,
    stored: RowsByPlace,
    expected: RowsByPlace,
    holders: HoldersByTarget,
  ): void {
    const [left, right] = [stored[place], expected[place]];
    this.#compare({ edge: edge.definition.name, place }, left, right);
    for (const [one, other] of [[left, right] as const, [right, left] as const])
      for (const text of one.keys())
        if (!other.has(text)) this.#noteSpot(edge, place, one.at(text)!, text, holders);
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

  /** `named`: how one that differs is told. */
  #compare(
    subject: Subject,
    engine: Texts,
    reference: Texts,
    named = (one: string): string => one,
  ): void {
    const engineOnly = without(engine, reference).map(named);
    const referenceOnly = without(reference, engine).map(named);
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

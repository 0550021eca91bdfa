/**
 * audit-graph.ts – All live records of types that relationships connect, in memory, and of which
 * of them each question holds: by the reference, and as the engine has it.
 *
 * Keeps true: a record's values and keys, and what the engine holds of it, are of one instant; the
 * graph as a whole is not. Everything is evaluated at one moment, by reference-program.ts over the
 * nested document of every record; one question of each record is given to json-logic-js itself as
 * well. Only what the questions may read is held, and the keys: about 300 bytes a record.
 */
import { edgesOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { isLive } from '../change/record.ts';
import { assert } from '../errors.ts';
import { holds } from '../query/json-logic/reference.ts';
import { document, type Graph, type GraphRecord } from '../query/json-logic/reference-document.ts';
import { namesRead, ReferencePrograms } from '../query/json-logic/reference-program.ts';
import { hasPredicateId } from '../query/network/predicate-ids.ts';
import type { AuditRest } from './audit-pace.ts';
import type { RowAudits } from './audit-store.ts';
import { graphRecordOf } from './graph-record.ts';
import type { MembershipStore } from './membership-store.ts';
import { partitionsOf } from './partition-status.ts';

/** A live record as it was read. */
export interface Vertex extends GraphRecord {
  readonly partition: number;
}

/** Of which records of a type does it hold? */
export interface GraphQuestion {
  readonly objectType: string;
  readonly predicateId: number;
  /** JsonLogic; undefined: it can't be written, and what the engine has stands for it. */
  readonly rule: unknown;
}

/** Ids of records. */
export interface GraphAnswer {
  readonly expected: ReadonlySet<string>;
  /** By the engine's state rows. */
  readonly stored: ReadonlySet<string>;
}

export interface AuditGraphContext {
  readonly store: MembershipStore;
  readonly rows: RowAudits;
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
  /** A server may share this process: it has its turn between two small things. */
  readonly rest: AuditRest;
  readonly questions: readonly GraphQuestion[];
  /** Attributes that are needed beside those that the questions read. */
  readonly attributes: ReadonlySet<string>;
}

/** A question that is asked of one type, and its answer as it grows. */
interface GrowingAnswer {
  readonly question: GraphQuestion;
  readonly expected: Set<string>;
  readonly stored: Set<string>;
}

const CHUNK_RECORDS = 500;

export class AuditGraph {
  readonly #context: AuditGraphContext;
  readonly #vertices = new Map<string, Vertex[]>();
  readonly #asked: ReadonlyMap<GraphQuestion, GrowingAnswer>;
  #evaluations = 0;
  #checks = 0;

  private constructor(context: AuditGraphContext) {
    this.#context = context;
    this.#asked = new Map(
      context.questions.map((question) => [
        question,
        { question, expected: new Set(), stored: new Set() },
      ]),
    );
  }

  /**
   * Reads all, then asks everything at `nowMs`: one moment for the whole graph. A record that
   * becomes due while it is read moves a partition, and it is read once more.
   */
  static async read(context: AuditGraphContext, nowMs: number): Promise<AuditGraph> {
    const graph = new AuditGraph(context);
    const types = connectedTypes(context.types);
    for (const type of types) graph.#vertices.set(type.name, await graph.#readType(type));
    const records = (typeName: string) => graph.of(typeName);
    for (const { name } of types)
      await graph.#evaluate(name, { types: context.types, records }, nowMs);
    return graph;
  }

  get records(): number {
    return [...this.#vertices.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** How often the reference was asked. */
  get evaluations(): number {
    return this.#evaluations;
  }

  /** How often json-logic-js was asked the same. */
  get checks(): number {
    return this.#checks;
  }

  /** The live records of a type. */
  of(objectType: string): readonly Vertex[] {
    return this.#vertices.get(objectType) ?? [];
  }

  answer(question: GraphQuestion): GraphAnswer {
    const { expected, stored } = this.#asked.get(question)!;
    return question.rule === undefined ? { expected: stored, stored } : { expected, stored };
  }

  #askedOf(objectType: string): GrowingAnswer[] {
    return [...this.#asked.values()].filter(({ question }) => question.objectType === objectType);
  }

  async #readType(type: ObjectType): Promise<Vertex[]> {
    const { store, rest } = this.#context;
    const [vertices, needed]: [Vertex[], ReadonlySet<string> | undefined] = [[], this.#needed()];
    for (const partition of partitionsOf(store)) {
      for (let after = ''; ; ) {
        await rest();
        const ids = await store.recordIds(partition, type.name, after, CHUNK_RECORDS);
        await this.#readChunk(type, partition, ids, needed, vertices);
        if (ids.length < CHUNK_RECORDS) break;
        after = ids.at(-1)!;
      }
    }
    return vertices;
  }

  /** A record that can't be read is no live record, and adds nothing. */
  async #readChunk(
    type: ObjectType,
    partition: number,
    ids: readonly string[],
    needed: ReadonlySet<string> | undefined,
    vertices: Vertex[],
  ): Promise<void> {
    const { rows, timeZone } = this.#context;
    const asked = this.#askedOf(type.name);
    for (const { id, record, state } of await rows.held(partition, type.name, ids)) {
      if (record === 'unreadable' || !isLive(record)) continue;
      const { data } = graphRecordOf(id, record, type, timeZone, needed);
      vertices.push({ id, data, partition });
      if (state === 'unreadable') continue;
      for (const { question, stored } of asked)
        if (hasPredicateId(state.truth, question.predicateId)) stored.add(id);
    }
  }

  /** The attributes that may be read; undefined: any. */
  #needed(): ReadonlySet<string> | undefined {
    const { questions, attributes } = this.#context;
    const needed = new Set(attributes);
    for (const { rule } of questions) {
      const names = namesRead(rule);
      if (!names) return undefined;
      for (const name of names) needed.add(name);
    }
    return needed;
  }

  async #evaluate(objectType: string, graph: Graph, nowMs: number): Promise<void> {
    const asked = this.#askedOf(objectType).filter(({ question }) => question.rule !== undefined);
    if (asked.length === 0) return;
    const programs = new ReferencePrograms();
    const places = asked.map(({ question }) => programs.add(question.rule));
    for (const [nth, vertex] of this.of(objectType).entries()) {
      const rest = this.#context.rest();
      if (rest) await rest;
      const nested = document(objectType, vertex, graph);
      programs.begin(nested, nowMs);
      for (const [at, { expected }] of asked.entries())
        if (programs.holds(places[at]!)) expected.add(vertex.id);
      this.#evaluations += asked.length;
      this.#checks += 1;
      const { question, expected } = asked[nth % asked.length]!;
      const isSame = holds(question.rule, nested, nowMs) === expected.has(vertex.id);
      assert(isSame, `the reference of ${question.predicateId} is json-logic-js of '${vertex.id}'`);
    }
  }
}

/** The types at either end of a relationship. */
function connectedTypes(types: ReadonlyMap<string, ObjectType>): ObjectType[] {
  const edges = [...edgesOf(types.values()).values()];
  const names = new Set(edges.flatMap(({ holder, target }) => [holder, target]));
  return [...types.values()].filter(({ name }) => names.has(name));
}

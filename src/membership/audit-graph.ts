/**
 * audit-graph.ts – All live records of types that relationships connect, in memory, each with its
 * truths by the reference.
 *
 * Keeps true: a record's values and keys, and what the engine holds of it, are of one instant; the
 * graph as a whole is not. Everything is evaluated at one moment. About 1 kB a record.
 */
import { edgesOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { isLive } from '../change/record.ts';
import { holds } from '../query/json-logic/reference.ts';
import { document, type Graph, type GraphRecord } from '../query/json-logic/reference-document.ts';
import {
  hasPredicateId,
  NO_PREDICATE_IDS,
  type PredicateIds,
} from '../query/network/predicate-ids.ts';
import type { AuditRest } from './audit-pace.ts';
import type { RowAudits } from './audit-store.ts';
import { graphRecordOf } from './graph-record.ts';
import type { MembershipStore } from './membership-store.ts';
import { partitionsOf } from './partition-status.ts';

/** A live record as it was read. */
export interface Vertex extends GraphRecord {
  readonly partition: number;
  /** The ids of the predicates that hold of it, as the engine has them. */
  readonly truth: PredicateIds;
}

export interface AuditGraphContext {
  readonly store: MembershipStore;
  readonly rows: RowAudits;
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
  /** A server may share this process: it has its turn between two small things. */
  readonly rest: AuditRest;
}

const CHUNK_RECORDS = 500;

export class AuditGraph {
  readonly #vertices: ReadonlyMap<string, readonly Vertex[]>;
  readonly #graph: Graph;
  /**
   * One moment for the whole graph: a record that becomes due while it is read moves a partition,
   * and it is read once more.
   */
  readonly #nowMs: number;
  readonly #rest: AuditRest;
  #evaluations = 0;

  private constructor(
    { types, rest }: AuditGraphContext,
    vertices: ReadonlyMap<string, readonly Vertex[]>,
    nowMs: number,
  ) {
    this.#vertices = vertices;
    this.#rest = rest;
    this.#graph = { types, records: (typeName) => this.of(typeName) };
    this.#nowMs = nowMs;
  }

  static async read(context: AuditGraphContext, nowMs: number): Promise<AuditGraph> {
    const vertices = new Map<string, Vertex[]>();
    for (const type of connectedTypes(context.types))
      vertices.set(type.name, await readType(context, type));
    return new AuditGraph(context, vertices, nowMs);
  }

  get records(): number {
    return [...this.#vertices.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** How often the reference was asked. */
  get evaluations(): number {
    return this.#evaluations;
  }

  /** The live records of a type. */
  of(objectType: string): readonly Vertex[] {
    return this.#vertices.get(objectType) ?? [];
  }

  /** The ids of the records for which a predicate holds by the engine's rows. */
  storedTruth(objectType: string, predicateId: number): Set<string> {
    const held = this.of(objectType).filter(({ truth }) => hasPredicateId(truth, predicateId));
    return new Set(held.map(({ id }) => id));
  }

  /** The ids of the records for which a rule holds by json-logic-js. */
  async satisfying(objectType: string, rule: unknown): Promise<Set<string>> {
    const satisfying = new Set<string>();
    for (const vertex of this.of(objectType)) {
      const rest = this.#rest();
      if (rest) await rest;
      this.#evaluations++;
      if (holds(rule, document(objectType, vertex, this.#graph), this.#nowMs))
        satisfying.add(vertex.id);
    }
    return satisfying;
  }
}

async function readType(context: AuditGraphContext, type: ObjectType): Promise<Vertex[]> {
  const { store, rest } = context;
  const vertices: Vertex[] = [];
  for (const partition of partitionsOf(store)) {
    for (let after = ''; ; ) {
      await rest();
      const ids = await store.recordIds(partition, type.name, after, CHUNK_RECORDS);
      vertices.push(...(await readChunk(context, type, partition, ids)));
      if (ids.length < CHUNK_RECORDS) break;
      after = ids.at(-1)!;
    }
  }
  return vertices;
}

/** A record that can't be read is no live record, and adds nothing. */
async function readChunk(
  { rows, timeZone }: AuditGraphContext,
  type: ObjectType,
  partition: number,
  ids: readonly string[],
): Promise<Vertex[]> {
  const held = await rows.held(partition, type.name, ids, []);
  return held.flatMap(({ id, record, state }): Vertex[] => {
    if (record === 'unreadable' || !isLive(record)) return [];
    const truth = state === 'unreadable' ? NO_PREDICATE_IDS : state.truth;
    return [{ ...graphRecordOf(id, record, type, timeZone), partition, truth }];
  });
}

/** The types at either end of a relationship. */
function connectedTypes(types: ReadonlyMap<string, ObjectType>): ObjectType[] {
  const edges = [...edgesOf(types.values()).values()];
  const names = new Set(edges.flatMap(({ holder, target }) => [holder, target]));
  return [...types.values()].filter(({ name }) => names.has(name));
}

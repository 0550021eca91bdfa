/**
 * engine-facts.ts – What a partition knows of a record's neighbours, as the engine reads it: the
 * values of derived attributes over its stored rows.
 *
 * Keeps true: the same predicates over the same rows have the truth that the engine gives them. A
 * condition about neighbours that no built segment asks is not kept anywhere; then nothing is known
 * here, and whoever asks looks at the neighbours themselves (nearby-records.ts).
 */
import type { Catalog } from '../catalog/catalog.ts';
import { sharedKey } from '../catalog/catalog-draft.ts';
import { type EdgeDefinition, edgesOf, targetsOf } from '../change/edge.ts';
import type { RecordRow } from '../change/record.ts';
import { assert } from '../errors.ts';
import {
  blankValue,
  type DerivedRead,
  derivedRead,
  inValue,
  outTally,
  outValue,
} from '../membership/derived-value.ts';
import { type NeighbourRow, tallyOf } from '../membership/neighbour-row.ts';
import { OverBudget } from '../query/budget.ts';
import { readDerivedName } from '../query/network/derived-attribute.ts';
import { lower } from '../query/network/lower.ts';
import { atomTest } from '../query/predicate/atom.ts';
import { MEASURE, type Predicate, type RelatedCondition } from '../query/predicate/predicate.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import { atomOf, leavesOf, truthOfLeaves } from '../query/predicate/walk.ts';
import type { AskedRows, RecordAtInstant } from './explain-store.ts';

/** How many neighbours there are over a step, and how many satisfy a condition. */
export interface Matched {
  readonly matching: number;
  readonly of: number;
}

/** A condition about neighbours that the engine keeps: the derived attribute that answers it. */
interface KeptCondition {
  readonly edge: RelatedCondition;
  readonly read: DerivedRead;
}

class NotKept extends Error {}

export class EngineFacts {
  readonly #catalog: Catalog;
  readonly #edges: ReadonlyMap<string, EdgeDefinition>;
  readonly #absent = new Map<number, boolean>();
  readonly #kept = new Map<RelatedCondition, KeptCondition | undefined>();

  /** Reads the catalog as it is now: made for one read. */
  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#edges = edgesOf(catalog.objectTypes.values());
  }

  /** The rows that are read to know what some lowered predicates and conditions say of a record. */
  askedBy(
    flats: readonly Predicate[],
    conditions: readonly RelatedCondition[],
    record: RecordRow | undefined,
  ): AskedRows {
    const neighbours = new Map<number, readonly string[]>();
    const related = new Set<number>();
    const totals = new Set<number>();
    const reads = [
      ...flats.flatMap((flat) => this.#readsOf(flat)),
      ...conditions.flatMap((each) => this.#keptFor(each)?.read ?? []),
    ];
    for (const read of reads) {
      const { edgeId, definition } = this.#edgeOf(read);
      if (read.direction === 'out')
        neighbours.set(edgeId, record ? targetsOf(definition, record.data) : []);
      else related.add(edgeId);
      if (read.direction === 'in' && read.keeps === 'values') totals.add(read.predicateId);
    }
    return { neighbours, related: [...related], totals: [...totals] };
  }

  /**
   * The values of the derived attributes that a lowered predicate reads; undefined where a
   * neighbour has not answered yet, so that the engine keeps what it had.
   */
  derived(flat: Predicate, at: RecordAtInstant): Readonly<Record<string, unknown>> | undefined {
    const values: Record<string, unknown> = {};
    for (const read of this.#readsOf(flat)) {
      if (this.#isOpen(read, at)) return undefined;
      const value = this.#valueOf(read, at);
      if (value !== undefined) values[read.name] = value;
    }
    return values;
  }

  /** The measure of a condition that is kept; undefined if it is not, or not known yet. */
  measure(
    condition: RelatedCondition,
    at: RecordAtInstant,
  ): { readonly value: unknown } | undefined {
    const kept = this.#keptFor(condition);
    if (!kept || this.#isOpen(kept.read, at)) return undefined;
    return { value: this.#valueOf(kept.read, at) };
  }

  /** How many neighbours satisfy the condition, of how many, if that is kept. */
  matched(condition: RelatedCondition, at: RecordAtInstant): Matched | undefined {
    const kept = this.#keptFor(condition);
    if (!kept || this.#isOpen(kept.read, at)) return undefined;
    const { read } = kept;
    const { edgeId } = this.#edgeOf(read);
    if (read.direction === 'out') {
      const tally = outTally(read, this.#rowsOver(read, at));
      return { matching: tally.count, of: tally.all };
    }
    const aggregates = Object.values(at.related.get(edgeId) ?? {});
    const countOf = (predicateId: number) => tallyOf(aggregates, predicateId).count;
    return { matching: countOf(read.predicateId), of: countOf(edgeId) };
  }

  #readsOf(flat: Predicate): DerivedRead[] {
    return predicateAttributes(flat).flatMap(
      (name) => derivedRead(name, (predicateId) => this.#absentTruth(predicateId)) ?? [],
    );
  }

  #keptFor(condition: RelatedCondition): KeptCondition | undefined {
    if (this.#kept.has(condition)) return this.#kept.get(condition);
    const kept = this.#findKept(condition);
    this.#kept.set(condition, kept);
    return kept;
  }

  #findKept(edge: RelatedCondition): KeptCondition | undefined {
    // What is compared is of no concern: the derived attribute is the one of the measure.
    const measured: RelatedCondition = { ...edge, holds: PRESENT };
    try {
      const [read] = this.#readsOf(lower(measured, this.#lowering));
      return read && { edge, read };
    } catch (error) {
      if (error instanceof NotKept) return undefined;
      throw error;
    }
  }

  readonly #lowering: Parameters<typeof lower>[1] = {
    neighbourOf: (edge, direction) => {
      const definition = this.#edges.get(edge);
      if (!definition) throw new NotKept();
      return direction === 'out' ? definition.target : definition.holder;
    },
    sharePredicate: (objectType, _, flat, travel) => {
      const { objectTypes, predicateIds } = this.#catalog;
      const edgeId = this.#catalog.edgeIdOf(travel.edge);
      const type = objectTypes.get(objectType);
      if (edgeId === undefined || !type) throw new NotKept();
      const key = sharedKey(edgeId, travel, flat, type, objectTypes);
      const predicateId = this.#catalog.predicateIdOf(objectType, key);
      const isReady = (each: number) => predicateIds.get(each)?.status === 'ready';
      if (predicateId === undefined || !isReady(predicateId) || !isReady(edgeId))
        throw new NotKept();
      return predicateId;
    },
  };

  #valueOf(read: DerivedRead, at: RecordAtInstant): unknown {
    if (read.direction === 'out') return outValue(read, this.#rowsOver(read, at));
    const { edgeId } = this.#edgeOf(read);
    const different = at.totals.get(read.predicateId) ?? 0;
    return inValue(read, { edgeId }, at.related.get(edgeId) ?? {}, different);
  }

  #isOpen(read: DerivedRead, at: RecordAtInstant): boolean {
    if (read.direction === 'in') return false;
    return this.#rowsOver(read, at).some(({ shared }) => shared === undefined);
  }

  #rowsOver(read: DerivedRead, at: RecordAtInstant): readonly NeighbourRow[] {
    return [...(at.neighbours.get(this.#edgeOf(read).edgeId)?.values() ?? [])];
  }

  #edgeOf({ predicateId }: DerivedRead): { edgeId: number; definition: EdgeDefinition } {
    const { predicateIds } = this.#catalog;
    const edgeId = predicateIds.get(predicateId)?.shared?.edgeId;
    const definition =
      edgeId === undefined ? undefined : predicateIds.get(edgeId)?.shared?.definition;
    assert(edgeId !== undefined && definition, `${predicateId} is shared over an edge`);
    return { edgeId, definition };
  }

  /**
   * The truth of a shared predicate for an absent neighbour. Bounded by the depth of filters: a
   * predicate reads only those that were there before it.
   */
  #absentTruth(predicateId: number): boolean {
    const known = this.#absent.get(predicateId);
    if (known !== undefined) return known;
    const flat = this.#catalog.predicateIds.get(predicateId)?.predicate;
    const truth = flat !== undefined && this.#truthOverNothing(flat);
    this.#absent.set(predicateId, truth);
    return truth;
  }

  #truthOverNothing(flat: Predicate): boolean {
    const nothing: Record<string, unknown> = {};
    for (const read of this.#readsOf(flat)) {
      const value = blankValue(readDerivedName(read.name), read.absentTruth);
      if (value !== undefined) nothing[read.name] = value;
    }
    try {
      // nothing has no age: any clock will do
      return flatTruth(flat, nothing, 0);
    } catch (error) {
      if (error instanceof OverBudget) return false;
      throw error;
    }
  }
}

const PRESENT: Predicate = { kind: 'present', attribute: MEASURE };

/** The truth of a lowered predicate. @throws OverBudget */
export function flatTruth(
  flat: Predicate,
  attributes: Readonly<Record<string, unknown>>,
  nowMs: number,
): boolean {
  return truthOfLeaves(flat, (leaf) => atomTest(atomOf(leaf))(attributes, nowMs));
}

/** The conditions about neighbours of the record itself that a predicate has. */
export function conditionsOf(predicate: Predicate): RelatedCondition[] {
  return leavesOf(predicate).flatMap((leaf) => (leaf.kind === 'edge' ? [leaf] : []));
}

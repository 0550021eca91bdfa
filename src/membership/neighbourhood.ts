/**
 * neighbourhood.ts – Looks at the neighbours of many records at once: along to-one steps, and over
 * all of a to-many one.
 *
 * Keeps true: its answers equal those of a filter over the records as they are read: live
 * neighbours only, each once, with values as filters see them. A to-one step is one read for all
 * records. A to-many step is walked in chunks of bounded size, and added up as it goes.
 * Records are weighed before they are read: a part that would hold too much is given up, and taken
 * in smaller parts, down to one record.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { type EdgeDefinition, edgesOf, targetsOf } from '../change/edge.ts';
import { filterableData, isLive, type RecordData, type RecordRow } from '../change/record.ts';
import { assert, Problem } from '../errors.ts';
import { PART_BYTES_MAX } from '../parts.ts';
import { DIFFERENT_VALUES_MAX, OverBudget } from '../query/budget.ts';
import { atomTest, type Test } from '../query/predicate/atom.ts';
import { keptFor, measureRow } from '../query/predicate/measures.ts';
import {
  type ListMeasure,
  MEASURE,
  type Predicate,
  type RelatedCondition,
} from '../query/predicate/predicate.ts';
import { type Hop, hopOf } from '../query/predicate/relationships.ts';
import { RunningTally } from '../query/predicate/tally.ts';
import type { Attributes } from '../query/predicate/view.ts';
import type { MembershipStore } from './membership-store.ts';
import { relationshipBuilding } from './related.ts';

/** A record, and its values as filters see them. */
export interface Standpoint {
  readonly id: string;
  readonly record: RecordRow;
  readonly data: RecordData;
  /** Characters that the record takes where it is stored. */
  readonly size: number;
}

/** A neighbour of the record at an index. */
export interface Neighbour {
  readonly of: number;
  readonly there: Standpoint;
}

interface Pair {
  readonly of: number;
  readonly id: string;
}

/** Where the holders of a target in a partition are read on: after an id ('': from the first). */
interface HolderWalk {
  readonly of: number;
  readonly target: string;
  readonly partition: number;
  readonly after: string;
}

/** Neighbours that are held at once, if they are as light as records are in general. */
const NEIGHBOURS_A_READ = 200;
/**
 * Ids of holders read of one target in one partition at once, and how many such reads are under
 * way.
 */
const HOLDERS_A_READ = 200;
const WALKS_A_READ = 200;

/** The records to be looked at together would hold more than they may. */
class TooHeavy extends Error {}

/** What a part of the records may hold, and holds. */
interface Holding {
  readonly most: number;
  bytes: number;
}

export class Neighbourhood {
  readonly #store: MembershipStore;
  readonly #catalog: Catalog;
  readonly #timeZone: string;
  readonly #edges: ReadonlyMap<string, EdgeDefinition>;
  readonly #tests = new Map<Predicate, Test>();
  /** The present, for conditions that time moves: one instant for one whole read. */
  readonly #nowMs = Date.now();
  #holding: Holding = { most: Number.POSITIVE_INFINITY, bytes: 0 };

  /** Reads the catalog as it is now: a neighbourhood is made for one read. */
  constructor(store: MembershipStore, catalog: Catalog, timeZone: string) {
    this.#store = store;
    this.#catalog = catalog;
    this.#timeZone = timeZone;
    this.#edges = edgesOf(catalog.objectTypes.values());
  }

  /**
   * Works on items in parts that hold a bounded weight, each in turn; one alone may hold what it
   * must. Work that is given up for its weight is done again on a smaller part, so it changes
   * nothing before its last read.
   */
  async *inParts<T, R>(
    items: readonly T[],
    work: (some: readonly T[]) => Promise<R>,
  ): AsyncGenerator<R> {
    let size = items.length;
    for (let from = 0; from < items.length; ) {
      const some = items.slice(from, from + size);
      const done = await this.#within(
        some.length === 1 ? Number.POSITIVE_INFINITY : PART_BYTES_MAX,
        () => work(some),
      );
      if (done === undefined) size = Math.ceil(some.length / 2);
      else {
        yield done.result;
        from += some.length;
      }
    }
  }

  /** @returns undefined if the work was given up. */
  async #within<R>(
    most: number,
    work: () => Promise<R>,
  ): Promise<{ readonly result: R } | undefined> {
    const before = this.#holding;
    this.#holding = { most, bytes: 0 };
    try {
      return { result: await work() };
    } catch (error) {
      if (error instanceof TooHeavy) return undefined;
      throw error;
    } finally {
      this.#holding = before;
    }
  }

  /** @throws TooHeavy before anything is read */
  async #hold(objectType: string, ids: readonly string[]): Promise<void> {
    const holding = this.#holding;
    if (holding.most === Number.POSITIVE_INFINITY) return;
    const weights = await this.#store.weights(objectType, ids);
    holding.bytes += weights.reduce((all, weight) => all + weight, 0);
    if (holding.bytes > holding.most) throw new TooHeavy();
  }

  /**
   * Some records of a type in the order of their ids; undefined for one that is not wanted or not
   * there.
   */
  async records(
    objectType: string,
    ids: readonly string[],
    isWanted: (record: RecordRow | undefined) => record is RecordRow = isLive,
  ): Promise<(Standpoint | undefined)[]> {
    const asked = [...new Set(ids)];
    await this.#hold(objectType, asked);
    const stored = await this.#store.records(objectType, asked);
    const found = new Map<string, Standpoint>();
    for (const [at, id] of asked.entries()) {
      const { record, size = 0 } = stored[at] ?? {};
      if (isWanted(record)) found.set(id, this.#standpoint(objectType, id, record, size));
    }
    return ids.map((id) => found.get(id));
  }

  /** The neighbours at the end of to-one steps; undefined where there is none. */
  async ends(
    from: readonly (Standpoint | undefined)[],
    hops: readonly Hop[],
  ): Promise<readonly (Standpoint | undefined)[]> {
    let ends = from;
    for (const hop of hops) ends = await this.#next(ends, hop);
    return ends;
  }

  async #next(
    from: readonly (Standpoint | undefined)[],
    hop: Hop,
  ): Promise<(Standpoint | undefined)[]> {
    const edge = this.#edge(hop.edge);
    const ids = from.map((at) => (at ? targetsOf(edge, at.record.data)[0] : undefined));
    const pointed = ids.filter((id) => id !== undefined);
    const found = await this.records(hop.target, pointed);
    const byId = new Map(pointed.map((id, at) => [id, found[at]]));
    return ids.map((id) => (id === undefined ? undefined : byId.get(id)));
  }

  /**
   * Several measures over one to-many step, for each record; undefined where a value is missing.
   * The step is walked once.
   */
  async measures(
    from: readonly (Standpoint | undefined)[],
    hop: Hop,
    asked: readonly { readonly measure: ListMeasure; readonly where: Predicate }[],
  ): Promise<(number | undefined)[][]> {
    const tallies = asked.map(({ measure: { kind } }) =>
      from.map(() => new RunningTally(keptFor(kind))),
    );
    for await (const pairs of this.#pairs(from, hop)) {
      const seen = this.inParts(pairs, async (some) => {
        const neighbours = await this.#there(some, from, hop);
        const there = neighbours.map((neighbour) => neighbour.there);
        const holds: boolean[][] = [];
        for (const { where } of asked) holds.push(await this.truths(where, there));
        return { neighbours, holds };
      });
      for await (const { neighbours, holds } of seen) {
        for (const [at, isCounted] of holds.entries()) {
          const { measure } = asked[at]!;
          for (const [n, { of, there }] of neighbours.entries()) {
            const tally = tallies[at]![of]!;
            if (isCounted[n]) tally.add(measuredValue(measure, there.data));
            else tally.leaveOut();
            if (tally.different > DIFFERENT_VALUES_MAX) throw tooManyValues(from[of]!.id);
          }
        }
      }
    }
    return tallies.map((some, at) => some.map(measureRow(asked[at]!.measure.kind).readOff));
  }

  /**
   * Whether a predicate holds of each record; of nothing in its place, whether it holds of nothing.
   */
  async truths(predicate: Predicate, at: readonly (Standpoint | undefined)[]): Promise<boolean[]> {
    switch (predicate.kind) {
      case 'and':
      case 'or': {
        const isAnd = predicate.kind === 'and';
        const truths = at.map(() => isAnd);
        for (const child of predicate.children) {
          const open = truths.flatMap((truth, index) => (truth === isAnd ? [index] : []));
          if (open.length === 0) break;
          const some = await this.truths(
            child,
            open.map((index) => at[index]),
          );
          for (const [n, index] of open.entries()) truths[index] = some[n]!;
        }
        return truths;
      }
      case 'not':
        return (await this.truths(predicate.child, at)).map((truth) => !truth);
      case 'edge': {
        const measured = await this.#measured(predicate, at);
        const test = this.#test(predicate.holds);
        return measured.map((value) =>
          test(value === undefined ? {} : { [MEASURE]: value }, this.#nowMs),
        );
      }
      default: {
        const test = this.#test(predicate);
        return at.map((seen) => test((seen?.data ?? {}) as Attributes, this.#nowMs));
      }
    }
  }

  async #measured(
    { edge, direction, measure, where }: RelatedCondition,
    from: readonly (Standpoint | undefined)[],
  ): Promise<readonly unknown[]> {
    const hop = hopOf({ edge, direction }, this.#catalog.objectTypes);
    if (measure.kind === 'truth') return this.truths(where, await this.#next(from, hop));
    if (measure.kind === 'exists')
      return (await this.#next(from, hop)).map((there) => there !== undefined);
    const [values] = await this.measures(from, hop, [{ measure, where }]);
    return values!;
  }

  /** The live neighbours of some records over a step, in chunks that hold a bounded weight. */
  async *neighbours(from: readonly Standpoint[], hop: Hop): AsyncGenerator<readonly Neighbour[]> {
    for await (const pairs of this.#pairs(from, hop))
      yield* this.inParts(pairs, (some) => this.#there(some, from, hop));
  }

  /** All neighbours over a to-many step by their ids, chunk by chunk. */
  async *#pairs(from: readonly (Standpoint | undefined)[], hop: Hop): AsyncGenerator<Pair[]> {
    const edge = this.#edge(hop.edge);
    const found = hop.direction === 'out' ? this.#targets(from, edge) : this.#holders(from, edge);
    for await (const pairs of found) {
      for (let at = 0; at < pairs.length; at += NEIGHBOURS_A_READ)
        yield pairs.slice(at, at + NEIGHBOURS_A_READ);
    }
  }

  /** Those of some neighbours that are live. */
  async #there(
    pairs: readonly Pair[],
    from: readonly (Standpoint | undefined)[],
    hop: Hop,
  ): Promise<readonly Neighbour[]> {
    const edge = this.#edge(hop.edge);
    const there = await this.records(
      hop.target,
      pairs.map(({ id }) => id),
    );
    return pairs.flatMap(({ of }, n) => {
      const seen = there[n];
      // a holder may have moved on since the ids were read
      const isThere =
        seen &&
        (hop.direction === 'out' || targetsOf(edge, seen.record.data).includes(from[of]!.id));
      return isThere ? [{ of, there: seen }] : [];
    });
  }

  *#targets(from: readonly (Standpoint | undefined)[], edge: EdgeDefinition): Generator<Pair[]> {
    for (const [of, at] of from.entries())
      if (at) yield targetsOf(edge, at.record.data).map((id) => ({ of, id }));
  }

  async *#holders(
    from: readonly (Standpoint | undefined)[],
    edge: EdgeDefinition,
  ): AsyncGenerator<Pair[]> {
    const edgeId = this.#catalog.edgeIdOf(edge.name);
    if (edgeId === undefined || this.#catalog.predicateIds.get(edgeId)?.status !== 'ready') {
      throw relationshipBuilding(edge.name);
    }
    const walks = await this.#holderWalks(from, edgeId);
    while (walks.length > 0) {
      const some = walks.splice(0, WALKS_A_READ);
      const read = ({ partition, target, after }: HolderWalk) =>
        this.#store.holderIds(partition, edgeId, target, after, HOLDERS_A_READ);
      const pages = await Promise.all(some.map(read));
      yield some.flatMap(({ of }, n) => pages[n]!.map((id) => ({ of, id })));
      for (const [n, walk] of some.entries()) {
        if (pages[n]!.length === HOLDERS_A_READ) walks.push({ ...walk, after: pages[n]!.at(-1)! });
      }
    }
  }

  /** A target's partition knows which partitions have holders of it: only those are asked. */
  async #holderWalks(
    from: readonly (Standpoint | undefined)[],
    edgeId: number,
  ): Promise<HolderWalk[]> {
    const targets = from.flatMap((at, of) => (at ? [{ of, target: at.id }] : []));
    const ids = targets.map(({ target }) => target);
    const partitions = await this.#store.holderPartitions(edgeId, ids);
    return targets.flatMap(({ of, target }, at) =>
      partitions[at]!.map((partition) => ({ of, target, partition, after: '' })),
    );
  }

  #standpoint(objectType: string, id: string, record: RecordRow, size: number): Standpoint {
    const type = this.#catalog.objectTypes.get(objectType);
    assert(type, `the type ${objectType} is declared`);
    return { id, record, data: filterableData(record, type, this.#timeZone), size };
  }

  #edge(name: string): EdgeDefinition {
    const edge = this.#edges.get(name);
    if (!edge) throw relationshipBuilding(name); // given up since the view was read
    return edge;
  }

  #test(flat: Predicate): Test {
    let test = this.#tests.get(flat);
    if (!test) this.#tests.set(flat, (test = flatTest(flat)));
    return test;
  }
}

/** A view counts no more different values of a record than a segment does. */
function tooManyValues(id: string): Problem {
  const most = DIFFERENT_VALUES_MAX.toLocaleString('en');
  const detail = `a column of the view counts more than ${most} different values for '${id}'`;
  return new Problem('segment_failed', detail);
}

/** What a measure is taken of, in one neighbour; undefined: the neighbour itself. */
export function measuredValue(measure: ListMeasure, data: RecordData): unknown {
  return 'attribute' in measure ? data[measure.attribute] : undefined;
}

/** The closure of a predicate that looks at no neighbour. */
function flatTest(predicate: Predicate): Test {
  switch (predicate.kind) {
    case 'and': {
      const tests = predicate.children.map(flatTest);
      return (attributes, nowMs) => tests.every((test) => test(attributes, nowMs));
    }
    case 'or': {
      const tests = predicate.children.map(flatTest);
      return (attributes, nowMs) => tests.some((test) => test(attributes, nowMs));
    }
    case 'not': {
      const test = flatTest(predicate.child);
      return (attributes, nowMs) => !test(attributes, nowMs);
    }
    default:
      assert(predicate.kind !== 'edge', 'what is compared with a measure looks at no neighbour');
      return withinBudget(atomTest(predicate));
  }
}

/** A column's condition may take over the JsonLogic of a segment. @throws Problem segment_failed */
function withinBudget(test: Test): Test {
  return (attributes, nowMs) => {
    try {
      return test(attributes, nowMs);
    } catch (error) {
      if (!(error instanceof OverBudget)) throw error;
      throw new Problem(
        'segment_failed',
        `a condition of the view took more than ${error.passed} for a related record`,
      );
    }
  };
}

/**
 * nearby-records.ts – A record and the neighbours that a filter looks at, in memory, and what the
 * filter says of them at any moment.
 *
 * Keeps true: at rest its answers equal the engine's, since both take live neighbours only, each
 * once, with values as filters see them. How much is held is bounded (`Room`): where it does not
 * suffice, a step is known in part, and whoever needs all of it is told so (`Unknown`).
 */
import type { ObjectType } from '../change/object-type.ts';
import { Problem } from '../errors.ts';
import { measuredValue, type Neighbour, type Standpoint } from '../membership/neighbourhood.ts';
import { DIFFERENT_VALUES_MAX, OverBudget, spentSince, spentSoFar } from '../query/budget.ts';
import { atomTest, canFail, type Test } from '../query/predicate/atom.ts';
import { keptFor, measureRow } from '../query/predicate/measures.ts';
import {
  type Atom,
  MEASURE,
  type Predicate,
  type RelatedCondition,
} from '../query/predicate/predicate.ts';
import { type Hop, hopOf, type TypesByName } from '../query/predicate/relationships.ts';
import { RunningTally } from '../query/predicate/tally.ts';
import { atomOf, truthOfLeaves } from '../query/predicate/walk.ts';
import { conditionsOf } from './engine-facts.ts';

/** Reads the live neighbours of some records over a step, in chunks. */
export interface NeighbourReader {
  neighbours(from: readonly Standpoint[], hop: Hop): AsyncIterable<readonly Neighbour[]>;
}

/** A record in its place among its neighbours. */
export interface Place {
  readonly type: ObjectType;
  readonly id: string;
  readonly standpoint: Standpoint;
  readonly around: Map<string, Around>;
}

/** What lies a step away. */
interface Around {
  readonly places: Place[];
  /** Whether these are all. */
  isWhole: boolean;
}

/** What may be held and worked at for one answer; what is left of it goes down. */
export interface Room {
  records: number;
  bytes: number;
  /** Conditions that are evaluated. */
  evaluations: number;
  /** Operations of programs (query/budget.ts). */
  operations: number;
}

/** A truth that would need more neighbours than are held. */
export class Unknown extends Error {
  readonly hop: Hop;

  constructor(hop: Hop) {
    super(`not all of '${hop.name}' are held`);
    this.hop = hop;
  }
}

/** The work is done that one answer may take. */
export class OutOfRoom extends Error {}

const NOTHING: Readonly<Record<string, unknown>> = {};

export class NearbyRecords {
  readonly #reader: NeighbourReader;
  readonly #types: TypesByName;
  readonly #room: Room;
  readonly #places = new Map<string, Place>();
  readonly #tests = new Map<Atom, Test>();

  constructor(reader: NeighbourReader, types: TypesByName, room: Room) {
    this.#reader = reader;
    this.#types = types;
    this.#room = room;
  }

  /** The record as a place, from which neighbours are looked at. */
  place(type: ObjectType, standpoint: Standpoint): Place {
    const key = `${type.name}/${standpoint.id}`;
    let place = this.#places.get(key);
    if (!place) {
      place = { type, id: standpoint.id, standpoint, around: new Map() };
      this.#places.set(key, place);
    }
    return place;
  }

  /**
   * Reads what a predicate looks at from some places, as far as there is room.
   * @throws Problem relationship_building
   */
  async look(predicate: Predicate, from: readonly Place[]): Promise<void> {
    for (const condition of conditionsOf(predicate)) {
      const hop = this.hopOf(condition);
      const there = await this.step(from, hop);
      if (there.length > 0) await this.look(condition.where, there);
    }
  }

  /** The places that lie a step away from some, each once. @throws Problem relationship_building */
  async step(from: readonly Place[], hop: Hop): Promise<Place[]> {
    const key = keyOf(hop);
    const open = from.filter(({ around }) => !around.has(key));
    if (open.length > 0) await this.#read(open, hop);
    return [...new Set(from.flatMap(({ around }) => around.get(key)?.places ?? []))];
  }

  async #read(from: readonly Place[], hop: Hop): Promise<void> {
    const key = keyOf(hop);
    const arounds = from.map(() => ({ places: [] as Place[], isWhole: true }));
    for (const [at, { around }] of from.entries()) around.set(key, arounds[at]!);
    const type = this.#types.get(hop.target)!;
    const room = this.#room;
    const full = () => room.records <= 0 || room.bytes <= 0;
    const standpoints = from.map(({ standpoint }) => standpoint);
    for await (const some of this.#reader.neighbours(standpoints, hop)) {
      for (const { of, there } of some) {
        if (full()) {
          for (const around of arounds) around.isWhole = false;
          return;
        }
        if (!this.#places.has(`${type.name}/${there.id}`)) {
          room.records -= 1;
          room.bytes -= there.size;
        }
        arounds[of]!.places.push(this.place(type, there));
      }
    }
  }

  hopOf(condition: RelatedCondition): Hop {
    return hopOf(condition, this.#types);
  }

  /**
   * Whether a predicate holds in a place at a moment; undefined is no record at all. `known` are
   * measures of the place itself that need not be worked out.
   * @throws Unknown | OutOfRoom | OverBudget
   */
  truth(
    predicate: Predicate,
    place: Place | undefined,
    nowMs: number,
    known?: (condition: RelatedCondition) => { readonly value: unknown } | undefined,
  ): boolean {
    this.#pay();
    return truthOfLeaves(predicate, (leaf) => {
      if (leaf.kind !== 'edge') return this.#test(leaf)(place?.standpoint.data ?? NOTHING, nowMs);
      const { value } = known?.(leaf) ?? { value: this.#measure(leaf, place, nowMs) };
      const measured = value === undefined ? NOTHING : { [MEASURE]: value };
      return truthOfLeaves(leaf.holds, (of) => this.#test(atomOf(of))(measured, nowMs));
    });
  }

  /** The measure of a condition about neighbours. @throws as `truth` */
  measure(condition: RelatedCondition, place: Place | undefined, nowMs: number): unknown {
    return this.#measure(condition, place, nowMs);
  }

  #measure(condition: RelatedCondition, place: Place | undefined, nowMs: number): unknown {
    const { measure, where } = condition;
    const there = this.#whole(this.hopOf(condition), place);
    if (measure.kind === 'exists') return there.length > 0;
    if (measure.kind === 'truth') return this.truth(where, there[0], nowMs);
    const tally = new RunningTally(keptFor(measure.kind));
    for (const each of there) {
      if (this.truth(where, each, nowMs)) tally.add(measuredValue(measure, each.standpoint.data));
      else tally.leaveOut();
    }
    if (tally.different > DIFFERENT_VALUES_MAX)
      throw new OverBudget(`${DIFFERENT_VALUES_MAX.toLocaleString('en')} different values`);
    return measureRow(measure.kind).readOff(tally);
  }

  #whole(hop: Hop, place: Place | undefined): readonly Place[] {
    if (!place) return [];
    const around = place.around.get(keyOf(hop));
    if (!around?.isWhole) throw new Unknown(hop);
    return around.places;
  }

  #pay(): void {
    const room = this.#room;
    room.evaluations -= 1;
    if (room.evaluations < 0 || room.operations < 0) throw new OutOfRoom('enough was worked out');
  }

  #test(atom: Atom): Test {
    let test = this.#tests.get(atom);
    if (test) return test;
    const own = atomTest(atom);
    test = own;
    if (canFail(atom)) {
      test = (attributes, nowMs) => {
        const before = spentSoFar();
        const truth = own(attributes, nowMs);
        this.#room.operations -= spentSince(before);
        return truth;
      };
    }
    this.#tests.set(atom, test);
    return test;
  }
}

/** Names a step within a place. */
export function keyOf({ edge, direction }: Pick<Hop, 'edge' | 'direction'>): string {
  return `${edge} ${direction}`;
}

/** @throws Problem query_too_costly, in words */
export function tooManyRelated({ name }: Hop, most: number): Problem {
  const detail =
    `it has more related records over '${name}' than the ${most.toLocaleString('en')} that are ` +
    'looked at for one explanation';
  return new Problem('query_too_costly', detail, [{ path: '/query', detail }]);
}

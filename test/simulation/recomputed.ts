/**
 * recomputed.ts – What the rows of a quiet deployment have to hold, computed from its live records,
 * its clock and nothing else.
 *
 * Keeps true: no stored row is read; a predicate's truth follows from the truths that it reads at
 * neighbours, all computed anew.
 */
import { partitionOf } from '../../src/change/partition.ts';
import { type Edge, type Share, targetsOver } from '../../src/engine/edges.ts';
import type { Networks } from '../../src/engine/networks.ts';
import { type DerivedRead, inValue, outValue } from '../../src/membership/derived-value.ts';
import { type Aggregate, NO_AGGREGATE, type Shared } from '../../src/membership/neighbour-row.ts';
import { carriedValue } from '../../src/membership/value-key.ts';
import { readDerivedName } from '../../src/query/network/derived-attribute.ts';
import { toTrillionths } from '../../src/query/predicate/exact-sum.ts';
import { fitting, type Model, type ModelRecord } from './model.ts';

export class Recomputed {
  readonly #model: Model;
  readonly #networks: Networks;
  readonly #partitions: number;
  readonly #nowMs: number;
  readonly #truths = new Map<string, boolean>();
  readonly #holders = new Map<number, Map<string, ModelRecord[]>>();

  constructor(model: Model, networks: Networks, partitions: number, nowMs: number) {
    this.#model = model;
    this.#networks = networks;
    this.#partitions = partitions;
    this.#nowMs = nowMs;
    for (const edge of networks.edges.values())
      this.#holders.set(edge.edgeId, this.#holdersOver(edge));
  }

  /** The predicate ids that hold of a record, ascending. */
  truthOf(record: ModelRecord): number[] {
    if (record.isArchived) return [];
    const all = [...this.#networks.predicateIds()].filter(
      (each) => this.#networks.typeOf(each) === record.objectType,
    );
    return all.filter((predicateId) => this.#holds(predicateId, record)).sort((a, b) => a - b);
  }

  /** The next moment at which the clock alone flips something of a record; undefined: never. */
  dueOf(record: ModelRecord): number | undefined {
    if (record.isArchived) return undefined;
    const { network, type } = this.#networks.types.get(record.objectType)!;
    return network.nextFlip(fitting(record.data, type), this.#nowMs);
  }

  /** The holders of each target in one partition, by target. */
  holders({ edgeId }: Edge, partition: number): Map<string, ModelRecord[]> {
    const here = (record: ModelRecord) => partitionOf(record.id, this.#partitions) === partition;
    const all = [...this.#holders.get(edgeId)!].map(
      ([target, holders]) => [target, holders.filter(here)] as const,
    );
    return new Map(all.filter(([, holders]) => holders.length > 0));
  }

  /** What holders add up to at a target of theirs. */
  aggregate({ up }: Edge, holders: readonly ModelRecord[]): Aggregate {
    const [counts, sums, lows, highs]: Record<string, never>[] = [{}, {}, {}, {}];
    const aggregate = { counts, sums, lows, highs } as unknown as {
      counts: Record<string, number>;
      sums: Record<string, [string, number]>;
      lows: Record<string, number>;
      highs: Record<string, number>;
    };
    for (const { predicateId, attribute, keeps } of up) {
      const holding = holders.filter((holder) => this.#holds(predicateId, holder));
      if (holding.length > 0) aggregate.counts[predicateId] = holding.length;
      const values = holding.flatMap(({ data }) => numberIn(data, attribute));
      if (values.length === 0 || keeps === 'values') continue;
      if (keeps === 'extremes') {
        aggregate.lows[predicateId] = Math.min(...values);
        aggregate.highs[predicateId] = Math.max(...values);
      } else {
        aggregate.sums[predicateId] = [
          String(values.map(toTrillionths).reduce((a, b) => a + b, 0n)),
          values.length,
        ];
      }
    }
    return aggregate;
  }

  /** The values of holders of whom a shared predicate holds. */
  values(
    predicateId: number,
    attribute: string,
    holders: readonly ModelRecord[],
  ): Record<string, number> {
    const holding = holders.filter((holder) => this.#holds(predicateId, holder));
    return Object.fromEntries(
      holding.flatMap(({ id, data }) => numberIn(data, attribute).map((value) => [id, value])),
    );
  }

  /** What a target shows over an edge. */
  shared({ definition, down }: Edge, target: string): Shared | null {
    const record = this.#model.get(definition.target, target);
    if (!record || record.isArchived) return null;
    const held = down.filter(({ predicateId }) => this.#holds(predicateId, record));
    const data = this.#fitting(record);
    const values = held.flatMap(({ predicateId, attribute, keeps }) => {
      const value = attribute && keeps ? carriedValue(keeps, data[attribute]) : undefined;
      return value === undefined ? [] : [[predicateId, value]];
    });
    return {
      truth: held.map(({ predicateId }) => predicateId),
      values: Object.fromEntries(values),
    };
  }

  /** By the name of a value, how many holders have it of whom a shared predicate holds. */
  different(
    { predicateId, attribute }: Share,
    holders: readonly ModelRecord[],
  ): Map<string, number> {
    const counts = new Map<string, number>();
    for (const holder of holders) {
      if (!this.#holds(predicateId, holder)) continue;
      const value = carriedValue('values', this.#fitting(holder)[attribute!]);
      if (value !== undefined) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    }
    return counts;
  }

  #fitting({ data, objectType }: ModelRecord): ModelRecord['data'] {
    return fitting(data, this.#networks.types.get(objectType)!.type);
  }

  #holds(predicateId: number, record: ModelRecord): boolean {
    const key = `${predicateId} ${record.objectType}:${record.id}`;
    let truth = this.#truths.get(key);
    if (truth === undefined) this.#truths.set(key, (truth = this.#evaluate(predicateId, record)));
    return truth;
  }

  #evaluate(predicateId: number, record: ModelRecord): boolean {
    const { network, type } = this.#networks.types.get(record.objectType)!;
    const view: Record<string, unknown> = { ...fitting(record.data, type) };
    for (const name of network.derivedOf(predicateId)) {
      const value = this.#derived(name, record);
      if (value !== undefined) view[name] = value;
    }
    return network.holds(predicateId, view, this.#nowMs);
  }

  #derived(name: string, record: ModelRecord): unknown {
    const { edge: edgeName, direction, predicateId } = readDerivedName(name);
    const isMeant = ({ definition, up, down }: Edge) =>
      definition.name === edgeName &&
      (direction === 'out' ? down : up).some((each) => each.predicateId === predicateId);
    const edge = [...this.#networks.edges.values()].find(isMeant)!;
    const read = (direction === 'out' ? edge.outReads : edge.inReads).find(
      (each) => each.name === name,
    )!;
    return direction === 'out'
      ? this.#seenOut(edge, read, record)
      : this.#seenIn(edge, read, record);
  }

  #seenOut(edge: Edge, read: DerivedRead, record: ModelRecord): unknown {
    const only = {
      ...edge,
      down: edge.down.filter(({ predicateId }) => predicateId === read.predicateId),
    };
    const targets = targetsOver(edge, record.data);
    const rows = targets.map((target) => ({
      shared: this.shared(only, target),
      local: NO_AGGREGATE,
    }));
    return outValue(read, rows);
  }

  #seenIn(edge: Edge, read: DerivedRead, record: ModelRecord): unknown {
    const asked = [edge.edgeId, read.predicateId];
    const only = { ...edge, up: edge.up.filter(({ predicateId }) => asked.includes(predicateId)) };
    const holders = this.#holders.get(edge.edgeId)!.get(record.id) ?? [];
    const share = only.up.find(({ predicateId }) => predicateId === read.predicateId)!;
    const different = read.keeps === 'values' ? this.different(share, holders).size : 0;
    return inValue(read, edge, { 0: this.aggregate(only, holders) }, different);
  }

  #holdersOver(edge: Edge): Map<string, ModelRecord[]> {
    const holders = new Map<string, ModelRecord[]>();
    for (const record of this.#model.live(edge.definition.holder)) {
      for (const target of targetsOver(edge, record.data))
        holders.set(target, [...(holders.get(target) ?? []), record]);
    }
    return holders;
  }
}

function numberIn(data: ModelRecord['data'], attribute: string | undefined): number[] {
  const value = attribute === undefined ? undefined : data[attribute];
  return typeof value === 'number' ? [value] : [];
}

/**
 * graph.ts – The truth of a predicate over records in memory: edges are followed one by one, as
 * predicate.ts says what they mean.
 */

import { unreachable } from '../../src/errors.ts';
import type { Graph, GraphRecord } from '../../src/query/json-logic/reference-document.ts';
import { isDerivedName, readDerivedName } from '../../src/query/network/derived-attribute.ts';
import { lower } from '../../src/query/network/lower.ts';
import type { MeasureOfValuesName } from '../../src/query/predicate/measures.ts';
import {
  MEASURE,
  type Measure,
  type Predicate,
  type RelatedCondition,
} from '../../src/query/predicate/predicate.ts';
import { hopOf } from '../../src/query/predicate/relationships.ts';
import { predicateAttributes } from '../../src/query/predicate/statement.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import { evaluate } from './contacts.ts';

/** A record of some type, or nothing in its place. */
export interface Standpoint {
  readonly type: string;
  readonly record: GraphRecord | undefined;
}

type TruthAt = (at: Standpoint) => boolean;

export function holdsAt(predicate: Predicate, at: Standpoint, graph: Graph): boolean {
  switch (predicate.kind) {
    case 'and':
      return predicate.children.every((child) => holdsAt(child, at, graph));
    case 'or':
      return predicate.children.some((child) => holdsAt(child, at, graph));
    case 'not':
      return !holdsAt(predicate.child, at, graph);
    case 'edge': {
      const value = measureOf(
        predicate,
        (there) => holdsAt(predicate.where, there, graph),
        at,
        graph,
      );
      return evaluate(predicate.holds, value === undefined ? {} : { [MEASURE]: value });
    }
    default:
      return evaluate(predicate, attributesAt(at, graph));
  }
}

/** The declared attributes that have a value. */
function attributesAt({ type, record }: Standpoint, { types }: Graph): Attributes {
  const names = [...types.get(type)!.attributes.keys()];
  const entries = names.map((name) => [name, record?.data[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
}

function measureOf(
  {
    edge,
    direction,
    measure,
  }: Pick<RelatedCondition, 'edge' | 'direction'> & { readonly measure: Measure },
  satisfies: TruthAt,
  at: Standpoint,
  graph: Graph,
): unknown {
  const { target } = hopOf({ edge, direction }, graph.types);
  const all = neighbours(edge, direction, at, graph).map((record) => ({ type: target, record }));
  const satisfying = all.filter(satisfies);
  switch (measure.kind) {
    case 'truth':
      return satisfies(all[0] ?? { type: target, record: undefined });
    case 'exists':
      return all.length > 0;
    case 'count':
      return satisfying.length;
    case 'share':
      return all.length === 0 ? undefined : satisfying.length / all.length;
    default: {
      const values = satisfying.map(({ record }) => record.data[measure.attribute]);
      return summaryOf(measure.kind, values);
    }
  }
}

function summaryOf(kind: MeasureOfValuesName, values: readonly unknown[]): number | undefined {
  const numbers = values.filter((value) => typeof value === 'number');
  switch (kind) {
    case 'sum':
      return Number(`${decimalSum(numbers)}e-12`);
    case 'avg':
      if (numbers.length === 0) return undefined;
      return rounded(decimalSum(numbers), BigInt(numbers.length) * 1_000_000n);
    case 'min':
      return numbers.length === 0 ? undefined : Math.min(...numbers);
    case 'max':
      return numbers.length === 0 ? undefined : Math.max(...numbers);
    case 'countDistinct':
      return new Set(values.filter((value) => value !== undefined && value !== null)).size;
    default:
      return unreachable(kind);
  }
}

/**
 * In trillionths; the numbers of these tests are whole, or have at most twelve decimals and
 * thirteen digits.
 */
function decimalSum(values: readonly number[]): bigint {
  const trillionths = values.map((value) =>
    Number.isInteger(value)
      ? BigInt(value) * 1_000_000_000_000n
      : BigInt(Math.round(Number((value * 1e12).toPrecision(13)))),
  );
  return trillionths.reduce((a, b) => a + b, 0n);
}

/** A quotient in millionths: half-even. */
function rounded(dividend: bigint, divisor: bigint): number {
  const [double, half] = [(2n * dividend) / divisor, (2n * dividend) % divisor === 0n];
  const away = (double + (double < 0n ? -1n : 1n)) / 2n;
  const isTie = half && double % 2n !== 0n;
  return Number(`${isTie && away % 2n !== 0n ? double - away : away}e-6`);
}

function neighbours(
  edge: string,
  direction: 'out' | 'in',
  { type, record }: Standpoint,
  graph: Graph,
): GraphRecord[] {
  const [holder = '', name = ''] = edge.split('.');
  const { to, key, cardinality } = graph.types.get(holder)!.relationships.get(name)!;
  const pointsAt = (from: GraphRecord, id: string) =>
    cardinality === 'one'
      ? from.data[key] === id
      : Array.isArray(from.data[key]) && from.data[key].includes(id);
  if (!record || type !== (direction === 'out' ? holder : to)) return [];
  if (direction === 'out') return [...graph.records(to)].filter(({ id }) => pointsAt(record, id));
  return [...graph.records(holder)].filter((from) => pointsAt(from, record.id));
}

// ── After lowering ──

/**
 * The truth of the predicate when it is lowered: of flat predicates alone, each over its own record
 * and what it is told.
 */
export function loweredTruth(predicate: Predicate, graph: Graph): TruthAt {
  const shared: { readonly key: string; readonly flat: Predicate }[] = [];
  const flat = lower(predicate, {
    neighbourOf: (edge, direction) => hopOf({ edge, direction }, graph.types).target,
    sharePredicate: (objectType, key, flat) => {
      const full = `${objectType} ${key}`;
      const known = shared.findIndex((each) => each.key === full);
      return known >= 0 ? known : shared.push({ key: full, flat }) - 1;
    },
  });
  const truthOf =
    (of: Predicate): TruthAt =>
    (at) => {
      const derived = predicateAttributes(of).filter(isDerivedName);
      const values = derived.map((name) => {
        const { predicateId, ...told } = readDerivedName(name);
        return [name, measureOf(told, truthOf(shared[predicateId]!.flat), at, graph)] as const;
      });
      const present = Object.fromEntries(values.filter(([, value]) => value !== undefined));
      return evaluate(of, { ...attributesAt(at, graph), ...present });
    };
  return truthOf(flat);
}

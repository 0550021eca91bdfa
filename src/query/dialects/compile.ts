/**
 * compile.ts – Turns a saved filter in any of its three dialects into a typed predicate and its
 * canonical JsonLogic.
 *
 * Keeps true: the predicate and the JsonLogic hold for the same records. A query is either
 * understood as a whole or refused with all its faults. No query, however deep, can exhaust the
 * stack: its depth is measured first, without recursion.
 */
import { isObject, type ObjectType } from '../../change/object-type.ts';
import { type Fault, Problem } from '../../errors.ts';
import { QUERY_OPERATIONS_MAX } from '../cost.ts';
import type { Meaning } from '../json-logic/json-logic.ts';
import { atomCost } from '../predicate/atom.ts';
import { normalize } from '../predicate/normalize.ts';
import type { Predicate } from '../predicate/predicate.ts';
import { hopOf, type TypesByName } from '../predicate/relationships.ts';
import { statementKey } from '../predicate/statement.ts';
import { type Leaf, leavesOf } from '../predicate/walk.ts';
import { readItemTree } from './item-tree.ts';
import { readJsonLogic } from './raw/query.ts';
import { readRuleGroup } from './rule-group.ts';
import {
  fault,
  isOnlyInexact,
  type QueryScope,
  quote,
  type Reading,
  startReading,
  TOO_DEEP,
} from './scope.ts';

export type { QueryScope, SegmentMeaning } from './scope.ts';

export interface CompiledQuery {
  /** In normal form (normalize.ts). */
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
  /**
   * Two queries with one key hold for the same records; it names the types of the attributes that
   * are read.
   */
  readonly key: string;
  /** The slugs that the query names itself, sorted. */
  readonly uses: readonly string[];
}

/**
 * 50 negated groups are 200 levels of lists and objects when written as JsonLogic; as what 50 sums
 * are taken over they are 600.
 */
const JSON_DEPTH_MAX = 700;
/**
 * Lists and objects of a query's JsonLogic with the segments that it uses written out: chains of
 * them can double at each link.
 */
const JSON_PARTS_MAX = 100_000;

/**
 * Compiles a filter, or refuses it.
 * @throws Problem query_invalid | query_too_costly with a JSON pointer, from `/query`, for each
 * fault.
 */
export function compileQuery(query: unknown, scope: QueryScope): CompiledQuery {
  const reading = startReading(scope);
  const read = isWithin(query, JSON_DEPTH_MAX, Number.POSITIVE_INFINITY)
    ? readQuery(query, reading)
    : fault(reading, '/query', TOO_DEEP);
  if (read && !isWithin(read.jsonLogic, JSON_DEPTH_MAX, JSON_PARTS_MAX)) {
    const why =
      reading.uses.size > 0 ? 'with the segments that it uses' : 'when it is written as JsonLogic';
    fault(reading, '/query', `the query is too large or too deep ${why}`);
  }
  if (!read || reading.faults.length > 0 || reading.costs.length > 0) throw refusal(reading);
  const predicate = normalize(read.predicate);
  refuseCostly(predicate, reading);
  const key = statementKey(predicate, scope.type, reading.scope.types);
  return { predicate, jsonLogic: read.jsonLogic, key, uses: [...reading.uses].sort() };
}

/**
 * The dialect shows at the root: `rules` is a rule group's, `type: "group"` an item tree's, one
 * other key JsonLogic's.
 */
function readQuery(query: unknown, reading: Reading): Meaning | undefined {
  if (!isObject(query)) {
    return fault(
      reading,
      '/query',
      `a query is a rule group, an item tree or JsonLogic, not ${quote(query)}`,
    );
  }
  if ('rules' in query) return readRuleGroup(query, '/query', reading);
  if (query.type === 'group') return readItemTree(query, '/query', reading);
  if ('combinator' in query)
    return fault(reading, '/query/rules', 'the rules of a group are a list');
  if ('operator' in query) {
    return fault(
      reading,
      '/query',
      'a single rule is no query: put it into a group, { "combinator": "and", "rules": [ … ] }',
    );
  }
  return readJsonLogic(query, '/query', reading);
}

function refusal(reading: Reading): Problem {
  const { faults, costs } = reading;
  if (faults.length === 0 && costs.length > 0) return tooCostly(costs);
  const code = isOnlyInexact(reading) ? 'number_inexact' : 'query_invalid';
  return new Problem(code, faults[0]?.detail ?? 'the query is not valid', [...faults, ...costs]);
}

function tooCostly(costs: readonly Fault[]): Problem {
  return new Problem('query_too_costly', costs[0]!.detail, costs);
}

/**
 * Each program of a query is bounded where it is read; those of the segments that it uses come on
 * top.
 * @throws Problem query_too_costly
 */
function refuseCostly(predicate: Predicate, { scope }: Reading): void {
  const operations = programsCost(predicate, scope.type, scope.types);
  if (operations <= QUERY_OPERATIONS_MAX) return;
  const count = `${Math.round(operations / 1e6)} million operations`;
  const detail = `its parts of JsonLogic together may take ${count} for one record`;
  throw tooCostly([{ path: '/query', detail }]);
}

function programsCost(predicate: Predicate, type: ObjectType, types: TypesByName): number {
  return leavesOf(predicate).reduce((sum, leaf) => sum + leafCost(leaf, type, types), 0);
}

function leafCost(leaf: Leaf, type: ObjectType, types: TypesByName): number {
  if (leaf.kind === 'edge') {
    const target = types.get(hopOf(leaf, types).target);
    return target ? programsCost(leaf.where, target, types) : 0;
  }
  return atomCost(leaf, type);
}

/** Whether the lists and objects of a JSON value are at most so deep and so many. */
function isWithin(json: unknown, depthMax: number, partsMax: number): boolean {
  let parts = 0;
  const rest: { value: unknown; depth: number }[] = [{ value: json, depth: 1 }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    parts += 1;
    if (depth > depthMax || parts > partsMax) return false;
    for (const member of Object.values(value)) {
      if (typeof member === 'object' && member !== null)
        rest.push({ value: member, depth: depth + 1 });
    }
  }
  return true;
}

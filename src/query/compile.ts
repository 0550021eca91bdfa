/**
 * compile.ts – A saved filter in any of its three dialects becomes a typed predicate and its canonical JsonLogic.
 *
 * Keeps true: the predicate and the JsonLogic hold for the same records; a query is either understood as a whole or refused
 * with all its faults; and no query, however deep, can exhaust the stack: its depth is measured first, without recursion.
 */
import { isObject, type ObjectType } from '../change/object-type.ts';
import { type Fault, Problem } from '../errors.ts';
import { atomReads } from './atom.ts';
import { readItemTree } from './item-tree.ts';
import type { Meaning } from './json-logic.ts';
import { normalize, predicateKey } from './normalize.ts';
import type { Predicate } from './predicate.ts';
import { readJsonLogic } from './raw-json-logic.ts';
import { readRuleGroup } from './rule-group.ts';
import { fault, type QueryScope, quote, type Reading, startReading, TOO_DEEP } from './scope.ts';

export type { QueryScope, SegmentMeaning } from './scope.ts';

export interface CompiledQuery {
  /** In normal form (normalize.ts). */
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
  /** Two queries with one key hold for the same records; it names the types of the attributes that are read. */
  readonly key: string;
  /** The slugs that the query names itself, sorted. */
  readonly uses: readonly string[];
}

/** 50 negated groups are 200 levels of lists and objects when written as JsonLogic. */
const JSON_DEPTH_MAX = 400;
/** Lists and objects of a query's JsonLogic with the segments that it uses written out: chains of them can double at each link. */
const JSON_PARTS_MAX = 100_000;

/**
 * Compiles a filter, or refuses it.
 * @throws Problem query_invalid with a JSON pointer, from `/query`, for each fault.
 */
export function compileQuery(query: unknown, scope: QueryScope): CompiledQuery {
  const reading = startReading(scope);
  const read = isWithin(query, JSON_DEPTH_MAX, Number.POSITIVE_INFINITY)
    ? readQuery(query, reading)
    : fault(reading, '/query', TOO_DEEP);
  if (read && reading.uses.size > 0 && !isWithin(read.jsonLogic, JSON_DEPTH_MAX, JSON_PARTS_MAX)) {
    fault(reading, '/query', 'the query is too large or too deep with the segments that it uses');
  }
  if (!read || reading.faults.length > 0) throw refusal(reading.faults);
  const predicate = normalize(read.predicate);
  return { predicate, jsonLogic: read.jsonLogic, key: keyOf(predicate, scope.type), uses: [...reading.uses].sort() };
}

/** The attributes whose change can change the predicate's truth, sorted. */
export function predicateAttributes(predicate: Predicate): string[] {
  const attributes = new Set<string>();
  collectAttributes(predicate, attributes);
  return [...attributes].sort();
}

function collectAttributes(predicate: Predicate, attributes: Set<string>): void {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      for (const child of predicate.children) collectAttributes(child, attributes);
      return;
    case 'not':
      collectAttributes(predicate.child, attributes);
      return;
    default:
      for (const attribute of atomReads(predicate)) attributes.add(attribute);
  }
}

/** The dialect shows at the root: `rules` is a rule group's, `type: "group"` an item tree's, one other key JsonLogic's. */
function readQuery(query: unknown, reading: Reading): Meaning | undefined {
  if (!isObject(query)) {
    return fault(reading, '/query', `a query is a rule group, an item tree or JsonLogic, not ${quote(query)}`);
  }
  if ('rules' in query) return readRuleGroup(query, '/query', reading);
  if (query.type === 'group') return readItemTree(query, '/query', reading);
  if ('combinator' in query) return fault(reading, '/query/rules', 'the rules of a group are a list');
  if ('operator' in query) {
    return fault(
      reading,
      '/query',
      'a single rule is no query: put it into a group, { "combinator": "and", "rules": [ … ] }',
    );
  }
  return readJsonLogic(query, '/query', reading);
}

function refusal(faults: readonly Fault[]): Problem {
  return new Problem('query_invalid', faults[0]?.detail ?? 'the query is not valid', faults);
}

/** A re-typed attribute makes another statement of the same words. */
function keyOf(predicate: Predicate, type: ObjectType): string {
  const types = predicateAttributes(predicate).map((name) => {
    const attribute = type.attributes.get(name);
    return `${name}:${attribute?.type}${attribute?.of ? `<${attribute.of}>` : ''}`;
  });
  return `${types.join()} ${predicateKey(predicate)}`;
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
      if (typeof member === 'object' && member !== null) rest.push({ value: member, depth: depth + 1 });
    }
  }
  return true;
}

/**
 * filter-tree.ts – A filter as it was given: its groups and its conditions, each with its JSON
 * pointer and a query that says it alone.
 *
 * Keeps true: it mirrors the query of whatever dialect, in the order that was given. What is muted
 * counts as not there, as everywhere. The truth of a group follows from those of its parts
 * (`truthOfGroup`), so whoever knows the conditions knows the whole filter. A rule of an item tree
 * is given in the words of a rule group.
 *
 * Caller: the query has been compiled, so that all of it is well-formed.
 */
import { isObject } from '../../change/object-type.ts';
import { pointer } from '../../errors.ts';
import { isLogic, operationOf } from '../json-logic/json-logic-program.ts';
import type { Members } from './scope.ts';

export type FilterPart = FilterGroup | FilterRule | FilterLogic;

/** Parts under a combinator, or with combinators between them. */
export interface FilterGroup {
  readonly kind: 'group';
  readonly path: string;
  readonly combinator: 'and' | 'or' | 'mixed';
  readonly not: boolean;
  readonly parts: readonly FilterPart[];
  /**
   * By their places: each list must hold as a whole, and one of the lists must. None: it holds of
   * every record.
   */
  readonly anyOf: readonly (readonly number[])[];
}

export const RULE_KINDS = ['rule', 'match', 'aggregate', 'segment'] as const;

/** One condition of a rule group or an item tree. */
export interface FilterRule {
  readonly kind: (typeof RULE_KINDS)[number];
  readonly path: string;
  readonly rule: Members;
  /** A query that says this alone. */
  readonly query: unknown;
  /** The group that it asks of related records, if it asks for one. */
  readonly where?: FilterGroup;
  /** The same as a query about the records that the rule leads to. */
  readonly whereQuery?: unknown;
}

/** JsonLogic: a connective over parts, or anything else. */
export interface FilterLogic {
  readonly kind: 'json_logic';
  readonly path: string;
  readonly logic: unknown;
  readonly connective?: Connective;
  readonly parts: readonly FilterPart[];
}

const CONNECTIVES = ['and', 'or', '!', '!!'] as const;
type Connective = (typeof CONNECTIVES)[number];

/** JsonLogic is shown in its parts down to this depth; what lies deeper is one part. */
const LOGIC_DEPTH_MAX = 20;

/** How groups and rules are written in a dialect. */
interface GroupDialect {
  readonly parts: 'rules' | 'items';
  readonly combinator: 'combinator' | 'operator';
  readonly alone: (rule: Members) => unknown;
  readonly rule: (rule: Members) => Members;
}

const RULES: GroupDialect = {
  parts: 'rules',
  combinator: 'combinator',
  alone: (rule) => ({ combinator: 'and', rules: [rule] }),
  rule: (rule) => rule,
};

const ITEMS: GroupDialect = {
  parts: 'items',
  combinator: 'operator',
  alone: (item) => ({ type: 'group', operator: 'and', items: [item] }),
  rule: ({ type: _, slug, operator, ...rest }) => ({
    ...rest,
    field: slug,
    operator: operator === '==' ? '=' : operator,
  }),
};

/** The parts of a query; its root has the path ''. */
export function filterTree(query: unknown): FilterPart {
  if (isObject(query) && 'rules' in query) return groupOf(query, '', RULES);
  if (isObject(query) && query.type === 'group') return groupOf(query, '', ITEMS);
  return logicOf(query, '', 1);
}

/** Whether a group holds, given which of its parts do. */
export function truthOfGroup({ not, anyOf }: FilterGroup, truths: readonly boolean[]): boolean {
  const holds = anyOf.length === 0 || anyOf.some((all) => all.every((at) => truths[at]));
  return holds !== not;
}

/** Whether a connective of JsonLogic holds, given which of its parts do. */
export function truthOfConnective(connective: Connective, truths: readonly boolean[]): boolean {
  switch (connective) {
    case 'and':
      return truths.length > 0 && truths.every((truth) => truth);
    case 'or':
      return truths.some((truth) => truth);
    case '!':
      return !truths[0];
    case '!!':
      return truths[0] === true;
  }
}

/** All parts, each before its own parts. */
export function* partsWithin(part: FilterPart): Generator<FilterPart> {
  yield part;
  if ('parts' in part) for (const each of part.parts) yield* partsWithin(each);
}

// ——— Rule groups and item trees ———

function groupOf(group: Members, path: string, dialect: GroupDialect): FilterGroup {
  const listed = group.muted === true ? [] : (group[dialect.parts] as readonly unknown[]);
  const at = pointer(path, dialect.parts);
  const given = group[dialect.combinator];
  const parts: FilterPart[] = [];
  const chains: number[][] = [[]];
  for (const [index, each] of listed.entries()) {
    if (each === 'or') chains.push([]);
    if (!isObject(each) || each.muted === true) continue;
    if (given === 'or') chains.push([]);
    chains.at(-1)!.push(parts.length);
    parts.push(partOf(each, pointer(at, index), dialect));
  }
  const anyOf = chains.filter(({ length }) => length > 0);
  const not = group.not === true;
  return { kind: 'group', path, combinator: combinatorOf(anyOf), not, parts, anyOf };
}

function combinatorOf(anyOf: readonly (readonly number[])[]): FilterGroup['combinator'] {
  if (anyOf.length < 2) return 'and';
  return anyOf.every(({ length }) => length === 1) ? 'or' : 'mixed';
}

function partOf(node: Members, path: string, dialect: GroupDialect): FilterPart {
  const isGroup = dialect === RULES ? 'rules' in node : node.type === 'group';
  return isGroup ? groupOf(node, path, dialect) : ruleOf(node, path, dialect);
}

function ruleOf(node: Members, path: string, dialect: GroupDialect): FilterRule {
  const rule = dialect.rule(node);
  const kind = kindOf(rule);
  const asked = kind === 'match' ? 'value' : 'where';
  const group = kind === 'match' || kind === 'aggregate' ? rule[asked] : undefined;
  const alone = { kind, path, rule, query: dialect.alone(node) };
  if (!isObject(group)) return alone;
  const where = groupOf(group, pointer(path, asked), dialect);
  return { ...alone, where, whereQuery: asQuery(group, dialect) };
}

/** An item tree says at its root what it is. */
function asQuery(group: Members, dialect: GroupDialect): unknown {
  if (group.muted === true) return dialect === RULES ? { rules: [] } : EMPTY_ITEMS;
  return dialect === RULES ? group : { ...group, type: 'group' };
}

const EMPTY_ITEMS = { type: 'group', operator: 'and', items: [] };

function kindOf({ match, aggregate, operator }: Members): FilterRule['kind'] {
  if (match !== undefined) return 'match';
  if (aggregate !== undefined) return 'aggregate';
  return operator === 'inSegment' || operator === 'notInSegment' ? 'segment' : 'rule';
}

// ——— JsonLogic ———

function logicOf(logic: unknown, path: string, depth: number): FilterLogic {
  const whole: FilterLogic = { kind: 'json_logic', path, logic, parts: [] };
  if (!isLogic(logic) || depth > LOGIC_DEPTH_MAX) return whole;
  const [name, args] = operationOf(logic);
  const connective = CONNECTIVES.find((each) => each === name);
  if (!connective || args.length === 0) return whole;
  // JsonLogic reads the first argument of these, and no other.
  const read = connective === 'and' || connective === 'or' ? args : args.slice(0, 1);
  const at = pointer(path, name);
  const isList = Array.isArray((logic as Members)[name]);
  const parts = read.map((arg, index) => logicOf(arg, isList ? pointer(at, index) : at, depth + 1));
  return { ...whole, connective, parts };
}

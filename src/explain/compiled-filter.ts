/**
 * compiled-filter.ts – A filter as it was given, with what each of its conditions means alone.
 *
 * Keeps true: the whole follows from the conditions: a group that is put together of their truths
 * has the truth of the compiled query. A condition is read by the same reader as the whole.
 */
import { compileQuery, type QueryScope } from '../query/dialects/compile.ts';
import {
  type FilterPart,
  type FilterRule,
  filterTree,
  partsWithin,
  truthOfConnective,
  truthOfGroup,
} from '../query/dialects/filter-tree.ts';
import { isLogic, truthy } from '../query/json-logic/json-logic-program.ts';
import { ALWAYS, NEVER, type Predicate } from '../query/predicate/predicate.ts';
import type { Hop } from '../query/predicate/relationships.ts';
import { rowOf } from '../query/words/conditions.ts';
import { atFirstMany, type RuleSubject, subjectOf } from '../query/words/subject.ts';

/** A condition: a part that has no parts. */
export interface CompiledPart {
  readonly part: FilterPart;
  readonly predicate: Predicate;
  /** Of a rule: what it is about. */
  readonly subject?: RuleSubject;
  /** Of a rule about many: those that it asks of, and what it asks of each. */
  readonly many?: ManyAsked;
}

interface ManyAsked {
  /** The steps to one that lead to the record whose neighbours these are. */
  readonly before: readonly Hop[];
  readonly hop: Hop;
  readonly where: Predicate;
}

export interface CompiledFilter {
  readonly tree: FilterPart;
  readonly predicate: Predicate;
  readonly conditions: readonly CompiledPart[];
}

/** @throws Problem query_invalid | query_too_costly, with pointers */
export function compileFilter(query: unknown, scope: QueryScope): CompiledFilter {
  const { predicate } = compileQuery(query, scope);
  const tree = filterTree(query);
  const conditions = [...partsWithin(tree)].flatMap((part): CompiledPart[] => {
    if (part.kind === 'group') return [];
    if (part.kind === 'json_logic')
      return part.connective ? [] : [{ part, predicate: logicPredicate(part.logic, scope) }];
    return [compileRule(part, scope)];
  });
  return { tree, predicate, conditions };
}

/** What a filter says, given the truths of its conditions in their order. */
export function truthOfParts(part: FilterPart, truthOf: (part: FilterPart) => boolean): boolean {
  if (part.kind === 'group') {
    const truths = part.parts.map((each) => truthOfParts(each, truthOf));
    return truthOfGroup(part, truths);
  }
  if (part.kind === 'json_logic' && part.connective) {
    const truths = part.parts.map((each) => truthOfParts(each, truthOf));
    return truthOfConnective(part.connective, truths);
  }
  return truthOf(part);
}

/** A constant stands for itself. */
function logicPredicate(logic: unknown, scope: QueryScope): Predicate {
  if (isLogic(logic)) return compileQuery(logic, scope).predicate;
  return truthy(logic) ? ALWAYS : NEVER;
}

function compileRule(part: FilterRule, scope: QueryScope): CompiledPart {
  const { predicate } = compileQuery(part.query, scope);
  const subject = subjectOf(part, scope.type, scope.types);
  const many = manyAsked(part, subject, scope);
  return { part, predicate, subject, ...(many ? { many } : {}) };
}

function manyAsked(
  part: FilterRule,
  subject: RuleSubject,
  scope: QueryScope,
): ManyAsked | undefined {
  const { before, many: hop, after } = atFirstMany(subject.hops);
  const type = hop && scope.types.get(hop.target);
  if (!hop || !type) return undefined;
  if (part.kind === 'match' || part.kind === 'aggregate') {
    const where = part.whereQuery ? compileQuery(part.whereQuery, { ...scope, type }) : undefined;
    return { before, hop, where: where?.predicate ?? ALWAYS };
  }
  return { before, hop, where: eachOf(part, after, subject, { ...scope, type }) };
}

/** A dotted rule as it is asked of each of the many: the positive one, over the rest of the way. */
function eachOf(
  { rule, kind }: FilterRule,
  after: readonly Hop[],
  { own, attribute }: RuleSubject,
  scope: QueryScope,
): Predicate {
  const names = after.map(({ name }) => name);
  const field = (own === undefined ? names : [...names, own]).join('.');
  const row = rowOf(rule.operator, attribute?.type);
  const positive = row?.kind === 'attribute' ? row.complementOf?.name : undefined;
  const operator = kind === 'segment' ? 'inSegment' : (positive ?? rule.operator);
  const each = { ...rule, field, operator };
  return compileQuery({ combinator: 'and', rules: [each] }, scope).predicate;
}

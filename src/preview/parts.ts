/**
 * parts.ts – The groups and rules of a rule group, each as a query of its own.
 *
 * Keeps true: they are those that are reached by `/rules/…`: what stands within a rule's `value` or
 * `where` speaks of other records. What is muted is no part of the query.
 */
import { isObject } from '../change/object-type.ts';
import { pointer } from '../errors.ts';

export interface QueryPart {
  /** A JSON pointer into the query. */
  readonly path: string;
  readonly query: unknown;
}

/** Caller: the query was compiled. In the order in which they stand; none in another dialect. */
export function partsOf(query: unknown): QueryPart[] {
  const parts: QueryPart[] = [];
  collect(query, '', parts);
  return parts;
}

function collect(group: unknown, path: string, parts: QueryPart[]): void {
  if (!isObject(group) || !Array.isArray(group['rules'])) return;
  for (const [at, rule] of group['rules'].entries()) {
    // a combinator may stand between two rules
    if (!isObject(rule) || rule['muted'] === true) continue;
    const place = pointer(`${path}/rules`, at);
    parts.push({ path: place, query: { combinator: 'and', rules: [rule] } });
    collect(rule, place, parts);
  }
}

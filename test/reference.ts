/**
 * reference.ts – The members that a segment must have, plain enough to believe.
 *
 * Keeps true: it asks the oracle of every record, one by one, and keeps nothing between two calls.
 */

import { holds } from '../src/query/json-logic/reference.ts';

/**
 * A record as JsonLogic sees it: `document` is nested along the relationships that the rule reads.
 */
export interface ReferenceRecord {
  readonly id: string;
  readonly document: unknown;
}

export function members(
  rule: unknown,
  records: readonly ReferenceRecord[],
  nowMs?: number,
): string[] {
  return records.filter((record) => holds(rule, record.document, nowMs)).map((record) => record.id);
}

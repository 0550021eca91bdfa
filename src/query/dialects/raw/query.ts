/**
 * query.ts – Reads a query that is given as JsonLogic: checks it strictly, then finds the atoms in
 * it.
 *
 * Keeps true: the predicate is true of a record exactly when json-logic-js finds the rule truthy of
 * its document. It treats missing values as json-logic-js does (`null < 10` is true). Whatever
 * json-logic.ts writes is read back as what it was.
 */
import type { Meaning } from '../../json-logic/json-logic.ts';
import { DEPTH_MAX, fault, NODES_MAX, type Reading, TOO_DEEP, TOO_MANY } from '../scope.ts';
import { check, copyPointer, type Pointers } from './check.ts';
import { withExactSums } from './rewriting.ts';
import { measure } from './size.ts';
import { truthOf } from './truth.ts';
import { withZonedDates } from './zoned-dates.ts';

/**
 * Reads a rule, or notes why it can't be taken. It is its own JsonLogic, but that sums over a
 * relationship are made exact, and that an age of a date names the time zone.
 */
export function readJsonLogic(rule: unknown, path: string, reading: Reading): Meaning | undefined {
  const faultsBefore = reading.faults.length;
  const { nodes, depth } = measure(rule);
  if (depth > DEPTH_MAX) return fault(reading, path, TOO_DEEP);
  if (nodes > NODES_MAX) return fault(reading, path, TOO_MANY);
  const pointers: Pointers = new Map();
  check(rule, { path, place: reading.scope.type, reading, pointers });
  if (reading.faults.length > faultsBefore || reading.costs.length > 0) return undefined;
  const { type, types } = reading.scope;
  const copied = (from: object, to: object) => copyPointer(pointers, from, to);
  const exact = withExactSums(withZonedDates(rule, type, reading, copied), type, types, copied);
  const predicate = truthOf(exact, { type, reading, pointers, root: path, truthOf });
  const isRefused = reading.faults.length > faultsBefore || reading.costs.length > 0;
  return isRefused ? undefined : { predicate, jsonLogic: exact };
}

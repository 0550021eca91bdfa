/**
 * judgement.ts – The truths of a filter's conditions for one record at one moment.
 *
 * Keeps true: of the present, what the record's partition keeps of its neighbours decides, as it
 * does in the engine. What it does not keep, and what time will have changed by another moment, is
 * found out from the neighbours themselves.
 */
import { Problem } from '../errors.ts';
import { OverBudget } from '../query/budget.ts';
import type { Predicate, RelatedCondition } from '../query/predicate/predicate.ts';
import { readsClock } from '../query/predicate/statement.ts';
import type { EngineFacts } from './engine-facts.ts';
import type { RecordAtInstant } from './explain-store.ts';
import {
  type NearbyRecords,
  OutOfRoom,
  type Place,
  type Room,
  tooManyRelated,
  Unknown,
} from './nearby-records.ts';

export interface JudgedRecord {
  readonly nearby: NearbyRecords;
  /** Undefined: there is no record. */
  readonly place: Place | undefined;
  /** What its partition keeps; undefined of a record that no segment holds. */
  readonly rows: { readonly facts: EngineFacts; readonly at: RecordAtInstant } | undefined;
  /** The moment that the rows are of. */
  readonly asOfMs: number;
  readonly recordsMax: number;
  /** What is left of what one answer may take. */
  readonly room: Room;
}

/** @throws Unknown | OutOfRoom | OverBudget */
export function truthOf(judged: JudgedRecord, predicate: Predicate, atMs: number): boolean {
  const { nearby, place } = judged;
  return nearby.truth(predicate, place, atMs, (each) => keptMeasure(judged, each, atMs));
}

/** As `truthOf`. @throws Problem query_too_costly, in words */
export function judge(judged: JudgedRecord, predicate: Predicate, atMs: number): boolean {
  return inWords(() => truthOf(judged, predicate, atMs), judged.recordsMax);
}

/** A measure that the partition keeps and that holds at the moment. */
export function keptMeasure(
  { rows, asOfMs }: JudgedRecord,
  condition: RelatedCondition,
  atMs: number,
): { readonly value: unknown } | undefined {
  if (!rows || (atMs !== asOfMs && readsClock(condition.where))) return undefined;
  return rows.facts.measure(condition, rows.at);
}

/** Finds something out, or refuses it in words. @throws Problem query_too_costly */
export function inWords<T>(find: () => T, recordsMax: number): T {
  try {
    return find();
  } catch (error) {
    if (error instanceof Unknown) throw tooManyRelated(error.hop, recordsMax);
    if (error instanceof OverBudget) throw tooCostly(`a condition took more than ${error.passed}`);
    if (error instanceof OutOfRoom)
      throw tooCostly('its conditions on related records take more than one explanation may');
    throw error;
  }
}

function tooCostly(detail: string): Problem {
  return new Problem('query_too_costly', detail, [{ path: '/query', detail }]);
}

/**
 * aggregate.ts – The measure that an `aggregate` names, of a rule or of a view's column.
 *
 * Keeps true: an aggregate is taken of an attribute only if its row (measures.ts) takes the
 * attribute's type. Both dialects and views refuse any other in the same words.
 */
import { describeAttribute } from '../../change/value.ts';
import {
  AGGREGATES,
  type AggregateName,
  isOfValues,
  type MeasureOfRecordsName,
  type MeasureOfValuesName,
  takenOf,
  takesType,
} from '../predicate/measures.ts';
import { fault, ownAttribute, type Reading } from './scope.ts';

/** The aggregate of that name, if there is one. */
export function aggregateNamed(given: unknown): AggregateName | undefined {
  return AGGREGATES.find(({ name }) => name === given)?.name;
}

/** A measure that has a name for clients. */
export type NamedMeasure =
  | { readonly kind: AggregateName & MeasureOfRecordsName }
  | { readonly kind: MeasureOfValuesName; readonly attribute: string };

/**
 * The aggregate of the attribute named `own`, if one is named, of records of the reading's type; or
 * a fault at `at`.
 */
export function readNamedMeasure(
  kind: AggregateName,
  own: string | undefined,
  at: string,
  reading: Reading,
): NamedMeasure | undefined {
  const attribute = own === undefined ? undefined : ownAttribute(reading, own, at);
  if (own !== undefined && !attribute) return undefined;
  if (!isOfValues(kind)) return { kind };
  const taken = takenOf(kind);
  if (own === undefined || !attribute) {
    const { name } = reading.scope.type;
    return fault(reading, at, `'${kind}' is of ${taken.attribute}: name one of ${name}`);
  }
  if (takesType(kind, attribute.type)) return { kind, attribute: own };
  const what = describeAttribute(attribute);
  return fault(reading, at, `'${own}' is ${what}: '${kind}' is of ${taken.values}`);
}

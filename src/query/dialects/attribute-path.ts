/**
 * attribute-path.ts – Reads the name of an attribute, an own one or one along relationships, where
 * it stands outside of a query.
 */
import type { Attribute } from '../../change/object-type.ts';
import { Problem } from '../../errors.ts';
import { followWay, ownAttribute, type QueryScope, readingOf, startReading } from './scope.ts';

export interface NamedAttribute {
  /** The type of the records that have it. */
  readonly objectType: string;
  readonly name: string;
  readonly attribute: Attribute;
}

/**
 * @param field the JSON pointer of the path, for faults
 * @throws Problem parameter_invalid if it leads to no attribute
 */
export function readAttributePath(
  path: string,
  scope: Pick<QueryScope, 'type' | 'types' | 'timeZone'>,
  field: string,
): NamedAttribute {
  const reading = startReading({ ...scope, segment: () => undefined });
  const names = path.split('.');
  const name = names.pop()!;
  const way = followWay(reading, names, path, field);
  const attribute = way && ownAttribute(readingOf(way.type, reading), name, field);
  if (way && attribute) return { objectType: way.type.name, name, attribute };
  throw new Problem('parameter_invalid', reading.faults[0]!.detail, reading.faults);
}

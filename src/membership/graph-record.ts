/**
 * graph-record.ts – A record as the reference sees it.
 *
 * Keeps true: declared values are in normal form, keys of relationships as they are held.
 */
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, type RecordRow } from '../change/record.ts';
import type { GraphRecord } from '../query/json-logic/reference-document.ts';

/**
 * The record as a graph holds it: its declared values in normal form, and the keys that it holds.
 * @param needed the attributes that are wanted; all if absent
 */
export function graphRecordOf(
  id: string,
  record: RecordRow,
  type: ObjectType,
  timeZone: string,
  needed?: ReadonlySet<string>,
): GraphRecord {
  const values = filterableData(record, type, timeZone);
  const names = [...type.attributes.keys()].filter(
    (name) => Object.hasOwn(values, name) && (!needed || needed.has(name)),
  );
  const held = [...type.relationships.values()].map(({ key }) => [key, record.data[key]] as const);
  return {
    id,
    data: Object.fromEntries([...names.map((name) => [name, values[name]] as const), ...held]),
  };
}

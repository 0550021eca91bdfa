/**
 * unknown-record.ts – The refusal of a record that is not there.
 */
import { checkRecordId } from '../../change/change.ts';
import { Problem } from '../../errors.ts';

export function unknownRecord(type: string, id: string): Problem {
  checkRecordId(id);
  return new Problem('record_unknown', `there is no record '${id}' of type '${type}'`);
}

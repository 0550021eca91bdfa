/**
 * schemas.ts – The two forms of an imported file: lines of JSON, and a table.
 */
import Type, { type TSchema } from 'typebox';
import { dataExample } from '../examples.ts';

export const IMPORT_SCHEMAS: readonly TSchema[] = [
  Type.Unsafe({
    $id: 'ImportedRecord',
    type: 'object',
    description:
      'A line: a record as the API gives it, of which id, data and source_version are read, or ' +
      'flat: its id among its attributes. An object `data` always holds the attributes.',
    additionalProperties: true,
    examples: [
      { id: 'c-17', data: dataExample },
      { id: 'c-17', ...dataExample },
    ],
  }),
  Type.String({
    $id: 'RecordTable',
    description:
      'CSV (RFC 4180) with a header. Empty: no value. Numbers with a point; true and false in ' +
      'any letters; dates as YYYY-MM-DD, times as 2026-01-31T10:30:00+01:00 or 2026-01-31 ' +
      '10:30 (decimal, true, false and dates say otherwise); lists as a,b or as JSON; objects ' +
      'as JSON. A row has as many cells as the header.',
    examples: ['id,age,vip,tags\nc-17,36,true,"early,paying"\n'],
  }),
];

/**
 * readable.ts – Rows that may hold anything: somebody else may have written them.
 *
 * Keeps true: a row that can't be read says so, and stops nobody.
 */
import { exists, type RecordRow, unpackRecord } from '../../change/record.ts';

/** What a row says, or `unreadable`. */
export function readable<T>(unpack: () => T): T | 'unreadable' {
  try {
    return unpack();
  } catch {
    return 'unreadable';
  }
}

/** Undefined: there is no row. */
export function readableRecord(
  row: string | null | undefined,
): RecordRow | undefined | 'unreadable' {
  return readable(() => (row == null ? undefined : unpackRecord(row)));
}

/** Whether a row of records is no tombstone; one that nobody can read may be a record. */
export function isNoTombstone(row: string): boolean {
  const record = readableRecord(row);
  return record === 'unreadable' || exists(record);
}

/**
 * readable.ts – Reads rows that may hold anything: another program may have written them.
 *
 * Keeps true: a row that can't be read is marked so, and stops no reader.
 */
import { exists, type RecordRow, unpackRecord } from '../../change/record.ts';

/** The content of a row, or `unreadable`. */
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

/** Whether a row of records is no tombstone; one that can't be read may be a record. */
export function isNoTombstone(row: string): boolean {
  const record = readableRecord(row);
  return record === 'unreadable' || exists(record);
}

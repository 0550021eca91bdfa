/**
 * readable.ts – Reads rows that may hold anything: another program may have written them.
 *
 * Keeps true: a row that can't be read is marked so, and stops no audit. Who asked for it is told
 * which one it is, and what mends it.
 */
import { exists, type RecordRow, unpackRecord } from '../../change/record.ts';
import { Problem } from '../../errors.ts';

/**
 * The content of a field for somebody who needs it. @throws Problem row_unreadable
 */
export function readField<Stored extends string | null | undefined, T>(
  key: string,
  field: string,
  stored: Stored,
  unpack: (stored: Stored) => T,
): T {
  try {
    return unpack(stored);
  } catch {
    throw new Problem(
      'row_unreadable',
      `the field '${field}' of ${key} holds nothing that Rollcall has written. Run 'rollcall ` +
        "audit --repair': it builds anew what follows from records, and says what to do about " +
        'the row of a record itself',
    );
  }
}

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

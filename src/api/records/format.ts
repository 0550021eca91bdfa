/**
 * format.ts – Records as they are answered.
 */
import type { RecordRow } from '../../change/record.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import type { ShownRecord } from '../../membership/view-rows.ts';
import { isoTime } from '../times.ts';

export function formatRecord(
  objectType: string,
  id: string,
  record: RecordRow,
): Record<string, unknown> {
  const { data, version, sourceVersion, createdAt, updatedAt, archivedAt } = record;
  return {
    object_type: objectType,
    id,
    data,
    version,
    ...(sourceVersion === undefined ? {} : { source_version: sourceVersion }),
    created_at: isoTime(createdAt),
    updated_at: isoTime(updatedAt),
    archived_at: archivedAt === undefined ? null : isoTime(archivedAt),
  };
}

/**
 * A record at the other end of a relationship, as text: a page of texts takes a tenth of the memory
 * that a page of records does.
 */
export function showRecord(objectType: string, { id, record }: NamedRecord): ShownRecord {
  return { id, text: Buffer.from(JSON.stringify(formatRecord(objectType, id, record))) };
}

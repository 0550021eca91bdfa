/**
 * format.ts – Records, object types, segments, views and jobs as they are answered.
 *
 * Keeps true: what is given out has the names and forms of the contract, whatever the engine calls
 * it; times are ISO 8601 in UTC.
 */
import {
  type Catalog,
  hasOwnQuery,
  type StoredSegment,
  type StoredView,
} from '../catalog/catalog.ts';
import { viewInput } from '../catalog/views.ts';
import { type ObjectType, objectTypeDefinition } from '../change/object-type.ts';
import type { RecordRow } from '../change/record.ts';
import type { JobStatus } from '../jobs/jobs.ts';
import type { Memberships, NamedRecord, Page } from '../membership/memberships.ts';
import { namedCells, type ShownRecord, type ViewRow } from '../membership/view-rows.ts';
import type { ViewDefinition } from '../query/dialects/view-columns.ts';

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

export function formatObjectType(type: ObjectType): Record<string, unknown> {
  return { name: type.name, ...objectTypeDefinition(type) };
}

/** `progress` is asked for only while something is being built. */
export async function formatSegment(
  segment: StoredSegment,
  catalog: Catalog,
  memberships: Memberships,
): Promise<Record<string, unknown>> {
  const { id, title, slug, description, object_type, query, json_logic, revision } = segment;
  const progress = await memberships.progress(segment);
  return {
    id,
    title,
    slug,
    ...(description === undefined ? {} : { description }),
    object_type,
    query,
    json_logic,
    ...catalog.statusOf(segment),
    progress,
    revision,
    used_by: catalog.usersOf(slug),
    created_at: isoTime(segment.created_at),
    updated_at: isoTime(segment.updated_at),
  };
}

/** What was sent; of a query of its own also what became of it. */
export async function formatView(
  view: StoredView,
  catalog: Catalog,
  memberships: Memberships,
): Promise<Record<string, unknown>> {
  const { id, revision, created_at, updated_at } = view;
  const built = hasOwnQuery(view)
    ? {
        json_logic: view.json_logic,
        ...catalog.statusOf(view),
        progress: await memberships.progress(view),
      }
    : {};
  const times = { created_at: isoTime(created_at), updated_at: isoTime(updated_at) };
  return { id, ...viewInput(view), ...built, revision, ...times };
}

/**
 * A record at the other end of a relationship, as text: a page of texts takes a tenth of the memory
 * of one of records.
 */
export function showRecord(objectType: string, { id, record }: NamedRecord): ShownRecord {
  return { id, text: Buffer.from(JSON.stringify(formatRecord(objectType, id, record))) };
}

/**
 * A row in JSON: its id, its fields, and the records at the other ends of the relationships that
 * the view names.
 */
export function rowText(row: ViewRow, { columns, relationships }: ViewDefinition): Buffer {
  const fields = JSON.stringify(namedCells(columns, row));
  if (relationships.length === 0) return Buffer.from(fields);
  const parts: (string | Buffer)[] = [fields.slice(0, -1), ',"relationships":{'];
  for (const [at, { name }] of relationships.entries()) {
    parts.push(`${at === 0 ? '' : ','}${JSON.stringify(name)}:`, ...relatedText(row.related[at]));
  }
  return joined([...parts, '}}']);
}

function relatedText(found: ViewRow['related'][number]): (string | Buffer)[] {
  if (!found) return ['null'];
  if ('text' in found) return [found.text];
  return listText(
    found.data.map(({ text }) => text),
    found.next_cursor,
  );
}

/** `{ "data": […], "next_cursor" }` of texts of JSON. */
export function listText(texts: readonly Buffer[], next: string | null): (string | Buffer)[] {
  const separated = texts.flatMap((text, at) => (at === 0 ? [text] : [',', text]));
  return ['{"data":[', ...separated, `],"next_cursor":${JSON.stringify(next)}}`];
}

/** A page of what is text already. */
export function pageText({
  data,
  next_cursor,
}: Page<{ readonly id: string; readonly text: Buffer }>): Buffer {
  return joined(
    listText(
      data.map(({ text }) => text),
      next_cursor,
    ),
  );
}

export function joined(parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

export function formatJob(job: JobStatus): Record<string, unknown> {
  const {
    id,
    kind,
    asked,
    status,
    progress,
    result,
    problem,
    errors,
    errorsTotal,
    createdAt,
    finishedAt,
  } = job;
  return {
    id,
    kind,
    asked,
    status,
    progress,
    ...(result === undefined ? {} : { result }),
    ...(problem === undefined ? {} : { problem }),
    errors,
    errors_total: errorsTotal,
    created_at: isoTime(createdAt),
    finished_at: finishedAt === undefined ? null : isoTime(finishedAt),
  };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * export-job.ts – Writes the live records of a type, or the members of a segment, as JSON lines or
 * CSV.
 *
 * Keeps true: a record that is there throughout is in the output exactly once, by partition and id.
 * A job that is resumed goes on after the last page that was kept. An import reads its output.
 */
import { stringify } from 'csv-stringify/sync';
import { columnsOf, writeCell } from '../change/cells.ts';
import type { Deployment } from '../engine/deployment.ts';
import { Problem } from '../errors.ts';
import type { ReadOptions } from '../membership/read-options.ts';
import type { NamedRecord } from '../membership/record-reader.ts';
import type { FileFormat } from './file-format.ts';
import type { JobContext } from './jobs.ts';

/** The parameters of an export. */
export interface ExportOrder {
  readonly object_type: string;
  readonly format: FileFormat;
  readonly segment?: string;
}

interface ExportCheckpoint {
  readonly cursor: string | null;
  /** Of CSV: the columns of the header that is written. */
  readonly columns: readonly string[];
}

const PAGE_RECORDS = 1000;
const READ: ReadOptions = { consistency: 'strong', timeoutMs: 60_000 };

export async function runExport(
  { asked, run, pause }: JobContext,
  { store, members, records }: Pick<Deployment, 'store' | 'members' | 'records'>,
): Promise<void> {
  const order = asked as unknown as ExportOrder;
  const { object_type: name, segment, format } = order;
  const type = (await store.refresh()).objectTypes.get(name);
  if (!type) throw new Problem('object_type_unknown', `there is no object type '${name}' any more`);
  const begun = run.state.checkpoint as ExportCheckpoint | undefined;
  const columns = begun?.columns ?? columnsOf(type);
  let cursor = begun?.cursor;
  let isFirst = begun === undefined;
  while (cursor !== null) {
    pause();
    const page: { data: readonly NamedRecord[]; next_cursor: string | null } = segment
      ? await members.records(segment, { limit: PAGE_RECORDS, cursor }, READ)
      : await records.page(name, { limit: PAGE_RECORDS, cursor }, READ);
    const text = format === 'csv' ? csvOf(page.data, columns, isFirst) : linesOf(page.data);
    cursor = page.next_cursor;
    isFirst = false;
    const done = run.state.done + page.data.length;
    const state = {
      ...run.state,
      done,
      checkpoint: { cursor, columns },
      result: { records: done },
    };
    await run.advance({ state, output: text === '' ? [] : [text], isLast: cursor === null });
  }
}

function linesOf(records: readonly NamedRecord[]): string {
  return records.map(({ id, record: { data } }) => `${JSON.stringify({ id, data })}\n`).join('');
}

function csvOf(
  records: readonly NamedRecord[],
  columns: readonly string[],
  isFirst: boolean,
): string {
  const rows = records.map(({ id, record: { data } }) => [
    id,
    ...columns.map((column) => writeCell(data[column])),
  ]);
  // A carriage return at the end of a row would be taken for a part of the line's end.
  return stringify(isFirst ? [['id', ...columns], ...rows] : rows, { quoted_match: /\r/ });
}

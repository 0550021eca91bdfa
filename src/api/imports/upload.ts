/**
 * upload.ts – Keeps an upload piece by piece; each piece has rows enough for a step of a job.
 *
 * Keeps true: a body is kept as it comes and never held as a whole.
 */
import type { Readable } from 'node:stream';
import type { ObjectType } from '../../change/object-type.ts';
import { Problem } from '../../errors.ts';
import type { ImportOrder, ImportResult, ImportRow } from '../../jobs/import-job.ts';
import type { Charset } from '../charset.ts';
import { csvRows, isEmptyRow, ndjsonRows } from './body.ts';
import { type Columns, mapColumns } from './columns.ts';
import {
  type CsvReading,
  type ImportQuery,
  readCsvParameters,
  readIdName,
  readMap,
  refuseOfCsv,
} from './parameters.ts';

/** A piece is one step of the job. */
const PIECE_ROWS_MAX = 500;

const PIECE_LENGTH_MAX = 1024 * 1024;

/** What is kept of an upload beside its rows. */
interface KeptUpload {
  readonly order: ImportOrder;
  readonly result: ImportResult;
}

/** @throws Problem parameter_invalid | body_malformed */
export async function keepLines(
  body: Readable,
  charset: Charset,
  pieces: UploadPieces,
  query: ImportQuery,
  { name }: ObjectType,
): Promise<KeptUpload> {
  refuseOfCsv(query);
  const { op = 'put' } = query;
  const [id, map] = [readIdName(query), readMap(query)];
  if (map.has(id)) {
    const detail = `'${id}' holds the ids, and can't be mapped`;
    throw new Problem('parameter_invalid', detail, [{ path: '/map', detail }]);
  }
  for await (const rows of ndjsonRows(body, charset)) for (const row of rows) await pieces.add(row);
  await pieces.end();
  const order = {
    object_type: name,
    format: 'ndjson',
    op,
    id_member: id,
    map: Object.fromEntries(map),
  } as const;
  return { order, result: { accepted: 0, rejected: 0 } };
}

/**
 * The first row is the header. @throws Problem parameter_invalid | body_invalid | body_malformed
 */
export async function keepTable(
  body: Readable,
  charset: Charset,
  pieces: UploadPieces,
  query: ImportQuery,
  type: ObjectType,
): Promise<KeptUpload> {
  const reading = readCsvParameters(query);
  const [id, map] = [readIdName(query), readMap(query)];
  let columns: Columns | undefined;
  let skipped = 0;
  for await (const rows of csvRows(body, charset, reading.delimiter)) {
    for (const row of rows) {
      if (!columns) columns = mapColumns(headerOf(row), id, map, type);
      else if (isEmptyRow(row[1])) skipped++;
      else await pieces.add(row);
    }
  }
  if (!columns)
    throw new Problem('body_invalid', 'a CSV file begins with a header', [
      { path: '', detail: 'empty' },
    ]);
  await pieces.end();
  const order = tableOrder(columns, reading, query, type);
  return { order, result: { accepted: 0, rejected: 0, skipped, unknown_columns: columns.unknown } };
}

function tableOrder(
  columns: Columns,
  { shortRows, form }: CsvReading,
  query: ImportQuery,
  type: ObjectType,
) {
  const { op = 'put' } = query;
  const { id, attributes, untitled } = columns;
  const header = { id_column: id, columns: attributes, untitled };
  return {
    object_type: type.name,
    format: 'csv',
    op,
    short_rows: shortRows,
    form,
    ...header,
  } as const;
}

/** @throws Problem body_invalid */
function headerOf([, header]: ImportRow): readonly string[] {
  if (Array.isArray(header)) return header;
  const detail = typeof header === 'object' && 'detail' in header ? header.detail : 'unreadable';
  throw new Problem('body_invalid', `the header can not be read: ${detail}`, [
    { path: '', detail },
  ]);
}

/** Gathers rows until they are worth a step. */
export class UploadPieces {
  total = 0;
  readonly #push: (rows: readonly ImportRow[]) => Promise<void>;
  #rows: ImportRow[] = [];
  #length = 0;

  constructor(push: (rows: readonly ImportRow[]) => Promise<void>) {
    this.#push = push;
  }

  async add(row: ImportRow): Promise<void> {
    const [, content] = row;
    this.total++;
    this.#rows.push(row);
    this.#length += lengthOf(content);
    if (this.#rows.length >= PIECE_ROWS_MAX || this.#length >= PIECE_LENGTH_MAX) await this.end();
  }

  async end(): Promise<void> {
    if (this.#rows.length === 0) return;
    await this.#push(this.#rows);
    this.#rows = [];
    this.#length = 0;
  }
}

function lengthOf(content: ImportRow[1]): number {
  if (typeof content === 'string') return content.length;
  return Array.isArray(content)
    ? content.reduce((sum: number, cell: string) => sum + cell.length, 0)
    : 0;
}

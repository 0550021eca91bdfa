/**
 * routes.ts – `/v1/imports` and `/v1/exports`: records of one type, any number of them, as jobs.
 *
 * Keeps true: a body is kept as it comes, piece by piece, and the job is added when all of it is:
 * an upload that breaks off imports nothing.
 */
import type { Readable } from 'node:stream';
import { findObjectType, findSegment } from '../../catalog/entries.ts';
import type { ObjectType } from '../../change/object-type.ts';
import { Problem } from '../../errors.ts';
import type { ExportOrder } from '../../jobs/export-job.ts';
import type { ImportOrder, ImportResult, ImportRow } from '../../jobs/import-job.ts';
import type { JobStatus } from '../../jobs/jobs.ts';
import { answers } from '../answers.ts';
import { type Charset, charsetOf } from '../charset.ts';
import { exportBody } from '../exports/schemas.ts';
import { named } from '../fields.ts';
import { formatJob } from '../jobs/format.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { csvRows, isEmptyRow, ndjsonRows } from './body.ts';
import { type Columns, mapColumns } from './columns.ts';
import {
  type CsvReading,
  type ImportQuery,
  importQuery,
  readCsvParameters,
  readIdName,
  readMap,
  refuseOfCsv,
} from './parameters.ts';

/** A piece is worked off and noted as one step. */
const PIECE_ROWS_MAX = 500;
const PIECE_LENGTH_MAX = 1024 * 1024;
const CSV_TYPE = /^text\/csv(?:\s*;|$)/i;
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i;

export const importRoutes: Routes = async (app, { deployment: { store }, jobs }) => {
  // Whatever it is called: `format` may say what it is. The handler reads the stream itself.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (_: unknown, payload: Readable) => payload);

  app.post(
    '/v1/imports/:type',
    {
      config: { readsCharsets: true },
      schema: {
        summary: 'Import records of one type, as a job',
        description:
          'NDJSON: a record a line, { "id", "data" } or flat with its id among the attributes; strict, as everywhere. A line of /v1/changes is refused. CSV: a header, then a record a row; cells are read as the declared types. The body is streamed and may be of any length, in UTF-8 or what its charset says. Lines that are refused stop no others and are listed at /v1/jobs/:id/errors; `skipped` counts empty rows, `unknown_columns` names titles that match no attribute.',
        operationId: 'importRecords',
        params: path('type'),
        querystring: importQuery,
        body: {
          content: {
            'application/x-ndjson': { schema: named('ImportedRecord') },
            'text/csv': { schema: named('RecordTable') },
          },
        },
        response: answers(
          { 202: named('Job') },
          'parameter_invalid',
          'body_malformed',
          'object_type_unknown',
          'content_type_unsupported',
          'body_invalid',
        ),
      },
    },
    async (request, reply) => {
      const { params, query, headers } = request;
      const type = await findObjectType(store, params.type);
      const format = query.format ?? formatOf(headers['content-type']);
      const body = request.body as Readable | undefined;
      if (!format || !body) {
        const detail =
          'send application/x-ndjson or text/csv, or say ?format=ndjson or ?format=csv, with a body';
        throw new Problem('content_type_unsupported', detail);
      }
      const charset = charsetOf(headers['content-type']);
      const id = jobs.newId();
      const pieces = new Pieces((rows) => jobs.store.pushInput(id, rows));
      try {
        const keep = format === 'csv' ? keepTable : keepLines;
        const { order, result } = await keep(body, charset, pieces, query, type);
        return accepted(
          reply,
          await jobs.add(id, 'import', { ...order }, { total: pieces.total, result }),
        );
      } catch (error) {
        await jobs.store.drop(id).catch(() => {}); // it ends by itself
        throw error;
      }
    },
  );
};

export const exportRoutes: Routes = async (app, { deployment: { store }, jobs }) => {
  app.post(
    '/v1/exports/:type',
    {
      // Without a body: all records, as NDJSON.
      config: { bodyIsOptional: true },
      schema: {
        summary: 'Export the live records of one type, as a job',
        description:
          'What it writes is fetched at /v1/jobs/:id/result, for a day, and can be imported as it is. CSV has a column for each declared attribute and each key; NDJSON has all that is stored.',
        operationId: 'exportRecords',
        params: path('type'),
        body: exportBody,
        response: answers(
          { 202: named('Job') },
          'body_malformed',
          'object_type_unknown',
          'segment_unknown',
          'body_invalid',
        ),
      },
    },
    async ({ params, body }, reply) => {
      const { name } = await findObjectType(store, params.type);
      const { format = 'ndjson', segment } = body;
      if (segment !== undefined) {
        const { object_type: other } = await findSegment(store, segment);
        const detail = `'${segment}' is a segment of ${other}, not of ${name}`;
        if (other !== name)
          throw new Problem('body_invalid', detail, [{ path: '/segment', detail }]);
      }
      const order: ExportOrder = {
        object_type: name,
        format,
        ...(segment === undefined ? {} : { segment }),
      };
      return accepted(reply, await jobs.add(jobs.newId(), 'export', { ...order }));
    },
  );
};

interface Answering {
  code(status: 202): { header(name: 'location', value: string): { send(body: unknown): unknown } };
}

function accepted(reply: Answering, status: JobStatus): unknown {
  return reply.code(202).header('location', `/v1/jobs/${status.id}`).send(formatJob(status));
}

function formatOf(type: string | undefined): 'ndjson' | 'csv' | undefined {
  if (type === undefined) return undefined;
  return CSV_TYPE.test(type) ? 'csv' : LINES_TYPE.test(type) ? 'ndjson' : undefined;
}

/** What is kept of an upload beside its rows. */
interface Kept {
  readonly order: ImportOrder;
  readonly result: ImportResult;
}

/** @throws Problem parameter_invalid | body_malformed */
async function keepLines(
  body: Readable,
  charset: Charset,
  pieces: Pieces,
  query: ImportQuery,
  { name }: ObjectType,
): Promise<Kept> {
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
async function keepTable(
  body: Readable,
  charset: Charset,
  pieces: Pieces,
  query: ImportQuery,
  type: ObjectType,
): Promise<Kept> {
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
class Pieces {
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

/**
 * imports.ts – `/v1/imports` and `/v1/exports`: records of one type, any number of them, as jobs.
 *
 * Keeps true: a body is kept as it comes, piece by piece, and the job is added when all of it is: an upload that breaks off
 * imports nothing.
 */
import type { Readable } from 'node:stream';
import Type, { type Static } from 'typebox';
import type { ObjectType } from '../../change/object-type.ts';
import { Problem } from '../../errors.ts';
import type { ExportOrder } from '../../jobs/export-job.ts';
import type { ImportOrder, ImportRow } from '../../jobs/import-job.ts';
import type { JobStatus } from '../../jobs/jobs.ts';
import { findObjectType, findSegment } from '../catalog-entries.ts';
import { formatJob } from '../format.ts';
import { csvRows, mapColumns, ndjsonRows } from '../import-body.ts';
import { answers, exportBody, named, path } from '../schemas.ts';
import type { Routes } from './routes.ts';

/** A piece is worked off and noted as one step. */
const PIECE_ROWS_MAX = 500;
const PIECE_LENGTH_MAX = 1024 * 1024;
const CSV_TYPE = /^text\/csv(?:\s*;|$)/i;
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i;

const importQuery = Type.Object({
  format: Type.Optional(Type.Enum(['ndjson', 'csv'], { description: 'Absent: by the Content-Type.' })),
  op: Type.Optional(
    Type.Enum(['put', 'patch'], {
      default: 'put',
      description: 'put: a record becomes what its row says. patch: only what the row has columns for is changed.',
    }),
  ),
  id: Type.Optional(Type.String({ default: 'id', description: 'The column of a CSV file that holds the ids.' })),
  map: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Header:attribute, for a column of a CSV file; may be given more than once. `Header:` leaves it out.',
    }),
  ),
  delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 1, default: ',' })),
});
type ImportQuery = Static<typeof importQuery>;

export const importRoutes: Routes = async (app, { deployment: { store }, jobs }) => {
  // Whatever it is called: `format` may say what it is. The handler reads the stream itself.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (_: unknown, payload: Readable) => payload);

  app.post(
    '/v1/imports/:type',
    {
      schema: {
        summary: 'Import records of one type, as a job',
        description:
          'NDJSON: a record a line, { "id", "data" } or flat with its id among the attributes; strict, as everywhere. CSV: a header, then a record a row; cells are read as the declared types. The body is streamed and may be of any length. Lines that are refused stop no others and are listed at /v1/jobs/:id/errors.',
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
        const detail = 'send application/x-ndjson or text/csv, or say ?format=ndjson or ?format=csv, with a body';
        throw new Problem('content_type_unsupported', detail);
      }
      const id = jobs.newId();
      try {
        const { order, total } = await keep(id, body, type, format, query);
        return accepted(reply, await jobs.add(id, 'import', { ...order }, total));
      } catch (error) {
        await jobs.store.drop(id).catch(() => {}); // it ends by itself
        throw error;
      }
    },
  );

  /** Keeps the body's rows for the job. */
  async function keep(id: string, body: Readable, type: ObjectType, format: 'ndjson' | 'csv', query: ImportQuery) {
    const { op = 'put', delimiter = ',' } = query;
    const piece = new Piece((rows) => jobs.store.pushInput(id, rows));
    let order: ImportOrder | undefined = format === 'csv' ? undefined : { object_type: type.name, format, op };
    for await (const rows of format === 'csv' ? csvRows(body, delimiter) : ndjsonRows(body)) {
      for (const row of rows) {
        if (order) await piece.add(row);
        else order = { object_type: type.name, format, op, ...columnsFrom(row, query, type) };
      }
    }
    if (!order) throw new Problem('body_invalid', 'a CSV file begins with a header', [{ path: '', detail: 'empty' }]);
    await piece.end();
    return { order, total: piece.total };
  }
};

export const exportRoutes: Routes = async (app, { deployment: { store }, jobs }) => {
  app.post(
    '/v1/exports/:type',
    {
      // Without a body: all records, as NDJSON.
      preValidation: async (request) => {
        request.body ??= {};
      },
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
        if (other !== name) throw new Problem('body_invalid', detail, [{ path: '/segment', detail }]);
      }
      const order: ExportOrder = { object_type: name, format, ...(segment === undefined ? {} : { segment }) };
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

/** @throws Problem body_invalid | parameter_invalid */
function columnsFrom([, header]: ImportRow, { id = 'id', map = [] }: ImportQuery, type: ObjectType) {
  if (!Array.isArray(header)) {
    const detail = typeof header === 'object' && 'detail' in header ? header.detail : 'unreadable';
    throw new Problem('body_invalid', `the header can not be read: ${detail}`, [{ path: '', detail }]);
  }
  const columns = mapColumns(header, id, map, type);
  return { id_column: columns.id, columns: columns.attributes };
}

/** Gathers rows until they are worth a step. */
class Piece {
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
  return Array.isArray(content) ? content.reduce((sum: number, cell: string) => sum + cell.length, 0) : 0;
}

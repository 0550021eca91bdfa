/**
 * routes.ts – `/v1/imports`: records of one type, any number of them, as a job.
 *
 * Keeps true: the job is added when all of the body is kept: an upload that breaks off imports
 * nothing.
 */

import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { findObjectType } from '../../catalog/entries.ts';
import { Problem } from '../../errors.ts';
import type { FileFormat } from '../../jobs/file-format.ts';
import { charsetOf } from '../charset.ts';
import { named } from '../fields.ts';
import { sendAccepted } from '../jobs/format.ts';
import { CSV_TYPE, LINES_TYPE } from '../media-types.ts';
import { route } from '../route.ts';
import { importQuery } from './parameters.ts';
import { keepLines, keepTable, UploadPieces } from './upload.ts';

const importRecords = route({
  method: 'POST',
  path: '/v1/imports/:type',
  need: 'write_catalog',
  summary: 'Import records of one type, as a job',
  description:
    'NDJSON: a record a line, { "id", "data" } or flat with its id among the attributes; ' +
    'strict, as everywhere. A line of /v1/changes is refused. CSV: a header, then a record a ' +
    'row; cells are read as the declared types. The body is streamed and may be of any length, ' +
    'in UTF-8 or what its charset says. Lines that are refused stop no others and are listed ' +
    'at /v1/jobs/:id/errors; `skipped` counts empty rows, `unknown_columns` names titles that ' +
    'match no attribute.',
  readsCharsets: true,
  readBodies,
  query: importQuery,
  body: {
    content: {
      'application/x-ndjson': { schema: named('ImportedRecord') },
      'text/csv': { schema: named('RecordTable') },
    },
  },
  answers: { 202: named('Job') },
  refusals: [
    'parameter_invalid',
    'body_malformed',
    'object_type_unknown',
    'content_type_unsupported',
    'body_invalid',
  ],
  handler: async (request, { deployment: { store }, jobs }, reply) => {
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
    const pieces = new UploadPieces((rows) => jobs.store.pushInput(id, rows));
    try {
      const keep = format === 'csv' ? keepTable : keepLines;
      const { order, result } = await keep(body, charset, pieces, query, type);
      const known = { total: pieces.total, result };
      return sendAccepted(reply, await jobs.add(id, 'import', { ...order }, known));
    } catch (error) {
      await jobs.store.drop(id).catch(() => {}); // it ends by itself
      throw error;
    }
  },
});

export const IMPORT_ROUTES = { importRecords };

function formatOf(type: string | undefined): FileFormat | undefined {
  if (type === undefined) return undefined;
  return CSV_TYPE.test(type) ? 'csv' : LINES_TYPE.test(type) ? 'ndjson' : undefined;
}

/** Whatever it is called: `format` may say what it is. The handler reads the stream itself. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (_: unknown, payload: Readable) => payload);
}

/**
 * routes.ts – `/v1/views`: which columns of which records are shown, and the rows: paged as JSON, or
 * whole as CSV or NDJSON.
 *
 * Keeps true: what is whole is streamed, a batch at a time and only as fast as it is taken; a fault
 * before the first row is a problem document, one after it cuts the answer off, so that a part
 * never passes for the whole.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import type { StoredView } from '../../catalog/catalog.ts';
import { findView } from '../../catalog/entries.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import type { ViewExport, ViewRow } from '../../membership/view-rows.ts';
import type { ViewDefinition } from '../../query/dialects/view-columns.ts';
import { preferredForm } from '../accepts.ts';
import { answers, NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import {
  fieldsParameter,
  LIMIT_DEFAULT,
  optionalPageParameters,
  pageOfFields,
  pageParameters,
} from '../page.ts';
import { PageText } from '../page-text.ts';
import { readOptions, readParameters } from '../read-options.ts';
import { showRecord } from '../records/format.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { BYTE_ORDER_MARK, csvLines, DELIMITERS } from './csv.ts';
import { formatView, rowText } from './format.ts';
import { rowsAnswer, viewForm } from './schemas.ts';

const EDIT_CODES: ErrorCode[] = [
  'body_malformed',
  'view_invalid',
  'query_invalid',
  'query_too_costly',
  'catalog_conflict',
  'catalog_full',
];
const ROW_CODES: ErrorCode[] = [
  'parameter_invalid',
  'view_unknown',
  'cursor_invalid',
  'cursor_expired',
  'redis_full', // a sorted view keeps its order there while it is read
  'not_acceptable',
  'view_too_large',
  'segment_building',
  'segment_failed',
  'relationship_building',
  'not_caught_up',
];

const VIEW_FIELDS = [
  ...[
    'id',
    'title',
    'slug',
    'description',
    'object_type',
    'segment',
    'query',
    'columns',
    'relationships',
    'sort',
  ],
  ...['json_logic', 'status', 'reason', 'progress', 'revision', 'created_at', 'updated_at'],
];
const FORMS = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

const rowsQuery = Type.Object({
  ...optionalPageParameters,
  ...readParameters,
  bom: Type.Optional(
    Type.Boolean({
      description: 'CSV: begin with a byte order mark, as Excel likes; without one if absent.',
    }),
  ),
  delimiter: Type.Optional(
    Type.Enum([...DELIMITERS], {
      description:
        'CSV: what stands between cells: a comma (if absent), a semicolon, a tab (%09) or |.',
      examples: [';'],
    }),
  ),
});
type RowsQuery = Static<typeof rowsQuery>;

export const viewRoutes: Routes = async (
  app,
  { deployment: { limits, progress, store, viewRows, views }, held },
) => {
  app.get(
    '/v1/views',
    {
      schema: {
        summary: 'List views, in the order of their slugs',
        operationId: 'listViews',
        querystring: Type.Object({
          object_type: Type.Optional(
            Type.String({ description: 'Only views of this object type.' }),
          ),
          ...fieldsParameter('slug,title,columns'),
          ...pageParameters,
        }),
        response: answers({ 200: pageOfFields(viewForm) }, 'parameter_invalid', 'cursor_invalid'),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const only = fieldsOf(query.fields, VIEW_FIELDS);
      const asked = [...(await store.refresh()).views].filter(
        ([, view]) => query.object_type === undefined || view.object_type === query.object_type,
      );
      const shown = async (view: StoredView) => only(await format(view));
      return held.send(request, reply, () => pageByName(asked, query, limits.pageBytes, shown));
    },
  );

  app.post(
    '/v1/views',
    {
      schema: {
        summary: 'Create a view',
        description: 'A query of its own is built as that of a segment.',
        operationId: 'createView',
        body: named('ViewInput'),
        response: answers({ 201: named('View') }, 'view_slug_taken', ...EDIT_CODES),
      },
    },
    async ({ body }, reply) => {
      const view = await views.create(body);
      return reply
        .code(201)
        .header('location', `/v1/views/${view.slug}`)
        .send(await format(view));
    },
  );

  app.get(
    '/v1/views/:slug',
    {
      schema: {
        summary: 'Read a view',
        operationId: 'getView',
        params: path('slug'),
        response: answers({ 200: named('View') }, 'view_unknown'),
      },
    },
    async ({ params: { slug } }) => format(await findView(store, slug)),
  );

  app.put(
    '/v1/views/:slug',
    {
      schema: {
        summary: 'Replace a view',
        description: 'slug and object_type can not be changed.',
        operationId: 'replaceView',
        params: path('slug'),
        body: named('ViewInput'),
        response: answers({ 200: named('View') }, 'view_unknown', ...EDIT_CODES),
      },
    },
    async ({ params: { slug }, body }) => format(await views.replace(slug, body)),
  );

  app.patch(
    '/v1/views/:slug',
    {
      schema: {
        summary: 'Change some of a view',
        description: 'null removes what is optional.',
        operationId: 'patchView',
        params: path('slug'),
        body: named('ViewPatch'),
        response: answers({ 200: named('View') }, 'view_unknown', ...EDIT_CODES),
      },
    },
    async ({ params: { slug }, body }) => format(await views.patch(slug, body)),
  );

  app.delete(
    '/v1/views/:slug',
    {
      schema: {
        summary: 'Delete a view',
        operationId: 'deleteView',
        params: path('slug'),
        response: answers({ 204: NO_CONTENT }, 'view_unknown', 'catalog_conflict'),
      },
    },
    async ({ params: { slug } }, reply) => {
      await views.remove(slug);
      return reply.code(204).send();
    },
  );

  app.get(
    '/v1/views/:slug/rows',
    {
      schema: {
        summary: 'The rows of a view',
        description:
          'By Accept: application/json gives a page, text/csv and application/x-ndjson give all rows. Of a sorted view a cursor lasts for ten minutes; what comes meanwhile is not on its pages.',
        operationId: 'listRows',
        params: path('slug'),
        querystring: rowsQuery,
        response: answers({ 200: rowsAnswer }, ...ROW_CODES),
      },
    },
    async (request, reply) => {
      const { query, headers, method } = request;
      const { slug } = request.params;
      reply.header('vary', 'accept');
      const form = preferredForm(headers.accept, FORMS);
      switch (form) {
        case 'application/json':
          refuse(
            query,
            OF_CSV,
            'pages are JSON, and this is for CSV: ask for it with Accept: text/csv',
          );
          return held.send(request, reply, await page(slug, query));
        case 'text/csv':
        case 'application/x-ndjson':
          if (form !== 'text/csv')
            refuse(query, OF_CSV, 'this is for CSV: ask for it with Accept: text/csv');
          refuse(query, OF_PAGES, WHOLE);
          return held.stream(request, reply, async () => {
            const found = await viewRows.export(
              slug,
              readOptions(query),
              form === 'text/csv' ? undefined : showRecord,
            );
            return stream(found, form, query, method, slug, reply);
          });
        default:
          throw new Problem('not_acceptable', `rows are given as ${FORMS.join(', ')}`);
      }
    },
  );

  function format(view: StoredView): Promise<Record<string, unknown>> {
    return formatView(view, store.catalog, progress);
  }

  async function page(slug: string, query: RowsQuery) {
    const { limit = LIMIT_DEFAULT, cursor } = query;
    const text = new PageText(limits.rowPageBytes);
    const take = (row: ViewRow, definition: ViewDefinition) => text.add(rowText(row, definition));
    const opened = await viewRows.openPage(slug, cursor || undefined, readOptions(query));
    return async () => text.end(await opened.read(limit, { show: showRecord, take }));
  }
};

/** A client that asks for a part must not be given the whole. */
const WHOLE = 'CSV and NDJSON are the whole view; pages are JSON';
const OF_PAGES = ['limit', 'cursor'] as const;
const OF_CSV = ['bom', 'delimiter'] as const;

/** Refuses what would be ignored. @throws Problem parameter_invalid */
function refuse(query: RowsQuery, names: readonly (keyof RowsQuery)[], detail: string): void {
  const faults = names.flatMap((name) =>
    query[name] === undefined ? [] : [{ path: `/${name}`, detail }],
  );
  if (faults.length > 0) throw new Problem('parameter_invalid', detail, faults);
}

async function stream(
  { definition, rows }: ViewExport,
  form: 'text/csv' | 'application/x-ndjson',
  { bom: hasMark = false, delimiter }: RowsQuery,
  method: string,
  slug: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isCsv = form === 'text/csv';
  reply.type(isCsv ? 'text/csv; charset=utf-8' : form);
  reply.header('content-disposition', `attachment; filename="${slug}.${isCsv ? 'csv' : 'ndjson'}"`);
  if (method === 'HEAD') return reply.send('');
  const head = isCsv
    ? (hasMark ? BYTE_ORDER_MARK : '') +
      csvLines([definition.columns.map(({ label }) => label)], delimiter)
    : '';
  const text = isCsv
    ? (rows: readonly ViewRow[]) =>
        csvLines(
          rows.map(({ cells }) => cells),
          delimiter,
        )
    : (rows: readonly ViewRow[]) =>
        Buffer.concat(rows.flatMap((row) => [rowText(row, definition), LINE_END]));
  const first = await rows.next(); // a fault is still a problem document
  return reply.send(
    Readable.from(texts(first, rows, head, text), {
      objectMode: false,
      highWaterMark: BUFFERED_BYTES,
    }),
  );
}

const LINE_END = Buffer.from('\n');
/** What is made ahead of a reader that is slow. */
const BUFFERED_BYTES = 64 * 1024;
const ROWS_TOGETHER = 100;

/** Rows are told together as long as they are light. */
async function* texts(
  first: IteratorResult<ViewRow>,
  rest: AsyncGenerator<ViewRow>,
  head: string,
  text: (rows: readonly ViewRow[]) => string | Buffer,
): AsyncGenerator<string | Buffer> {
  let together: ViewRow[] = [];
  let weight = 0;
  try {
    if (head !== '') yield head;
    for (let row = first; !row.done; row = await rest.next()) {
      together.push(row.value);
      weight += weightOf(row.value);
      if (weight < BUFFERED_BYTES && together.length < ROWS_TOGETHER) continue;
      yield Buffer.from(text(together)); // beside the heap, while it waits to be taken
      [together, weight] = [[], 0];
    }
    if (together.length > 0) yield Buffer.from(text(together));
  } finally {
    await rest.return(undefined); // the reader may have gone
  }
}

/** About the bytes of a row. */
function weightOf({ cells, related }: ViewRow): number {
  let weight = 0;
  for (const cell of cells) {
    if (typeof cell === 'string') weight += cell.length;
    else weight += typeof cell === 'object' && cell !== null ? JSON.stringify(cell).length : 8;
  }
  for (const found of related) {
    if (!found) continue;
    for (const { text } of 'text' in found ? [found] : found.data) weight += text.length;
  }
  return weight;
}

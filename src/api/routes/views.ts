/**
 * views.ts – `/v1/views`: which columns of which records are shown, and the rows: paged as JSON, or whole as CSV or NDJSON.
 *
 * Keeps true: what is whole is streamed, a batch at a time and only as fast as it is taken; a fault before the first row is a
 * problem document, one after it cuts the answer off, so that a part never passes for the whole.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import type { StoredView } from '../../catalog/catalog.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import type { ViewExport, ViewRow } from '../../membership/view-rows.ts';
import { preferredForm } from '../accepts.ts';
import { findView } from '../catalog-entries.ts';
import { BYTE_ORDER_MARK, csvLines } from '../csv.ts';
import { formatRow, formatView } from '../format.ts';
import { pageByName } from '../named-pages.ts';
import { readOptions } from '../read-options.ts';
import {
  answers,
  LIMIT_DEFAULT,
  NO_CONTENT,
  named,
  optionalPageParameters,
  pageOf,
  pageParameters,
  path,
  readParameters,
  rowsAnswer,
} from '../schemas.ts';
import type { Routes } from './routes.ts';

const EDIT_CODES: ErrorCode[] = [
  'body_malformed',
  'view_invalid',
  'query_invalid',
  'query_too_costly',
  'catalog_conflict',
];
const ROW_CODES: ErrorCode[] = [
  'parameter_invalid',
  'view_unknown',
  'cursor_invalid',
  'not_acceptable',
  'view_too_large',
  'segment_building',
  'segment_failed',
  'relationship_building',
  'not_caught_up',
];

const FORMS = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

const rowsQuery = Type.Object({
  ...optionalPageParameters,
  ...readParameters,
  bom: Type.Optional(
    Type.Boolean({ default: false, description: 'CSV: begin with a byte order mark, as Excel likes.' }),
  ),
});

export const viewRoutes: Routes = async (app, { deployment: { memberships, store, viewRows, views } }) => {
  app.get(
    '/v1/views',
    {
      schema: {
        summary: 'List views, in the order of their slugs',
        operationId: 'listViews',
        querystring: Type.Object({
          object_type: Type.Optional(Type.String({ description: 'Only views of this object type.' })),
          ...pageParameters,
        }),
        response: answers({ 200: pageOf(named('View')) }, 'parameter_invalid', 'cursor_invalid'),
      },
    },
    async ({ query }) => {
      const asked = [...(await store.refresh()).views].filter(
        ([, view]) => query.object_type === undefined || view.object_type === query.object_type,
      );
      const { data, next_cursor } = pageByName(asked, query);
      return { data: await Promise.all(data.map(format)), next_cursor };
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
    async ({ params: { slug }, query, headers, method }, reply) => {
      reply.header('vary', 'accept');
      const form = preferredForm(headers.accept, FORMS);
      switch (form) {
        case 'application/json':
          return page(slug, query);
        case 'text/csv':
        case 'application/x-ndjson':
          refusePaging(query);
          return stream(await viewRows.export(slug, readOptions(query)), form, query.bom === true, method, slug, reply);
        default:
          throw new Problem('not_acceptable', `rows are given as ${FORMS.join(', ')}`);
      }
    },
  );

  function format(view: StoredView): Promise<Record<string, unknown>> {
    return formatView(view, store.catalog, memberships);
  }

  async function page(slug: string, query: Static<typeof rowsQuery>) {
    const { limit = LIMIT_DEFAULT, cursor } = query;
    const { definition, data, next_cursor } = await viewRows.page(slug, limit, cursor || undefined, readOptions(query));
    return { data: data.map((row) => formatRow(row, definition)), next_cursor };
  }
};

/** A client that asks for a part must not be given the whole. */
function refusePaging(query: Static<typeof rowsQuery>): void {
  const given = (['limit', 'cursor'] as const).filter((name) => query[name] !== undefined);
  if (given.length === 0) return;
  const detail = 'CSV and NDJSON are the whole view; pages are JSON';
  throw new Problem(
    'parameter_invalid',
    detail,
    given.map((name) => ({ path: `/${name}`, detail })),
  );
}

async function stream(
  { definition, batches }: ViewExport,
  form: 'text/csv' | 'application/x-ndjson',
  hasMark: boolean,
  method: string,
  slug: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isCsv = form === 'text/csv';
  reply.type(isCsv ? 'text/csv; charset=utf-8' : form);
  reply.header('content-disposition', `attachment; filename="${slug}.${isCsv ? 'csv' : 'ndjson'}"`);
  if (method === 'HEAD') return reply.send('');
  const head = isCsv ? (hasMark ? BYTE_ORDER_MARK : '') + csvLines([definition.columns.map(({ label }) => label)]) : '';
  const text = isCsv
    ? (rows: readonly ViewRow[]) => csvLines(rows.map(({ cells }) => cells))
    : (rows: readonly ViewRow[]) => rows.map((row) => `${JSON.stringify(formatRow(row, definition))}\n`).join('');
  const first = await batches.next(); // a fault is still a problem document
  return reply.send(
    Readable.from(texts(first, batches, head, text), { objectMode: false, highWaterMark: BUFFERED_BYTES }),
  );
}

/** What is made ahead of a reader that is slow. */
const BUFFERED_BYTES = 64 * 1024;

async function* texts(
  first: IteratorResult<readonly ViewRow[]>,
  rest: AsyncGenerator<readonly ViewRow[]>,
  head: string,
  text: (rows: readonly ViewRow[]) => string,
): AsyncGenerator<string> {
  try {
    if (head !== '') yield head;
    if (first.done) return;
    yield text(first.value);
    for await (const rows of rest) yield text(rows);
  } finally {
    await rest.return(undefined); // the reader may have gone
  }
}

/**
 * routes.ts – `/v1/views`: which columns of which records are shown, and the rows: paged as JSON,
 * or whole as CSV or NDJSON.
 */
import Type from 'typebox';
import type { StoredView } from '../../catalog/catalog.ts';
import { findView } from '../../catalog/entries.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import type { ChosenSegments } from '../../membership/segment-choice.ts';
import type { ViewRow } from '../../membership/view-rows.ts';
import type { ViewDefinition } from '../../query/dialects/view-columns.ts';
import { preferredForm } from '../accepts.ts';
import { NO_CONTENT } from '../answers.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import { fieldsParameter, LIMIT_DEFAULT, pageOfFields, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import { readOptions } from '../read-options.ts';
import { showRecord } from '../records/format.ts';
import { route } from '../route.ts';
import { formatView, rowText, sendCreatedView, taggedView } from './format.ts';
import { type RowsQuery, rowsAnswer, rowsQuery, viewForm } from './schemas.ts';
import { streamRows } from './whole-rows.ts';

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
  'segment_unknown',
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

const FORMS = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

const listViews = route({
  method: 'GET',
  path: '/v1/views',
  need: 'read',
  summary: 'List views, in the order of their slugs',
  query: Type.Object({
    object_type: Type.Optional(Type.String({ description: 'Only views of this object type.' })),
    ...fieldsParameter('slug,title,columns'),
    ...pageParameters,
  }),
  answers: { 200: pageOfFields(viewForm) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { deployment, held }, reply) => {
    const { limits, store } = deployment;
    const { query } = request;
    const only = fieldsOf(query.fields, Object.keys(viewForm.properties));
    const asked = [...(await store.refresh()).views].filter(
      ([, view]) => query.object_type === undefined || view.object_type === query.object_type,
    );
    const shown = async (view: StoredView) => only(await formatView(view, deployment));
    return held.send(request, reply, () => pageByName(asked, query, limits.pageBytes, shown));
  },
});

const createView = route({
  method: 'POST',
  path: '/v1/views',
  need: 'write_catalog',
  summary: 'Create a view',
  description: 'A query of its own is built as that of a segment.',
  body: named('ViewInput'),
  answers: { 201: named('View') },
  refusals: ['view_slug_taken', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const view = await deployment.views.create(request.body, editOf(request));
    return sendCreatedView(request, reply, view, deployment);
  },
});

const getView = route({
  method: 'GET',
  path: '/v1/views/:slug',
  need: 'read',
  summary: 'Read a view',
  isConditional: true,
  answers: { 200: named('View') },
  refusals: ['view_unknown'],
  handler: async (request, { deployment }, reply) => {
    const { slug } = request.params;
    return taggedView(request, reply, await findView(deployment.store, slug), deployment);
  },
});

const replaceView = route({
  method: 'PUT',
  path: '/v1/views/:slug',
  need: 'write_catalog',
  summary: 'Replace a view',
  isConditional: true,
  description: 'slug and object_type can not be changed.',
  body: named('ViewInput'),
  answers: { 200: named('View') },
  refusals: ['view_unknown', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const { params, body } = request;
    const edited = await deployment.views.replace(params.slug, body, editOf(request));
    return taggedView(request, reply, edited, deployment);
  },
});

const patchView = route({
  method: 'PATCH',
  path: '/v1/views/:slug',
  need: 'write_catalog',
  summary: 'Change some of a view',
  isConditional: true,
  description: 'null removes what is optional.',
  body: named('ViewPatch'),
  answers: { 200: named('View') },
  refusals: ['view_unknown', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const { params, body } = request;
    const edited = await deployment.views.patch(params.slug, body, editOf(request));
    return taggedView(request, reply, edited, deployment);
  },
});

const deleteView = route({
  method: 'DELETE',
  path: '/v1/views/:slug',
  need: 'write_catalog',
  summary: 'Delete a view',
  isConditional: true,
  answers: { 204: NO_CONTENT },
  refusals: ['view_unknown', 'catalog_conflict'],
  handler: async (request, { deployment: { views } }, reply) => {
    await views.remove(request.params.slug, editOf(request));
    return reply.code(204).send();
  },
});

const listRows = route({
  method: 'GET',
  path: '/v1/views/:slug/rows',
  need: 'read',
  summary: 'The rows of a view',
  description:
    'By Accept: application/json gives a page, text/csv and application/x-ndjson give all ' +
    'rows. Of a sorted view a cursor lasts for ten minutes; what comes meanwhile is not on its ' +
    'pages. Where segments are chosen a page may end early: next_cursor goes on.',
  query: rowsQuery,
  answers: { 200: rowsAnswer },
  refusals: ROW_CODES,
  handler: async (request, { deployment, held }, reply) => {
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
        return held.send(request, reply, await openPage(slug, query, deployment));
      case 'text/csv':
      case 'application/x-ndjson':
        if (form !== 'text/csv')
          refuse(query, OF_CSV, 'this is for CSV: ask for it with Accept: text/csv');
        refuse(query, OF_PAGES, WHOLE);
        return held.stream(request, reply, async () => {
          const found = await deployment.viewRows.export(slug, readOptions(query), {
            chosen: chosenBy(query),
            ...(form === 'text/csv' ? {} : { show: showRecord }),
          });
          return streamRows(found, form, query, method, slug, reply);
        });
      default:
        throw new Problem('not_acceptable', `rows are given as ${FORMS.join(', ')}`);
    }
  },
});

export const VIEW_ROUTES = {
  listViews,
  createView,
  getView,
  replaceView,
  patchView,
  deleteView,
  listRows,
};

/** Opens a page; what it returns reads it. */
async function openPage(slug: string, query: RowsQuery, { limits, viewRows }: Deployment) {
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const text = new PageText(limits.rowPageBytes);
  const take = (row: ViewRow, definition: ViewDefinition) => text.add(rowText(row, definition));
  const opened = await viewRows.openPage(
    slug,
    cursor || undefined,
    readOptions(query),
    chosenBy(query),
  );
  return async () => text.end(await opened.read(limit, { show: showRecord, take }));
}

function chosenBy({ segment = [], not_segment: notIn = [] }: RowsQuery): ChosenSegments {
  return { in: segment, notIn };
}

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

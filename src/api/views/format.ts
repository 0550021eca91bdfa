/**
 * format.ts – Views and their rows as they are answered.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasOwnQuery, type StoredView } from '../../catalog/catalog.ts';
import { entryTag } from '../../catalog/edit.ts';
import { viewInput } from '../../catalog/views.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { namedCells } from '../../membership/view-cells.ts';
import type { ViewRow } from '../../membership/view-rows.ts';
import type { ViewDefinition } from '../../query/dialects/view-columns.ts';
import { joined, listText } from '../page-text.ts';
import { tag } from '../preconditions.ts';
import { isoTime } from '../times.ts';

/** The definition as it was sent; with a query of its own also how that stands. */
export async function formatView(
  view: StoredView,
  { store: { catalog }, progress }: Deployment,
): Promise<Record<string, unknown>> {
  const { id, revision, created_at, updated_at } = view;
  const built = hasOwnQuery(view)
    ? {
        json_logic: view.json_logic,
        ...catalog.statusOf(view),
        progress: await progress.ofBuild(view),
      }
    : {};
  const times = { created_at: isoTime(created_at), updated_at: isoTime(updated_at) };
  return { id, ...viewInput(view), ...built, revision, ...times };
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
/**
 * The view, with its tag. @throws Problem precondition_failed if it is a read that wants another
 */
export async function taggedView(
  request: FastifyRequest,
  reply: FastifyReply,
  view: StoredView,
  deployment: Deployment,
): Promise<Record<string, unknown>> {
  const shown = await formatView(view, deployment);
  tag(request, reply, entryTag(view), shown);
  return shown;
}

/** The answer to a view that was created: what it is, and where. */
export async function sendCreatedView(
  request: FastifyRequest,
  reply: FastifyReply,
  view: StoredView,
  deployment: Deployment,
): Promise<FastifyReply> {
  const shown = await taggedView(request, reply, view, deployment);
  return reply.code(201).header('location', `/v1/views/${view.slug}`).send(shown);
}

/**
 * edits.ts – Who edits the catalog, as a request says it.
 */
import type { FastifyRequest } from 'fastify';
import type { Edit } from '../catalog/edit.ts';

/** Caller: the route needs a key. */
export function editOf({ caller }: Pick<FastifyRequest, 'caller'>): Edit {
  return { by: caller!.by };
}

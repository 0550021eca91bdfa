/**
 * edits.ts – Who edits the catalog, and under which condition, as a request says it.
 */
import type { FastifyRequest } from 'fastify';
import type { Edit } from '../catalog/edit.ts';
import { preconditionOf } from './preconditions.ts';

/** Caller: the route needs a key; one that is not conditional was refused its preconditions. */
export function editOf(request: FastifyRequest): Edit {
  return { by: request.caller!.by, precondition: preconditionOf(request) };
}

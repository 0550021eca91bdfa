/**
 * roles.ts – Who may call what: one table of routes, one of roles.
 *
 * Keeps true: a route that is not in the table can't be added (the auth plugin refuses to start),
 * so nothing is open by oversight; a HEAD request is allowed to whom its GET is.
 */
import type { Role } from '../config.ts';
import { assert } from '../errors.ts';

/**
 * What a route asks of its caller: nothing, any valid key, or a key whose role has this capability.
 */
export type Need = 'nothing' | 'key' | Capability;
export type Capability = 'read' | 'write_records' | 'write_catalog' | 'operate_queues';

export const ROLE_CAPABILITIES = {
  master: ['read', 'write_records', 'write_catalog', 'operate_queues'],
  super_admin: ['read', 'write_records', 'write_catalog'],
  service: ['read', 'write_records', 'write_catalog'],
  editor: ['read', 'write_records'],
  viewer: ['read'],
} as const satisfies Record<Role, readonly Capability[]>;

export const ROUTE_NEEDS = {
  'GET /': 'nothing',
  'GET /healthz': 'nothing',
  'GET /readyz': 'nothing',
  'GET /openapi.json': 'nothing',
  'GET /metrics': 'key',

  'GET /v1/object-types': 'read',
  'GET /v1/object-types/:name': 'read',
  'PUT /v1/object-types/:name': 'write_catalog',
  'DELETE /v1/object-types/:name': 'write_catalog',

  'GET /v1/operators': 'read',

  'GET /v1/records/:type': 'read',
  'GET /v1/records/:type/:id': 'read',
  'GET /v1/records/:type/:id/segments': 'read',
  'PUT /v1/records/:type/:id': 'write_records',
  'PATCH /v1/records/:type/:id': 'write_records',
  'DELETE /v1/records/:type/:id': 'write_records',
  'POST /v1/records/:type/:id/archive': 'write_records',
  'POST /v1/records/:type/:id/restore': 'write_records',
  'POST /v1/changes': 'write_records',

  'GET /v1/segments': 'read',
  'POST /v1/segments': 'write_catalog',
  'GET /v1/segments/:slug': 'read',
  'PUT /v1/segments/:slug': 'write_catalog',
  'PATCH /v1/segments/:slug': 'write_catalog',
  'DELETE /v1/segments/:slug': 'write_catalog',
  'GET /v1/segments/counts': 'read',
  'POST /v1/segments/counts': 'read',
  'GET /v1/segments/:slug/members': 'read',
  'GET /v1/segments/:slug/members/:id': 'read',
  'POST /v1/memberships/lookup': 'read',

  'GET /v1/views': 'read',
  'POST /v1/views': 'write_catalog',
  'GET /v1/views/:slug': 'read',
  'PUT /v1/views/:slug': 'write_catalog',
  'PATCH /v1/views/:slug': 'write_catalog',
  'DELETE /v1/views/:slug': 'write_catalog',
  'GET /v1/views/:slug/rows': 'read',

  'GET /v1/seeds': 'read',
  'POST /v1/seeds': 'write_catalog',
  'POST /v1/imports/:type': 'write_catalog',
  'POST /v1/exports/:type': 'write_catalog',
  'GET /v1/jobs': 'read',
  'GET /v1/jobs/:id': 'read',
  'GET /v1/jobs/:id/result': 'read',
  'GET /v1/jobs/:id/errors': 'read',

  'GET /v1/views/:slug/activations': 'read',
  'POST /v1/views/:slug/activations': 'write_catalog',
  'GET /v1/views/:slug/activations/:activation': 'read',
  'PATCH /v1/views/:slug/activations/:activation': 'write_catalog',
  'DELETE /v1/views/:slug/activations/:activation': 'write_catalog',
  'POST /v1/views/:slug/activations/:activation/enable': 'write_catalog',
  'POST /v1/views/:slug/activations/:activation/test': 'write_catalog',
  'POST /v1/views/:slug/activations/:activation/sync': 'write_catalog',
  'GET /v1/views/:slug/activations/:activation/sync': 'read',
  'GET /v1/views/:slug/activations/:activation/dead-letters': 'read',
  'POST /v1/views/:slug/activations/:activation/dead-letters/redeliver': 'write_catalog',
} as const satisfies Record<string, Need>;

/** Where the board of queues is. */
export const BOARD_PATH = '/admin/queues';

export function isBoard(path: string): boolean {
  return path === BOARD_PATH || path.startsWith(`${BOARD_PATH}/`);
}

/** The pages at /docs. */
export function isDocumentation(path: string): boolean {
  return path === '/docs' || path.startsWith('/docs/');
}

/**
 * What a route needs. The pages of the documentation and of the board are many and bring their own
 * routes.
 */
export function needOf(method: string, url: string): Need {
  if (isDocumentation(url)) return 'nothing';
  if (isBoard(url)) return 'operate_queues';
  // Preflights are answered before anybody is asked for a key (plugins/cors.ts); what is none comes
  // to nothing.
  if (method === 'OPTIONS' && url === '*') return 'key';
  const needs: Record<string, Need> = ROUTE_NEEDS;
  const need = needs[`${method === 'HEAD' ? 'GET' : method} ${url}`];
  assert(need, `${method} ${url} is in the table of routes`);
  return need;
}

/**
 * Whether what is at this path is for everybody: then so is the answer that it does not take a
 * method.
 */
export function isPublic(path: string): boolean {
  if (isDocumentation(path)) return true;
  return Object.entries(ROUTE_NEEDS).some(
    ([route, need]) => need === 'nothing' && route.endsWith(` ${path}`),
  );
}

/** The roles that may call a route with this need. */
export function rolesFor(need: Capability): Role[] {
  const roles = Object.entries(ROLE_CAPABILITIES) as [Role, readonly Capability[]][];
  return roles.filter(([, capabilities]) => capabilities.includes(need)).map(([role]) => role);
}

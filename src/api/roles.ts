/**
 * roles.ts – Who may do what: the capabilities of each role, and what a route needs.
 *
 * Keeps true: a route that does not say what it needs can't be added (plugins/auth.ts refuses to
 * start), so nothing is open by oversight. A HEAD request needs what its GET needs.
 */
import type { Role } from '../config.ts';
import { assert } from '../errors.ts';
import { isAsset, isBoard, isDocumentation } from './paths.ts';

/**
 * What a route needs of its caller: nothing, any valid key, or a key whose role has a capability.
 */
export type Need = 'nothing' | 'key' | Capability;
export const CAPABILITIES = ['read', 'write_records', 'write_catalog', 'operate_queues'] as const;
export type Capability = (typeof CAPABILITIES)[number];

export const ROLE_CAPABILITIES = {
  master: ['read', 'write_records', 'write_catalog', 'operate_queues'],
  super_admin: ['read', 'write_records', 'write_catalog', 'operate_queues'],
  service: ['read', 'write_records', 'write_catalog'],
  editor: ['read', 'write_records'],
  viewer: ['read'],
} as const satisfies Record<Role, readonly Capability[]>;

/** A route as Fastify knows it. */
interface KnownRoute {
  readonly method?: string | readonly string[];
  readonly url?: string | undefined;
  readonly config?: { readonly route?: { readonly need: Need } };
}

/** What a route needs of its caller. Ours say it; for pages of other plugins the path decides. */
export function needOf({ method, url = '', config }: KnownRoute): Need {
  if (config?.route) return config.route.need;
  if (isDocumentation(url) || isAsset(url)) return 'nothing';
  if (isBoard(url)) return 'operate_queues';
  // Preflights are answered before a key is asked for (plugins/cors.ts); another OPTIONS is
  // refused.
  assert(method === 'OPTIONS' && url === '*', `${method} ${url} says what it needs`);
  return 'key';
}

/** Whether it changes what is stored: then an Idempotency-Key may be sent along. */
export function isWrite(need: Need): boolean {
  return need === 'write_records' || need === 'write_catalog';
}

/** The roles that may call a route with this need. */
export function rolesFor(need: Capability): Role[] {
  const roles = Object.entries(ROLE_CAPABILITIES) as [Role, readonly Capability[]][];
  return roles.filter(([, capabilities]) => capabilities.includes(need)).map(([role]) => role);
}

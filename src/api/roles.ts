/**
 * roles.ts – Who may do what: what each role is able to, and what a route asks for.
 *
 * Keeps true: a route that does not say what it asks for can't be added (plugins/auth.ts refuses to
 * start), so nothing is open by oversight; a HEAD request is allowed to whom its GET is.
 */
import type { Role } from '../config.ts';
import { assert } from '../errors.ts';
import { isBoard, isDocumentation } from './paths.ts';

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

/** A route as Fastify knows it. */
interface KnownRoute {
  readonly method?: string | readonly string[];
  readonly url?: string | undefined;
  readonly config?: { readonly route?: { readonly need: Need } };
}

/** What a route asks of its caller. Ours say it; of other plugins' pages the path says it. */
export function needOf({ method, url = '', config }: KnownRoute): Need {
  if (config?.route) return config.route.need;
  if (isDocumentation(url)) return 'nothing';
  if (isBoard(url)) return 'operate_queues';
  // Preflights are answered before anybody is asked for a key (plugins/cors.ts); what is none comes
  // to nothing.
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

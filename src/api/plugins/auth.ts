/**
 * auth.ts – Who is asking: 401 without a valid key or session, 403 with too small a role, before
 * anything else of the request is read.
 *
 * Keeps true: a key that is sent wins over a session, so that who calls the API from a page of ours
 * is who the key says.
 */
import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../../errors.ts';
import type { Caller, KnownKeys } from '../known-keys.ts';
import { isAsset, isDocumentation, isPageWanted, pathOf } from '../paths.ts';
import { type Capability, type Need, needOf, ROLE_CAPABILITIES } from '../roles.ts';
import type { SessionStore } from '../session-store.ts';
import { Sessions } from '../sessions.ts';

declare module 'fastify' {
  interface FastifyInstance {
    readonly sessions: Sessions;
  }
  interface FastifyRequest {
    /** Undefined where no key is needed. */
    caller: Caller | undefined;
    /** Whether who began this answer may still have it: asked while it goes on and on. */
    isStillAllowed(): Promise<boolean>;
  }
}

interface AuthOptions {
  readonly keys: KnownKeys;
  readonly sessions: SessionStore;
  /** Where browsers reach this server, if that is known. */
  readonly publicUrl: string | undefined;
}

export const auth = fp(
  async (app: FastifyInstance, { keys, sessions: store, publicUrl }: AuthOptions) => {
    // Cookies are read only where no key is sent: on the hot path there are none.
    await app.register(cookie, { hook: false });
    const sessions = new Sessions({ store, keys, publicUrl }, app);
    app.decorate('sessions', sessions);
    app.decorateRequest('caller', undefined);
    app.decorateRequest('isStillAllowed', async function (this: FastifyRequest) {
      return isAllowed(this, keys, sessions);
    });
    const publicPaths = new Set<string>();
    app.addHook('onRoute', (route) => {
      if (needOf(route) === 'nothing') publicPaths.add(route.url);
    });
    // A path that is not there needs a key all the same: strangers do not learn which paths there
    // are.
    const needOfNothing = ({ method, url, headers }: FastifyRequest): Need => {
      const path = pathOf(url);
      const isOpen = isDocumentation(path) || isAsset(path) || publicPaths.has(path);
      return isOpen || isPageWanted(method, path, headers.accept) ? 'nothing' : 'key';
    };
    app.addHook('onRequest', async (request) => {
      const { url } = request.routeOptions;
      const need = url === undefined ? needOfNothing(request) : needOf(request.routeOptions);
      if (need === 'nothing') return;
      request.caller = await admit(request, need, keys, sessions);
    });
  },
  { name: 'auth' },
);

/** @throws Problem key_missing | role_insufficient, and those of a session */
async function admit(
  request: FastifyRequest,
  need: Need,
  keys: KnownKeys,
  sessions: Sessions,
): Promise<Caller> {
  const { authorization } = request.headers;
  const caller =
    authorization === undefined
      ? await sessions.caller(request)
      : callerOf(keyOf(authorization, need), keys);
  if (!caller) throw new Problem('key_missing', 'send a key as Authorization: Bearer <key>');
  authorize(caller, need);
  return caller;
}

/** While Redis is silent nobody's session has ended. */
async function isAllowed(
  request: FastifyRequest,
  keys: KnownKeys,
  sessions: Sessions,
): Promise<boolean> {
  const need = needOf(request.routeOptions);
  if (need === 'nothing') return true;
  try {
    await admit(request, need, keys, sessions);
    return true;
  } catch (error) {
    return !(error instanceof Problem);
  }
}

/** @throws Problem key_missing */
function callerOf(sent: string | undefined, keys: KnownKeys): Caller | undefined {
  if (sent === undefined) return undefined;
  const caller = keys.find(sent);
  if (!caller) throw new Problem('key_missing', 'the key is not valid');
  return caller;
}

/**
 * The key that was sent. A browser without a session shows the board of queues, too: it can only
 * send the key as a password.
 */
function keyOf(authorization: string, need: Need): string | undefined {
  const basic =
    need === 'operate_queues'
      ? /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization)?.[1]
      : undefined;
  if (basic === undefined) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  const [, ...password] = Buffer.from(basic, 'base64').toString().split(':');
  return password.join(':');
}

/** @throws Problem role_insufficient */
function authorize({ role }: Caller, need: Need): void {
  const capabilities: readonly Need[] = ROLE_CAPABILITIES[role];
  if (need === 'nothing' || need === 'key' || capabilities.includes(need)) return;
  throw new Problem('role_insufficient', `a key of role '${role}' can't ${REFUSED[need]}`);
}

const REFUSED: Readonly<Record<Capability | 'key', string>> = {
  key: 'do that',
  read: 'read',
  write_records: 'change records',
  write_catalog: 'change what is declared, nor import or export',
  operate_queues: 'look at the queues',
};

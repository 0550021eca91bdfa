/**
 * auth.ts – Who is asking: 401 without a valid key, 403 with too small a role, before anything else
 * of the request is read.
 *
 * Keeps true: keys are in memory only as SHA-256 digests. A key that is sent is compared with each
 * of them in constant time, so that an answer's time shows neither its place in the list nor a
 * common beginning.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { KeyEntry, Role } from '../../config.ts';
import { Problem } from '../../errors.ts';
import { isDocumentation, pathOf } from '../paths.ts';
import { type Capability, type Need, needOf, ROLE_CAPABILITIES } from '../roles.ts';

export interface Caller {
  readonly role: Role;
  /** Names the key without showing it. */
  readonly holder: string;
  /** What is written wherever it says who did something: the key's name, or its fingerprint. */
  readonly by: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined where no key is needed. */
    caller: Caller | undefined;
    /** Whether the key that was sent still allows it: asked while an answer goes on and on. */
    isStillAllowed(): Promise<boolean>;
  }
}

interface KnownKey extends Caller {
  readonly digest: Buffer;
}

interface AuthOptions {
  readonly keys: readonly KeyEntry[];
  /** Of the installation: a fingerprint says nothing about its key to who does not have it. */
  readonly secret: string;
}

export const auth = fp(
  async (app: FastifyInstance, { keys, secret }: AuthOptions) => {
    const known = keys.map((entry) => knownKey(entry, secret));
    app.decorateRequest('caller', undefined);
    app.decorateRequest('isStillAllowed', async function (this: FastifyRequest) {
      return isAllowed(this, known);
    });
    const publicPaths = new Set<string>();
    app.addHook('onRoute', (route) => {
      if (needOf(route) === 'nothing') publicPaths.add(route.url);
    });
    // A path that is not there needs a key all the same: strangers do not learn which paths there
    // are.
    const needOfNothing = (path: string): Need =>
      isDocumentation(path) || publicPaths.has(path) ? 'nothing' : 'key';
    app.addHook('onRequest', async (request) => {
      const { url } = request.routeOptions;
      const need =
        url === undefined ? needOfNothing(pathOf(request.url)) : needOf(request.routeOptions);
      if (need === 'nothing') return;
      request.caller = admit(request, need, known);
    });
  },
  { name: 'auth' },
);

/** @throws Problem key_missing | role_insufficient */
function admit({ headers }: FastifyRequest, need: Need, known: readonly KnownKey[]): Caller {
  const caller = authenticate(keyOf(headers.authorization, need), known);
  authorize(caller, need);
  return caller;
}

function isAllowed(request: FastifyRequest, known: readonly KnownKey[]): boolean {
  const need = needOf(request.routeOptions);
  if (need === 'nothing') return true;
  try {
    admit(request, need, known);
    return true;
  } catch {
    return false;
  }
}

function knownKey({ role, key, name }: KeyEntry, secret: string): KnownKey {
  const digest = digestOf(key);
  const by = name ?? fingerprintOf(key, secret);
  return { role, digest, holder: digest.toString('hex').slice(0, 16), by };
}

/** No name of a key holds a colon, so it can't pass for one. */
function fingerprintOf(key: string, secret: string): string {
  return `key:${createHmac('sha256', secret).update(key).digest('hex').slice(0, 16)}`;
}

/**
 * The key that was sent. A browser, which shows the board of queues, can only send it as a
 * password.
 */
function keyOf(authorization = '', need: Need): string | undefined {
  const basic =
    need === 'operate_queues'
      ? /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization)?.[1]
      : undefined;
  if (basic === undefined) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  const [, ...password] = Buffer.from(basic, 'base64').toString().split(':');
  return password.join(':');
}

/** @throws Problem key_missing */
function authenticate(sent: string | undefined, known: readonly KnownKey[]): Caller {
  if (sent === undefined)
    throw new Problem('key_missing', 'send a key as Authorization: Bearer <key>');
  const digest = digestOf(sent);
  let caller: KnownKey | undefined;
  for (const key of known) if (timingSafeEqual(key.digest, digest)) caller = key;
  if (!caller) throw new Problem('key_missing', 'the key is not valid');
  return caller;
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

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

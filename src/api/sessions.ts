/**
 * sessions.ts – Who has signed in from a browser, by a cookie that no script can read.
 *
 * Keeps true: the cookie holds a random id, and nothing here or in Redis opens a session but that
 * id. A session allows what its key allows now: a key that is not configured any more ends it. With
 * a cookie, what is no plain reading must come from one of our own pages, with a body that no form
 * of another site can send.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';
import type { Caller, KnownKeys } from './known-keys.ts';
import { CSV_TYPE, JSON_TYPE, LINES_TYPE } from './media-types.ts';
import { isOwnPage } from './same-origin.ts';
import type { SessionBounds, SessionStore } from './session-store.ts';

const HOUR_MS = 3_600_000;
export const SESSION_BOUNDS: SessionBounds = {
  idleMs: 12 * HOUR_MS,
  lifetimeMs: 7 * 24 * HOUR_MS,
  perKey: 1000,
};
/** 256 bits of chance. */
const ID_BYTES = 32;
const ID = /^[A-Za-z0-9_-]{43}$/;
/** How long the answer to a sign-in that failed is held back, and how many may wait at once. */
const FAILED_MS = 1000;
const FAILED_AT_ONCE = 16;

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly keys: KnownKeys;
  /** Where browsers reach this server, if that is known. */
  readonly publicUrl: string | undefined;
}

export class Sessions {
  readonly #store: SessionStore;
  readonly #keys: KnownKeys;
  readonly #publicUrl: string | undefined;
  readonly #isSecure: boolean;
  readonly #cookies: Pick<FastifyInstance, 'parseCookie' | 'serializeCookie'>;
  #failing = 0;

  constructor(
    { store, keys, publicUrl }: SessionsOptions,
    cookies: Pick<FastifyInstance, 'parseCookie' | 'serializeCookie'>,
  ) {
    this.#store = store;
    this.#keys = keys;
    this.#publicUrl = publicUrl;
    this.#isSecure = publicUrl?.startsWith('https:') ?? false;
    this.#cookies = cookies;
  }

  /**
   * Begins a session of whoever has this key.
   * @returns the caller, and the header that makes a browser keep the session
   * @throws Problem origin_refused | key_missing, late | overloaded
   */
  async begin(
    { headers }: FastifyRequest,
    sent: string,
  ): Promise<{ readonly caller: Caller; readonly cookie: string }> {
    if (!isOwnPage(headers, this.#publicUrl))
      throw new Problem('origin_refused', 'a session begins from a page of this server only');
    const caller = this.#keys.find(sent);
    if (!caller) throw await this.#refusal();
    const id = randomBytes(ID_BYTES).toString('base64url');
    const entry = { session: digestOf(id), key: caller.key };
    await this.#store.begin(entry, Date.now(), SESSION_BOUNDS);
    return { caller, cookie: this.#cookie(id, SESSION_BOUNDS.lifetimeMs / 1000) };
  }

  /**
   * Who asks, by the session of a request that has no key.
   * @returns undefined: it has no session either
   * @throws Problem key_missing if it has ended | origin_refused | content_type_unsupported
   */
  async caller({ headers, method }: FastifyRequest): Promise<Caller | undefined> {
    const id = headers.cookie && this.#cookies.parseCookie(headers.cookie)[this.#name];
    if (!id) return undefined;
    const session = digestOf(id);
    const key = ID.test(id)
      ? await this.#store.use(session, Date.now(), SESSION_BOUNDS)
      : undefined;
    const caller = key === undefined ? undefined : this.#keys.byDigest(key);
    if (!caller) throw new Problem('key_missing', 'the session has ended; sign in again');
    if (method !== 'GET' && method !== 'HEAD') this.#refuseOthers(headers);
    return { ...caller, session };
  }

  /**
   * Ends the caller's session, or all of the caller's key.
   * @returns the header that makes a browser forget it
   */
  async end({ session, key }: Caller, everywhere: boolean): Promise<string> {
    if (everywhere) await this.#store.endAll(key);
    else if (session !== undefined) await this.#store.end({ session, key });
    return this.#cookie('', 0);
  }

  /** `__Host-`: no other host, not even a subdomain, can set it. Browsers want `Secure` then. */
  get #name(): string {
    return this.#isSecure ? '__Host-rollcall' : 'rollcall';
  }

  #cookie(value: string, maxAge: number): string {
    return this.#cookies.serializeCookie(this.#name, value, {
      ...{ path: '/', httpOnly: true, sameSite: 'strict', secure: this.#isSecure },
      maxAge,
    });
  }

  /** @throws Problem origin_refused | content_type_unsupported */
  #refuseOthers(headers: FastifyRequest['headers']): void {
    if (!isOwnPage(headers, this.#publicUrl))
      throw new Problem(
        'origin_refused',
        'with a session, only pages of this server change things',
      );
    const hasBody =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    const type = headers['content-type'] ?? '';
    if (!hasBody || [JSON_TYPE, LINES_TYPE, CSV_TYPE].some((known) => known.test(type))) return;
    const detail = `with a session a body is JSON, NDJSON or CSV, not '${type}'`;
    throw new Problem('content_type_unsupported', detail);
  }

  /**
   * What is answered to a key that is not known: after a while, so that keys can not be tried fast.
   * Who has the right key never waits.
   */
  async #refusal(): Promise<Problem> {
    if (this.#failing >= FAILED_AT_ONCE) {
      const detail = 'too many sign-ins are failing; try again';
      return new Problem('overloaded', detail, [], { retry_after_s: FAILED_MS / 1000 });
    }
    this.#failing++;
    try {
      await new Promise((resolve) => setTimeout(resolve, FAILED_MS));
    } finally {
      this.#failing--;
    }
    return new Problem('key_missing', 'the key is not valid');
  }
}

function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}

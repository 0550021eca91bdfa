/**
 * idempotency.ts – A write that carries an Idempotency-Key is carried out once: sent again, it gets
 * the answer of the first time.
 *
 * Keeps true: of requests with one key only one is under way at a time; an answer is given out
 * again only to the very same request, told by the hash of its body. The hash is taken of the bytes
 * as they pass, so a streamed body is never held: a repetition is read to its end before it is
 * answered. Not kept: answers that ask to try again (429, 5xx), those to a body that broke off, and
 * those too long to keep; such a request is carried out anew. What is kept for one API key has a
 * bounded weight: beyond it the oldest answers go, and a repetition of their requests is carried
 * out anew as well.
 */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Redis } from 'ioredis';
import { Problem } from '../../errors.ts';
import type { CatalogKeys } from '../../redis/keys.ts';
import { runScript } from '../../redis/scripts.ts';
import { isWrite, needOf } from '../roles.ts';
import { sendText } from './problems.ts';

/** How long a crash of the process that works on a request keeps its repetitions waiting. */
const PENDING_TTL_MS = 60_000;
const ANSWER_TTL_MS = 24 * 60 * 60 * 1000;
const ANSWER_BYTES_MAX = 256 * 1024;
/** What Redis takes for a kept answer beside its bytes: its key, and its place in the order. */
const OVERHEAD_BYTES = 400;
const PENDING = 'pending';
const RESERVE_ATTEMPTS_MAX = 3;
/** Others, such as the request id, are those of each answer. */
const KEPT_HEADERS = ['content-type', 'location'];

/** The value of the key `…:idempotency:<digest>`, once the request is answered. */
interface StoredAnswer {
  /** Hash of the request's body. */
  readonly request: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where answers are kept, and how much of them for one API key. */
interface Store {
  readonly redis: Redis;
  readonly keys: CatalogKeys;
  readonly bytesMax: number;
}

/** What is known of a request that carries an Idempotency-Key. */
interface Guarded {
  readonly key: string;
  readonly hash: Hash;
  readonly digest: string;
  readonly holder: string;
  /** `untouched` is a request without a body, or one that was answered before its body was read. */
  body: 'untouched' | 'begun' | 'complete';
  renewal: NodeJS.Timeout | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    guarded: Guarded | undefined;
  }
}

export const idempotency = fp(
  async (
    app: FastifyInstance,
    { redis, keys, bytesMax }: { redis: Redis; keys: CatalogKeys; bytesMax: number },
  ) => {
    app.decorateRequest('guarded', undefined);

    app.addHook('preParsing', async (request, _, payload) => {
      const guarded = guard(request, keys);
      if (!guarded) return payload;
      request.guarded = guarded;
      return hashed(payload as Readable, guarded);
    });

    app.addHook('preHandler', async (request, reply) => {
      const { guarded } = request;
      if (!guarded) return;
      const stored = await reserve(redis, guarded.key);
      // Answered meanwhile (Redis hung): it is not carried out, and may be sent again.
      if (reply.sent) {
        if (!stored) drop(redis, guarded.key);
        return;
      }
      if (stored) return replay(stored, request, guarded, reply);
      // A long stream outlives the marker's time.
      guarded.renewal = setInterval(() => {
        redis.pexpire(guarded.key, PENDING_TTL_MS).catch(() => {}); // the next renewal tries again
      }, PENDING_TTL_MS / 3);
    });

    app.addHook('onSend', async (request, reply, payload) => {
      const { guarded } = request;
      if (!guarded?.renewal) return payload;
      release(guarded);
      // It may be sent again at once: while Redis hangs its answer does not wait for that to be
      // noted.
      if (reply.statusCode >= 500) {
        drop(redis, guarded.key);
        return payload;
      }
      const told = typeof payload === 'string' ? payload : '';
      await settle({ redis, keys, bytesMax }, guarded, reply, told).catch((error: unknown) => {
        // The work is done and the client hears so; until the marker ends, a repetition hears 409.
        request.log.warn({ err: error }, 'the answer could not be kept for its Idempotency-Key');
      });
      return payload;
    });

    app.addHook('onResponse', async ({ guarded }) => release(guarded));
  },
  { name: 'idempotency', dependencies: ['auth'] },
);

/** @throws Problem parameter_invalid */
function guard(request: FastifyRequest, keys: CatalogKeys): Guarded | undefined {
  const sent = request.headers['idempotency-key'];
  const { url } = request.routeOptions;
  if (sent === undefined || url === undefined || !isWrite(needOf(request.routeOptions)))
    return undefined;
  if (typeof sent !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(sent)) {
    const detail = 'an Idempotency-Key has 1 to 255 visible ASCII characters';
    throw new Problem('parameter_invalid', detail, [{ path: '/Idempotency-Key', detail }]);
  }
  const named = JSON.stringify([request.caller!.holder, request.method, request.url, sent]);
  const digest = createHash('sha256').update(named).digest('hex');
  const { holder } = request.caller!;
  const key = keys.idempotency(digest);
  return { key, digest, holder, hash: createHash('sha256'), body: 'untouched', renewal: undefined };
}

function hashed(payload: Readable, guarded: Guarded): Readable {
  async function* pass() {
    guarded.body = 'begun';
    for await (const chunk of payload) {
      guarded.hash.update(chunk);
      yield chunk;
    }
    guarded.body = 'complete';
  }
  return Readable.from(pass());
}

/**
 * @returns the stored answer, or undefined when the request is ours to carry out. @throws Problem
 * idempotency_in_progress
 */
async function reserve(redis: Redis, key: string): Promise<StoredAnswer | undefined> {
  for (let attempt = 0; attempt < RESERVE_ATTEMPTS_MAX; attempt++) {
    if (await redis.set(key, PENDING, 'PX', PENDING_TTL_MS, 'NX')) return undefined;
    const found = await redis.get(key);
    if (found === PENDING) break;
    if (found !== null) return JSON.parse(found) as StoredAnswer;
    // it ended in between
  }
  throw new Problem(
    'idempotency_in_progress',
    'a request with this Idempotency-Key is under way; try again',
    [],
    {
      retry_after_s: 1,
    },
  );
}

async function replay(
  stored: StoredAnswer,
  { body }: FastifyRequest,
  guarded: Guarded,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (body instanceof Readable) for await (const _ of body); // hashed as it passes
  if (guarded.hash.digest('hex') !== stored.request) {
    throw new Problem(
      'idempotency_key_reused',
      'this Idempotency-Key came with another body before',
    );
  }
  reply.code(stored.status).headers(stored.headers).header('idempotency-replayed', 'true');
  return sendText(reply, stored.body);
}

/** Gives the key free; if that fails, its marker ends by itself. */
function drop(redis: Redis, key: string): void {
  redis.unlink(key).catch(() => {});
}

/** Keeps the answer, or gives the key free so that the request may be carried out anew. */
async function settle(
  store: Store,
  guarded: Guarded,
  reply: FastifyReply,
  body: string,
): Promise<void> {
  const { redis } = store;
  const { statusCode: status } = reply;
  const asksAgain = status === 429 || status >= 500;
  if (asksAgain || guarded.body === 'begun' || Buffer.byteLength(body) > ANSWER_BYTES_MAX) {
    await redis.unlink(guarded.key);
    return;
  }
  const headers = Object.fromEntries(
    KEPT_HEADERS.flatMap((name) =>
      reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [],
    ),
  );
  const answer: StoredAnswer = { request: guarded.hash.digest('hex'), status, headers, body };
  const text = JSON.stringify(answer);
  await redis.set(guarded.key, text, 'PX', ANSWER_TTL_MS);
  await makeRoom(store, guarded, Buffer.byteLength(text) + OVERHEAD_BYTES);
}

/** Older answers of the same API key give way. */
async function makeRoom(
  { redis, keys, bytesMax }: Store,
  { digest, holder }: Guarded,
  bytes: number,
): Promise<void> {
  const { order, bytes: counter } = keys.idempotencyOf(holder);
  const given = [digest, bytes, Date.now(), ANSWER_TTL_MS, bytesMax];
  const gone = await runScript<string[]>(redis, 'keepAnswer', [order, counter], given);
  if (gone.length > 0) await redis.unlink(...gone.map((name) => keys.idempotency(name)));
}

function release(guarded: Guarded | undefined): void {
  clearInterval(guarded?.renewal);
  if (guarded) guarded.renewal = undefined;
}

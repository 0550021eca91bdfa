/**
 * idempotency.ts – A write that carries an Idempotency-Key is carried out once: sent again, it gets
 * the answer of the first time.
 *
 * Keeps true: of requests with one key only one is under way at a time. An answer is given out
 * again only to the very same request, known by the hash of its body and its preconditions. The
 * hash is taken of the bytes as they pass, so a streamed body is never held: a repetition is read
 * to its end before it is answered. Not kept: answers that ask to try again (429, 5xx), those to a
 * body that broke off, and those too long to keep; such a request is carried out anew. What is kept
 * for one API key has a bounded weight: beyond it the oldest answers go, and their requests are
 * carried out anew as well.
 */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../../errors.ts';
import type { AnswerStore, StoredAnswer } from '../answer-store.ts';
import { PRECONDITION_HEADERS } from '../preconditions.ts';
import { isWrite, needOf } from '../roles.ts';
import { sendText } from './problems.ts';

/** How long a crash of the process that works on a request keeps its repetitions waiting. */
const PENDING_TTL_MS = 60_000;
const ANSWER_TTL_MS = 24 * 60 * 60 * 1000;
const ANSWER_BYTES_MAX = 256 * 1024;
const CONDITION_LENGTH = 16;
/** Others, such as the request id, are those of each answer. */
const KEPT_HEADERS = ['content-type', 'etag', 'location'];

/** Where answers are kept, and how many bytes of them for one API key. */
interface IdempotencyOptions {
  readonly answers: AnswerStore;
  readonly bytesMax: number;
}

/** What is known of a request that carries an Idempotency-Key. */
interface GuardedRequest {
  readonly hash: Hash;
  /** The hash of its preconditions alone. */
  readonly condition: string;
  readonly digest: string;
  readonly holder: string;
  /** `untouched` is a request without a body, or one that was answered before its body was read. */
  body: 'untouched' | 'begun' | 'complete';
  renewal: NodeJS.Timeout | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    guarded: GuardedRequest | undefined;
  }
}

export const idempotency = fp(
  async (app: FastifyInstance, kept: IdempotencyOptions) => {
    const { answers } = kept;
    app.decorateRequest('guarded', undefined);

    app.addHook('preParsing', async (request, _, payload) => {
      const guarded = guard(request);
      if (!guarded) return payload;
      request.guarded = guarded;
      return hashed(payload as Readable, guarded);
    });

    app.addHook('preHandler', async (request, reply) => {
      const { guarded } = request;
      if (!guarded) return;
      const stored = await reserve(answers, guarded);
      // Answered meanwhile (Redis hung): it is not carried out, and may be sent again.
      if (reply.sent) {
        if (!stored) drop(answers, guarded);
        return;
      }
      if (stored) return replay(stored, request, guarded, reply);
      // A long stream outlives the marker's time.
      guarded.renewal = setInterval(() => {
        answers.renew(guarded.digest, PENDING_TTL_MS).catch(() => {}); // the next one tries again
      }, PENDING_TTL_MS / 3);
    });

    app.addHook('onSend', async (request, reply, payload) => {
      const { guarded } = request;
      if (!guarded?.renewal) return payload;
      release(guarded);
      // It may be sent again at once: while Redis hangs, the answer does not wait for that to be
      // stored.
      if (reply.statusCode >= 500) {
        drop(answers, guarded);
        return payload;
      }
      const sent = typeof payload === 'string' ? payload : '';
      await settle(kept, guarded, reply, sent).catch((error: unknown) => {
        // The work is done and the client gets its answer; until the marker ends, a repetition gets
        // 409.
        request.log.warn({ err: error }, 'the answer could not be kept for its Idempotency-Key');
      });
      return payload;
    });

    app.addHook('onResponse', async ({ guarded }) => release(guarded));
  },
  { name: 'idempotency', dependencies: ['auth'] },
);

/** @throws Problem parameter_invalid */
function guard(request: FastifyRequest): GuardedRequest | undefined {
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
  const conditions = PRECONDITION_HEADERS.flatMap((name) => {
    const sent = request.headers[name];
    return sent === undefined ? [] : [`${name}: ${sent}\n`];
  }).join('');
  const hash = createHash('sha256').update(conditions);
  const condition = hash.copy().digest('base64url').slice(0, CONDITION_LENGTH);
  return { digest, holder, hash, condition, body: 'untouched', renewal: undefined };
}

function hashed(payload: Readable, guarded: GuardedRequest): Readable {
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
 * @returns the stored answer, or undefined when the request is ours to carry out.
 * @throws Problem idempotency_in_progress
 */
async function reserve(
  answers: AnswerStore,
  { digest }: GuardedRequest,
): Promise<StoredAnswer | undefined> {
  const found = await answers.reserve(digest, PENDING_TTL_MS);
  if (found === 'reserved') return undefined;
  if (found !== 'busy') return found;
  const detail = 'a request with this Idempotency-Key is under way; try again';
  throw new Problem('idempotency_in_progress', detail, [], { retry_after_s: 1 });
}

async function replay(
  stored: StoredAnswer,
  { body }: FastifyRequest,
  guarded: GuardedRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (body instanceof Readable) for await (const _ of body); // hashed as it passes
  if (guarded.hash.digest('hex') !== stored.request) {
    throw new Problem('idempotency_key_reused', reusedWith(guarded, stored));
  }
  reply.code(stored.status).headers(stored.headers).header('idempotency-replayed', 'true');
  return sendText(reply, stored.body);
}

/** What the first request had that this one has not. */
function reusedWith(guarded: GuardedRequest, { condition }: StoredAnswer): string {
  const isSame = condition === undefined ? undefined : condition === guarded.condition;
  const other = isSame ? 'body' : 'If-Match or If-None-Match';
  const what = isSame === undefined ? `body, or another ${other},` : other;
  return `this Idempotency-Key came with another ${what} before`;
}

/** Gives the key free; if that fails, its marker ends by itself. */
function drop(answers: AnswerStore, { digest }: GuardedRequest): void {
  answers.release(digest).catch(() => {});
}

/** Keeps the answer, or frees the key so that the request may be carried out again. */
async function settle(
  { answers, bytesMax }: IdempotencyOptions,
  guarded: GuardedRequest,
  reply: FastifyReply,
  body: string,
): Promise<void> {
  const { statusCode: status } = reply;
  const asksAgain = status === 429 || status >= 500;
  if (asksAgain || guarded.body === 'begun' || Buffer.byteLength(body) > ANSWER_BYTES_MAX) {
    await answers.release(guarded.digest);
    return;
  }
  const headers = Object.fromEntries(
    KEPT_HEADERS.flatMap((name) =>
      reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [],
    ),
  );
  const { hash, condition } = guarded;
  const answer: StoredAnswer = { request: hash.digest('hex'), condition, status, headers, body };
  await answers.keep(guarded, answer, ANSWER_TTL_MS, bytesMax);
}

function release(guarded: GuardedRequest | undefined): void {
  clearInterval(guarded?.renewal);
  if (guarded) guarded.renewal = undefined;
}

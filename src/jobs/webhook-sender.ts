/**
 * webhook-sender.ts – One attempt to deliver one webhook: a signed POST, and its outcome.
 *
 * Keeps true: it never throws, and takes a bounded time. Only a status of 2xx counts as delivered.
 * Redirects are not followed, and only a bounded part of the answer is read. Neither the secret nor
 * the URL is in what it returns.
 */
import { type Dispatcher, errors, request } from 'undici';
import { readRetryAfter } from './retry-after.ts';
import { TargetRefused } from './webhook-connect.ts';
import { signedHeaders } from './webhook-signature.ts';

/** From the connection to the last byte of the answer that is read. */
const ATTEMPT_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Of the answer, for the person who looks why it failed. */
const EXCERPT_LENGTH_MAX = 500;

export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
}

/** An event as it is delivered: its body is the same in every attempt. */
export interface WebhookMessage {
  readonly id: string;
  readonly body: string;
}

export interface Attempt {
  /**
   * `gone`: the receiver wants no more (410). `stopped`: we were asked to end; whether it arrived
   * is unknown.
   */
  readonly outcome: 'delivered' | 'failed' | 'gone' | 'stopped';
  readonly status: number | null;
  /** In words; null if it was delivered. */
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly answer: string;
  readonly durationMs: number;
  /** How long the receiver asks to be left alone, of an attempt that failed. */
  readonly retryAfterMs?: number;
}

export class WebhookSender {
  readonly #agent: Dispatcher;
  readonly #timeoutMs: number;

  constructor(agent: Dispatcher, timeoutMs = ATTEMPT_TIMEOUT_MS) {
    this.#agent = agent;
    this.#timeoutMs = timeoutMs;
  }

  async send(
    { url, secret }: WebhookTarget,
    { id, body }: WebhookMessage,
    stop?: AbortSignal,
  ): Promise<Attempt> {
    const startedMs = Date.now();
    const ended = AbortSignal.timeout(this.#timeoutMs);
    const told = (attempt: Omit<Attempt, 'durationMs'>): Attempt => ({
      ...attempt,
      durationMs: Date.now() - startedMs,
    });
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Rollcall-Webhooks',
          ...signedHeaders(secret, id, body, startedMs),
        },
        body,
        signal: stop ? AbortSignal.any([ended, stop]) : ended,
      });
      const judged = judge(response.statusCode);
      const askedMs = readRetryAfter(response.headers['retry-after'], Date.now());
      const isHeard = judged.outcome === 'failed' && askedMs !== undefined;
      const answer = await excerpt(response.body);
      return told({ ...judged, answer, ...(isHeard ? { retryAfterMs: askedMs } : {}) });
    } catch (error) {
      const outcome = stop?.aborted ? 'stopped' : 'failed';
      return told({
        outcome,
        status: null,
        error: ended.aborted ? this.#late() : wordsFor(error),
        answer: '',
      });
    }
  }

  #late(): string {
    return `no answer within ${this.#timeoutMs} ms`;
  }
}

function judge(status: number): Pick<Attempt, 'outcome' | 'status' | 'error'> {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status, error: null };
  if (status === 410)
    return { outcome: 'gone', status, error: 'the receiver answered 410: it wants no more' };
  const isRedirect = status >= 300 && status < 400;
  return {
    outcome: 'failed',
    status,
    error: `the receiver answered ${status}${isRedirect ? ', a redirect' : ''}`,
  };
}

/**
 * The status was received already: an answer that breaks off, or never ends, is cut where it
 * stands.
 */
async function excerpt(
  body: AsyncIterable<Buffer> & { destroy(): unknown; on: Dispatcher.ResponseData['body']['on'] },
) {
  const parts: Buffer[] = [];
  let bytes = 0;
  body.on('error', () => {}); // reported by the loop below, and again after it was left
  try {
    for await (const part of body) {
      parts.push(part);
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX) break;
    }
  } catch {
    // what came is what there is
  }
  body.destroy();
  return Buffer.concat(parts).toString('utf8').slice(0, EXCERPT_LENGTH_MAX);
}

/**
 * A message of Node or undici names an address at most; other errors may hold what was sent, and
 * only their kind is reported.
 */
function wordsFor(error: unknown): string {
  if (error instanceof TargetRefused) return error.message;
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const { code } = cause as NodeJS.ErrnoException;
  if (cause instanceof errors.UndiciError || code !== undefined)
    return `no connection: ${code ?? cause.name}`;
  return 'the request failed';
}

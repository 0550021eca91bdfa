/**
 * answer-store.ts – Where the answers are kept that an Idempotency-Key brings again.
 *
 * Keeps true: of requests with one digest only one holds the reservation at a time, and it ends by
 * itself if its holder dies. What is kept for one holder has a bounded weight: the oldest give way.
 */

/** The answer to a request, and the hash of that request's body and preconditions. */
export interface StoredAnswer {
  readonly request: string;
  /** The hash of its preconditions alone; undefined: an earlier release has kept it. */
  readonly condition?: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that carries an Idempotency-Key, and the API key that sent it. */
export interface AnsweredRequest {
  /** Of the API key, the method, the URL and the Idempotency-Key. */
  readonly digest: string;
  readonly holder: string;
}

export interface AnswerStore {
  /**
   * @returns `reserved`: the request is the caller's to carry out, for `ttlMs`; `busy`: another one
   * is under way; else the answer that is kept
   */
  reserve(digest: string, ttlMs: number): Promise<'reserved' | 'busy' | StoredAnswer>;

  /** A request that takes long holds its reservation for another `ttlMs`. */
  renew(digest: string, ttlMs: number): Promise<void>;

  /** Gives a reservation up: the next request is carried out. */
  release(digest: string): Promise<void>;

  /** Keeps the answer for `ttlMs`, and what is kept for its holder within `bytesMax`. */
  keep(
    request: AnsweredRequest,
    answer: StoredAnswer,
    ttlMs: number,
    bytesMax: number,
  ): Promise<void>;
}

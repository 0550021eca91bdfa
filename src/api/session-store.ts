/**
 * session-store.ts – Where it is kept who has signed in from a browser.
 *
 * Keeps true: a session is known by the digest of its id, so what is kept opens none. It ends by
 * itself when it was not used for `IDLE_MS`, and `LIFETIME_MS` after it began at the latest. One key
 * has at most `SESSIONS_PER_KEY`: the oldest give way.
 */

export const IDLE_MS = 12 * 60 * 60 * 1000;
export const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;
export const SESSIONS_PER_KEY = 1000;

/** A session, and the key that its holder signed in with, both as SHA-256 digests in hex. */
export interface SessionEntry {
  readonly session: string;
  readonly key: string;
}

export interface SessionStore {
  /** Keeps a new session. */
  begin(entry: SessionEntry, nowMs: number): Promise<void>;

  /** @returns the digest of its key; undefined: there is none, or it has ended. It counts as used */
  use(session: string, nowMs: number): Promise<string | undefined>;

  /** Ends a session, if it has not ended. */
  end(entry: SessionEntry): Promise<void>;

  /** Ends all sessions of a key. */
  endAll(key: string): Promise<void>;
}

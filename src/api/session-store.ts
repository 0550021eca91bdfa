/**
 * session-store.ts – Where it is kept who has signed in from a browser.
 *
 * Keeps true: a session is known by the digest of its id, so what is kept opens none. It ends by
 * itself when it was not used for a while, and a longer while after it began at the latest. One key
 * has at most so many: the oldest give way.
 */

/** A session, and the key that its holder signed in with, both as SHA-256 digests in hex. */
export interface SessionEntry {
  readonly session: string;
  readonly key: string;
}

export interface SessionBounds {
  /** How long a session stays without a use. */
  readonly idleMs: number;
  /** How long it stays in any case. */
  readonly lifetimeMs: number;
  readonly perKey: number;
}

export interface SessionStore {
  /** Keeps a new session. */
  begin(entry: SessionEntry, nowMs: number, bounds: SessionBounds): Promise<void>;

  /** @returns the digest of its key; undefined: it has ended. It counts as used. */
  use(session: string, nowMs: number, bounds: SessionBounds): Promise<string | undefined>;

  /** Ends a session, if it has not ended. */
  end(entry: SessionEntry): Promise<void>;

  /** Ends all sessions of a key. */
  endAll(key: string): Promise<void>;
}

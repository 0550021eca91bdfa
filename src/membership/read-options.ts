/**
 * read-options.ts – The options of a read: it waits for everything that was acknowledged before it,
 * or for nothing.
 */

export const CONSISTENCIES = ['strong', 'eventual'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

export interface ReadOptions {
  readonly consistency: Consistency;
  readonly timeoutMs: number;
}

/** For what was waited for already, or does not matter. */
export const EVENTUAL: ReadOptions = { consistency: 'eventual', timeoutMs: 0 };
export const STRONG: ReadOptions = { consistency: 'strong', timeoutMs: 5000 };

/** A client's clock may be behind ours by so much: a moment that is no older counts as now. */
export const CLOCKS_APART_MS = 60_000;

/**
 * read-options.ts – How a read is meant, from its parameters: strong, for a bounded time, unless it
 * is asked otherwise.
 */
import { type Consistency, type ReadOptions, STRONG } from '../membership/memberships.ts';

export function readOptions(given: {
  readonly consistency?: Consistency;
  readonly timeout_ms?: number;
}): ReadOptions {
  return {
    consistency: given.consistency ?? STRONG.consistency,
    timeoutMs: given.timeout_ms ?? STRONG.timeoutMs,
  };
}

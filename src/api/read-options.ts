/**
 * read-options.ts – How a read is meant: strong, for a bounded time, unless it says otherwise.
 */
import Type from 'typebox';
import {
  CONSISTENCIES,
  type Consistency,
  type ReadOptions,
  STRONG,
} from '../membership/read-options.ts';

const TIMEOUT_MS_MAX = 60_000;

export const timeout = (description: string, defaultMs: number) =>
  Type.Integer({ minimum: 0, maximum: TIMEOUT_MS_MAX, default: defaultMs, description });

const consistency = Type.Enum([...CONSISTENCIES], {
  default: 'strong',
  description:
    'strong: all that was acknowledged before the request counts. eventual: as it stands, ' +
    'without waiting.',
});

const readTimeout = timeout(
  'How long a strong read waits for what was acknowledged before it, in milliseconds.',
  5000,
);

/** How a read is meant, in its query string or in its body. */
export const readParameters = {
  consistency: Type.Optional(consistency),
  timeout_ms: Type.Optional(readTimeout),
};

/** What a read says of how it is meant. */
export interface ReadParameters {
  readonly consistency?: Consistency;
  readonly timeout_ms?: number;
}

export function readOptions(given: ReadParameters): ReadOptions {
  return {
    consistency: given.consistency ?? STRONG.consistency,
    timeoutMs: given.timeout_ms ?? STRONG.timeoutMs,
  };
}

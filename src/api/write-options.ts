/**
 * write-options.ts – How a write is meant: whether its answer waits, and which version the source
 * gives it.
 */

import Type from 'typebox';
import { WAITS } from '../engine/ingest.ts';
import { timeout } from './read-options.ts';

export const waitParameters = (defaultMs: number) => ({
  wait: Type.Optional(
    Type.Enum([...WAITS], {
      default: 'applied',
      description:
        'applied: answers when segments and counts show the change. accepted: when it is in ' +
        'the log (202).',
    }),
  ),
  timeout_ms: Type.Optional(
    timeout('How long to wait for applied, in milliseconds; after that 202.', defaultMs),
  ),
});

export const sourceVersion = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'A whole number that grows, from the source: a change is ignored if it is not above the ' +
      'last one seen.',
  }),
);

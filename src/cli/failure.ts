/**
 * failure.ts – Ends a command when something goes wrong.
 *
 * Keeps true: a fault of the world is printed in its own words, without a stack, and the exit code
 * is 1. A bug of ours keeps its stack, which its report needs.
 */
import { FoundingError } from '../catalog/founding.ts';
import { ConfigError } from '../config.ts';
import { Problem } from '../errors.ts';
import { isUnanswered } from '../redis/failures.ts';
import { RedisServerError } from '../redis/server-error.ts';

/** A failure of a command, in words for the person who typed it. */
export class CommandError extends Error {}

export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isToldInItsOwnWords(error)) return error.message;
  if (isUnanswered(error))
    return `Redis can not be reached (${error.message}). Is it running, and is REDIS_URL right?`;
  return error.stack ?? error.message;
}

function isToldInItsOwnWords(error: Error): boolean {
  return [CommandError, ConfigError, FoundingError, Problem, RedisServerError].some(
    (kind) => error instanceof kind,
  );
}

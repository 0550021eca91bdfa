/**
 * failures.ts – The meaning of a failure of Redis for its caller: unanswered, full, or something
 * else.
 *
 * Keeps true: `isUnanswered` is true of a command that may or may not have been carried out, and of
 * one that was refused before it began. Both are waited out alike.
 */
import { Problem } from '../errors.ts';

const UNANSWERED = /Command timed out|Connection is closed|Stream isn't writeable/;
const REFUSED_FOR_NOW =
  /^(LOADING|MASTERDOWN|READONLY|CLUSTERDOWN|TRYAGAIN|OOM|MISCONF|NOREPLICAS|BUSY) /;

/**
 * Whether Redis did not answer, so that it is unknown whether the command was carried out, or
 * refuses to write for now (memory or disk full, too few replicas, a script that runs too long).
 * Both are waited out alike: such a refusal meets a script before its first write, so that none is
 * carried out in part.
 */
export function isUnanswered(failure: unknown): boolean {
  const error = refusalOf(failure);
  if (!(error instanceof Error)) return false;
  if (error.name === 'MaxRetriesPerRequestError' || error.name === 'AbortError') return true;
  const { code } = error as NodeJS.ErrnoException;
  if (
    code &&
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH'].includes(code)
  )
    return true;
  return UNANSWERED.test(error.message) || REFUSED_FOR_NOW.test(error.message);
}

/**
 * Whether Redis refused to write because its memory (or its disk) is full: nothing was carried out.
 */
export function isFull(failure: unknown): boolean {
  const error = refusalOf(failure);
  return error instanceof Error && /^(?:ReplyError: )?(?:OOM|MISCONF) /.test(error.message);
}

/**
 * A transaction of which one command was refused reports only that it was discarded: the reason is
 * in the answer to that command.
 */
function refusalOf(failure: unknown): unknown {
  return (
    (failure as { previousErrors?: unknown[] } | null | undefined)?.previousErrors?.[0] ?? failure
  );
}

/**
 * Turns a failure to reach Redis into the answer that a client gets; anything else is passed on.
 */
export function redisProblem(error: unknown): unknown {
  if (isFull(error)) return redisFull(refusalOf(error) as Error);
  if (!isUnanswered(error)) return error;
  return new Problem(
    'redis_unavailable',
    `Redis does not answer (${(error as Error).message})`,
    [],
    {
      retry_after_s: 1,
    },
  );
}

function redisFull({ message }: Error): Problem {
  const what = message.startsWith('MISCONF') ? 'its disk takes no more' : 'its memory is full';
  const advice = 'Nothing was changed; send it again when there is room';
  const detail = `Redis takes no writes: ${what}. ${advice}`;
  return new Problem('redis_full', detail, [], { retry_after_s: 5 });
}

/** Whether Redis has refused a command for the kind of value that its key holds. */
export function isWrongKind(failure: unknown): boolean {
  const error = refusalOf(failure);
  return error instanceof Error && error.message.includes('WRONGTYPE');
}

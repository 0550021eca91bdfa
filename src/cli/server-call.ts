/**
 * server-call.ts – Calls a server that runs, for a command that shows or brings something.
 *
 * Keeps true: whatever the server refuses, and that it did not answer, is told in words.
 */
import type { Role } from '../config.ts';
import { CommandError } from './failure.ts';

/** Roles whose keys may read. */
export const READERS: readonly Role[] = ['master', 'super_admin', 'service', 'editor', 'viewer'];

/** @throws CommandError if the server did not answer */
export type Call = (path: string, init: RequestInit) => Promise<Response>;

/** @throws CommandError if `base` is no URL */
export function caller(base: string, key: string): Call {
  if (!URL.canParse(base)) throw new CommandError(`--url ${base} is not a URL.`);
  return async (path, { headers, ...init }) => {
    const url = new URL(path, base);
    try {
      return await fetch(url, {
        ...init,
        headers: { ...(headers as object), authorization: `Bearer ${key}` },
      });
    } catch (error) {
      const cause =
        (error as { cause?: Error & { code?: string } }).cause ??
        (error as Error & { code?: string });
      const why = cause.message || cause.code || 'no answer';
      throw new CommandError(
        `${url.origin} did not answer (${why}). Does a server run there (npx rollcall serve)?`,
      );
    }
  };
}

/** What a refusal says. */
export async function refusal(answer: Response): Promise<CommandError> {
  const problem = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string };
  const words = problem.detail ?? problem.title ?? answer.statusText;
  return new CommandError(`${new URL(answer.url).origin} refused: ${answer.status} ${words}.`);
}

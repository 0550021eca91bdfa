/**
 * server-call.ts – Asks a running server for what a command needs.
 *
 * Keeps true: a server that does not answer, or refuses, ends the command with words for a person.
 */
import type { Role } from '../config.ts';
import { CommandError } from './failure.ts';

/** Roles whose keys may read. */
export const READERS: readonly Role[] = ['master', 'super_admin', 'service', 'editor', 'viewer'];

/** Where a server is, and the key to use; without one the command looks for one that may. */
export interface ServerAddress {
  readonly url: string;
  readonly key?: string;
}

export type Call = (path: string, init: RequestInit) => Promise<Response>;

/** Asks a server, with a key. @throws CommandError in words if it does not answer */
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

/** What a server refused, in its own words. */
export async function refusal(answer: Response): Promise<CommandError> {
  const problem = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string };
  const words = problem.detail ?? problem.title ?? answer.statusText;
  return new CommandError(`${new URL(answer.url).origin} refused: ${answer.status} ${words}.`);
}

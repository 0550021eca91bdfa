/**
 * named-pages.ts – Pages of what the catalog holds under a name: object types, segments and views, in the order of their names.
 *
 * Keeps true: a cursor is the last name given out, so what stays throughout is listed once, whatever comes and goes meanwhile.
 */
import { Problem } from '../errors.ts';
import { LIMIT_DEFAULT } from './schemas.ts';

export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

interface NamedPage<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

/** @throws Problem cursor_invalid */
export function pageByName<T>(
  entries: Iterable<readonly [name: string, entry: T]>,
  { limit = LIMIT_DEFAULT, cursor }: PageQuery,
): NamedPage<T> {
  const after = readCursor(cursor);
  const rest = [...entries].filter(([name]) => name > after).sort(([a], [b]) => (a < b ? -1 : 1));
  const page = rest.slice(0, limit);
  const last = rest.length > limit ? page.at(-1)![0] : undefined;
  return { data: page.map(([, entry]) => entry), next_cursor: last === undefined ? null : packCursor(last) };
}

function packCursor(name: string): string {
  return Buffer.from(JSON.stringify({ after: name })).toString('base64url');
}

function readCursor(cursor: string | undefined): string {
  if (cursor === undefined || cursor === '') return '';
  try {
    const { after } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as { after?: unknown };
    if (typeof after === 'string') return after;
  } catch {
    // falls through: what is not JSON is no cursor either
  }
  const detail = 'the cursor is not one that this endpoint gave out';
  throw new Problem('cursor_invalid', detail, [{ path: '/cursor', detail: 'invalid' }]);
}

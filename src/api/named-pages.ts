/**
 * named-pages.ts – Pages of object types, segments and views, in the order of their names.
 *
 * Keeps true: a cursor is the last name on a page, so an entry that stays throughout is listed
 * once, whatever comes and goes meanwhile.
 */
import { packCursor, readCursor } from '../cursor.ts';
import { Problem } from '../errors.ts';
import { LIMIT_DEFAULT } from './page.ts';
import { PageText } from './page-text.ts';

export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

/** A page as text, up to its bytes. @throws Problem cursor_invalid */
export async function pageByName<T>(
  entries: Iterable<readonly [name: string, entry: T]>,
  { limit = LIMIT_DEFAULT, cursor }: PageQuery,
  bytesMax: number,
  format: (entry: T) => unknown,
): Promise<Buffer> {
  const after = readAfter(cursor);
  const rest = [...entries].filter(([name]) => name > after).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = new PageText(bytesMax);
  let last: string | undefined;
  for (const [name, entry] of rest.slice(0, limit)) {
    if (!text.add(await format(entry))) return text.end(packCursor({ after: last }));
    last = name;
  }
  return text.end(last !== undefined && rest.length > limit ? packCursor({ after: last }) : null);
}

/**
 * Reads `fields=slug,title`: which members of each entry are answered. @returns what leaves out the
 * others. @throws Problem parameter_invalid
 */
export function fieldsOf(
  fields: string | undefined,
  known: readonly string[],
): (entry: object) => object {
  if (fields === undefined) return (entry) => entry;
  const wanted = new Set(fields.split(',').map((field) => field.trim()));
  const unknown = [...wanted].find((field) => !known.includes(field));
  if (unknown !== undefined) {
    const name = unknown.slice(0, 100);
    const detail = `there is no field '${name}': fields is some of ${known.join(',')}`;
    throw new Problem('parameter_invalid', detail, [{ path: '/fields', detail }]);
  }
  return (entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => wanted.has(name)));
}

/** The name after which a page goes on; '' for the first page. @throws Problem cursor_invalid */
function readAfter(cursor: string | undefined): string {
  if (cursor === undefined || cursor === '') return '';
  return readCursor(cursor, (place) => {
    const after = (place as { after?: unknown } | null | undefined)?.after;
    return typeof after === 'string' ? after : undefined;
  });
}

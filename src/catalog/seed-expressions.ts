/**
 * seed-expressions.ts – `{{getRecordAttribute(organizations, name, "Acme")}}` in a record of a seed: the id of the one record of
 * that type whose attribute has that value, which is another one in each environment.
 *
 * Keeps true: an expression is resolved to exactly one id or refused; text in braces that is no such call is text.
 */
import { isObject } from '../change/object-type.ts';
import { Problem, pointer } from '../errors.ts';

/** What an expression asks for. */
export interface Lookup {
  readonly objectType: string;
  readonly field: string;
  readonly value: string;
}

const ARGUMENT = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,()"'{}]+`;
const CALL = new RegExp(
  String.raw`\{\{\s*getRecordAttribute\(\s*(${ARGUMENT})\s*,\s*(${ARGUMENT})\s*,\s*(${ARGUMENT})\s*\)\s*\}\}`,
  'g',
);
const BEGINNING = /\{\{\s*getRecordAttribute\b/;

/** The lookups of a record's data, however deep. @throws Problem seed_invalid if one can't be read */
export function lookupsIn(data: unknown): Lookup[] {
  const found: Lookup[] = [];
  resolveExpressions(data, (lookup) => {
    found.push(lookup);
    return '';
  });
  return found;
}

/** The data with each expression replaced by the id that `find` gives. @returns the very value if there is none. */
export function resolveExpressions(value: unknown, find: (lookup: Lookup) => string, path = ''): unknown {
  if (typeof value === 'string') return BEGINNING.test(value) ? resolveText(value, find, path) : value;
  if (Array.isArray(value)) return value.map((each, at) => resolveExpressions(each, find, pointer(path, at)));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, resolveExpressions(each, find, pointer(path, name))]),
  );
}

function resolveText(text: string, find: (lookup: Lookup) => string, path: string): string {
  const resolved = text.replace(CALL, (_, ...groups: string[]) => {
    const [objectType, field, value] = groups.slice(0, 3).map(unquoted) as [string, string, string];
    try {
      return find({ objectType, field, value });
    } catch (error) {
      throw error instanceof Problem ? told(error.message, path) : error;
    }
  });
  if (!BEGINNING.test(text.replace(CALL, ''))) return resolved;
  throw told(`'${text}' is not {{getRecordAttribute(object_type, field, value)}}`, path);
}

function told(detail: string, path: string): Problem {
  return new Problem('seed_invalid', detail, [{ path, detail }]);
}

function unquoted(argument: string): string {
  const text = argument.trim();
  const isQuoted = /^["']/.test(text);
  return isQuoted ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

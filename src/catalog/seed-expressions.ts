/**
 * seed-expressions.ts – `{{getRecordAttribute(organizations, name, "Acme")}}` in a record of a
 * seed: the id of the one record of that type that has this value.
 *
 * Keeps true: an expression is resolved to exactly one id, or refused. Other text in braces is
 * text, and so is an expression after a backslash, which is dropped. What `escapeExpressions`
 * writes is read back as the text that it was given.
 */
import { isObject } from '../change/object-type.ts';
import { Problem, pointer } from '../errors.ts';

/** The look-up that an expression asks for. */
export interface Lookup {
  readonly objectType: string;
  readonly field: string;
  readonly value: string;
}

const ARGUMENT = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,()"'{}]+`;
const BEGINNING = /\{\{\s*getRecordAttribute\b/;
const ESCAPED = String.raw`\\(\\*\{\{\s*getRecordAttribute\b)`;
const ARGUMENTS = [ARGUMENT, ARGUMENT, ARGUMENT]
  .map((each) => `(${each})`)
  .join(String.raw`\s*,\s*`);
const CALL = String.raw`\{\{\s*getRecordAttribute\(\s*${ARGUMENTS}\s*\)\s*\}\}`;
/** The parts of a text, from left to right. */
const PART = new RegExp(`${ESCAPED}|${CALL}`, 'g');
const TO_ESCAPE = /\\*\{\{\s*getRecordAttribute\b/g;

/**
 * The value with all that would be an expression marked as text. @returns the very value if there
 * is nothing to mark
 */
export function escapeExpressions(value: unknown): unknown {
  return mapTexts(value, (text) => text.replace(TO_ESCAPE, (found) => `\\${found}`));
}

/** The value with what is marked as text being that text, and expressions as they are. */
export function unescapeExpressions(value: unknown): unknown {
  return mapTexts(value, (text) => text.replace(PART, (part, literal?: string) => literal ?? part));
}

/**
 * The lookups of a record's data, however deep. @throws Problem seed_invalid if one can't be read
 */
export function lookupsIn(data: unknown): Lookup[] {
  const found: Lookup[] = [];
  resolveExpressions(data, (lookup) => {
    found.push(lookup);
    return '';
  });
  return found;
}

/**
 * The data with each expression replaced by the id that `find` gives. @returns the very value if
 * there is none.
 */
export function resolveExpressions(value: unknown, find: (lookup: Lookup) => string): unknown {
  return mapTexts(value, (text, path) => resolveText(text, find, path));
}

/**
 * Deeper than any value that is kept: what is nested so is looked at no further, and refused when
 * it is checked.
 */
const NESTING_MAX = 200;

/** The value with each text that may hold an expression mapped; the very value if there is none. */
function mapTexts(
  value: unknown,
  map: (text: string, path: string) => string,
  path = '',
  depth = 0,
): unknown {
  if (typeof value === 'string') return BEGINNING.test(value) ? map(value, path) : value;
  if (depth > NESTING_MAX) return value;
  const within = (each: unknown, step: string | number) =>
    mapTexts(each, map, pointer(path, step), depth + 1);
  if (Array.isArray(value)) return value.map(within);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, within(each, name)]),
  );
}

function resolveText(text: string, find: (lookup: Lookup) => string, path: string): string {
  const resolved = text.replace(PART, (_, literal: string | undefined, ...groups: string[]) => {
    if (literal !== undefined) return literal;
    const [objectType, field, value] = groups.slice(0, 3).map(unquoted) as [string, string, string];
    try {
      return find({ objectType, field, value });
    } catch (error) {
      throw error instanceof Problem ? told(error.message, path) : error;
    }
  });
  if (!BEGINNING.test(text.replace(PART, ''))) return resolved;
  const remedy = 'a backslash before it makes it text';
  throw told(`'${text}' is not {{getRecordAttribute(object_type, field, value)}}; ${remedy}`, path);
}

function told(detail: string, path: string): Problem {
  return new Problem('seed_invalid', detail, [{ path, detail }]);
}

function unquoted(argument: string): string {
  const text = argument.trim();
  const isQuoted = /^["']/.test(text);
  return isQuoted ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

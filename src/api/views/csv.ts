/**
 * csv.ts – Rows of a view as CSV (RFC 4180).
 *
 * Keeps true: lines end in CR LF, and a missing value is empty. No text is a formula to a
 * spreadsheet, whichever character it takes for the delimiter: a formula's sign at the beginning of
 * a text, or after what some locale takes for the end of a cell, gets an apostrophe before it, and
 * such text is quoted. Numbers are left as they are.
 */
import { stringify } from 'csv-stringify/sync';

/** Delimiters: the comma, and those of locales in which the comma stands before decimals. */
export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/**
 * Signs that begin a formula (OWASP, CSV injection), the wide forms of Japanese spreadsheets too.
 */
const SIGN = '=+\\-@＝＋－＠';
const BEGINNING = new RegExp(`^"*(?=[${SIGN}])|^(?=[\\t\\r\\n])`);
/**
 * Quotes may stand between: to a reader with another delimiter, a doubled one opens and ends a
 * cell.
 */
const INNER = new RegExp(`[,;|\\t\\r\\n]"*(?=[${SIGN}])|[,;|]"*(?=[\\t\\r])|\\t"*(?=\\r)`, 'g');
const JSON_TOKEN = /"(?:[^"\\]+|\\.)*"|,-/g;

/** Text is quoted if any locale could cut it, and if it was guarded. */
const QUOTED = /[,;|\t\r\n]|^"*'/;

export const BYTE_ORDER_MARK = '\ufeff';

/** Some lines, each ended. */
export function csvLines(
  rows: readonly (readonly unknown[])[],
  delimiter: Delimiter = ',',
): string {
  return stringify(
    rows.map((cells) => cells.map(cellText)),
    // a single empty cell would be an empty line, which many readers leave out
    {
      delimiter,
      record_delimiter: '\r\n',
      quoted_match: QUOTED,
      quoted_empty: rows[0]?.length === 1,
    },
  );
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? guarded(value) : guardedJson(JSON.stringify(value));
}

function guarded(text: string): string {
  return text.replace(BEGINNING, "$&'").replaceAll(INNER, "$&'");
}

/** Strings as text; a blank keeps a comma from the sign of a negative number, which stays one. */
function guardedJson(text: string): string {
  return text.replaceAll(JSON_TOKEN, (token) =>
    token === ',-' ? ', -' : `"${guarded(token.slice(1))}`,
  );
}

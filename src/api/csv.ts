/**
 * csv.ts – Rows of a view as CSV (RFC 4180).
 *
 * Keeps true: lines end in CR LF; a cell with a comma, a quote or a line break is quoted; a missing value is empty; and no
 * cell is a formula to a spreadsheet: text that begins as one gets a leading apostrophe. Numbers are left as they are.
 */
import { stringify } from 'csv-stringify/sync';

/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), the wide forms of Japanese ones too. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

export const BYTE_ORDER_MARK = '\ufeff';

/** Some lines, each ended. */
export function csvLines(rows: readonly (readonly unknown[])[]): string {
  return stringify(
    rows.map((cells) => cells.map(cellText)),
    // a single empty cell would be an empty line, which many readers leave out
    { record_delimiter: '\r\n', quoted_match: /[\r\n]/, quoted_empty: rows[0]?.length === 1 },
  );
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return FORMULA.test(text) ? `'${text}` : text;
}

/**
 * csv.ts – A table as CSV (RFC 4180), where the server has none of it: of records that were chosen
 * by hand.
 *
 * Keeps true: a cell holds the value as it is stored, not as the page writes it. No text is a
 * formula to a spreadsheet, whichever character it takes for the delimiter: the same signs get an
 * apostrophe before them as in the CSV of the server (api/views/csv.ts).
 */
const QUOTED = /[",;|\t\r\n]|^'/;
const SIGN = '=+\\-@＝＋－＠';
const BEGINNING = new RegExp(`^"*(?=[${SIGN}])|^(?=[\\t\\r\\n])`);
const INNER = new RegExp(`[,;|\\t\\r\\n]"*(?=[${SIGN}])|[,;|]"*(?=[\\t\\r])|\\t"*(?=\\r)`, 'g');

export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const raw = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const isText = typeof value === 'string' || typeof value === 'object';
  const text = isText ? raw.replace(BEGINNING, "$&'").replaceAll(INNER, "$&'") : raw;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Hands a file to the browser. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * csv-head.ts – The beginning of a table of text: its titles and first rows, and what they are
 * likely to mean.
 *
 * Keeps true: it is only looked at; the server reads the file, and says what is wrong.
 */
import type { TypeShown } from '../../server/answers.ts';

/** What stands between cells. */
const CELL_ENDS = [',', ';', '\t', '|'] as const;
export type CellEnd = (typeof CELL_ENDS)[number];

const HEAD_BYTES = 128 * 1024;
const ROWS_MAX = 4;

/** Of a column: the ids, an attribute, or nothing. */
export const IDS = '#id';
export const LEFT_OUT = '';

export interface CsvHead {
  readonly titles: readonly string[];
  /** The first rows below the titles. */
  readonly rows: readonly (readonly string[])[];
}

/** The beginning of a file, in its charset. */
export async function beginningOf(file: Blob, charset: string): Promise<string> {
  const bytes = await file.slice(0, HEAD_BYTES).arrayBuffer();
  // The last character may be cut.
  return new TextDecoder(charset).decode(bytes, { stream: true });
}

/** What most likely stands between the cells: what the first line has most of. */
export function likelyCellEnd(text: string): CellEnd {
  const line = text.slice(0, /[\r\n]/.exec(text)?.index ?? text.length).replaceAll(/"[^"]*"/g, '');
  const counted = CELL_ENDS.map((end) => [end, line.split(end).length] as const);
  return counted.reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}

export function readHead(text: string, cellEnd: CellEnd): CsvHead {
  const rows = firstRows(text, cellEnd, ROWS_MAX + 1);
  const [titles = [], ...others] = rows;
  return { titles: titles.map((title) => title.trim()), rows: others };
}

/** As RFC 4180 has it: quotes may hold ends of cells and lines, and are doubled. */
function firstRows(text: string, cellEnd: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  const endRow = () => {
    row.push(cell);
    if (row.some((each) => each.trim() !== '')) rows.push(row);
    [row, cell] = [[], ''];
  };
  for (let at = 0; at < text.length && rows.length < most; at++) {
    const character = text[at]!;
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') cell += text[++at];
      else isQuoted = false;
    } else if (character === '"' && cell === '') isQuoted = true;
    else if (character === cellEnd) {
      row.push(cell);
      cell = '';
    } else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (rows.length < most && (cell !== '' || row.length > 0)) endRow();
  return rows;
}

/** Attributes and keys: what a column can be. */
export function columnNames({ attributes, relationships }: TypeShown): string[] {
  const keys = Object.values(relationships).map(({ key }) => key);
  return [...new Set([...Object.keys(attributes), ...keys])];
}

/** For each title what it most likely is; one that is like nothing is kept under its own name. */
export function likelyColumns(titles: readonly string[], type: TypeShown): string[] {
  const names = columnNames(type);
  const taken = new Set<string>();
  const idAt = titles.findIndex((title) => plainly(title) === 'id');
  return titles.map((title, at) => {
    if (at === idAt) return IDS;
    if (title === '') return LEFT_OUT;
    const labelled = Object.entries(type.attributes).find(
      ([, { label }]) => label !== undefined && plainly(label) === plainly(title),
    )?.[0];
    const isLike = (name: string) => plainly(name) === plainly(title);
    const name =
      names.find((each) => each === title) ??
      names.find(isLike) ??
      labelled ??
      names.find((each) => packed(each) === packed(title)) ??
      title;
    if (taken.has(name)) return LEFT_OUT;
    taken.add(name);
    return name;
  });
}

/** Lower case, words joined by `_`, as the server compares titles (api/imports/columns.ts). */
function plainly(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return words.replaceAll(/[^a-z0-9]+/g, '_');
}

/** Without what stands between words: `E-Mail` is `email`. */
function packed(name: string): string {
  return plainly(name).replaceAll('_', '');
}

/** How the columns are said to the server. */
export function columnParameters(
  titles: readonly string[],
  columns: readonly string[],
): [name: string, value: string][] {
  const idTitle = titles[columns.indexOf(IDS)];
  return [
    ...(idTitle === undefined ? [] : [['id', idTitle] as [string, string]]),
    ...titles.flatMap((title, at): [string, string][] =>
      title === '' || columns[at] === IDS ? [] : [['map', `${title}:${columns[at]}`]],
    ),
  ];
}

/** Why the columns can't be sent as they are; undefined: they can. */
export function columnFault(
  titles: readonly string[],
  columns: readonly string[],
): string | undefined {
  const ids = columns.filter((column) => column === IDS).length;
  if (ids !== 1)
    return ids === 0 ? 'Say which column holds the ids.' : 'Only one column holds the ids.';
  const used = columns.filter((column) => column !== IDS && column !== LEFT_OUT);
  const twice = used.find((column, at) => used.indexOf(column) !== at);
  if (twice !== undefined) return `Two columns are “${twice}”: leave one of them out.`;
  const repeated = titles.find((title, at) => title !== '' && titles.indexOf(title) !== at);
  if (repeated !== undefined)
    return `The title “${repeated}” is there twice: change one in the file.`;
  return undefined;
}

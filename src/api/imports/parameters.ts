/**
 * parameters.ts – How the query string of an import describes the file.
 *
 * Keeps true: a parameter is refused, with an example of a valid one, if it is malformed,
 * contradicts another one, or has no meaning for the format. No parameter is ignored.
 */

import Type, { type Static } from 'typebox';
import { dateFormOf, type TextForm } from '../../change/text-form.ts';
import { Problem } from '../../errors.ts';
import { FILE_FORMATS } from '../../jobs/file-format.ts';
import { IMPORT_OPERATIONS, SHORT_ROWS, type ShortRows } from '../../jobs/import-job.ts';

export const importQuery = Type.Object(
  {
    format: Type.Optional(
      Type.Enum([...FILE_FORMATS], { description: 'Absent: by the Content-Type.' }),
    ),
    op: Type.Optional(
      Type.Enum([...IMPORT_OPERATIONS], {
        default: 'put',
        description:
          'put: a record becomes what its row says. patch: only what the row has columns for ' +
          'is changed.',
      }),
    ),
    id: Type.Optional(
      Type.String({
        default: 'id',
        description: 'The column, or the member of a line, that holds the ids.',
      }),
    ),
    map: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Title:attribute, for a column of a CSV file or a member of a line; may be given ' +
          'more than once. `Title:` leaves it out.',
        examples: [['Years:age', 'Remarks:']],
      }),
    ),
    delimiter: Type.Optional(
      Type.String({
        description: 'CSV: the character between cells; a comma if absent.',
        examples: [';'],
      }),
    ),
    short_rows: Type.Optional(
      Type.Enum([...SHORT_ROWS], {
        description:
          'CSV: a row with fewer cells than the header is refused (if absent), or filled up ' +
          'with empty cells.',
      }),
    ),
    decimal: Type.Optional(
      Type.String({
        description: 'CSV: what stands before the decimals: a comma, or a point (if absent).',
        examples: [','],
      }),
    ),
    dates: Type.Optional(
      Type.String({
        description:
          'CSV: how dates are written: dd, mm and yyyy in the order dd.mm.yyyy, mm/dd/yyyy or ' +
          'yyyy/mm/dd, with . / or - between. A time may follow. RFC 3339 always reads.',
        examples: ['dd.mm.yyyy'],
      }),
    ),
    true: Type.Optional(
      Type.String({
        description: 'CSV: words that mean true, between commas, in any letters.',
        examples: ['yes,1'],
      }),
    ),
    false: Type.Optional(
      Type.String({
        description: 'CSV: words that mean false, between commas, in any letters.',
        examples: ['no,0'],
      }),
    ),
  },
  { additionalProperties: false },
);
export type ImportQuery = Static<typeof importQuery>;

/** What a CSV file needs to be read. */
export interface CsvReading {
  readonly delimiter: string;
  readonly shortRows: ShortRows;
  readonly form: TextForm;
}

const OF_CSV = ['delimiter', 'short_rows', 'decimal', 'dates', 'true', 'false'] as const;
/**
 * What can't stand between cells: letters and digits are content, a quote and line ends are syntax.
 */
const NO_DELIMITER = /^[\p{L}\p{N}"\r\n \ufeff]$/u;

/** @throws Problem parameter_invalid for a parameter that only CSV has */
export function refuseOfCsv(query: ImportQuery): void {
  const name = OF_CSV.find((each) => query[each] !== undefined);
  if (name)
    throw refused(name, `${name} is for CSV; lines of JSON say themselves what their values are`);
}

/** @throws Problem parameter_invalid */
export function readCsvParameters(query: ImportQuery): CsvReading {
  const { delimiter = ',', short_rows: shortRows = 'refuse', op } = query;
  if ([...delimiter].length !== 1 || delimiter.length !== 1 || NO_DELIMITER.test(delimiter)) {
    throw refused(
      'delimiter',
      'delimiter is one character, for example ?delimiter=; or ?delimiter=%09 (a tab)',
    );
  }
  if (op === 'patch' && shortRows === 'pad') {
    const detail =
      'in a patch an empty cell removes its attribute, so short rows are not padded; leave ' +
      'short_rows out';
    throw refused('short_rows', detail);
  }
  return {
    delimiter,
    shortRows,
    form: { ...readDecimal(query), ...readDates(query), ...readTruth(query) },
  };
}

function readDecimal({ decimal }: ImportQuery): TextForm {
  if (decimal === undefined) return {};
  if (decimal === '.' || decimal === ',') return { decimal };
  throw refused('decimal', 'decimal is a point or a comma, for example ?decimal=,');
}

function readDates({ dates }: ImportQuery): TextForm {
  if (dates === undefined) return {};
  const form = dateFormOf(dates);
  if (form) return { dates: form };
  throw refused(
    'dates',
    'dates is dd.mm.yyyy, mm/dd/yyyy or yyyy/mm/dd, for example ?dates=dd.mm.yyyy',
  );
}

function readTruth({ true: yes, false: no }: ImportQuery): TextForm {
  const trueWords = readWords('true', yes, 'yes,1');
  const falseWords = readWords('false', no, 'no,0');
  const isBoth = falseWords.includes('true') || falseWords.some((word) => trueWords.includes(word));
  const example = 'a word means either true or false, for example ?true=yes,1&false=no,0';
  if (isBoth) throw refused('false', example);
  if (trueWords.includes('false')) throw refused('true', example);
  return { trueWords, falseWords };
}

function readWords(name: 'true' | 'false', given: string | undefined, example: string): string[] {
  if (given === undefined) return [];
  const words = given.split(',').map((word) => word.trim().toLowerCase());
  if (!words.includes('')) return words;
  throw refused(name, `${name} holds words between commas, for example ?${name}=${example}`);
}

/** The column or member that holds the ids. @throws Problem parameter_invalid */
export function readIdName({ id = 'id' }: ImportQuery): string {
  if (id.trim() !== '' && id !== '__proto__') return id;
  throw refused('id', 'id names what holds the ids, for example ?id=Number');
}

/** @throws Problem parameter_invalid */
export function readMap({ map = [] }: ImportQuery): Map<string, string> {
  const given = new Map<string, string>();
  const targets = new Set<string>();
  for (const entry of map) {
    const colon = entry.lastIndexOf(':');
    const [title, attribute] = [entry.slice(0, colon).trim(), entry.slice(colon + 1).trim()];
    if (colon < 0 || title === '')
      throw refused('map', `a map is Title:attribute, for example ?map=Years:age`);
    if (given.has(title))
      throw refused(
        'map',
        `'${title}' is mapped twice, to '${given.get(title)}' and '${attribute}'`,
      );
    if (attribute === 'id')
      throw refused('map', `ids are named by ?id=${encodeURIComponent(title)}, not by a map`);
    if (attribute === '__proto__')
      throw refused('map', `an attribute can't have the name '__proto__'`);
    if (targets.has(attribute)) throw refused('map', `two columns are mapped to '${attribute}'`);
    if (attribute !== '') targets.add(attribute);
    given.set(title, attribute);
  }
  return given;
}

function refused(name: string, detail: string): Problem {
  return new Problem('parameter_invalid', detail, [{ path: `/${name}`, detail }]);
}

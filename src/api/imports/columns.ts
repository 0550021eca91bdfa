/**
 * columns.ts – Which attribute each column of a CSV file holds.
 *
 * Keeps true: a header that could be read in two ways is refused before a row is looked at. A title
 * that matches no declared attribute is kept as text and listed in `unknown`.
 */
import { columnsOf } from '../../change/cells.ts';
import type { ObjectType } from '../../change/object-type.ts';
import { Problem } from '../../errors.ts';

export interface Columns {
  readonly id: number;
  /** null: the ids, or a column that is left out. */
  readonly attributes: readonly (string | null)[];
  /** Columns without a title: there may be nothing in them. */
  readonly untitled: readonly number[];
  /** Titles that name no declared attribute. */
  readonly unknown: readonly string[];
}

/**
 * Maps a header: as `map` says (without an attribute the column is left out), else to the attribute
 * of that name, else to the declared one that the header names in other letters (`Last seen at` is
 * `last_seen_at` or `lastSeenAt`), else as it is.
 * @throws Problem parameter_invalid | body_invalid
 */
export function mapColumns(
  header: readonly string[],
  idColumn: string,
  map: ReadonlyMap<string, string>,
  type: ObjectType,
): Columns {
  const titles = header.map((title) => title.trim());
  refuseRepeated(titles);
  const declared = columnsOf(type);
  const id = idAt(titles, idColumn, (title) => declared.includes(title) || map.has(title));
  refuseUnmatched(map, titles, titles[id]!);
  const attributes = titles.map((title, at) => {
    if (at === id || title === '') return null;
    const given = map.get(title);
    return given === undefined ? attributeFor(title, declared) : given || null;
  });
  refuseShared(attributes, titles);
  const unknown = titles.filter(
    (_, at) => attributes[at] !== null && !declared.includes(attributes[at]!),
  );
  const untitled = titles.flatMap((title, at) => (title === '' ? [at] : []));
  return { id, attributes, untitled, unknown };
}

function refuseRepeated(titles: readonly string[]): void {
  const twice = titles.find((title, at) => title !== '' && titles.indexOf(title) !== at);
  if (twice !== undefined)
    throw badHeader(`the header has the column '${twice}' twice; give one of them another title`);
}

/**
 * The column of that title, else the only one that has it in other letters, unless those are
 * something else for certain.
 */
function idAt(
  titles: readonly string[],
  idColumn: string,
  isOther: (title: string) => boolean,
): number {
  const wanted = idColumn.trim();
  const exact = titles.indexOf(wanted);
  const alike = titles.flatMap((title, at) =>
    title.toLowerCase() === wanted.toLowerCase() ? [at] : [],
  );
  const [first, second] = alike.filter((at) => at === exact || !isOther(titles[at]!));
  if (first === undefined) {
    const known = titles.join(', ');
    const detail = `there is no column '${idColumn}' for the ids; the header has ${known}`;
    throw badHeader(
      `${detail}. Say which it is, for example ?id=${encodeURIComponent(titles[0] || 'Number')}`,
    );
  }
  if (second === undefined) return first;
  throw badHeader(
    `the header has two columns for the ids: '${titles[first]}' and '${titles[second]}'`,
  );
}

function refuseUnmatched(
  map: ReadonlyMap<string, string>,
  titles: readonly string[],
  idTitle: string,
): void {
  for (const title of map.keys()) {
    if (title === idTitle) throw badMap(`'${title}' holds the ids, and can't be mapped`);
    if (!titles.includes(title))
      throw badMap(`the header has no column '${title}'; it has ${titles.join(', ')}`);
  }
}

function attributeFor(title: string, declared: readonly string[]): string {
  if (declared.includes(title)) return title;
  const alike = declared.filter((name) => plainly(name) === plainly(title));
  if (alike.length < 2) return alike[0] ?? title;
  const [first] = alike;
  throw badHeader(
    `'${title}' may be ${alike.join(' or ')}; say which, for example ?map=${title}:${first}`,
  );
}

/** Lower case, words joined by `_`: spreadsheets say `Last seen at`, programs `lastSeenAt`. */
function plainly(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return words.replaceAll(/[^a-z0-9]+/g, '_');
}

function refuseShared(attributes: readonly (string | null)[], titles: readonly string[]): void {
  if (attributes.includes('__proto__'))
    throw badHeader("an attribute can't have the name '__proto__'");
  const at = attributes.findIndex(
    (name, index) => name !== null && attributes.indexOf(name) !== index,
  );
  if (at < 0) return;
  const first = titles[attributes.indexOf(attributes[at]!)];
  throw badHeader(
    `two columns hold the attribute '${attributes[at]}': '${first}' and '${titles[at]}'`,
  );
}

function badHeader(detail: string): Problem {
  return new Problem('body_invalid', detail, [{ path: '', detail }]);
}

function badMap(detail: string): Problem {
  return new Problem('parameter_invalid', detail, [{ path: '/map', detail }]);
}

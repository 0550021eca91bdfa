/**
 * cells.ts – A record's values as cells of a table of text, both ways.
 *
 * Keeps true: a cell that was written is read as the value that it was written of, with two exceptions that text can't tell from
 * others: an empty string is an empty cell, and that is no value. Reading is lenient about form (`TRUE`, ` 42 `) and never
 * guesses a type: what does not read as the declared one is told of.
 */
import { type Fault, Problem, pointer } from '../errors.ts';
import { type Attribute, isObject, type ObjectType, type ScalarType } from './object-type.ts';
import { describeAttribute, exampleOf, readOperand } from './value.ts';

/** A cell of a list that needs no brackets: elements without commas, quotes and blanks at their ends. */
const PLAIN_ELEMENT = /^[^\s",[\]](?:[^",]*[^\s",])?$/;

/**
 * Reads the cells of one record. An empty cell is no value: `undefined` leaves it out, `null` says so in a patch.
 * @throws Problem attribute_invalid with a fault for each cell that does not read as its attribute
 */
export function readCells(
  columns: readonly (string | null)[],
  cells: readonly string[],
  type: ObjectType,
  timeZone: string,
  empty: null | undefined,
): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [at, name] of columns.entries()) {
    const text = cells[at] ?? '';
    if (name === null) continue;
    if (text === '') {
      if (empty === null) data[name] = null;
      continue;
    }
    const attribute = attributeOf(name, type);
    const value = attribute ? readCell(attribute, text, timeZone) : text;
    if (value !== undefined) data[name] = value;
    else faults.push({ path: pointer('/data', name), detail: misread(name, text, attribute!) });
  }
  if (faults.length > 0) throw new Problem('attribute_invalid', faults.map(({ detail }) => detail).join('; '), faults);
  return data;
}

/** The attributes that a table of a type has columns for, the keys of relationships among them. */
export function columnsOf(type: ObjectType): string[] {
  const keys = [...type.relationships.values()].map(({ key }) => key);
  return [...new Set([...type.attributes.keys(), ...keys])];
}

export function writeCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  const isPlainList =
    Array.isArray(value) && value.length > 0 && value.every((each) => PLAIN_ELEMENT.test(writeScalar(each)));
  return isPlainList ? value.map(writeScalar).join(',') : JSON.stringify(value);
}

function writeScalar(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Keys hold strings, whatever they look like. */
function attributeOf(name: string, type: ObjectType): Attribute | undefined {
  const attribute = type.attributes.get(name);
  if (attribute) return attribute;
  for (const { key, cardinality } of type.relationships.values()) {
    if (key === name) return cardinality === 'many' ? { type: 'list', of: 'string' } : { type: 'string' };
  }
  return undefined;
}

function readCell({ type, of }: Attribute, text: string, timeZone: string): unknown {
  switch (type) {
    case 'list':
      return of && readList(of, text, timeZone);
    case 'object':
      return readJson(text, isObject);
    default:
      return readScalar(type, text, timeZone);
  }
}

function readScalar(type: ScalarType, text: string, timeZone: string): unknown {
  if (type === 'string') return text;
  const trimmed = text.trim();
  return readOperand(type, type === 'boolean' ? trimmed.toLowerCase() : trimmed, timeZone);
}

/** A JSON array, or elements between commas. */
function readList(of: ScalarType, text: string, timeZone: string): unknown[] | undefined {
  const isJson = text.trimStart().startsWith('[');
  const parts = isJson ? readJson(text, Array.isArray) : text.split(',').map((part) => part.trim());
  const elements = parts?.map((part) =>
    typeof part === 'string' ? readScalar(of, part, timeZone) : readOperand(of, part, timeZone),
  );
  return elements?.every((element) => element !== undefined) ? elements : undefined;
}

function readJson<T>(text: string, isWanted: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isWanted(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const SHOWN_LENGTH_MAX = 60;

function misread(name: string, text: string, attribute: Attribute): string {
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return `'${name}' must be ${describeAttribute(attribute)}, such as ${exampleCell(attribute)}, not '${shown}'`;
}

/** As it stands in a cell. */
function exampleCell(attribute: Attribute): string {
  return writeCell(JSON.parse(exampleOf(attribute)));
}

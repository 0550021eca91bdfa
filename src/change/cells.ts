/**
 * cells.ts – A record's values as cells of a table of text, both ways.
 *
 * Keeps true: a cell that was written is read as the value that it was written of, with two exceptions that text can't tell from
 * others: an empty string is an empty cell, and that is no value. Reading is lenient about form (`TRUE`, ` 42 `) and never
 * guesses a type: what does not read as the declared one is told of.
 */
import { type Fault, Problem, pointer } from '../errors.ts';
import { inexactNumbers } from './exact-json.ts';
import { type Attribute, isObject, type ObjectType, type ScalarType } from './object-type.ts';
import { describeAttribute, inexactText, readOperand } from './value.ts';

/** A cell of a list that needs no brackets: elements without commas, quotes and blanks at their ends. */
const PLAIN_ELEMENT = /^[^\s",[\]](?:[^",]*[^\s",])?$/;

/**
 * Reads the cells of one record. An empty cell is no value: `undefined` leaves it out, `null` says so in a patch.
 * @throws Problem attribute_invalid with a fault for each cell that does not read as its attribute;
 * number_inexact if all of them hold numbers that would be altered
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
  let inexact = 0;
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
    else {
      const altered = inexactCell(attribute!, text);
      if (altered !== undefined) inexact += 1;
      faults.push({ path: pointer('/data', name), detail: altered ?? misread(name, text, attribute!) });
    }
  }
  const code = inexact > 0 && inexact === faults.length ? 'number_inexact' : 'attribute_invalid';
  if (faults.length > 0) throw new Problem(code, faults.map(({ detail }) => detail).join('; '), faults);
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
  const parts = isJson ? readJson(text, Array.isArray) : elementsOf(text);
  const elements = parts?.map((part) =>
    typeof part === 'string' ? readScalar(of, part, timeZone) : readOperand(of, part, timeZone),
  );
  return elements?.every((element) => element !== undefined) ? elements : undefined;
}

function elementsOf(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function readJson<T>(text: string, isWanted: (value: unknown) => value is T): T | undefined {
  const value = parsed(text);
  return isWanted(value) && inexactNumbers(text).length === 0 ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Says of a cell that was not read which of its numbers would be altered; undefined: none. */
function inexactCell({ type, of }: Attribute, text: string): string | undefined {
  const value = type === 'list' || type === 'object' ? parsed(text) : undefined;
  if (typeof value === 'object' && value !== null) {
    const [fault] = inexactNumbers(text);
    if (fault || !Array.isArray(value)) return fault?.detail;
  }
  const parts = type !== 'list' ? [text] : Array.isArray(value) ? value : elementsOf(text);
  return parts.map((part) => inexactText(of ?? type, part)).find((detail) => detail !== undefined);
}

const SHOWN_LENGTH_MAX = 60;

function misread(name: string, text: string, attribute: Attribute): string {
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return `'${name}' must be ${describeAttribute(attribute)}, not '${shown}'`;
}

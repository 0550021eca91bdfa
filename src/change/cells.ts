/**
 * cells.ts – A record's values as cells of a table of text, both ways.
 *
 * Keeps true: a cell that was written is read as the value that it was written of, with exceptions
 * that text can't tell from others. An empty string is an empty cell, and that is no value; blanks
 * at the ends of ids and keys are not theirs. Reading is lenient about form (`TRUE`, ` 42 `, what
 * the file's form allows) and never guesses a type: what does not read as the declared one is
 * reported.
 */
import { type Fault, Problem, pointer, unreachable } from '../errors.ts';
import { inexactNumbers } from './exact-json.ts';
import { type Attribute, isObject, type ObjectType, type ScalarType } from './object-type.ts';
import {
  patternOf,
  readBooleanText,
  readDateText,
  readNumberText,
  type TextForm,
} from './text-form.ts';
import { describeAttribute, exampleOf, inexactText, readOperand } from './value.ts';

/**
 * A cell of a list that needs no brackets: elements without commas, quotes and blanks at their
 * ends.
 */
const PLAIN_ELEMENT = /^[^\s",[\]](?:[^",]*[^\s",])?$/;

export interface CellReading {
  readonly timeZone: string;
  /** The value of an empty cell. */
  readonly empty: null | undefined;
  readonly form?: TextForm | undefined;
}

/**
 * Reads the cells of one record. An empty cell is no value: `undefined` leaves it out, `null` is a
 * patch's word for that.
 * @throws Problem attribute_invalid with a fault for each cell that does not read as its attribute;
 * number_inexact if all of them hold numbers that would be altered
 */
export function readCells(
  columns: readonly (string | null)[],
  cells: readonly string[],
  type: ObjectType,
  { timeZone, empty, form = {} }: CellReading,
): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  const faults: Fault[] = [];
  let inexact = 0;
  for (const [at, name] of columns.entries()) {
    if (name === null) continue;
    const text = textOf(name, cells[at] ?? '', type);
    if (text === '') {
      if (empty === null) data[name] = null;
      continue;
    }
    const attribute = attributeOf(name, type);
    const value = attribute ? readCell(attribute, text, timeZone, form) : text;
    if (value !== undefined) data[name] = value;
    else {
      const altered = inexactCell(attribute!, text, form);
      if (altered !== undefined) inexact += 1;
      faults.push({
        path: pointer('/data', name),
        detail: altered ?? misread(name, text, attribute!, form),
      });
    }
  }
  const code = inexact > 0 && inexact === faults.length ? 'number_inexact' : 'attribute_invalid';
  if (faults.length > 0)
    throw new Problem(code, faults.map(({ detail }) => detail).join('; '), faults);
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
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => PLAIN_ELEMENT.test(writeScalar(each)));
  return isPlainList ? value.map(writeScalar).join(',') : JSON.stringify(value);
}

function writeScalar(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Blanks count only in strings; keys are ids, and those are trimmed wherever they stand. */
function textOf(name: string, cell: string, type: ObjectType): string {
  const declared = type.attributes.get(name)?.type;
  const isTrimmed =
    declared === undefined ? attributeOf(name, type) !== undefined : declared !== 'string';
  return isTrimmed ? cell.trim() : cell;
}

/** Keys hold strings, whatever they look like. */
function attributeOf(name: string, type: ObjectType): Attribute | undefined {
  const attribute = type.attributes.get(name);
  if (attribute) return attribute;
  for (const { key, cardinality } of type.relationships.values()) {
    if (key === name)
      return cardinality === 'many' ? { type: 'list', of: 'string' } : { type: 'string' };
  }
  return undefined;
}

function readCell(
  { type, of }: Attribute,
  text: string,
  timeZone: string,
  form: TextForm,
): unknown {
  switch (type) {
    case 'list':
      return of && readList(of, text, timeZone, form);
    case 'object':
      return readJson(text, isObject);
    default:
      return readScalar(type, text, timeZone, form);
  }
}

function readScalar(type: ScalarType, text: string, timeZone: string, form: TextForm): unknown {
  const trimmed = text.trim();
  switch (type) {
    case 'string':
      return text;
    case 'number':
      return readOperand(type, readNumberText(trimmed, form), timeZone);
    case 'boolean':
      return readBooleanText(trimmed, form);
    case 'date':
    case 'datetime':
      return readOperand(type, readDateText(trimmed, form), timeZone);
    default:
      return unreachable(type);
  }
}

/**
 * A JSON array, or elements between commas: with decimal commas, several numbers can only be
 * separated in JSON.
 */
function readList(
  of: ScalarType,
  text: string,
  timeZone: string,
  form: TextForm,
): unknown[] | undefined {
  const isJson = text.trimStart().startsWith('[');
  if (!isJson && of === 'number' && form.decimal === ',' && text.includes(',')) return undefined;
  const parts = isJson ? readJson(text, Array.isArray) : elementsOf(text);
  const elements = parts?.map((part) =>
    typeof part === 'string'
      ? readScalar(of, part, timeZone, form)
      : readOperand(of, part, timeZone),
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
function inexactCell({ type, of }: Attribute, text: string, form: TextForm): string | undefined {
  const value = type === 'list' || type === 'object' ? parsed(text) : undefined;
  if (typeof value === 'object' && value !== null) {
    const [fault] = inexactNumbers(text);
    if (fault || !Array.isArray(value)) return fault?.detail;
  }
  const parts = type !== 'list' ? [text] : Array.isArray(value) ? value : elementsOf(text);
  const scalar = of ?? type;
  const asJson = (part: unknown) =>
    scalar === 'number' && typeof part === 'string' ? readNumberText(part.trim(), form) : part;
  return parts
    .map((part) => inexactText(scalar, asJson(part)))
    .find((detail) => detail !== undefined);
}

const SHOWN_LENGTH_MAX = 60;

function misread(name: string, text: string, attribute: Attribute, form: TextForm): string {
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  const wanted = `${describeAttribute(attribute)}${such(attribute, form)}`;
  return `'${name}' must be ${wanted}, not '${shown}'`;
}

/** A valid example, as the file writes it. */
function such(attribute: Attribute, form: TextForm): string {
  const { type, of } = attribute;
  const [scalar, isList] = type === 'list' ? [of, true] : [type, false];
  switch (scalar) {
    case 'number':
      if (form.decimal !== ',') return isList ? ', such as 1.5,2' : ', such as 1.5';
      return isList
        ? ' as JSON, such as [1.5,2]'
        : ', such as 1,5 or 1.234,5 (a single point is in doubt)';
    case 'boolean':
      return `, such as ${form.trueWords?.[0] ?? 'true'} or ${form.falseWords?.[0] ?? 'false'}`;
    case 'date':
      return `, such as ${exampleDate(form)}`;
    case 'datetime':
      if (form.dates) return `, such as ${exampleDate(form)} 14:30`;
      return `, such as ${JSON.parse(exampleOf({ type: scalar }))}`;
    default:
      return `, such as ${writeCell(JSON.parse(exampleOf(attribute)))}`;
  }
}

function exampleDate({ dates }: TextForm): string {
  if (!dates) return JSON.parse(exampleOf({ type: 'date' }));
  return patternOf(dates).replace('dd', '31').replace('mm', '12').replace('yyyy', '2026');
}

/**
 * change.ts – A change as it came in: one operation on one record, checked against the catalog
 * before it reaches a log.
 *
 * Keeps true: a Change that `parseChange` gave out has a declared type, a valid id and values in
 * normal form for the type as it stood then. So a processor that knows a type at least as new need
 * not look at the values again.
 */
import { type ErrorCode, type Fault, Problem, pointer } from '../errors.ts';
import { type Cardinality, isObject, type ObjectType } from './object-type.ts';
import type { Precondition } from './precondition.ts';
import { describeAttribute, exampleOf, fitValue } from './value.ts';

export const OPERATIONS = ['put', 'patch', 'archive', 'restore', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

/**
 * On the wire, in the log and in the dead letters alike. In a patch, a value of `null` removes the
 * attribute. A precondition comes with the headers of a write of one record, and not on the wire.
 */
export interface Change {
  readonly op: Operation;
  readonly object_type: string;
  readonly id: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly source_version?: number;
  readonly precondition?: Precondition;
}

/** The outcomes of a change; one letter each in a packed outcome row. */
const OUTCOMES = {
  created: 'c',
  updated: 'u',
  unchanged: 'n',
  unknown: 'm',
  stale: 's',
  deleted: 'x',
  /**
   * A deletion of a record that is not there: among many changes it counts as done, alone it is
   * reported.
   */
  absent: 'a',
  dead: 'd',
  precondition_failed: 'p',
} as const;
export type Outcome = keyof typeof OUTCOMES;

const OUTCOME_OF_LETTER = new Map(
  Object.entries(OUTCOMES).map(([outcome, letter]) => [letter, outcome as Outcome]),
);

export function packOutcomes(outcomes: readonly Outcome[]): string {
  return outcomes.map((outcome) => OUTCOMES[outcome]).join('');
}

export function unpackOutcomes(letters: string): Outcome[] {
  return Array.from(letters, (letter) => OUTCOME_OF_LETTER.get(letter as never) ?? 'dead');
}

const MEMBERS = new Set(['op', 'object_type', 'id', 'data', 'source_version']);
export const RECORD_ID_LENGTH_MAX = 256;
/** Attributes of one record, declared or not: a record is one hash field and is read as a whole. */
const RECORD_ATTRIBUTES_MAX = 2000;
/**
 * `JSON.parse` takes any depth, `JSON.stringify` overflows the stack at some thousand levels: what
 * can't be written is not taken in.
 */
const NESTING_MAX = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what an id must not hold
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
/**
 * In a URL they are steps of a path, also when they are escaped: such a record could not be
 * addressed.
 */
const PATH_STEPS: readonly unknown[] = ['.', '..'];

/** @throws Problem record_id_invalid */
export function checkRecordId(id: unknown, path = '/id'): asserts id is string {
  const detail =
    typeof id !== 'string'
      ? 'an id is a string'
      : id.length === 0 || id.length > RECORD_ID_LENGTH_MAX
        ? `an id has 1 to ${RECORD_ID_LENGTH_MAX} characters`
        : CONTROL_CHARACTER.test(id)
          ? 'an id holds no control characters'
          : !id.isWellFormed()
            ? 'an id is well-formed Unicode'
            : PATH_STEPS.includes(id)
              ? `'${id}' can't be an id: no URL could name it`
              : undefined;
  if (detail) throw new Problem('record_id_invalid', detail, [{ path, detail }]);
}

/**
 * Reads one change as it was sent.
 * @returns the change in normal form: the very object that was given if nothing had to be
 *   rewritten.
 * @throws Problem change_invalid | record_id_invalid | object_type_unknown | attribute_invalid,
 *   with a JSON pointer.
 */
export function parseChange(
  given: unknown,
  types: ReadonlyMap<string, ObjectType>,
  timeZone: string,
): Change {
  if (!isObject(given)) throw invalid('change_invalid', '', 'a change is a JSON object');
  const { op, object_type: typeName, id, data, source_version: sourceVersion } = given;
  for (const member in given) {
    if (!MEMBERS.has(member))
      throw invalid(
        'change_invalid',
        pointer('', member),
        `'${member}' is not a member of a change`,
      );
  }
  if (!OPERATIONS.includes(op as Operation)) {
    throw invalid('change_invalid', '/op', `op must be one of ${OPERATIONS.join(', ')}`);
  }
  if (typeof typeName !== 'string')
    throw invalid('change_invalid', '/object_type', 'object_type must be a string');
  checkRecordId(id);
  checkSourceVersion(sourceVersion);
  const type = types.get(typeName);
  if (!type)
    throw invalid('object_type_unknown', '/object_type', `there is no object type '${typeName}'`);
  const takesData = op === 'put' || op === 'patch';
  if (!takesData) {
    if (data !== undefined) throw invalid('change_invalid', '/data', `'${op}' takes no data`);
    return given as unknown as Change;
  }
  if (!isObject(data))
    throw invalid('change_invalid', '/data', `'${op}' needs data: an object of attributes`);
  refuseOtherId(data, id);
  const fitted = fitData(data, type, op === 'patch', timeZone);
  return fitted === data
    ? (given as unknown as Change)
    : ({ ...given, data: fitted } as unknown as Change);
}

/**
 * Values that hold their record's id are kept with it; those of another record were sent to the
 * wrong one. @throws Problem
 */
function refuseOtherId(data: Readonly<Record<string, unknown>>, id: string): void {
  const { id: inside = null } = data;
  if (inside === null || inside === id) return;
  const detail =
    `the record is '${id}', its values say id ${shown(inside)}; leave the id out of ` +
    `them, or give "${id}"`;
  throw invalid('attribute_invalid', '/data/id', detail);
}

function shown(value: unknown): string {
  return typeof value === 'string'
    ? `"${value.slice(0, RECORD_ID_LENGTH_MAX)}"`
    : `of type ${typeof value}`;
}

/** @throws Problem change_invalid */
function checkSourceVersion(given: unknown): asserts given is number | undefined {
  if (given === undefined || (Number.isSafeInteger(given) && (given as number) >= 0)) return;
  throw invalid(
    'change_invalid',
    '/source_version',
    'source_version must be a whole number from 0 to 2^53 - 1',
  );
}

/**
 * Brings the values of a record into normal form. A null stands for no value: it stays in a patch,
 * where it removes the attribute, and is left out of anything else.
 * @returns the very object that was given if nothing had to be rewritten.
 * @throws Problem attribute_invalid with a fault for each value that does not fit.
 */
function fitData(
  data: Readonly<Record<string, unknown>>,
  type: ObjectType,
  keepsNull: boolean,
  timeZone: string,
): Readonly<Record<string, unknown>> {
  let rewritten: Record<string, unknown> | undefined;
  let faults: Fault[] | undefined;
  let count = 0;
  for (const name in data) {
    const value = data[name];
    if (++count > RECORD_ATTRIBUTES_MAX)
      throw invalid('attribute_invalid', '/data', `more than ${RECORD_ATTRIBUTES_MAX} attributes`);
    if (name === '__proto__')
      throw invalid(
        'attribute_invalid',
        '/data/__proto__',
        `an attribute can't have the name '__proto__'`,
      );
    if (value === null) {
      if (keepsNull) continue;
      rewritten ??= { ...data };
      delete rewritten[name];
      continue;
    }
    const fitted = isWellFormed(value, NESTING_MAX)
      ? fitNamed(name, value, type, timeZone)
      : undefined;
    if (fitted === undefined)
      (faults ??= []).push({ path: pointer('/data', name), detail: misfit(name, value, type) });
    // Not `!==`: -0 becomes 0.
    else if (!Object.is(fitted, value)) (rewritten ??= { ...data })[name] = fitted;
  }
  if (faults) throw new Problem('attribute_invalid', faults[0]!.detail, faults);
  return rewritten ?? data;
}

/** An undeclared value is stored as it is. */
function fitNamed(name: string, value: unknown, type: ObjectType, timeZone: string): unknown {
  // 1e400 is JSON, and reads as Infinity, which is not.
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  if (typeof value === 'object' && value !== null && !isNestedWithin(value, NESTING_MAX))
    return undefined;
  const attribute = type.attributes.get(name);
  if (attribute) return fitValue(attribute, value, timeZone);
  const cardinality = keyCardinality(name, type);
  return cardinality === undefined || isKey(value, cardinality) ? value : undefined;
}

/** Whether lists and objects lie at most so many levels deep in each other. */
function isNestedWithin(value: object, levels: number): boolean {
  if (levels === 0) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && member !== null && !isNestedWithin(member, levels - 1))
      return false;
  }
  return true;
}

function keyCardinality(name: string, type: ObjectType): Cardinality | undefined {
  for (const relationship of type.relationships.values())
    if (relationship.key === name) return relationship.cardinality;
  return undefined;
}

function isKey(value: unknown, cardinality: Cardinality): boolean {
  if (cardinality === 'one') return typeof value === 'string';
  return Array.isArray(value) && value.every((id) => typeof id === 'string');
}

function misfit(name: string, value: unknown, type: ObjectType): string {
  if (!isWellFormed(value, NESTING_MAX))
    return `'${name}' holds half a character: send well-formed Unicode`;
  if (typeof value === 'number' && !Number.isFinite(value))
    return `'${name}' is a number beyond what a double holds`;
  if (typeof value === 'object' && value !== null && !isNestedWithin(value, NESTING_MAX))
    return `'${name}' is nested deeper than ${NESTING_MAX} levels`;
  const attribute = type.attributes.get(name);
  if (attribute)
    return `'${name}' must be ${describeAttribute(attribute)}, such as ${exampleOf(attribute)}`;
  const [holds, example] =
    keyCardinality(name, type) === 'many'
      ? ['a list of record ids', '["42"]']
      : ['a record id', '"42"'];
  return `'${name}' is the key of a relationship and must be ${holds}, such as ${example}`;
}

/**
 * UTF-8 has no bytes for half a character. What lies deeper than so many levels is refused for
 * that.
 */
function isWellFormed(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null || levels === 0) return true;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (!isWellFormed(member, levels - 1)) return false;
  }
  return true;
}

function invalid(code: ErrorCode, path: string, detail: string): Problem {
  return new Problem(code, detail, [{ path, detail }]);
}

/**
 * rule.ts – One condition of a rule group or an item tree: its operator, attribute and value, read by the operator table.
 *
 * Keeps true: nothing is dropped or guessed. What is not understood is refused with the pointer of the member at fault, and
 * a rule's faults are all found at once; both dialects come through here, so that they can't come to mean two things.
 */
import { type Attribute, isObject, SCALAR_TYPES, type ScalarType } from '../change/object-type.ts';
import { describeAttribute, describeScalar, readOperand } from '../change/value.ts';
import { pointer, unreachable } from '../errors.ts';
import { type Meaning, meaning, negated } from './json-logic.ts';
import {
  type AttributeOperator,
  foldedIf,
  OPERATORS,
  type Operator,
  operatorNamesOn,
  operatorsNamed,
  type SegmentOperator,
} from './operators.ts';
import type { AttributeView, Scalar } from './predicate.ts';
import { fault, ownAttribute, quote, RELATIONSHIPS_LATER, type Reading } from './scope.ts';

/** What a dialect calls the parts of a rule. */
export interface RuleDialect {
  /** The member that names the attribute. */
  readonly field: 'field' | 'slug';
  /** Members of a rule that say nothing of its meaning. */
  readonly ignored: readonly string[];
  /** Other names for operators. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Members that the editors of filters add for themselves. */
export const EDITOR_MEMBERS = ['id', 'path', 'disabled', 'muted'];

const RULE_MEMBERS = ['operator', 'value', 'valueSource', 'caseInsensitive'];
const LATER_MEMBERS = ['match', 'aggregate', 'where'];

type Members = Readonly<Record<string, unknown>>;

interface Field {
  readonly name: string;
  readonly attribute: Attribute;
}

/** Reads one rule, or notes why it can't be read. */
export function readRule(rule: Members, path: string, dialect: RuleDialect, reading: Reading): Meaning | undefined {
  refuseMembers(rule, path, [...RULE_MEMBERS, dialect.field, ...dialect.ignored], reading);
  const rows = readOperator(rule.operator, path, dialect, reading);
  const [first] = rows;
  if (first?.kind === 'segment') return readSegmentRule(first, rule, path, reading);
  const field = readField(rule[dialect.field], pointer(path, dialect.field), reading);
  if (first?.kind === 'later') {
    return fault(reading, pointer(path, 'operator'), `${first.needs} ('${first.name}') come with a later release`);
  }
  if (!field) return undefined;
  const row = rowFor(field, rows, path, reading);
  return row && readAttributeRule({ row, field, rule, path, reading });
}

/** Whether an editor has switched the rule or group off. */
export function isMuted(node: Members, path: string, reading: Reading): boolean {
  return readFlag(node.muted, pointer(path, 'muted'), reading);
}

/** A member that is true, false, or not there. */
export function readFlag(value: unknown, path: string, reading: Reading): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    fault(reading, path, `${quote(value)} is neither true nor false`);
  return value === true;
}

/** Notes each member that is not known: it may be meant to narrow the filter. */
export function refuseMembers(node: Members, path: string, known: readonly string[], reading: Reading): void {
  for (const member of Object.keys(node)) {
    if (known.includes(member)) continue;
    const later = LATER_MEMBERS.includes(member);
    fault(
      reading,
      pointer(path, member),
      later ? `'${member}': ${RELATIONSHIPS_LATER}` : `'${member}' is not known here`,
    );
  }
}

function readOperator(given: unknown, path: string, dialect: RuleDialect, reading: Reading): readonly Operator[] {
  const at = pointer(path, 'operator');
  if (typeof given !== 'string') {
    fault(
      reading,
      at,
      given === undefined ? 'a rule has an operator' : `${quote(given)} is not the name of an operator`,
    );
    return [];
  }
  const rows = operatorsNamed(dialect.aliases.get(given) ?? given);
  if (rows.length === 0) fault(reading, at, `there is no operator ${quote(given)}; there are ${allOperatorNames()}`);
  return rows;
}

function allOperatorNames(): string {
  const names = OPERATORS.flatMap((row) => (row.kind === 'later' ? [] : [row.name]));
  return [...new Set(names)].join(', ');
}

function readField(given: unknown, path: string, reading: Reading): Field | undefined {
  if (typeof given !== 'string' || given === '') return fault(reading, path, 'a rule names an attribute');
  const attribute = ownAttribute(reading, given, path);
  return attribute && { name: given, attribute };
}

/** The row that is for the attribute's type. */
function rowFor(
  field: Field,
  rows: readonly Operator[],
  path: string,
  reading: Reading,
): AttributeOperator | undefined {
  const { type } = field.attribute;
  for (const row of rows) if (row.kind === 'attribute' && row.on.includes(type)) return row;
  const [first] = rows;
  if (!first) return undefined;
  const taken = operatorNamesOn(type).join(', ');
  const detail = `${describeField(field)} and does not take '${first.name}'; it takes ${taken}`;
  return fault(reading, pointer(path, 'operator'), detail);
}

/** A rule whose operator and attribute are known and fit. */
interface Condition {
  readonly row: AttributeOperator;
  readonly field: Field;
  readonly rule: Members;
  readonly path: string;
  readonly reading: Reading;
}

function readAttributeRule(condition: Condition): Meaning | undefined {
  const { row, field, rule, path, reading } = condition;
  const view = { attribute: field.name, folded: readFolded(condition) };
  switch (rule.valueSource) {
    case undefined:
    case 'value': {
      const operands = readOperands(condition);
      return operands && meaning(row.predicate(view, foldedIf(view.folded, operands)));
    }
    case 'field':
      return readComparison(condition, view);
    default:
      return fault(reading, pointer(path, 'valueSource'), `${quote(rule.valueSource)} is neither "value" nor "field"`);
  }
}

function readFolded({ field, rule, path, reading }: Condition): boolean {
  const at = pointer(path, 'caseInsensitive');
  const folded = readFlag(rule.caseInsensitive, at, reading);
  if (!folded || hasCase(field.attribute)) return folded;
  fault(reading, at, `${describeField(field)}: only strings and lists of strings have a case`);
  return false;
}

function hasCase({ type, of }: Attribute): boolean {
  return type === 'string' || of === 'string';
}

function describeField({ name, attribute }: Field): string {
  return `'${name}' is ${describeAttribute(attribute)}`;
}

// ——— Values ———

function readOperands(condition: Condition): readonly Scalar[] | undefined {
  const { row, rule, path, reading } = condition;
  const { value } = rule;
  const at = pointer(path, 'value');
  if (row.takes === 'nothing') return [];
  if (value === null || value === undefined) {
    return fault(reading, at, `'${row.name}' takes a value; for "no value" there are null and notNull`);
  }
  if (isObject(value) && value.mode === 'relative') {
    return fault(reading, at, 'values relative to the present come with a later release');
  }
  switch (row.takes) {
    case 'one':
      return readAll(condition, [value], () => at);
    case 'many':
    case 'pair':
      return readList(condition, value, at);
    default:
      return unreachable(row.takes);
  }
}

/** A list of values as it is, or as `"a,b"`. */
function readList(condition: Condition, value: unknown, at: string): readonly Scalar[] | undefined {
  const { row, reading } = condition;
  const values = typeof value === 'string' ? splitList(value) : value;
  if (row.takes === 'pair' && !(Array.isArray(values) && values.length === 2)) {
    return fault(reading, at, `'${row.name}' takes two values, [low, high], not ${quote(value)}`);
  }
  if (!Array.isArray(values)) return fault(reading, at, `'${row.name}' takes a list of values, not ${quote(value)}`);
  return readAll(condition, values, (index) => (typeof value === 'string' ? at : pointer(at, index)));
}

/** Each value in normal form, or undefined with a fault for each that does not fit. */
function readAll(
  { field, reading }: Condition,
  values: readonly unknown[],
  pathOf: (index: number) => string,
): readonly Scalar[] | undefined {
  const type = operandType(field.attribute);
  const operands: Scalar[] = [];
  for (const [index, value] of values.entries()) {
    const operand = readOperand(type, value, reading.scope.timeZone);
    if (operand !== undefined) operands.push(operand);
    else fault(reading, pathOf(index), `${describeField(field)}: ${quote(value)} is not ${describeScalar(type)}`);
  }
  return operands.length === values.length ? operands : undefined;
}

/** What a value is compared with: an attribute of a scalar type itself, or what a list holds. */
function operandType({ type, of }: Attribute): ScalarType {
  return SCALAR_TYPES.find((scalar) => scalar === (of ?? type))!;
}

/** `"a,b"` as react-querybuilder writes a list: trimmed, empty parts left out, a comma of a value written `\,`. */
function splitList(text: string): string[] {
  const parts = text.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ',').trim());
  return parts.filter((part) => part !== '');
}

// ——— Another attribute in place of a value ———

function readComparison({ row, field, rule, path, reading }: Condition, left: AttributeView): Meaning | undefined {
  if (!row.ofAttributes) {
    const detail = `'${row.name}' does not compare two attributes; ${COMPARING.join(' ')} do`;
    return fault(reading, pointer(path, 'operator'), detail);
  }
  const at = pointer(path, 'value');
  const other = readField(rule.value, at, reading);
  if (!other) return undefined;
  if (!areComparable(field.attribute, other.attribute)) {
    return fault(reading, at, `${describeField(field)} and ${describeField(other)}: they can't be compared`);
  }
  return meaning(row.ofAttributes(left, { attribute: other.name, folded: left.folded }));
}

/** The operators that can compare two attributes. */
const COMPARING = OPERATORS.flatMap((row) => (row.kind === 'attribute' && row.ofAttributes ? [row.name] : []));

/** A date is the first instant of its day, so it compares with a datetime. */
function areComparable(left: Attribute, right: Attribute): boolean {
  const isMoment = ({ type }: Attribute) => type === 'date' || type === 'datetime';
  return left.type === right.type || (isMoment(left) && isMoment(right));
}

// ——— Another segment ———

function readSegmentRule(row: SegmentOperator, rule: Members, path: string, reading: Reading): Meaning | undefined {
  const { scope } = reading;
  const slug = rule.value;
  const at = pointer(path, 'value');
  if (rule.valueSource === 'field') {
    return fault(reading, pointer(path, 'valueSource'), `'${row.name}' takes the slug of a segment, not an attribute`);
  }
  if (typeof slug !== 'string' || slug === '') {
    return fault(reading, at, `'${row.name}' takes the slug of a segment, not ${quote(slug)}`);
  }
  const segment = scope.segment(slug);
  if (!segment) return fault(reading, at, `there is no segment '${slug}'`);
  if (segment.objectType !== scope.type.name) {
    return fault(reading, at, `the segment '${slug}' is of ${segment.objectType}, not of ${scope.type.name}`);
  }
  reading.uses.add(slug);
  const { predicate, jsonLogic } = segment;
  return row.negated ? negated({ predicate, jsonLogic }) : { predicate, jsonLogic };
}

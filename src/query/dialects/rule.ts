/**
 * rule.ts – One condition of a rule group or an item tree: its operator, attribute and value, read
 * by the operator table.
 *
 * Keeps true: nothing is dropped or guessed. What is not understood is refused with the pointer of
 * the member at fault, and a rule's faults are all found at once. Both dialects come through here,
 * so that a condition means the same in both. A member that the kind of rule does not read is
 * refused, except leftovers of editors and values that mean the same as its absence.
 */
import { type Attribute, isObject } from '../../change/object-type.ts';
import { readOperand } from '../../change/value.ts';
import { pointer } from '../../errors.ts';
import {
  joined,
  type Meaning,
  matchedByAll,
  meaning,
  measured,
  negated,
} from '../json-logic/json-logic.ts';
import { AGGREGATE_NAMES, MEASURE_TYPE } from '../predicate/measures.ts';
import {
  ALWAYS,
  type AttributeView,
  equals,
  type ListMeasure,
  not,
  type Predicate,
  range,
} from '../predicate/predicate.ts';
import {
  atLeastOne,
  edgeOver,
  type Hop,
  hopNamed,
  isTrue,
  isZero,
  MEASURED,
  throughHops,
} from '../predicate/relationships.ts';
import { aggregateNamed, readNamedMeasure } from './aggregate.ts';
import {
  type Condition,
  comparedWith,
  describeField,
  type Field,
  momentView,
  readComparison,
  readOperands,
  refuseValue,
} from './operands.ts';
import {
  type AttributeOperator,
  MATCH_MODES,
  type MatchMode,
  OPERATORS,
  type Operator,
  operatorNamesOn,
  operatorsNamed,
  type SegmentOperator,
} from './operators.ts';
import {
  DEPTH_MAX,
  describeHop,
  fault,
  followWay,
  type Members,
  ownAttribute,
  quote,
  type Reading,
  readingOf,
  TOO_FAR,
  typeAt,
  type Way,
  wayToMany,
} from './scope.ts';

/** The names of a rule's parts in a dialect. */
export interface RuleDialect {
  /** The member that names the attribute. */
  readonly field: 'field' | 'slug';
  /** Members of a rule that do not affect its meaning. */
  readonly ignored: readonly string[];
  /** Other names for operators. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Reads a group that is part of a rule and stands at that depth, as one of the dialect. */
  readonly group: ReadGroup;
}

export type ReadGroup = (
  group: Members,
  path: string,
  depth: number,
  reading: Reading,
) => Meaning | undefined;

/** Members that the editors of filters add for themselves. */
export const EDITOR_MEMBERS = ['id', 'path', 'disabled', 'muted', 'meta', 'combinatorPreceding'];

const RULE_MEMBERS = ['operator', 'value', 'valueSource', 'caseInsensitive'];

/** A rule where it stands. */
interface RuleContext {
  readonly rule: Members;
  readonly path: string;
  readonly dialect: RuleDialect;
  readonly depth: number;
  readonly reading: Reading;
}

/** Reads one rule of a group that is so deep, or notes why it can't be read. */
export function readRule(
  rule: Members,
  path: string,
  dialect: RuleDialect,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  const context: RuleContext = { rule, path, dialect, depth, reading };
  if (rule.match !== undefined) return readMatch(context);
  if (rule.aggregate !== undefined) return readAggregate(context);
  refuseMembers(rule, path, membersOf(dialect), reading);
  const rows = readOperator(rule.operator, path, dialect, reading);
  const [first] = rows;
  if (first?.kind === 'segment') return readSegmentRule(first, context);
  const at = pointer(path, dialect.field);
  const name = readName(rule[dialect.field], at, reading);
  const way =
    name === undefined ? undefined : followWay(reading, name.split('.').slice(0, -1), name, at);
  if (name === undefined || !way) return undefined;
  const own = name.split('.').at(-1)!;
  const hop = hopNamed(way.type, own, reading.scope.types);
  if (hop) return readExistence(hop, way, rows, context);
  const attribute = ownAttribute(readingOf(way.type, reading), own, at);
  if (!attribute) return undefined;
  const field: Field = { name, own, attribute, ...way };
  const row = rowFor(field, rows, path, reading);
  return row && readAttributeRule({ row, field, rule, path, depth, reading });
}

function membersOf({ field, ignored }: RuleDialect): string[] {
  return [...RULE_MEMBERS, field, ...ignored];
}

/** Whether an editor has switched the rule or group off. */
export function isMuted(node: Members, path: string, reading: Reading): boolean {
  return readFlag(node.muted, pointer(path, 'muted'), reading);
}

/** A group that an editor has switched off says nothing, as an empty one does. */
export function unlessMuted(read: ReadGroup): ReadGroup {
  return (group, path, depth, reading) =>
    isMuted(group, path, reading) ? joined('and', []) : read(group, path, depth, reading);
}

/** A member that is true, false, or not there. */
export function readFlag(value: unknown, path: string, reading: Reading): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    fault(reading, path, `${quote(value)} is neither true nor false`);
  return value === true;
}

/** Notes each member that is not known: it may be meant to narrow the filter. */
export function refuseMembers(
  node: Members,
  path: string,
  known: readonly string[],
  reading: Reading,
): void {
  for (const member of Object.keys(node)) {
    if (!known.includes(member))
      fault(reading, pointer(path, member), `'${member}' is not known here`);
  }
}

function readOperator(
  given: unknown,
  path: string,
  dialect: RuleDialect,
  reading: Reading,
): readonly Operator[] {
  const at = pointer(path, 'operator');
  if (typeof given !== 'string') {
    fault(
      reading,
      at,
      given === undefined
        ? 'a rule has an operator'
        : `${quote(given)} is not the name of an operator`,
    );
    return [];
  }
  const rows = operatorsNamed(dialect.aliases.get(given) ?? given);
  if (rows.length === 0)
    fault(reading, at, `there is no operator ${quote(given)}; there are ${allOperatorNames()}`);
  return rows;
}

function allOperatorNames(): string {
  return [...new Set(OPERATORS.map(({ name }) => name))].join(', ');
}

function readName(given: unknown, path: string, reading: Reading): string | undefined {
  return typeof given === 'string' && given !== ''
    ? given
    : fault(reading, path, 'a rule names an attribute');
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

function readAttributeRule(condition: Condition): Meaning | undefined {
  const { row, field, rule, path, reading } = condition;
  const view = { attribute: field.own, folded: readFolded(condition) };
  const says = (of: (positive: AttributeOperator) => Predicate) =>
    meaning(alongHops(row, field, of), reading.scope.types);
  switch (rule.valueSource) {
    case undefined:
    case 'value': {
      const compared = readComparison(condition, view);
      return compared && says(() => compared);
    }
    case 'field': {
      const other = readOtherField(condition);
      return other === undefined
        ? undefined
        : says((positive) => positive.ofAttributes!(...sidesOf(condition, view, other)));
    }
    default:
      return fault(
        reading,
        pointer(path, 'valueSource'),
        `${quote(rule.valueSource)} is neither "value" nor "field"`,
      );
  }
}

/**
 * A negated operator is the complement of the whole positive condition, the way to the attribute
 * included.
 */
function alongHops(
  row: AttributeOperator,
  { hops }: Field,
  of: (positive: AttributeOperator) => Predicate,
): Predicate {
  const positive = throughHops(hops, of(row.complementOf ?? row));
  return row.complementOf ? not(positive) : positive;
}

function readFolded({ row, field, rule, path, reading }: Condition): boolean {
  const at = pointer(path, 'caseInsensitive');
  const folded = readFlag(rule.caseInsensitive, at, reading);
  if (!folded) return false;
  if (!hasCase(field.attribute))
    fault(reading, at, `${describeField(field)}: only strings and lists of strings have a case`);
  else if (row.takes === 'nothing')
    fault(reading, at, `'${row.name}' compares nothing, so there is no case to fold`);
  return true;
}

function hasCase({ type, of }: Attribute): boolean {
  return type === 'string' || of === 'string';
}

// ——— Another attribute in place of a value ———

function readOtherField({ row, field, rule, path, reading }: Condition): string | undefined {
  if (!row.ofAttributes) {
    const detail = `'${row.name}' does not compare two attributes; ${COMPARING.join(' ')} do`;
    return fault(reading, pointer(path, 'operator'), detail);
  }
  const at = pointer(path, 'value');
  const own = readName(rule.value, at, reading);
  if (own?.includes('.')) {
    return fault(
      reading,
      at,
      `'${own}': the value names an attribute of ${field.type.name}, where the field leads`,
    );
  }
  const attribute =
    own === undefined ? undefined : ownAttribute(readingOf(field.type, reading), own, at);
  if (!attribute || own === undefined) return undefined;
  if (areComparable(field.attribute, attribute)) return own;
  const both = `${describeField(field)} and ${describeField({ name: own, attribute })}`;
  const detail = `${both}: they can't be compared`;
  return fault(reading, at, detail);
}

/** The views that are compared: a date and a datetime as two moments. */
function sidesOf(
  condition: Condition,
  left: AttributeView,
  name: string,
): [left: AttributeView, right: AttributeView] {
  const { field, reading } = condition;
  const right: AttributeView = { attribute: name, folded: left.folded };
  const attribute = field.type.attributes.get(name)!;
  if (attribute.type === field.attribute.type) return [left, right];
  return [
    momentView(condition, left),
    momentView({ field: { ...field, attribute }, reading }, right),
  ];
}

/** The operators that can compare two attributes. */
const COMPARING = OPERATORS.flatMap((row) =>
  row.kind === 'attribute' && row.ofAttributes ? [row.name] : [],
);

function areComparable(left: Attribute, right: Attribute): boolean {
  const isMoment = ({ type }: Attribute) => type === 'date' || type === 'datetime';
  return left.type === right.type || (isMoment(left) && isMoment(right));
}

// ——— Whether there is a neighbour ———

/** `null` and `notNull` of a relationship that leads to one. */
function readExistence(
  hop: Hop,
  way: Way,
  rows: readonly Operator[],
  context: RuleContext,
): Meaning | undefined {
  const { rule, path, dialect, reading } = context;
  const described = describeHop(hop, way.type);
  if (hop.many) {
    const ways =
      'name an attribute of its records, ' +
      `or say what you ask of them with 'match' or 'aggregate'`;
    return fault(reading, pointer(path, dialect.field), `${described}: ${ways}`);
  }
  const row = rows.find((each) => each.kind === 'attribute' && each.takes === 'nothing');
  if (row?.kind !== 'attribute') {
    return rows.length === 0
      ? undefined
      : fault(
          reading,
          pointer(path, 'operator'),
          `${described}: it takes only notNull, null, or an attribute's name`,
        );
  }
  refuseValue(row, rule, path, reading);
  for (const member of ['valueSource', 'caseInsensitive']) {
    if (rule[member] === undefined || rule[member] === 'value' || rule[member] === false) continue;
    fault(reading, pointer(path, member), `'${member}' says nothing of a relationship`);
  }
  if (!typeAt(hop, way.type, reading, pointer(path, dialect.field))) return undefined;
  const exists = throughHops(way.hops, edgeOver(hop, { kind: 'exists' }, ALWAYS, isTrue));
  return meaning(row.complementOf ? not(exists) : exists, reading.scope.types);
}

// ——— How many neighbours ———

/** A way whose last step leads to many, and the type there. */
interface Many extends Way {
  /** The attribute after it, if one is named. */
  readonly own: string | undefined;
}

function readMatch(context: RuleContext): Meaning | undefined {
  const { rule, path, dialect, depth, reading } = context;
  refuseMembers(
    rule,
    path,
    [dialect.field, 'operator', 'match', 'value', 'valueSource', ...dialect.ignored],
    reading,
  );
  isOfValue(
    rule,
    path,
    `'match' takes a group of rules about the related records, not an attribute`,
    reading,
  );
  refuseMatchOperator(context);
  const many = readMany(context, 'match');
  if (many?.own !== undefined) {
    fault(
      reading,
      pointer(path, dialect.field),
      `'match' asks of whole records: '${many.own}' belongs into the group`,
    );
  }
  const mode = readMode(rule.match, pointer(path, 'match'), reading);
  const threshold = mode && readThreshold(mode, rule.match as Members, context);
  const at = pointer(path, 'value');
  if (!isObject(rule.value))
    return fault(reading, at, `'match' takes a group of rules about the related records`);
  if (!many) return undefined;
  const where = dialect.group(rule.value, at, depth + 1, readingOf(many.type, reading));
  if (!where || !mode || threshold === undefined) return undefined;
  return matched(many.hops, mode, threshold, where);
}

/** Whether the value is one, as the rule says; a fault if it is said to be an attribute. */
function isOfValue(
  { valueSource }: Members,
  path: string,
  detail: string,
  reading: Reading,
): boolean {
  if (valueSource === undefined || valueSource === 'value') return true;
  fault(reading, pointer(path, 'valueSource'), detail);
  return false;
}

function refuseMatchOperator({ rule: { operator }, path, dialect, reading }: RuleContext): void {
  if (operator === undefined || operator === '=' || dialect.aliases.get(operator as string) === '=')
    return;
  fault(
    reading,
    pointer(path, 'operator'),
    `the operator of a rule with 'match' is "=", not ${quote(operator)}`,
  );
}

function readMode(match: unknown, path: string, reading: Reading): MatchMode | undefined {
  if (!isObject(match)) return fault(reading, path, `'match' is an object { "mode", "threshold" }`);
  refuseMembers(match, path, ['mode', 'threshold'], reading);
  const mode = MATCH_MODES.find(({ name }) => name === match.mode);
  const names = MATCH_MODES.map(({ name }) => name).join(', ');
  return (
    mode?.name ?? fault(reading, pointer(path, 'mode'), `the mode of 'match' is one of ${names}`)
  );
}

/** An editor gives every mode the threshold that it shows beside some of them. */
function isThresholdLeft(mode: MatchMode, threshold: unknown): boolean {
  if (MATCH_MODES.some(({ name, takesThreshold }) => name === mode && takesThreshold)) return false;
  return threshold === undefined || threshold === null || threshold === '';
}

function readThreshold(
  mode: MatchMode,
  { threshold }: Members,
  { path, reading }: RuleContext,
): number | undefined {
  if (isThresholdLeft(mode, threshold)) return 0;
  const value = readOperand('number', threshold, reading.scope.timeZone);
  if (typeof value === 'number' && value >= 0 && (value < 1 || Number.isSafeInteger(value)))
    return value;
  const expected = 'a whole number from 0 or a share between 0 and 1';
  const detail = `a threshold is ${expected}, not ${quote(threshold)}`;
  return fault(reading, pointer(pointer(path, 'match'), 'threshold'), detail);
}

function matched(way: readonly Hop[], mode: MatchMode, threshold: number, where: Meaning): Meaning {
  const count = (holds: Predicate) => measured(way, { kind: 'count' }, where, holds);
  switch (mode) {
    case 'all':
      return matchedByAll(way, where);
    case 'some':
      return count(atLeastOne);
    case 'none':
      return count(isZero);
    default:
      if (threshold === 0 || threshold >= 1) return count(COUNT_HOLDS[mode](threshold));
      return measured(way, { kind: 'share' }, where, not(SHARE_FAILS[mode](threshold)));
  }
}

type Threshold = (threshold: number) => Predicate;

const COUNT_HOLDS: Record<'atLeast' | 'atMost' | 'exactly', Threshold> = {
  atLeast: (low) => range(MEASURED, { low, lowInclusive: true }),
  atMost: (high) => range(MEASURED, { high, highInclusive: true }),
  exactly: (threshold) => equals(MEASURED, [threshold]),
};

/** What a share must not be: that of none is missing, and so it is not. */
const SHARE_FAILS: Record<'atLeast' | 'atMost' | 'exactly', Threshold> = {
  atLeast: (high) => range(MEASURED, { high }),
  atMost: (low) => range(MEASURED, { low }),
  exactly: (share) => range(MEASURED, { high: share }, { low: share }),
};

function readAggregate(context: RuleContext): Meaning | undefined {
  const { rule, path, dialect, depth, reading } = context;
  refuseMembers(rule, path, [...membersOf(dialect), 'aggregate', 'where'], reading);
  const rows = readOperator(rule.operator, path, dialect, reading);
  const many = readMany(context, 'aggregate');
  const measure = readMeasure(rule.aggregate, many, context);
  const row = rowFor(aggregateField(context), rows, path, reading);
  const holds = row && readAggregateValue(row, context);
  const where = readWhere(rule.where, many, depth, context);
  return many && measure && holds && where && measured(many.hops, measure, where, holds);
}

/** An aggregate as the field that is compared. */
function aggregateField({ rule, dialect, reading }: RuleContext): Field {
  const [aggregate, of] = [rule.aggregate, rule[dialect.field]].map((word) =>
    typeof word === 'string' ? word : quote(word),
  );
  const name = `${aggregate} of ${of}`;
  return {
    name,
    hops: [],
    type: reading.scope.type,
    own: MEASURED.attribute,
    attribute: { type: MEASURE_TYPE },
  };
}

function readAggregateValue(row: AttributeOperator, context: RuleContext): Predicate | undefined {
  const { rule, path, reading } = context;
  const condition: Condition = {
    row,
    field: aggregateField(context),
    rule,
    path,
    depth: context.depth,
    reading,
  };
  if (
    !isOfValue(rule, path, 'an aggregate is compared with a value, not with an attribute', reading)
  )
    return undefined;
  readFolded(condition);
  const operands = readOperands(condition);
  return operands && comparedWith(row, MEASURED, operands);
}

function readMeasure(
  given: unknown,
  many: Many | undefined,
  context: RuleContext,
): ListMeasure | undefined {
  const { path, dialect, reading } = context;
  const kind = aggregateNamed(given);
  if (!kind) {
    const names = AGGREGATE_NAMES.join(', ');
    return fault(reading, pointer(path, 'aggregate'), `an aggregate is one of ${names}`);
  }
  if (!many) return undefined;
  const of = readingOf(many.type, reading);
  return readNamedMeasure(kind, many.own, pointer(path, dialect.field), of);
}

function readWhere(
  given: unknown,
  many: Many | undefined,
  depth: number,
  context: RuleContext,
): Meaning | undefined {
  const { path, dialect, reading } = context;
  if (given === undefined) return joined('and', []);
  const at = pointer(path, 'where');
  if (!isObject(given))
    return fault(reading, at, `'where' is a group of rules about the related records`);
  return many && dialect.group(given, at, depth + 1, readingOf(many.type, reading));
}

/** Reads a field that leads by steps to one, and a last one to many; an attribute may follow. */
function readMany({ rule, path, dialect, reading }: RuleContext, member: string): Many | undefined {
  const at = pointer(path, dialect.field);
  const given = rule[dialect.field];
  if (typeof given !== 'string' || given === '')
    return fault(reading, at, `'${member}' needs a relationship`);
  const names = given.split('.');
  const way = wayToMany(names, reading);
  if (way.hops.length > DEPTH_MAX) return fault(reading, at, TOO_FAR);
  const [own, ...deeper] = names.slice(way.hops.length);
  const last = way.hops.at(-1);
  if (!last?.many) {
    if (own !== undefined && !way.type.attributes.has(own)) {
      followWay(readingOf(way.type, reading), [own], given, at);
      return undefined;
    }
    const end = own === undefined ? 'leads to one record' : `is an attribute of one record`;
    return fault(
      reading,
      at,
      `'${given}' ${end}: '${member}' is of a relationship that leads to many`,
    );
  }
  if (deeper.length > 0) {
    return fault(
      reading,
      at,
      `'${given}' goes on after '${last.name}': ` +
        `'${member}' is of the first relationship that leads to many`,
    );
  }
  return { ...way, own };
}

// ——— Another segment ———

function readSegmentRule(
  row: SegmentOperator,
  { rule, path, dialect, reading }: RuleContext,
): Meaning | undefined {
  const { scope } = reading;
  const slug = rule.value;
  const at = pointer(path, 'value');
  const field = rule[dialect.field];
  if (field !== undefined && field !== '') {
    const detail =
      `'${row.name}' is about the record itself: ` +
      `'${dialect.field}' is "", or left out, not ${quote(field)}`;
    fault(reading, pointer(path, dialect.field), detail);
  }
  if (
    !isOfValue(rule, path, `'${row.name}' takes the slug of a segment, not an attribute`, reading)
  )
    return undefined;
  if (readFlag(rule.caseInsensitive, pointer(path, 'caseInsensitive'), reading)) {
    fault(reading, pointer(path, 'caseInsensitive'), 'the slug of a segment has no case to fold');
  }
  if (typeof slug !== 'string' || slug === '') {
    return fault(reading, at, `'${row.name}' takes the slug of a segment, not ${quote(slug)}`);
  }
  const segment = scope.segment(slug);
  if (!segment) return fault(reading, at, `there is no segment '${slug}'`);
  if (segment.objectType !== scope.type.name) {
    return fault(
      reading,
      at,
      `the segment '${slug}' is of ${segment.objectType}, not of ${scope.type.name}`,
    );
  }
  reading.uses.add(slug);
  const { predicate, jsonLogic } = segment;
  return row.negated ? negated({ predicate, jsonLogic }) : { predicate, jsonLogic };
}

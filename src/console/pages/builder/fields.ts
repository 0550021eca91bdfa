/**
 * fields.ts – What a condition can be about: the attributes of a type, its relationships, and what
 * lies behind them.
 *
 * Keeps true: operators, their words and forms come from the server's table. A new row is offered
 * as soon as the server has it.
 */
import {
  type Attribute,
  type ObjectType,
  type ObjectTypeDefinition,
  objectType,
} from '../../../change/object-type.ts';

import { type Hop, hopsFrom } from '../../../query/predicate/relationships.ts';
import { type RuleSubject, subjectOf } from '../../../query/words/subject.ts';
import { titleText } from '../../parts/words.ts';
import type { OperatorsShown, TypeShown } from '../../server/answers.ts';
import { type DraftRule, groupWithin, KEY, newGroup, newRule } from './draft.ts';

/** A row of the table: those of attributes say more than others. */
export type OperatorRow = Pick<OperatorsShown['to_many'][number], 'name' | 'words'> &
  Partial<Omit<OperatorsShown['types'][string][number], 'name' | 'words'>>;

export type TypesShown = ReadonlyMap<string, ObjectType>;

/** The types as the code that filters are read with knows them. */
export function typesByName(shown: readonly TypeShown[]): TypesShown {
  // What is answered has all members that may be left out where it is sent.
  const definitionOf = (type: TypeShown) => type as unknown as ObjectTypeDefinition;
  return new Map(shown.map((type) => [type.name, objectType(type.name, 0, definitionOf(type))]));
}

// ——— The tree of fields ———

/** One entry of the tree of fields, with those beneath it when they are asked for. */
export interface FieldEntry {
  /** As a rule names it, from the type at the root of the tree. */
  readonly path: string;
  readonly title: string;
  /** The titles of the relationships that lead to it. */
  readonly trail: readonly string[];
  /** The type of the records that have it. */
  readonly owner: string;
  readonly attribute?: Attribute;
  /** A relationship: what lies behind it can be shown. */
  readonly hop?: Hop;
  /** The first relationship to many on the way, and what is left of the path behind it. */
  readonly many?: { readonly path: string; readonly rest: string };
}

/** Relationships lead in circles: so far the search goes. */
const SEARCH_DEPTH = 3;
const FOUND_MAX = 60;

/** What a type has, own attributes first, or what lies behind a relationship of the tree. */
export function entriesBehind(
  type: ObjectType,
  types: TypesShown,
  from?: FieldEntry,
): FieldEntry[] {
  const there = from?.hop ? types.get(from.hop.target) : type;
  if (!there) return [];
  const base = from ? `${from.path}.` : '';
  const trail = from ? [...from.trail, from.title] : [];
  const many = (name: string) => {
    const known = from?.many ?? (from?.hop?.many ? { path: from.path, rest: '' } : undefined);
    if (!known) return {};
    return { many: { path: known.path, rest: known.rest ? `${known.rest}.${name}` : name } };
  };
  const attributes = [...there.attributes].map(
    ([name, attribute]): FieldEntry => ({
      path: `${base}${name}`,
      title: titleText(name, attribute.label),
      trail,
      owner: there.name,
      attribute,
      ...many(name),
    }),
  );
  const hops = hopsFrom(there, types).map(
    (hop): FieldEntry => ({
      path: `${base}${hop.name}`,
      title: titleText(hop.name),
      trail,
      owner: hop.target,
      hop,
      ...many(hop.name),
    }),
  );
  return [...attributes, ...hops];
}

/** Entries whose title or way has all the words, the shortest way first. */
export function entriesFound(type: ObjectType, types: TypesShown, text: string): FieldEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: FieldEntry[] = [];
  let level: FieldEntry[] = entriesBehind(type, types);
  for (let depth = 0; depth < SEARCH_DEPTH && found.length < FOUND_MAX; depth++) {
    found.push(...level.filter((entry) => fits(entry, words)));
    if (depth + 1 < SEARCH_DEPTH)
      level = level.filter(({ hop }) => hop).flatMap((at) => entriesBehind(type, types, at));
  }
  return found.slice(0, FOUND_MAX);
}

function fits({ title, trail, path }: FieldEntry, words: readonly string[]): boolean {
  const text = `${[...trail, title].join(' ')} ${path}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

// ——— What a rule is about ———

/** The steps and the attribute that a rule is about. */
export function subjectOfRule(rule: DraftRule, type: ObjectType, types: TypesShown): RuleSubject {
  return subjectOf({ kind: 'rule', path: '', rule: { ...rule }, query: null }, type, types);
}

/** The operators that fit what a rule is about. */
export function operatorsFor(
  rule: DraftRule,
  { own, attribute, hops }: RuleSubject,
  table: OperatorsShown,
): readonly OperatorRow[] {
  if (rule.match !== undefined) return [];
  if (rule.aggregate !== undefined) return table.types['number'] ?? [];
  if (isOfSegment(rule, table) && hops.length === 0) return table.record;
  if (own !== undefined) return attribute ? (table.types[attribute.type] ?? []) : [];
  const last = hops.at(-1);
  if (!last) return [];
  return last.many ? table.record : [...table.to_one, ...table.record];
}

/** Whether a rule asks for members of another segment. */
export function isOfSegment({ operator }: DraftRule, table: OperatorsShown): boolean {
  return table.record.some(({ name }) => name === operator);
}

/** The attributes that an aggregate can be taken of. */
export function attributesFor(of: string, type: ObjectType): [string, Attribute][] {
  return [...type.attributes].filter(([, { type: kind }]) =>
    of === 'number' ? kind === 'number' : kind !== 'list' && kind !== 'object',
  );
}

// ——— What a rule becomes ———

/** The same rule about something else. What still fits is kept. */
export function withField(
  rule: DraftRule,
  entry: FieldEntry,
  type: ObjectType,
  types: TypesShown,
  table: OperatorsShown,
): DraftRule {
  const { [KEY]: key, muted } = rule;
  const mine = { [KEY]: key, ...(muted ? { muted } : {}) };
  const { many, hop } = entry;
  if (many?.rest || hop?.many) {
    // Of many, how many of them is asked at once.
    const path = many?.rest ? many.path : entry.path;
    const isOfNeighbours = many?.rest === undefined || many.rest === '';
    const inner = isOfNeighbours
      ? []
      : [
          withField(
            newRule(),
            innerEntry(entry, many.rest),
            behind(path, type, types),
            types,
            table,
          ),
        ];
    return { ...mine, field: path, operator: '=', match: { mode: 'some' }, value: newGroup(inner) };
  }
  const bare: DraftRule = {
    ...mine,
    field: entry.path,
    operator: rule.operator,
    value: rule.value,
  };
  const operators = operatorsFor(bare, subjectOfRule(bare, type, types), table);
  const before = operators.find(({ name }) => name === rule.operator);
  const next = before ?? operators[0];
  const isSameKind = rule.field !== '' && before !== undefined && typeOf(rule) === typeOf(bare);
  if (isSameKind) return { ...rule, field: entry.path };
  return next ? withOperator({ ...bare, value: '' }, next, table) : bare;
  function typeOf(each: DraftRule) {
    return subjectOfRule(each, type, types).attribute?.type;
  }
}

/** The type of the records that a way leads to. */
function behind(path: string, type: ObjectType, types: TypesShown): ObjectType {
  return subjectOfRule({ ...newRule(), field: path }, type, types).type;
}

/** The same entry as it is called from behind the relationship to many. */
function innerEntry({ many: _, ...entry }: FieldEntry, rest: string): FieldEntry {
  return { ...entry, path: rest };
}

/** A rule that asks for members of another segment. */
export function segmentRule({ [KEY]: key }: DraftRule, table: OperatorsShown): DraftRule {
  return { [KEY]: key, field: '', operator: table.record[0]?.name ?? 'inSegment', value: '' };
}

/** The same rule with another operator: its value is kept as far as it has a meaning there. */
export function withOperator(rule: DraftRule, row: OperatorRow, table: OperatorsShown): DraftRule {
  const { value, valueSource, caseInsensitive, ...rest } = rule;
  const keepsSource = valueSource === 'field' && row.compares_attributes === true;
  const folds = caseInsensitive === true && row.folds_case === true;
  const next = keepsSource ? value : valueAs(row, valueSource === 'field' ? '' : value, table);
  return {
    ...rest,
    operator: row.name,
    ...(next === undefined ? {} : { value: next }),
    ...(keepsSource ? { valueSource } : {}),
    ...(folds ? { caseInsensitive } : {}),
  };
}

const AMOUNT_FIRST = 30;

function valueAs(row: OperatorRow, value: unknown, table: OperatorsShown): unknown {
  const isMoving = typeof value === 'object' && value !== null && !Array.isArray(value);
  const given = (value ?? {}) as Readonly<Record<string, unknown>>;
  const one = (each: unknown) =>
    typeof each === 'object' && each !== null && (each as typeof given)['mode'] !== 'relative'
      ? ''
      : typeof each === 'object' && row.takes_relative !== true
        ? ''
        : (each ?? '');
  switch (row.value) {
    case 'none':
      return undefined;
    case 'window': {
      const amount = isMoving && given['amount'] !== undefined ? given['amount'] : AMOUNT_FIRST;
      return { amount, unit: unitIn(table.window_units, given['unit'], 'day') };
    }
    case 'period':
      return { unit: unitIn(table.period_units, given['unit'], 'month') };
    case 'list':
      return Array.isArray(value)
        ? value
        : isMoving || value === '' || value == null
          ? []
          : [value];
    case 'range':
      return Array.isArray(value) && value.length === 2 ? value : [one(value), ''];
    default:
      return Array.isArray(value) ? (value[0] ?? '') : one(value);
  }
}

function unitIn(units: readonly string[], unit: unknown, usual: string): string {
  return units.find((each) => each === unit) ?? (units.includes(usual) ? usual : (units[0] ?? ''));
}

/**
 * How a relationship to many is asked: a mode of `match` ("match some"), or an aggregate. What is
 * asked of the related records is kept.
 */
export function withQuantity(
  rule: DraftRule,
  name: string,
  relationship: string,
  table: OperatorsShown,
): DraftRule {
  const { [KEY]: key, muted } = rule;
  const mine = { [KEY]: key, ...(muted ? { muted } : {}) };
  const inner = groupWithin(rule)?.[1] ?? newGroup();
  const mode = table.match_modes.find((each) => `match ${each.name}` === name);
  if (mode) {
    const before = rule.match?.threshold;
    const threshold = mode.threshold ? { threshold: before ?? 1 } : {};
    const match = { mode: mode.name, ...threshold };
    return { ...mine, field: relationship, operator: '=', match, value: inner };
  }
  const row = table.aggregates.find((each) => each.name === name);
  if (!row) return rule;
  const field = row.of === 'any' || rule.aggregate === undefined ? relationship : rule.field;
  const where = inner.rules.length > 0 ? { where: inner } : {};
  const kept = rule.aggregate === undefined ? { operator: '>=', value: 1 } : {};
  return {
    ...mine,
    operator: rule.operator,
    value: rule.value,
    ...kept,
    field,
    aggregate: row.name,
    ...where,
  };
}

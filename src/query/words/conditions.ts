/**
 * conditions.ts – A filter in English: each of its parts, and the whole as one sentence.
 *
 * Keeps true: what an operator is called stands in its row (dialects/operators.ts, measures.ts,
 * text-tests.ts), so a new one has words as soon as it has a row. Nothing here evaluates anything.
 * A text has a bounded length.
 *
 * Caller: the filter was compiled against the same types.
 */
import { type AttributeType, isObject, type ObjectType } from '../../change/object-type.ts';
import type { FilterGroup, FilterLogic, FilterPart, FilterRule } from '../dialects/filter-tree.ts';
import { operatorWords } from '../dialects/operator-list.ts';
import {
  type AttributeOperator,
  MATCH_MODES,
  type Operator,
  operatorsNamed,
} from '../dialects/operators.ts';
import type { Members } from '../dialects/scope.ts';
import { AGGREGATES, MEASURE_TYPE } from '../predicate/measures.ts';
import type { Hop } from '../predicate/relationships.ts';
import { isRelative } from '../time/relative-time.ts';
import { logicInWords } from './logic.ts';
import { momentWords, windowWords } from './moments.ts';
import {
  anyOf,
  attributeInWords,
  capitalized,
  listed,
  nameInWords,
  oneOf,
  possessive,
  recordsInWords,
  shortened,
  type Vocabulary,
} from './names.ts';
import { atFirstMany, type RuleSubject, subjectOf } from './subject.ts';
import { numberInWords, textInWords, valueInWords } from './values.ts';

/** Characters of the words of a part, and of a whole filter. */
const WORDS_MAX = 400;
const SENTENCE_MAX = 1000;

/** What a part says, as a sentence of its own: "Country is one of US or CA". */
export function partInWords(part: FilterPart, type: ObjectType, vocabulary: Vocabulary): string {
  const words = statement(part, type, vocabulary);
  const isProgram = part.kind === 'json_logic' && part.connective === undefined;
  return shortened(isProgram ? words : capitalized(words), WORDS_MAX);
}

/** "Contacts whose country is one of US or CA and that have at least 3 orders" */
export function filterInWords(
  filter: FilterPart,
  type: ObjectType,
  vocabulary: Vocabulary,
): string {
  const records = recordsInWords(type);
  const clause = clauseOf(filter, type, vocabulary);
  const whole = clause === '' ? `all ${records}` : `${records} ${clause}`;
  return shortened(capitalized(whole), SENTENCE_MAX);
}

function statement(part: FilterPart, type: ObjectType, vocabulary: Vocabulary): string {
  switch (part.kind) {
    case 'group':
      return groupStatement(part);
    case 'json_logic':
      return logicStatement(part);
    default: {
      const { have, is } = ruleWords(part, type, vocabulary);
      return have ?? is;
    }
  }
}

// ——— Groups ———

function groupStatement({ not, anyOf, parts }: FilterGroup): string {
  if (anyOf.length === 0) return not ? 'holds of no record' : 'holds of every record';
  if (parts.length === 1) return not ? 'this does not hold' : 'this holds';
  const [all] = anyOf;
  if (anyOf.length === 1 && all!.length > 1)
    return not ? 'not all of these hold' : 'all of these hold';
  if (anyOf.every(({ length }) => length === 1))
    return not ? 'none of these holds' : 'any of these holds';
  const each = anyOf.map((places) => places.map((place) => `${place + 1}`).join(' and '));
  return `${not ? 'it is not so that ' : ''}${each.join(', or ')} hold`;
}

function logicStatement({ connective, logic }: FilterLogic): string {
  switch (connective) {
    case 'and':
      return 'all of these hold';
    case 'or':
      return 'any of these holds';
    case '!':
      return 'this does not hold';
    case '!!':
      return 'this holds';
    default:
      return logicInWords(logic);
  }
}

/** What narrows down the records of a type: "whose …", "that have …"; nothing, if it is nothing. */
function clauseOf(part: FilterPart, type: ObjectType, vocabulary: Vocabulary): string {
  switch (part.kind) {
    case 'group':
      return groupClause(part, type, vocabulary);
    case 'json_logic':
      return `for which ${logicInWords(part.logic)}`;
    default: {
      const { have, is, isWhole } = ruleWords(part, type, vocabulary);
      if (have !== undefined) return `that ${plural(have)}`;
      return isWhole ? `for which ${is}` : `whose ${is}`;
    }
  }
}

function groupClause({ not, anyOf, parts }: FilterGroup, type: ObjectType, vocabulary: Vocabulary) {
  const clauses = parts.map((part) => {
    const clause = clauseOf(part, type, vocabulary);
    return part.kind === 'group' && part.parts.length > 1 ? `(${clause})` : clause;
  });
  const chains = anyOf.map((places) => {
    const all = places.map((place) => clauses[place]!).filter((clause) => clause !== '');
    return listed(all, 'and', all.length);
  });
  if (chains.some((chain) => chain === '')) return not ? 'of which there are none' : '';
  const whole = chains.join(chains.some((chain) => chain.includes(' and ')) ? ', or ' : ' or ');
  if (whole === '') return not ? 'of which there are none' : '';
  return not ? `that are none of those ${whole}` : whole;
}

/** "has an order" of one, "have an order" of many */
function plural(of: string): string {
  return of.replace(/^has /, 'have ').replace(/^is /, 'are ');
}

// ——— Rules ———

interface RuleWords {
  /** "has at least 3 orders", "is in the segment …": what the record itself has or is. */
  readonly have?: string;
  /** "country is US": what an attribute of it is. */
  readonly is: string;
  /** Whether `is` is a sentence of its own, so that "whose" can't stand before it. */
  readonly isWhole?: boolean;
}

function ruleWords(part: FilterRule, type: ObjectType, vocabulary: Vocabulary): RuleWords {
  switch (part.kind) {
    case 'segment':
      return segmentWords(part, type, vocabulary);
    case 'match':
      return matchWords(part, type, vocabulary);
    case 'aggregate':
      return aggregateWords(part, type, vocabulary);
    case 'rule':
      return attributeWords(part, type, vocabulary);
  }
}

function segmentWords(part: FilterRule, type: ObjectType, vocabulary: Vocabulary): RuleWords {
  const slug = String(part.rule.value);
  const [row] = operatorsNamed(String(part.rule.operator));
  const title = vocabulary.segmentTitle(slug) ?? slug;
  const phrase = `${row?.words ?? part.rule.operator} “${title}”`;
  const subject = subjectOf(part, type, vocabulary.types);
  if (subject.hops.length === 0) return { have: phrase, is: phrase };
  const isNegated = row?.kind === 'segment' && row.negated;
  const positive = `is in the segment “${title}”`;
  return along(subject.hops, isNegated ? positive : phrase, isNegated, vocabulary);
}

function attributeWords(part: FilterRule, type: ObjectType, vocabulary: Vocabulary): RuleWords {
  const subject = subjectOf(part, type, vocabulary.types);
  const { hops, own, attribute } = subject;
  if (own === undefined) return existenceWords(part, hops);
  const row = rowOf(part.rule.operator, attribute?.type);
  const name = attributeInWords(own, attribute);
  const { many } = atFirstMany(hops);
  if (!many) {
    const phrase = comparison(part, row, subject, vocabulary);
    return { is: `${possessive(hops, name)} ${phrase}` };
  }
  const negated = row?.kind === 'attribute' ? row.complementOf : undefined;
  const phrase = comparison(part, negated ?? row, subject, vocabulary);
  return along(hops, `${name} ${phrase}`, negated !== undefined, vocabulary);
}

/** "has no organization", "organization has a manager" */
function existenceWords(part: FilterRule, hops: readonly Hop[]): RuleWords {
  const noun = nameInWords(hops.at(-1)?.name ?? 'record');
  const have = part.rule.operator === 'null' ? `has no ${noun}` : `has ${anyOf(noun)}`;
  return withOwner(hops.slice(0, -1), have);
}

/** "has an order whose product’s name is X": of a way over many, what some or none of them is. */
function along(
  hops: readonly Hop[],
  phrase: string,
  isNegated: boolean,
  vocabulary: Vocabulary,
): RuleWords {
  const { before, many, after } = atFirstMany(hops);
  if (!many) {
    const owner = possessive(before.slice(0, -1), nameInWords(before.at(-1)!.name));
    if (isNegated) return { is: `it is not so that its ${owner} ${phrase}`, isWhole: true };
    return { is: `${owner} ${phrase}` };
  }
  const one = oneOf(nameInWords(many.name));
  const have = `has ${isNegated ? `no ${one}` : anyOf(one)} ${whichOf(after, phrase, vocabulary)}`;
  return withOwner(before, have);
}

function whichOf(hops: readonly Hop[], phrase: string, vocabulary: Vocabulary): string {
  const isOfSegment = phrase.startsWith('is ');
  if (hops.length === 0) return isOfSegment ? `that ${phrase}` : `whose ${phrase}`;
  if (!atFirstMany(hops).many) {
    const [last] = hops.slice(-1);
    return isOfSegment
      ? `whose ${possessive(hops.slice(0, -1), nameInWords(last!.name))} ${phrase}`
      : `whose ${possessive(hops, phrase)}`;
  }
  const { have, is } = along(hops, phrase, false, vocabulary);
  return have === undefined ? `whose ${is}` : `that ${have}`;
}

/** What is said of the record, or of the one at the end of some steps to one. */
function withOwner(before: readonly Hop[], have: string): RuleWords {
  if (before.length === 0) return { have, is: have };
  const owner = possessive(before.slice(0, -1), nameInWords(before.at(-1)!.name));
  return { is: `${owner} ${have}` };
}

function matchWords(part: FilterRule, type: ObjectType, vocabulary: Vocabulary): RuleWords {
  const { hops, type: there } = subjectOf(part, type, vocabulary.types);
  const { mode, threshold } = isObject(part.rule.match) ? part.rule.match : {};
  const row = MATCH_MODES.find(({ name }) => name === mode);
  const noun = nameInWords(hops.at(-1)?.name ?? 'records');
  const clause = part.where ? clauseOf(part.where, there, vocabulary) : '';
  const which = clause === '' ? '' : ` ${clause}`;
  const { quantity: words = '', takesThreshold = false } = row ?? {};
  const have = `has ${quantity(words, takesThreshold, threshold, noun)}`;
  return withOwner(hops.slice(0, -1), `${have}${which}`);
}

/** "at least 3 orders", "at least 50 % of its orders", "no order" */
function quantity(
  words: string,
  takesThreshold: boolean,
  threshold: unknown,
  noun: string,
): string {
  if (!takesThreshold) return `${words} ${words === 'only' ? noun : oneOf(noun)}`;
  const number = Number(threshold ?? 0);
  if (number > 0 && number < 1) return `${words} ${numberInWords(number * 100)} % of its ${noun}`;
  return `${words} ${numberInWords(number)} ${number === 1 ? oneOf(noun) : noun}`;
}

function aggregateWords(part: FilterRule, type: ObjectType, vocabulary: Vocabulary): RuleWords {
  const subject = subjectOf(part, type, vocabulary.types);
  const { hops, own, attribute, type: there } = subject;
  const row = AGGREGATES.find(({ name }) => name === part.rule.aggregate);
  const noun = possessive(hops.slice(0, -1), nameInWords(hops.at(-1)?.name ?? 'records'));
  const clause = part.where ? clauseOf(part.where, there, vocabulary) : '';
  const which = clause === '' ? '' : ` ${clause}`;
  const isOfRecords = own === undefined || row?.of === 'any';
  const of = isOfRecords ? noun : `${attributeInWords(own, attribute)} over ${noun}`;
  const measured = { ...subject, attribute: { type: MEASURE_TYPE } as const };
  const operator = rowOf(part.rule.operator, MEASURE_TYPE);
  const phrase = comparison(part, operator, measured, vocabulary);
  const is = `${row?.words ?? part.rule.aggregate} ${of}${which} ${phrase}`;
  return { is, isWhole: true };
}

// ——— What is compared ———

/** The row of an operator for attributes of the type. */
export function rowOf(operator: unknown, type: AttributeType | undefined): Operator | undefined {
  const rows = operatorsNamed(String(operator));
  const fitting = rows.find((row) => row.kind === 'attribute' && type && row.on.includes(type));
  return fitting ?? rows[0];
}

/** "is one of US or CA": the operator, and what it compares with. */
function comparison(
  { rule }: FilterRule,
  row: Operator | undefined,
  { attribute, type }: RuleSubject,
  { timeZone }: Vocabulary,
): string {
  if (row?.kind !== 'attribute') return `${row?.words ?? rule.operator}`;
  const words = operatorWords(row, attribute?.type ?? 'string');
  const value = operandWords(rule, row, attribute?.type ?? 'string', type, timeZone);
  const folded = rule.caseInsensitive === true ? ', in whatever case' : '';
  return value === '' ? words : `${words} ${value}${folded}`;
}

function operandWords(
  { value, valueSource }: Members,
  { takes, name }: AttributeOperator,
  type: AttributeType,
  on: ObjectType,
  timeZone: string,
): string {
  if (takes === 'nothing') return '';
  if (valueSource === 'field')
    return attributeInWords(String(value), on.attributes.get(String(value)));
  const one = (each: unknown) =>
    isRelative(each) ? momentWords(each) : operandInWords(each, type, timeZone);
  switch (takes) {
    case 'one':
      return one(value);
    case 'many': {
      const joint = name === 'containsAll' ? 'and' : 'or';
      const words = listOf(value).map(one);
      return words.length === 0 ? 'nothing' : listed(words, joint);
    }
    case 'pair':
      return listOf(value).map(one).join(' and ');
    case 'window':
    case 'period':
      return windowWords(takes, value);
  }
}

/** Of a list, the values are compared with its elements. */
function operandInWords(value: unknown, type: AttributeType, timeZone: string): string {
  if (type === 'string') return textInWords(String(value));
  return valueInWords(value, type, timeZone);
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return [value];
  const parts = value.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ',').trim());
  return parts.filter((part) => part !== '');
}

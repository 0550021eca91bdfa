/**
 * operator-list.ts – The table of operators for clients that build an editor of filters from it.
 *
 * Keeps true: it adds nothing of its own. The name, subject and operands of an operator are read
 * from the table.
 */
import { ATTRIBUTE_TYPES, type AttributeType } from '../../change/object-type.ts';
import { AGGREGATES, type ListedAggregate } from '../predicate/measures.ts';
import { ANCHORS, CALENDAR_UNITS } from '../predicate/predicate.ts';
import { MONTHS, WINDOW_UNITS } from '../time/relative-time.ts';
import { LISTED_FORMS, TAKES } from './operands.ts';
import { type AttributeOperator, MATCH_MODES, OPERATORS } from './operators.ts';

/** The form of a rule's value. `group`: of rules about related records. */
export const VALUE_FORMS = [...LISTED_FORMS, 'group'] as const;
type ListedForm = (typeof VALUE_FORMS)[number];

export interface ListedOperator {
  readonly name: string;
  readonly words: string;
  readonly value: ListedForm;
  /** Of a negated operator: the one that it is the exact complement of. */
  readonly complement_of?: string;
  /** Whether `valueSource: "field"` names an attribute in place of the value. */
  readonly compares_attributes: boolean;
  /** Whether the value, or an end of it, may be relative to the present. */
  readonly takes_relative: boolean;
  /** Whether a rule may set `caseInsensitive`. */
  readonly folds_case: boolean;
}

const OFFSET_UNITS = [...Object.keys(WINDOW_UNITS), ...Object.keys(MONTHS)];

/** The operators by the type of the attribute, and the other members that a rule may have. */
export function listOperators() {
  const aggregates: readonly ListedAggregate[] = AGGREGATES;
  return {
    types: Object.fromEntries(ATTRIBUTE_TYPES.map((type) => [type, operatorsOn(type)])),
    to_one: operatorsOn('object').filter(({ value }) => value === 'none'),
    to_many: [{ name: 'match', words: 'are, in part or all, such that', value: 'group' as const }],
    record: SEGMENT_OPERATORS,
    match_modes: MATCH_MODES.map(({ name, words, quantity, takesThreshold }) => ({
      name,
      words,
      quantity,
      threshold: takesThreshold,
    })),
    aggregates,
    relative: { anchors: ANCHORS, units: OFFSET_UNITS },
    window_units: Object.keys(WINDOW_UNITS),
    period_units: CALENDAR_UNITS,
  };
}

const SEGMENT_OPERATORS = OPERATORS.flatMap((row) =>
  row.kind === 'segment' ? [{ name: row.name, words: row.words, value: 'one' as const }] : [],
);

function operatorsOn(type: AttributeType): ListedOperator[] {
  return OPERATORS.flatMap((row) =>
    row.kind === 'attribute' && row.on.includes(type) ? [listed(row, type)] : [],
  );
}

function listed(row: AttributeOperator, type: AttributeType): ListedOperator {
  const { name, takes, complementOf } = row;
  return {
    name,
    words: operatorWords(row, type),
    value: TAKES[takes].listed,
    ...(complementOf ? { complement_of: complementOf.name } : {}),
    compares_attributes: row.ofAttributes !== undefined,
    takes_relative: takesMoment(row) && (type === 'date' || type === 'datetime'),
    folds_case: takes !== 'nothing' && (type === 'string' || type === 'list'),
  };
}

/** How an operator reads of an attribute of the type. */
export function operatorWords(
  { words, wordsOfTime }: AttributeOperator,
  type: AttributeType,
): string {
  return type === 'date' || type === 'datetime' ? (wordsOfTime ?? words) : words;
}

export function takesMoment(row: AttributeOperator): boolean {
  const positive = row.complementOf ?? row;
  return (positive.ofMoment ?? positive.ends) !== undefined;
}

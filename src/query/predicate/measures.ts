/**
 * measures.ts – THE table of measures of a record's many neighbours: one row per measure.
 *
 * Keeps true: to add a measure is to add its row. All else is read from the row: rules, view
 * columns and JsonLogic, its normal form, the name of its derived attribute, what partitions keep
 * for it and what a program pays for it. Only the oracle (reference.ts) computes it a second time.
 */
import { type AttributeType, SCALAR_TYPES, type ScalarType } from '../../change/object-type.ts';
import { average, fromTrillionths } from './exact-sum.ts';
import { NOTHING, type PartialState, type Tally } from './tally.ts';

/** What an aggregate is taken of: whole records, whatever follows, or attributes of some types. */
export type TakenOf = 'any' | 'number' | 'scalar';

/** The types of attribute, and what people call one and many of their values. */
const TAKEN_OF: Record<Exclude<TakenOf, 'any'>, AttributesTaken> = {
  number: { types: ['number'], attribute: 'a number attribute', values: 'numbers' },
  scalar: {
    types: SCALAR_TYPES,
    attribute: 'an attribute of single values',
    values: 'single values',
  },
};

interface AttributesTaken {
  readonly types: readonly ScalarType[];
  readonly attribute: string;
  readonly values: string;
}

/**
 * Which numbers a measure can be. `whole`: whole ones from 0 on; `any`: every one; either is always
 * there. `missing`: every one, or none at all.
 */
type Range = 'whole' | 'any' | 'missing';

interface MeasureOfRecords {
  readonly range: Range;
  /** Over a tally of nothing: what the measure is of a record that has no neighbours. */
  readonly readOff: (tally: Tally) => number | undefined;
  /** Whether the number of all neighbours counts, of those that `where` leaves out too. */
  readonly ofAll?: true;
}

export interface MeasureOfValues extends MeasureOfRecords {
  /** The types of the attribute whose values are measured. */
  readonly of: Exclude<TakenOf, 'any'>;
  /** The JsonLogic operation over the list of values. */
  readonly operation: string;
  /** What a program pays for each item of that list (budget.ts). */
  readonly itemPrice: number;
  /** What each partition keeps of the values of its own records. */
  readonly keeps: PartialState;
}

/** The names of `aggregate` in rules and view columns: "*the sum of* total is at least 100". */
interface InWords {
  readonly words: string;
}

type MeasureRow = (MeasureOfRecords | MeasureOfValues) & Partial<InWords>;

/** Measured: to add an item exactly takes 160 to 400 ns, to look at one 10 to 40. */
export const ADDED = 36;
export const LOOKED_AT = 4;

const MEASURES = {
  count: { words: 'the number of', range: 'whole', readOff: ({ count }) => count },
  /** What `match` compares with a share: how many of them all satisfy its group. */
  share: {
    range: 'missing',
    ofAll: true,
    readOff: ({ count, all }) => (all === 0 ? undefined : count / all),
  },
  sum: {
    words: 'the sum of',
    of: 'number',
    operation: 'sum',
    itemPrice: ADDED,
    keeps: 'sum',
    range: 'any',
    readOff: ({ trillionths }) => fromTrillionths(trillionths),
  },
  avg: {
    words: 'the average of',
    of: 'number',
    operation: 'avg',
    itemPrice: ADDED,
    keeps: 'sum',
    range: 'missing',
    readOff: ({ trillionths, values }) => (values === 0 ? undefined : average(trillionths, values)),
  },
  min: {
    words: 'the lowest of',
    of: 'number',
    operation: 'minimum',
    itemPrice: LOOKED_AT,
    keeps: 'extremes',
    range: 'missing',
    readOff: ({ low }) => low,
  },
  max: {
    words: 'the highest of',
    of: 'number',
    operation: 'maximum',
    itemPrice: LOOKED_AT,
    keeps: 'extremes',
    range: 'missing',
    readOff: ({ high }) => high,
  },
  /** Values are different that are not `===` in their normal form. */
  countDistinct: {
    words: 'the number of different values of',
    of: 'scalar',
    operation: 'countDistinct',
    itemPrice: LOOKED_AT,
    keeps: 'values',
    range: 'whole',
    readOff: ({ different }) => different,
  },
} as const satisfies Record<string, MeasureRow>;

/** The type that a measure is compared as. */
export const MEASURE_TYPE = 'number';

type MeasureRows = typeof MEASURES;
type NamesOf<Kind> = {
  [Name in keyof MeasureRows]: MeasureRows[Name] extends Kind ? Name : never;
}[keyof MeasureRows];

export type MeasureName = keyof MeasureRows;
export type MeasureOfRecordsName = Exclude<MeasureName, MeasureOfValuesName>;
export type MeasureOfValuesName = NamesOf<{ readonly of: string }>;
/** The names that rules and view columns may use. */
export type AggregateName = NamesOf<InWords>;

const ROWS: Readonly<Record<MeasureName, MeasureRow>> = MEASURES;

export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** The row of a measure. */
export function measureRow(name: MeasureName): MeasureOfRecords | MeasureOfValues {
  return ROWS[name];
}

/** The row of a measure of values. */
export function rowOfValues(name: MeasureOfValuesName): MeasureOfValues {
  return MEASURES[name];
}

export function isOfValues(name: MeasureName): name is MeasureOfValuesName {
  return 'of' in ROWS[name];
}

/**
 * The partial state that is kept of neighbours' values for a measure; undefined: they are only
 * counted.
 */
export function keptFor(name: MeasureName): PartialState | undefined {
  const row = ROWS[name];
  return 'keeps' in row ? row.keeps : undefined;
}

/** The value of a measure for a record that has no neighbours; undefined: it is missing. */
export function overNothing(name: MeasureName): number | undefined {
  return ROWS[name].readOff(NOTHING);
}

// ——— Aggregates, as rules and view columns name them ———

export interface ListedAggregate {
  readonly name: AggregateName;
  readonly words: string;
  readonly of: TakenOf;
}

export const TAKEN_OF_KINDS: readonly TakenOf[] = [
  'any',
  ...(Object.keys(TAKEN_OF) as (keyof typeof TAKEN_OF)[]),
];

export const AGGREGATES: readonly ListedAggregate[] = MEASURE_NAMES.flatMap((name) => {
  const row = ROWS[name];
  if (row.words === undefined) return [];
  return [{ name: name as AggregateName, words: row.words, of: 'of' in row ? row.of : 'any' }];
});

export const AGGREGATE_NAMES = AGGREGATES.map(({ name }) => name);

/** Whether a measure is taken of attributes of the type. */
export function takesType(name: MeasureOfValuesName, type: AttributeType): boolean {
  return takenOf(name).types.some((each) => each === type);
}

/** What the values of attributes that a measure is taken of are called. */
export function takenOf(name: MeasureOfValuesName): AttributesTaken {
  return TAKEN_OF[MEASURES[name].of];
}

// ——— JsonLogic ———

export const MEASURES_OF_VALUES: readonly MeasureOfValues[] =
  MEASURE_NAMES.filter(isOfValues).map(rowOfValues);

const OF_OPERATION: ReadonlyMap<string, MeasureOfValuesName> = new Map(
  MEASURE_NAMES.filter(isOfValues).map((name) => [MEASURES[name].operation, name]),
);

/** What a list of neighbours can be asked for in JsonLogic, for people. */
export const MEASURES_IN_WORDS = ['count', ...OF_OPERATION.keys()]
  .join(', ')
  .replace(/, (?=[^,]*$)/, ' or ');

/** The measure that a JsonLogic operation computes of a list of values, if it computes one. */
export function measureOfOperation(operation: string): MeasureOfValuesName | undefined {
  return OF_OPERATION.get(operation);
}

/**
 * view-columns.ts – Reads a view's columns, the relationships given along, and its order against
 * the catalog.
 *
 * Keeps true: a column is one value (an own one, or one along relationships that each lead to one
 * record) or one number about many related records. Labels, and the names of fields in JSON, are
 * unique; each fault has its JSON pointer.
 */
import { type Attribute, isObject, type ObjectType } from '../../change/object-type.ts';
import { describeAttribute } from '../../change/value.ts';
import { Problem, pointer } from '../../errors.ts';
import { AGGREGATE_NAMES, type AggregateName } from '../predicate/measures.ts';
import { ALWAYS, type Predicate } from '../predicate/predicate.ts';
import { type Hop, hopNamed, hopsFrom } from '../predicate/relationships.ts';
import { aggregateNamed, type NamedMeasure, readNamedMeasure } from './aggregate.ts';
import { compileQuery } from './compile.ts';
import {
  costly,
  DEPTH_MAX,
  describeHop,
  fault,
  followWay,
  inexactFault,
  isOnlyInexact,
  ownAttribute,
  type QueryScope,
  quote,
  type Reading,
  readingOf,
  startReading,
  TOO_FAR,
  type Way,
  wayToMany,
} from './scope.ts';

/** As it is sent, stored and returned. */
export interface ViewColumn {
  readonly path: string;
  readonly label?: string;
  readonly aggregate?: AggregateName;
  /** A group of rules about the related records that the aggregate is of. */
  readonly where?: unknown;
}

export const SORT_DIRECTIONS = ['asc', 'desc'] as const;
type SortDirection = (typeof SORT_DIRECTIONS)[number];

export interface ViewSort {
  readonly path: string;
  readonly direction: SortDirection;
}

const LISTED = AGGREGATE_NAMES.join(', ');

/** The fields of every record besides its attributes. */
const SYSTEM_COLUMNS = ['id', 'created_at', 'updated_at', 'version'] as const;
type SystemColumn = (typeof SYSTEM_COLUMNS)[number];

/** Where a value is found on a record: an attribute, or what every record has. */
export type ColumnPosition =
  | { readonly kind: 'attribute'; readonly name: string; readonly attribute: Attribute }
  | { readonly kind: 'system'; readonly name: SystemColumn };

/**
 * The source of a cell: the value at the end of a way of to-one steps, or a measure of the many
 * that lie a step after it.
 */
type ColumnSource =
  | { readonly kind: 'value'; readonly hops: readonly Hop[]; readonly place: ColumnPosition }
  | {
      readonly kind: 'measure';
      readonly hops: readonly Hop[];
      readonly many: Hop;
      readonly measure: NamedMeasure;
      readonly where: Predicate;
    };

export interface Column {
  /** The header in CSV. */
  readonly label: string;
  /** The field in JSON: the path, or of a measure the label. */
  readonly field: string;
  readonly source: ColumnSource;
}

export interface SortKey {
  readonly place: ColumnPosition;
  readonly direction: SortDirection;
}

export interface ViewDefinition {
  readonly columns: readonly Column[];
  readonly relationships: readonly Hop[];
  readonly sort: readonly SortKey[];
  /** Slugs of the segments that the columns' conditions refer to. */
  readonly uses: readonly string[];
}

/** As a client sends them: anything. */
export interface GivenDefinition {
  readonly columns: unknown;
  readonly relationships?: unknown;
  readonly sort?: unknown;
}

const COLUMNS_MAX = 200;
const RELATIONSHIPS_MAX = 20;
const SORT_MAX = 5;
const LABEL_LENGTH_MAX = 200;
/** Names of members of a row in JSON, which no column may have. */
const ROW_MEMBERS = ['relationships'];

/**
 * @throws Problem view_invalid | number_inexact | query_too_costly with a JSON pointer for each
 * fault.
 */
export function readViewDefinition(given: GivenDefinition, scope: QueryScope): ViewDefinition {
  const reading = startReading(scope);
  const columns = readColumns(given.columns, reading);
  const relationships = readRelationships(given.relationships ?? [], reading);
  const sort = readSort(given.sort ?? [], reading);
  const { faults, costs } = reading;
  const code = isOnlyInexact(reading) ? 'number_inexact' : 'view_invalid';
  if (faults.length > 0) throw new Problem(code, faults[0]!.detail, [...faults, ...costs]);
  if (costs.length > 0) throw new Problem('query_too_costly', costs[0]!.detail, costs);
  return { columns, relationships, sort, uses: [...reading.uses].sort() };
}

// ——— Columns ———

function readColumns(given: unknown, reading: Reading): Column[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > COLUMNS_MAX) {
    fault(
      reading,
      '/columns',
      `columns are a list of 1 to ${COLUMNS_MAX} columns { "path", "label"? }`,
    );
    return [];
  }
  const labels = new Set<string>();
  const fields = new Set<string>();
  return given.flatMap((entry, index) => {
    const at = pointer('/columns', index);
    const column = readColumn(entry, at, reading);
    if (!column) return [];
    refuseTaken(column, isObject(entry) && entry.label !== undefined, labels, fields, at, reading);
    return [column];
  });
}

function refuseTaken(
  { label, field, source }: Column,
  isLabelled: boolean,
  labels: Set<string>,
  fields: Set<string>,
  at: string,
  reading: Reading,
): void {
  const labelAt = pointer(at, isLabelled ? 'label' : 'path');
  if (labels.has(label)) fault(reading, labelAt, `two columns have the label '${label}'`);
  else if (fields.has(field)) {
    fault(
      reading,
      source.kind === 'measure' ? labelAt : pointer(at, 'path'),
      `two columns are the field '${field}'`,
    );
  } else if (ROW_MEMBERS.includes(field))
    fault(reading, labelAt, `'${field}' is another member of a row`);
  else if (field === 'id' && source.kind === 'measure')
    fault(reading, labelAt, `'id' is the record's id in a row`);
  labels.add(label);
  fields.add(field);
}

function readColumn(given: unknown, at: string, reading: Reading): Column | undefined {
  if (!isObject(given))
    return fault(reading, at, 'a column is an object { "path", "label"?, "aggregate"?, "where"? }');
  for (const member of Object.keys(given)) {
    if (!['path', 'label', 'aggregate', 'where'].includes(member))
      fault(reading, pointer(at, member), `'${member}' is not a member of a column`);
  }
  const { path, aggregate } = given;
  if (typeof path !== 'string' || path === '') {
    return fault(
      reading,
      pointer(at, 'path'),
      'a column has a path: the name of an attribute, or a way to one',
    );
  }
  const label = readLabel(given, at, reading);
  const source =
    aggregate === undefined ? readValue(given, at, reading) : readMeasure(given, at, reading);
  if (!source || label === undefined) return undefined;
  return { label, field: source.kind === 'value' ? path : label, source };
}

function readLabel(
  { path, label, aggregate }: Readonly<Record<string, unknown>>,
  at: string,
  reading: Reading,
): string | undefined {
  if (label === undefined)
    return aggregate === undefined ? String(path) : `${aggregate} of ${path}`;
  if (typeof label === 'string' && label.trim() !== '' && label.length <= LABEL_LENGTH_MAX)
    return label;
  return fault(
    reading,
    pointer(at, 'label'),
    `a label is a string of 1 to ${LABEL_LENGTH_MAX} characters`,
  );
}

function readValue(
  { path, where }: Readonly<Record<string, unknown>>,
  at: string,
  reading: Reading,
): ColumnSource | undefined {
  const name = String(path);
  const pathAt = pointer(at, 'path');
  if (where !== undefined) {
    fault(
      reading,
      pointer(at, 'where'),
      `'where' says which related records an aggregate is of: this column has none`,
    );
  }
  const names = name.split('.');
  const way = followToOne(names.slice(0, -1), name, pathAt, reading);
  const place = way && placeNamed(names.at(-1)!, pathAt, readingOf(way.type, reading));
  return place && { kind: 'value', hops: way.hops, place };
}

/** Follows names that must each lead to one record. */
function followToOne(
  names: readonly string[],
  field: string,
  at: string,
  reading: Reading,
): Way | undefined {
  const way = followWay(reading, names, field, at);
  let from = reading.scope.type;
  for (const hop of way?.hops ?? []) {
    if (hop.many) return fault(reading, at, throughMany(hop, from));
    from = reading.scope.types.get(hop.target)!;
  }
  return way;
}

function throughMany(hop: Hop, from: ObjectType): string {
  return `${describeHop(hop, from)}: a column of many needs an aggregate, one of ${LISTED}`;
}

/** A declared attribute hides what every record has, but for the id: rows are known by it. */
function placeNamed(name: string, at: string, reading: Reading): ColumnPosition | undefined {
  const { type, types } = reading.scope;
  const system = SYSTEM_COLUMNS.find((known) => known === name);
  const declared = type.attributes.get(name);
  if (system && (name === 'id' || !declared)) return { kind: 'system', name: system };
  if (declared) return { kind: 'attribute', name, attribute: declared };
  const hop = hopNamed(type, name, types);
  if (hop?.many) return fault(reading, at, throughMany(hop, type));
  if (hop)
    return fault(
      reading,
      at,
      `${describeHop(hop, type)}: name one of its attributes, as '${name}.id'`,
    );
  ownAttribute(reading, name, at); // says which there are
  return undefined;
}

function readMeasure(
  given: Readonly<Record<string, unknown>>,
  at: string,
  reading: Reading,
): ColumnSource | undefined {
  const aggregate = aggregateNamed(given.aggregate);
  if (!aggregate) {
    const detail = `an aggregate is one of ${LISTED}, not ${quote(given.aggregate)}`;
    return fault(reading, pointer(at, 'aggregate'), detail);
  }
  const name = String(given.path);
  const pathAt = pointer(at, 'path');
  const names = name.split('.');
  const way = wayToMany(names, reading);
  const many = way.hops.at(-1);
  if (way.hops.length > DEPTH_MAX) return fault(reading, pathAt, TOO_FAR);
  const [own, ...deeper] = names.slice(way.hops.length);
  if (!many?.many) {
    if (own !== undefined && !placeNamed(own, pathAt, readingOf(way.type, reading)))
      return undefined;
    return fault(
      reading,
      pathAt,
      `'${name}' is of one record: '${aggregate}' is of a relationship that leads to many`,
    );
  }
  if (deeper.length > 0) {
    const end = `'${aggregate}' is of the first relationship that leads to many`;
    return fault(reading, pathAt, `'${name}' goes on after '${many.name}': ${end}`);
  }
  const measure = readNamedMeasure(aggregate, own, pathAt, readingOf(way.type, reading));
  const where = readWhere(given.where, pointer(at, 'where'), readingOf(way.type, reading));
  return measure && where && { kind: 'measure', hops: way.hops.slice(0, -1), many, measure, where };
}

/**
 * How what is wrong with a query is noted, by the code that it is refused with, if not as a fault.
 */
const NOTES = new Map<string, typeof fault>([
  ['number_inexact', inexactFault],
  ['query_too_costly', costly],
]);

/** The related records that an aggregate is of: all, or those of which a query holds. */
function readWhere(given: unknown, at: string, reading: Reading): Predicate | undefined {
  if (given === undefined) return ALWAYS;
  if (!isObject(given) || !('rules' in given)) {
    return fault(reading, at, `'where' is a group of rules about the related records`);
  }
  try {
    const { predicate, uses } = compileQuery(given, reading.scope);
    for (const slug of uses) reading.uses.add(slug);
    return predicate;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const note = NOTES.get(error.code) ?? fault;
    for (const { path, detail } of error.errors)
      note(reading, path.replace(/^\/query/, at), detail);
    return undefined;
  }
}

// ——— Relationships and order ———

function readRelationships(given: unknown, reading: Reading): Hop[] {
  const { type, types } = reading.scope;
  const at = '/relationships';
  if (!Array.isArray(given) || given.length > RELATIONSHIPS_MAX) {
    fault(reading, at, `relationships are a list of at most ${RELATIONSHIPS_MAX} names`);
    return [];
  }
  const names = new Set<unknown>();
  return given.flatMap((name, index): Hop[] => {
    const hop = typeof name === 'string' ? hopNamed(type, name, types) : undefined;
    if (!hop) fault(reading, pointer(at, index), noSuchRelationship(name, reading));
    else if (names.has(name)) fault(reading, pointer(at, index), `'${hop.name}' is named twice`);
    names.add(name);
    return hop ? [hop] : [];
  });
}

function noSuchRelationship(name: unknown, { scope: { type, types } }: Reading): string {
  const known = hopsFrom(type, types).map((hop) => hop.name);
  const all =
    known.length === 0 ? `${type.name} have none` : `those of ${type.name} are ${known.join(', ')}`;
  return `there is no relationship ${quote(name)}: ${all}`;
}

function readSort(given: unknown, reading: Reading): SortKey[] {
  if (!Array.isArray(given) || given.length > SORT_MAX) {
    fault(
      reading,
      '/sort',
      `sort is a list of at most ${SORT_MAX} { "path", "direction": "asc" | "desc" }`,
    );
    return [];
  }
  return given.flatMap(
    (entry, index) => readSortKey(entry, pointer('/sort', index), reading) ?? [],
  );
}

function readSortKey(given: unknown, at: string, reading: Reading): SortKey | undefined {
  if (!isObject(given))
    return fault(reading, at, 'an order is an object { "path", "direction": "asc" | "desc" }');
  for (const member of Object.keys(given)) {
    if (member !== 'path' && member !== 'direction')
      fault(reading, pointer(at, member), `'${member}' is not known here`);
  }
  const { path, direction } = given;
  const pathAt = pointer(at, 'path');
  if (direction !== 'asc' && direction !== 'desc') {
    fault(
      reading,
      pointer(at, 'direction'),
      `the direction is "asc" or "desc", not ${quote(direction)}`,
    );
  }
  if (typeof path !== 'string' || path === '')
    return fault(reading, pathAt, 'an order has a path: an own attribute');
  if (path.includes('.'))
    return fault(reading, pathAt, `'${path}': rows are sorted by their own attributes only`);
  const place = placeNamed(path, pathAt, reading);
  if (!place) return undefined;
  if (
    place.kind === 'attribute' &&
    (place.attribute.type === 'list' || place.attribute.type === 'object')
  ) {
    return fault(
      reading,
      pathAt,
      `'${path}' is ${describeAttribute(place.attribute)}: it has no order`,
    );
  }
  return { place, direction: direction as SortDirection };
}

/**
 * reference-document.ts – The oracle's view of a record: a nested document of its attributes and,
 * along relationships, its neighbours.
 *
 * Keeps true: it contains exactly what the contract names: declared attributes that have a value,
 * and relationships. A to-one relationship is an object or null, a to-many one an array, of live
 * records only, each once. It shares no code with the fast path. Neighbours are looked up when they
 * are read, so that circles of records have documents too.
 */
import type { ObjectType } from '../../change/object-type.ts';
import { pushTo } from '../../multimap.ts';

export interface GraphRecord {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Caller: `records` gives the live records of a type, the same ones each time, with values that fit
 * their types.
 */
export interface Graph {
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly records: (typeName: string) => Iterable<GraphRecord>;
}

type Document = Readonly<Record<string, unknown>>;

/** The document of a record of the type. */
export function document(typeName: string, record: GraphRecord, graph: Graph): Document {
  const written: Record<string, unknown> = {};
  const type = graph.types.get(typeName)!;
  for (const name of type.attributes.keys()) {
    if (record.data[name] !== undefined && record.data[name] !== null)
      written[name] = record.data[name];
  }
  for (const [name, { to, key, cardinality }] of type.relationships) {
    const targets = () => found(keysOf(record.data[key], cardinality), to, graph);
    if (cardinality === 'one') defineLazily(written, name, () => targets()[0] ?? null);
    else defineLazily(written, name, targets);
  }
  for (const [holder, { relationships }] of graph.types) {
    for (const [name, { to, inverse }] of relationships) {
      if (to === typeName)
        defineLazily(written, inverse, () => holdersOf(record.id, holder, name, graph));
    }
  }
  return written;
}

/** Looked up when it is read for the first time: a document of neighbours is one document. */
function defineLazily(written: Record<string, unknown>, name: string, find: () => unknown): void {
  let found: unknown;
  const get = () => (found ??= find());
  Object.defineProperty(written, name, { get, enumerable: true });
}

/** The ids that a key holds: one text, or a list of texts; anything else points nowhere. */
function keysOf(value: unknown, cardinality: 'one' | 'many'): Set<unknown> {
  if (cardinality === 'one') return new Set(typeof value === 'string' ? [value] : []);
  return new Set(Array.isArray(value) ? value : []);
}

function found(ids: ReadonlySet<unknown>, typeName: string, graph: Graph): Document[] {
  const records = recordsById(typeName, graph);
  return [...ids].flatMap((id) => {
    const record = records.get(id);
    return record ? [document(typeName, record, graph)] : [];
  });
}

function holdersOf(id: string, holder: string, relationship: string, graph: Graph): Document[] {
  const { key, cardinality } = graph.types.get(holder)!.relationships.get(relationship)!;
  const records = holdersById(holder, key, cardinality, graph).get(id) ?? [];
  return records.map((record) => document(holder, record, graph));
}

// ——— Looked up once a graph, since a large one is read often ———

const lookups = new WeakMap<Graph, Map<string, Map<unknown, unknown>>>();

function once<T>(graph: Graph, name: string, make: () => Map<unknown, T>): Map<unknown, T> {
  const made = lookups.get(graph) ?? new Map<string, Map<unknown, unknown>>();
  lookups.set(graph, made);
  if (!made.has(name)) made.set(name, make());
  return made.get(name) as Map<unknown, T>;
}

function recordsById(typeName: string, graph: Graph): Map<unknown, GraphRecord> {
  return once(
    graph,
    typeName,
    () => new Map([...graph.records(typeName)].map((record) => [record.id, record])),
  );
}

function holdersById(
  holder: string,
  key: string,
  cardinality: 'one' | 'many',
  graph: Graph,
): Map<unknown, GraphRecord[]> {
  return once(graph, `${holder}.${key} ${cardinality}`, () => {
    const holders = new Map<unknown, GraphRecord[]>();
    for (const record of graph.records(holder)) {
      for (const id of keysOf(record.data[key], cardinality)) pushTo(holders, id, record);
    }
    return holders;
  });
}

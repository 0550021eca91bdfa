/**
 * edge.ts – The edges of the catalog: every declared relationship, seen from both of its ends.
 *
 * Keeps true: an edge is named `<holder type>.<relationship>`. The targets of a record are a set,
 * in the order of its key. A key that is not of the declared form, or is no well-formed Unicode,
 * points at nothing.
 */
import type { Cardinality, ObjectType } from './object-type.ts';
import type { RecordData } from './record.ts';

export interface EdgeDefinition {
  readonly name: string;
  readonly holder: string;
  readonly target: string;
  readonly key: string;
  readonly cardinality: Cardinality;
}

/** All edges, by name. */
export function edgesOf(types: Iterable<ObjectType>): Map<string, EdgeDefinition> {
  const edges = new Map<string, EdgeDefinition>();
  for (const { name: holder, relationships } of types) {
    for (const [relationship, { to: target, key, cardinality }] of relationships) {
      const name = `${holder}.${relationship}`;
      edges.set(name, { name, holder, target, key, cardinality });
    }
  }
  return edges;
}

/**
 * The key of the edge's id. A relationship that is declared otherwise is another edge; under
 * another inverse it is the same.
 */
export function edgeKey({ name, target, key, cardinality }: EdgeDefinition): string {
  return `edge ${name} ${target} ${key} ${cardinality}`;
}

const NONE: readonly string[] = [];

/** The ids that a record points at over an edge, each once. */
export function targetsOf(
  { key, cardinality }: EdgeDefinition,
  data: RecordData,
): readonly string[] {
  const value = data[key];
  if (cardinality === 'one') return isId(value) ? [value] : NONE;
  return Array.isArray(value) ? [...new Set(value.filter(isId))] : NONE;
}

/** Half a character would be written as U+FFFD, which another record may be called. */
function isId(key: unknown): key is string {
  return typeof key === 'string' && key !== '' && key.isWellFormed();
}

/**
 * statement.ts – Properties of a predicate beyond its form: what it reads, whether time moves it,
 * and the key that equal statements share.
 *
 * Keeps true: two predicates with one key hold for the same records, as long as the declarations
 * that it names stand.
 */
import type { Attribute, ObjectType } from '../../change/object-type.ts';
import { isDerivedName, readDerivedName } from '../network/derived-attribute.ts';
import { atomReads, isTimed } from './atom.ts';
import { predicateKey } from './normalize.ts';
import type { Predicate, RelatedCondition } from './predicate.ts';
import { hopOf, type TypesByName } from './relationships.ts';
import { leavesOf, someLeafWithin } from './walk.ts';

/** The attributes of the record itself whose change can change the predicate's truth, sorted. */
export function predicateAttributes(predicate: Predicate): string[] {
  const reads = leavesOf(predicate).flatMap((leaf) =>
    leaf.kind === 'edge' ? [] : atomReads(leaf),
  );
  return [...new Set(reads)].sort();
}

/** Whether time alone moves its truth: of the record, or of neighbours that it looks at. */
export function readsClock(predicate: Predicate): boolean {
  return someLeafWithin(predicate, (leaf) => leaf.kind !== 'edge' && isTimed(leaf));
}

/**
 * Identity of a query: the predicate plus the declarations it depends on (attribute types,
 * relationships). Re-typing or re-declaring one, at a neighbour too, gives another key. A derived
 * attribute counts as its relationship.
 */
export function statementKey(predicate: Predicate, type: ObjectType, types: TypesByName): string {
  const words = new Set<string>();
  collectWords(predicate, type, types, '', words);
  return `${[...words].sort().join()} ${predicateKey(predicate)}`;
}

function collectWords(
  predicate: Predicate,
  type: ObjectType,
  types: TypesByName,
  prefix: string,
  words: Set<string>,
): void {
  for (const leaf of leavesOf(predicate)) {
    if (leaf.kind === 'edge') {
      words.add(relationshipText(leaf, types));
      const target = types.get(hopOf(leaf, types).target);
      if (target) collectWords(leaf.where, target, types, `${target.name}.`, words);
    } else {
      for (const name of atomReads(leaf)) {
        if (isDerivedName(name)) words.add(relationshipText(readDerivedName(name), types));
        else words.add(`${prefix}${name}:${typeText(type.attributes.get(name))}`);
      }
    }
  }
}

function relationshipText({ edge }: Pick<RelatedCondition, 'edge'>, types: TypesByName): string {
  const [holder = '', name = ''] = edge.split('.');
  const relationship = types.get(holder)?.relationships.get(name);
  return `${edge}:${relationship?.to}:${relationship?.key}:${relationship?.cardinality}`;
}

function typeText(attribute: Attribute | undefined): string {
  return `${attribute?.type}${attribute?.of ? `<${attribute.of}>` : ''}`;
}

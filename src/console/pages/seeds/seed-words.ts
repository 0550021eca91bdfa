/**
 * seed-words.ts – What a seed would do, in sentences: with a filter as it is, and as it will be.
 *
 * Keeps true: a filter that this page can't read has no sentence; the server has its own say.
 */
import type { ObjectType, Relationship } from '../../../change/object-type.ts';
import { filterTree } from '../../../query/dialects/filter-tree.ts';
import { filterInWords } from '../../../query/words/conditions.ts';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import type { SeedEntryShown } from '../../server/operations-answers.ts';
import type { ListedSegment } from '../../server/queries.ts';

const KINDS: Readonly<Record<string, string>> = {
  object_types: 'the object type',
  segments: 'the segment',
  views: 'the view',
};

/** "the segment big-spenders", "contacts c-17" */
export function entryName(entry: Omit<SeedEntryShown, 'changed'>): string {
  const { object_type, name, slug, id } = entry;
  const kind = KINDS[object_type] ?? (object_type || 'an item');
  return `${kind} ${name ?? slug ?? id ?? ''}`.trim();
}

/** "title, columns and sort" */
export function changedText(changed: readonly string[]): string {
  const names = changed.map((name) => titleText(name).toLowerCase());
  const last = names.pop();
  return names.length === 0 ? (last ?? '') : `${names.join(', ')} and ${last}`;
}

/** What there is already, in whose words a filter is said. */
export interface SeedSurroundings {
  readonly types: readonly TypeShown[];
  readonly segments: readonly ListedSegment[];
  readonly timeZone: string;
}

/** By slug, the sentence of each filter in a seed, as it will be. */
export function sentencesOf(
  items: readonly unknown[],
  { types, segments, timeZone }: SeedSurroundings,
): ReadonlyMap<string, string> {
  const known = new Map(types.map((type) => [type.name, asObjectType(type)]));
  const titles = new Map(segments.map(({ slug, title }) => [slug, title]));
  const found = items.map(readItem);
  for (const { kind, data } of found) {
    const name = data['name'];
    if (kind === 'object_types' && typeof name === 'string')
      known.set(name, asObjectType({ ...(data as unknown as TypeShown), name }));
    if (kind === 'segments') titles.set(String(data['slug']), String(data['title']));
  }
  const vocabulary = { types: known, timeZone, segmentTitle: (slug: string) => titles.get(slug) };
  const sentences = new Map<string, string>();
  for (const { kind, data } of found) {
    const type = known.get(String(data['object_type']));
    if (kind !== 'segments' || !type) continue;
    try {
      const words = filterInWords(filterTree(data['query']), type, vocabulary);
      sentences.set(String(data['slug']), words);
    } catch {
      // It is one that the server refuses, and says why.
    }
  }
  return sentences;
}

interface ReadItem {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A segment may be an item as it is, without an envelope. */
function readItem(item: unknown): ReadItem {
  if (typeof item !== 'object' || item === null) return { kind: '', data: {} };
  const given = item as Readonly<Record<string, unknown>>;
  const { data } = given;
  if (typeof data === 'object' && data !== null)
    return { kind: String(given['object_type']), data: data as ReadItem['data'] };
  return { kind: 'query' in given ? 'segments' : '', data: given };
}

function asObjectType(shown: TypeShown): ObjectType {
  const { name, attributes = {}, relationships = {}, label } = shown;
  const ways = Object.entries(relationships).map(([way, given]): [string, Relationship] => [
    way,
    { ...given, cardinality: given.cardinality ?? 'one' },
  ]);
  return {
    name,
    revision: 1,
    attributes: new Map(Object.entries(attributes)),
    relationships: new Map(ways),
    ...(label === undefined ? {} : { caption: { label } }),
  };
}

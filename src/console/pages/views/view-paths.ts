/**
 * view-paths.ts – What a column can be, from a type on: its attributes, those that it leads to, and
 * numbers about the many.
 */
import { AGGREGATES, isOfValues, takesType } from '../../../query/predicate/measures.ts';
import { relationshipsOf } from '../../parts/relationships.ts';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import type { NewColumn } from './view-draft.ts';

const OF_EVERY_RECORD = [
  ['id', 'Id'],
  ['created_at', 'Created'],
  ['updated_at', 'Last changed'],
  ['version', 'Version'],
] as const;

/** A way to other records. */
export interface PathWay {
  readonly name: string;
  readonly title: string;
  readonly type: string;
  readonly isMany: boolean;
}

export type TypesByName = ReadonlyMap<string, TypeShown>;

/** The ways from a type, those of other types that lead back among them. */
export function waysFrom(type: TypeShown, types: TypesByName): PathWay[] {
  return relationshipsOf(type, [...types.values()]).map(({ name, to, isMany }) => ({
    ...{ name, title: titleText(name), type: to, isMany },
  }));
}

/** What a record has itself; `before` is the way to it: names, and how they read. */
export function valuesOf(type: TypeShown, before: PathBefore): NewColumn[] {
  const attributes = Object.entries(type.attributes).map(
    ([name, { label }]) => [name, titleText(name, label)] as const,
  );
  const system = OF_EVERY_RECORD.filter(([name]) => type.attributes[name] === undefined);
  return [...attributes, ...system].map(([name, title]) => ({
    path: [...before.names, name].join('.'),
    label: labelled(before, title),
  }));
}

/** Numbers about the many that a way leads to. */
export function measuresOf(way: PathWay, type: TypeShown, before: PathBefore): NewColumn[] {
  const path = [...before.names, way.name].join('.');
  const noun = way.title.toLowerCase();
  const counts = AGGREGATES.filter(({ name }) => !isOfValues(name)).map(
    ({ name, words }): NewColumn => ({
      ...{ path, aggregate: name, label: labelled(before, sentence(`${words} ${noun}`)) },
    }),
  );
  const values = Object.entries(type.attributes).flatMap(([attribute, { type: kind, label }]) =>
    AGGREGATES.filter(({ name }) => isOfValues(name) && takesType(name, kind)).map(
      ({ name, words }): NewColumn => ({
        path: `${path}.${attribute}`,
        aggregate: name,
        label: labelled(before, sentence(`${words} ${titleText(attribute, label)} of ${noun}`)),
      }),
    ),
  );
  return [...counts, ...values];
}

export interface PathBefore {
  readonly names: readonly string[];
  readonly titles: readonly string[];
}

/** "Organization: Name" */
function labelled({ titles }: PathBefore, last: string): string {
  return titles.length === 0 ? last : `${titles.join(' ')}: ${last}`;
}

/** "the number of orders" as "Number of orders". */
function sentence(words: string): string {
  const bare = words.replace(/^the /, '');
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}

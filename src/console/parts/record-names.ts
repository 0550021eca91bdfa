/**
 * record-names.ts – What records are called, and where they are shown.
 *
 * Keeps true: a record is called as the server calls it (change/record-title.ts).
 */
import type { RecordShown, TypeShown } from '../server/answers.ts';

const USUAL = ['name', 'title', 'email'];

type NamedType = Pick<TypeShown, 'attributes' | 'title_attribute'>;

/** The attributes that may name a record of the type; the first that has a value does. */
function titleAttributes({ title_attribute, attributes }: NamedType): string[] {
  const usual = USUAL.filter((name) => attributes[name]?.type === 'string');
  if (title_attribute === undefined) return usual;
  return [title_attribute, ...usual.filter((name) => name !== title_attribute)];
}

/** The one that usually does. */
export function titleAttribute(type: NamedType): string | undefined {
  return titleAttributes(type)[0];
}

export function recordName(type: NamedType | undefined, { id, data }: NamedRecordShown): string {
  for (const name of type ? titleAttributes(type) : []) {
    const value = data[name];
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string' && value.trim() !== '') return value;
  }
  return id;
}

type NamedRecordShown = Pick<RecordShown, 'id' | 'data'>;

/** Where the page of a record is. */
export function recordAddress(type: string, id: string): string {
  return `/records/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

/** Where it is said why a record is in a segment, or why not. */
export function whyAddress(slug: string, id: string): string {
  return `/segments/${encodeURIComponent(slug)}/members/${encodeURIComponent(id)}`;
}

/** "MO" of Maya Okafor. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s_@.-]+/).filter((word) => word !== '');
  const first = [words[0], words.length > 1 ? words.at(-1) : undefined];
  const letters = first.map((word) => (word ? String.fromCodePoint(word.codePointAt(0)!) : ''));
  return letters.join('').toUpperCase();
}

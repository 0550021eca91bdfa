/**
 * names.ts – What attributes, relationships and records are called where a person reads of them.
 *
 * Keeps true: a label that is declared is taken as it is; a name becomes words (`last_seen_at` and
 * `lastSeenAt` are "last seen at").
 */
import type { Attribute, ObjectType } from '../../change/object-type.ts';
import type { Hop } from '../predicate/relationships.ts';

/** All that words are made with. */
export interface Vocabulary {
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly timeZone: string;
  /** The title of a segment; undefined: there is none of that slug. */
  readonly segmentTitle: (slug: string) => string | undefined;
}

/** `lastSeenAt` as "last seen at"; what is written in capitals stays so. */
export function nameInWords(name: string): string {
  const spaced = name.replaceAll('_', ' ').replace(/([a-z0-9])([A-Z])/g, '$1 $2');
  const words = spaced.split(' ').filter((word) => word !== '');
  return words.map((word) => (/^[A-Z0-9]{2,}$/.test(word) ? word : word.toLowerCase())).join(' ');
}

export function attributeInWords(name: string, attribute: Attribute | undefined): string {
  return attribute?.label ?? nameInWords(name);
}

/** Records of a type: "contacts". */
export function recordsInWords(type: ObjectType | string): string {
  return typeof type === 'string'
    ? nameInWords(type)
    : (type.caption?.label ?? nameInWords(type.name));
}

/** One of what a name of many stands for: "orders" as "order", "companies" as "company". */
export function oneOf(many: string): string {
  if (/[^aeiou]ies$/i.test(many)) return `${many.slice(0, -3)}y`;
  if (/(?:s|x|z|ch|sh)es$/i.test(many)) return many.slice(0, -2);
  return /[^su]s$/i.test(many) ? many.slice(0, -1) : many;
}

/** "an order", "a contact" */
export function anyOf(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** "organization’s industry", of the steps to one and the attribute. */
export function possessive(hops: readonly Hop[], last: string): string {
  return [...hops.map(({ name }) => nameInWords(name)), last].reduce((owner, owned) =>
    owner.endsWith('s') ? `${owner}’ ${owned}` : `${owner}’s ${owned}`,
  );
}

/** The sentence with a capital letter. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "US, CA or CH"; of many the first ones, and how many more there are. */
export function listed(items: readonly string[], joint: 'and' | 'or', most = 6): string {
  const shown = items.length > most ? items.slice(0, most - 1) : items;
  const more = items.length - shown.length;
  const all = more > 0 ? [...shown, `${more.toLocaleString('en')} more`] : shown;
  if (all.length < 2) return all[0] ?? '';
  return `${all.slice(0, -1).join(', ')} ${joint} ${all.at(-1)}`;
}

/** A text of bounded length; what is cut off shows as "…". */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text
    .slice(0, most - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

/**
 * subject-of-rule.ts – What a condition is about, as a tag: "Organization › Industry", with the hue
 * of the type that the way leads to.
 *
 * Keeps true: the words of the server stay whole; only where they begin with the subject as it is
 * named here, the tag takes its place.
 */

import { capitalized, nameInWords } from '../../../query/words/names.ts';
import { targetOf } from '../../parts/relationships.ts';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';

export interface SubjectTag {
  readonly type: string;
  readonly text: string;
  /** What is said of it. */
  readonly rest: string;
}

export function subjectOfRule(
  rule: unknown,
  words: string,
  objectType: string,
  types: readonly TypeShown[],
): SubjectTag | undefined {
  const { field } = (typeof rule === 'object' ? (rule ?? {}) : {}) as { field?: unknown };
  if (typeof field !== 'string' || field === '') return undefined;
  let type = types.find(({ name }) => name === objectType);
  const hops: string[] = [];
  const titles: string[] = [];
  let last: string | undefined;
  for (const name of field.split('.')) {
    const attribute = type?.attributes[name];
    if (attribute) {
      titles.push(titleText(name, attribute.label));
      last = attribute.label ?? nameInWords(name);
      break;
    }
    const target = targetOf(type, name, types);
    if (!target) return undefined;
    type = target;
    hops.push(name);
    titles.push(titleText(name));
  }
  if (!type || titles.length === 0) return undefined;
  const text = titles.join(' › ');
  const prefix = last === undefined ? undefined : capitalized(possessiveOf(hops, last));
  const rest =
    prefix !== undefined && words.startsWith(`${prefix} `) ? words.slice(prefix.length) : words;
  return { type: type.name, text, rest: rest.trim() };
}

/** As query/words/names.ts says it. */
function possessiveOf(hops: readonly string[], last: string): string {
  return [...hops.map(nameInWords), last].reduce((owner, owned) =>
    owner.endsWith('s') ? `${owner}’ ${owned}` : `${owner}’s ${owned}`,
  );
}

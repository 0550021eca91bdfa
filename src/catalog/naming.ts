/**
 * naming.ts – The names of a catalog entry that a client gives: title, slug, description, object
 * type.
 *
 * Keeps true: segments and views are named by the same rules, and each fault comes with its
 * pointer.
 */

import type { ObjectType } from '../change/object-type.ts';
import { shownTextFault } from '../change/shown-text.ts';
import { Problem, pointer } from '../errors.ts';
import type { CatalogDraft } from './catalog-draft.ts';

export interface Naming {
  readonly title: string;
  readonly slug: string;
  readonly description?: string;
  readonly object_type: string;
}

/** Notes a fault at a JSON pointer. */
export type Refuse = (path: string, detail: string) => void;

const SLUG = /^[a-z0-9][a-z0-9_-]{0,127}$/;
/** What stands beside `:slug` in the paths of the API: test/e2e/manners.test.ts compares them. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  'counts',
  'explain',
  'history',
  'overlap',
  'preview',
]);
export const SLUG_LENGTH_MAX = 128;
export const TITLE_LENGTH_MAX = 200;
const DESCRIPTION_LENGTH_MAX = 4000;

/** The result is only right if nothing was refused. */
export function checkNaming(given: Readonly<Record<string, unknown>>, refuse: Refuse): Naming {
  const { title, slug, description, object_type } = given;
  if (typeof title !== 'string' || title.trim() === '' || title.length > TITLE_LENGTH_MAX) {
    refuse('/title', `title is required: 1 to ${TITLE_LENGTH_MAX} characters`);
  } else refuseUnshown('/title', title, 'one', refuse);
  if (typeof slug !== 'string' || !SLUG.test(slug))
    refuse('/slug', `slug is required and must match ${SLUG.source}`);
  else if (RESERVED_SLUGS.has(slug)) refuse('/slug', `'${slug}' is the name of an endpoint`);
  if (typeof description === 'string' && description.length <= DESCRIPTION_LENGTH_MAX)
    refuseUnshown('/description', description, 'many', refuse);
  else if (description !== undefined)
    refuse(
      '/description',
      `description is a string of at most ${DESCRIPTION_LENGTH_MAX} characters`,
    );
  if (typeof object_type !== 'string')
    refuse('/object_type', 'object_type is required: the name of a declared type');
  const naming = { title, slug, object_type } as Naming;
  return description === undefined ? naming : { ...naming, description: description as string };
}

function refuseUnshown(path: string, text: string, lines: 'one' | 'many', refuse: Refuse): void {
  const fault = shownTextFault(text, lines);
  if (fault) refuse(path, `${path.slice(1)} ${fault}`);
}

/**
 * Refuses unknown members: the client may have meant something by them. `of` is what they are
 * members of.
 */
export function checkMembers(
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
  of: string,
  refuse: Refuse,
): void {
  for (const member of Object.keys(given)) {
    if (!known.includes(member))
      refuse(pointer('', member), `'${member}' is not a member of ${of}`);
  }
}

/** @throws Problem with that code, if an edit would change what stays. */
export function refuseMoved(
  old: Naming,
  input: Naming,
  code: 'segment_invalid' | 'view_invalid',
): void {
  for (const member of ['slug', 'object_type'] as const) {
    if (input[member] === old[member]) continue;
    const detail = `${member} can't be changed; it is '${old[member]}'`;
    throw new Problem(code, detail, [{ path: `/${member}`, detail }]);
  }
}

/** @throws Problem with that code, if there is no such type. */
export function declaredType(
  draft: CatalogDraft,
  name: string,
  code: 'segment_invalid' | 'view_invalid',
): ObjectType {
  const type = draft.objectTypes().get(name);
  if (type) return type;
  const detail = `there is no object type '${name}'`;
  throw new Problem(code, detail, [{ path: '/object_type', detail }]);
}

/**
 * page.ts – Pages of a list: the parameters that ask for one, and the form of the answer.
 */
import Type, { type TObject, type TSchema } from 'typebox';
import { assert } from '../errors.ts';
import { named } from './fields.ts';

export const LIMIT_DEFAULT = 100;

export const LIMIT_MAX = 1000;

export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      default: LIMIT_DEFAULT,
      description: 'Entries on one page.',
    }),
  ),
  cursor: Type.Optional(
    Type.String({ description: 'The next_cursor of the page before; absent for the first page.' }),
  ),
};

/** Without defaults, so that a handler sees whether a page was asked for. */
export const optionalPageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      description: `Entries on one page; ${LIMIT_DEFAULT} if absent.`,
    }),
  ),
  cursor: pageParameters.cursor,
};

/** Which members of the entries of a list are answered. */
export function fieldsParameter(example: string) {
  return {
    fields: Type.Optional(
      Type.String({
        description:
          'Members of each entry that are answered, separated by commas; all of them if absent.',
        examples: [example],
      }),
    ),
  };
}

const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Give it as cursor to get the next page; null on the last one.',
});

/** A page of something. */
export function pageOf(entry: TSchema): TObject {
  return Type.Object({ data: Type.Array(entry), next_cursor: nextCursor });
}

/** A page of entries whose members may be chosen with `?fields=`. */
export function pageOfFields(entry: TObject): TObject {
  const { $id, properties } = entry as TObject & { readonly $id?: string };
  assert($id, 'entries whose members may be chosen have a form with a name');
  const chosen = Type.Unsafe<unknown>({
    type: 'object',
    description: 'The members that `fields` names.',
    properties,
    additionalProperties: false,
  });
  return pageOf(Type.Union([named($id), chosen]));
}

/**
 * fields.ts – Members that the forms of several resources have: names, slugs, ids.
 *
 * Keeps true: a form that has a name is described once; others refer to it by that name.
 */
import Type from 'typebox';

/** Refers to a form by its name, the `$id` that it has in one of the lists of schemas. */
export function named(id: string) {
  return Type.Unsafe<unknown>({ $ref: `${id}#` });
}

export const slug = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,127}$',
  description: 'Unique, and never changed.',
  examples: ['big-spenders'],
});

export const typeName = Type.String({
  description: 'Name of a declared object type.',
  examples: ['contacts'],
});

export const recordId = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Id of a record.',
  examples: ['c-17'],
});

export const usedBy = Type.Array(Type.String(), {
  description: 'Slugs of the segments whose query refers to this one.',
});

export const failureReason = Type.String({
  description: 'Why it has failed, while its status is failed.',
});

/**
 * json-schema.ts – The parts that JSON Schemas of the language of filters are put together from.
 *
 * Keeps true: a part is plain data, and describes the form of a value, never its meaning.
 */
export type Schema = Readonly<Record<string, unknown>>;

export const ref = (id: string): Schema => ({ $ref: `${id}#` });
export const oneOf = (values: Iterable<string>): Schema => ({ type: 'string', enum: [...values] });
export const anyOf = (...schemas: Schema[]): Schema =>
  schemas.length === 1 ? schemas[0]! : { anyOf: schemas };

/** An object of these members and no others; those are required whose name ends in "!". */
export function object(members: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  const named = Object.entries(members).map(
    ([name, schema]) => [name.replace('!', ''), schema] as const,
  );
  const required = Object.keys(members).flatMap((name) =>
    name.endsWith('!') ? [name.slice(0, -1)] : [],
  );
  const properties = Object.fromEntries(named);
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
    ...more,
  };
}

export const SCALAR: Schema = { type: ['string', 'number', 'boolean'] };
export const NUMERIC: Schema = {
  type: 'string',
  pattern: '^\\s*-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?\\s*$',
};
export const WHOLE = anyOf({ type: 'integer' }, NUMERIC);

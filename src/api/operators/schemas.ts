/**
 * schemas.ts – The table of operators as it is answered.
 */
import Type, { type TSchema } from 'typebox';
import { VALUE_FORMS } from '../../query/dialects/operator-list.ts';
import { TAKEN_OF_KINDS } from '../../query/predicate/measures.ts';

const operatorMembers = {
  name: Type.String({ examples: ['<='] }),
  words: Type.String({
    description: 'Stand between the attribute and the value.',
    examples: ['is at most'],
  }),
  value: Type.Enum([...VALUE_FORMS], {
    description:
      'one: a value; list: several; range: two ends; window: { amount, unit }; period: { unit ' +
      '}; none: no value; group: of rules.',
  }),
};

const operatorSchema = Type.Object({
  ...operatorMembers,
  complement_of: Type.Optional(
    Type.String({ description: 'Of a negated one: what it is the exact complement of.' }),
  ),
  compares_attributes: Type.Boolean({
    description: 'Whether `valueSource: "field"` names an attribute as its value.',
  }),
  takes_relative: Type.Boolean({
    description: 'Whether a value, or an end, may be relative to the present.',
  }),
  folds_case: Type.Boolean({
    description: 'Whether `caseInsensitive` may be said; of lists, those of strings.',
  }),
});

export const OPERATOR_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      types: Type.Record(Type.String(), Type.Array(operatorSchema), {
        description: 'By the type of the attribute.',
      }),
      to_one: Type.Array(operatorSchema, { description: 'Of a relationship to one.' }),
      to_many: Type.Array(Type.Object(operatorMembers), {
        description: 'Of a relationship to many: with `match`.',
      }),
      record: Type.Array(Type.Object(operatorMembers), {
        description: 'Of the record itself: with an empty field.',
      }),
      match_modes: Type.Array(
        Type.Object({
          name: Type.String(),
          words: Type.String(),
          quantity: Type.String({
            description: 'Stands before the number: has *at least* 3 orders.',
            examples: ['at least'],
          }),
          threshold: Type.Boolean({ description: 'Whether it takes one.' }),
        }),
      ),
      aggregates: Type.Array(
        Type.Object({
          name: Type.String(),
          words: Type.String(),
          of: Type.Enum([...TAKEN_OF_KINDS], {
            description: 'What the attribute must be that it is taken of.',
          }),
        }),
        { description: 'Each is compared by the operators of numbers.' },
      ),
      relative: Type.Object(
        { anchors: Type.Array(Type.String()), units: Type.Array(Type.String()) },
        { description: 'Of `{ "mode": "relative", "anchor", "offset", "unit" }`.' },
      ),
      window_units: Type.Array(Type.String()),
      period_units: Type.Array(Type.String()),
    },
    { $id: 'Operators' },
  ),
];

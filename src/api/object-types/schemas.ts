/**
 * schemas.ts – Object types as they are declared and answered.
 */
import Type, { type TSchema } from 'typebox';
import {
  ATTRIBUTE_TYPES,
  CAPTION_MAX,
  CARDINALITIES,
  NAME,
  SCALAR_TYPES,
} from '../../change/object-type.ts';
import { definitionExample } from '../examples.ts';
import { named, typeName } from '../fields.ts';

const text = (maxLength: number, description: string) =>
  Type.Optional(Type.String({ maxLength, description }));

const caption = {
  label: text(CAPTION_MAX.label, 'What people call it.'),
  description: text(CAPTION_MAX.description, 'What it means.'),
  format: text(CAPTION_MAX.format, 'How pages write its values, in words of their own.'),
};

const attribute = Type.Object(
  {
    type: Type.Enum([...ATTRIBUTE_TYPES]),
    of: Type.Optional(
      Type.Enum([...SCALAR_TYPES], {
        description: 'What a list holds; only and always with list.',
      }),
    ),
    ...caption,
  },
  { additionalProperties: false },
);

const relationship = Type.Object(
  {
    to: Type.String({ description: 'A declared object type, or the type itself.' }),
    key: Type.String({
      description: 'The member of a record that holds the id, or the list of ids, of the target.',
    }),
    cardinality: Type.Optional(Type.Enum([...CARDINALITIES], { default: 'one' })),
    inverse: Type.String({
      description: 'What the target calls the way back; unique there, always to-many.',
    }),
  },
  { additionalProperties: false },
);

const definition = {
  attributes: Type.Record(Type.String(), attribute, { description: 'What can be filtered on.' }),
  relationships: Type.Record(Type.String(), relationship),
};

const typeCaption = {
  ...caption,
  title_attribute: Type.Optional(
    Type.String({ description: 'The attribute whose value a record is called by.' }),
  ),
};

export const objectTypeForm = Type.Object(
  {
    name: Type.String({ pattern: NAME.source }),
    ...definition,
    ...typeCaption,
    records: Type.Optional(
      Type.Integer({
        description: 'Records of the type, archived ones included; in a list that asks for it.',
      }),
    ),
  },
  { $id: 'ObjectType', examples: [{ name: 'contacts', ...definitionExample }] },
);

export const OBJECT_TYPE_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      attributes: Type.Optional(definition.attributes),
      relationships: Type.Optional(definition.relationships),
      ...typeCaption,
    },
    { $id: 'ObjectTypeDefinition', examples: [definitionExample] },
  ),
  objectTypeForm,
  Type.Intersect(
    [
      named('ObjectType'),
      Type.Object({
        inverse_relationships: Type.Record(
          Type.String(),
          Type.Object({
            type: typeName,
            relationship: Type.String({ description: 'Its name there.' }),
          }),
          {
            description:
              'The ways to those whose relationships lead here: by their name here, where they ' +
              'are declared.',
          },
        ),
      }),
    ],
    {
      $id: 'ObjectTypeShown',
      examples: [
        {
          name: 'contacts',
          ...definitionExample,
          inverse_relationships: { orders: { type: 'orders', relationship: 'contact' } },
        },
      ],
    },
  ),
];

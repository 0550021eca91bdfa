/**
 * routes.ts – Which values an attribute has: suggestions for who writes a filter.
 */
import Type from 'typebox';
import { findObjectType } from '../../catalog/entries.ts';
import { Problem } from '../../errors.ts';
import { readAttributePath } from '../../query/dialects/attribute-path.ts';
import { route } from '../route.ts';

const VALUES_DEFAULT = 20;
const VALUES_MAX = 100;
const TEXT_LENGTH_MAX = 1024;

const listValues = route({
  method: 'GET',
  path: '/v1/object-types/:name/values',
  need: 'read',
  summary: 'Which values an attribute has, the most frequent ones first',
  description:
    'Suggestions: of a type with more than 2,000 records as many are looked at, by chance. ' +
    'Nothing is waited for, and no value of more than 200 characters is listed.',
  query: Type.Object({
    path: Type.String({
      minLength: 1,
      maxLength: TEXT_LENGTH_MAX,
      description: 'An attribute, or one along relationships: organization.industry.',
      examples: ['country'],
    }),
    prefix: Type.Optional(
      Type.String({
        maxLength: TEXT_LENGTH_MAX,
        description: 'How the values begin, in any case of letters.',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: VALUES_MAX, default: VALUES_DEFAULT }),
    ),
  }),
  answers: {
    200: Type.Object({
      data: Type.Array(
        Type.Object({
          value: Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
          count: Type.Integer({ description: 'Records that have it, of those looked at.' }),
        }),
      ),
      sampled: Type.Integer({ description: 'Live records that were looked at.' }),
      of: Type.Integer({ description: 'Records of the type, archived ones included.' }),
    }),
  },
  refusals: ['object_type_unknown', 'parameter_invalid'],
  handler: async ({ params: { name }, query }, { deployment }) => {
    const { path, prefix = '', limit = VALUES_DEFAULT } = query;
    const { store, founding, valueSamples } = deployment;
    const type = await findObjectType(store, name);
    const { objectTypes: types } = store.catalog;
    const { timeZone } = founding;
    const named = readAttributePath(path, { type, types, timeZone }, '/path');
    if (named.attribute.type === 'object') {
      const detail = `'${path}' is an object: it has no values to choose from`;
      throw new Problem('parameter_invalid', detail, [{ path: '/path', detail }]);
    }
    const question = { objectType: named.objectType, attribute: named.name, prefix, limit };
    const { values: data, sampled, of } = await valueSamples.of(question);
    return { data, sampled, of };
  },
});

export const VALUE_ROUTES = { listValues };

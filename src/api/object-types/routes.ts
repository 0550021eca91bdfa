/**
 * routes.ts – `/v1/object-types`: what records may hold.
 */
import Type from 'typebox';
import { findObjectType } from '../../catalog/entries.ts';
import type { ObjectType } from '../../change/object-type.ts';
import { inverseRelationships } from '../../query/predicate/relationships.ts';
import { NO_CONTENT } from '../answers.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import { fieldsParameter, pageOfFields, pageParameters } from '../page.ts';
import { tag } from '../preconditions.ts';
import { route } from '../route.ts';
import { formatObjectType } from './format.ts';
import { objectTypeForm } from './schemas.ts';

/**
 * The members of a list; `inverse_relationships` is only in the answer for one type, and its name
 * is taken too.
 */
const FIELDS = [...Object.keys(objectTypeForm.properties), 'records', 'inverse_relationships'];

const listObjectTypes = route({
  method: 'GET',
  path: '/v1/object-types',
  need: 'read',
  summary: 'List object types',
  description: 'Name `records` in fields to have their numbers; they are counted only then.',
  query: Type.Object({ ...pageParameters, ...fieldsParameter('name') }),
  answers: { 200: pageOfFields(objectTypeForm) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { deployment: { store, limits, records }, held }, reply) => {
    const { query } = request;
    const only = fieldsOf(query.fields, FIELDS);
    const isCounted = query.fields?.split(',').some((name) => name.trim() === 'records') ?? false;
    const format = async (type: ObjectType) => {
      const counted = isCounted ? { records: await records.numberOf(type.name) } : {};
      return only({ ...formatObjectType(type), ...counted });
    };
    const { objectTypes: types } = await store.refresh();
    return held.send(request, reply, () => pageByName(types, query, limits.pageBytes, format));
  },
});

const getObjectType = route({
  method: 'GET',
  path: '/v1/object-types/:name',
  need: 'read',
  summary: 'Read an object type',
  answers: { 200: named('ObjectTypeShown') },
  refusals: ['object_type_unknown'],
  isConditional: true,
  handler: async (request, { deployment: { store } }, reply) => {
    const { name } = request.params;
    const type = await findObjectType(store, name);
    const inverse_relationships = inverseRelationships(name, store.catalog.objectTypes);
    const shown = { ...formatObjectType(type), inverse_relationships };
    tag(request, reply, store.catalog.typeTags.get(name)!, shown);
    return shown;
  },
});

const putObjectType = route({
  method: 'PUT',
  path: '/v1/object-types/:name',
  need: 'write_catalog',
  summary: 'Declare an object type, or change it',
  body: named('ObjectTypeDefinition'),
  answers: { 200: named('ObjectType'), 201: named('ObjectType') },
  refusals: [
    'body_malformed',
    'object_type_in_use',
    'catalog_conflict',
    'catalog_full',
    'object_type_invalid',
  ],
  isConditional: true,
  handler: async (request, { deployment: { objectTypes, store } }, reply) => {
    const { params, body } = request;
    const { name } = params;
    const { type, created } = await objectTypes.put(name, body, editOf(request));
    const { catalog } = store;
    const shown = formatObjectType(type);
    // It is the tag of what a read shows.
    const inverse_relationships = inverseRelationships(name, catalog.objectTypes);
    tag(request, reply, catalog.typeTags.get(name)!, { ...shown, inverse_relationships });
    return reply.code(created ? 201 : 200).send(shown);
  },
});

const deleteObjectType = route({
  method: 'DELETE',
  path: '/v1/object-types/:name',
  need: 'write_catalog',
  summary: 'Delete an object type that nothing uses',
  isConditional: true,
  answers: { 204: NO_CONTENT },
  refusals: ['object_type_unknown', 'object_type_in_use', 'catalog_conflict', 'not_caught_up'],
  handler: async (request, { deployment: { objectTypes } }, reply) => {
    await objectTypes.remove(request.params.name, editOf(request));
    return reply.code(204).send();
  },
});

export const OBJECT_TYPE_ROUTES = {
  listObjectTypes,
  getObjectType,
  putObjectType,
  deleteObjectType,
};
